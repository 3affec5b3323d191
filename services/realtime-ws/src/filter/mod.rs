//! What a subscription wants to see of a venue: a tree of conditions, as `docs/realtime.md` describes it.
//!
//! [`tree`] holds the conditions and evaluates them, [`parse`] reads them from JSON. Nothing in here does I/O.

use std::borrow::Cow;

use citytrack_domain::{CameraName, CameraPattern, Detection, Slug};
use serde_json::Value;

mod parse;
mod tree;

#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod tests;

use parse::Reader;
pub(crate) use parse::{FilterLimits, InvalidFilter};
use tree::Tree;

/// A condition for each detection of a venue; without any (the default) all are wanted.
///
/// In canonical form: wishes that differ only in the order, repetition or nesting of their parts are equal values, and so
/// share one encoding. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Filter(Tree);

/// What is to be seen of a frame of one camera.
#[derive(Debug)]
pub(crate) enum View<'a> {
    /// No detection of this camera can ever be wanted: the frame is of no interest.
    Nothing,
    /// Every detection is wanted: the frame as it is.
    Everything,
    /// The detections that this wants.
    Part(Residual<'a>),
}

/// What is left of a filter once the camera is known. Filters that differ only in their cameras have equal residuals, and
/// the same is to be seen through equal residuals.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Residual<'a>(Cow<'a, Tree>);

impl Filter {
    /// Checks what a client asked for.
    pub(crate) fn parse(value: &Value, limits: FilterLimits) -> Result<Self, InvalidFilter> {
        Reader::new(limits).tree(value).map(Self)
    }

    /// Only these cameras, at least one; for those that a token names.
    pub(crate) fn of_cameras(cameras: &[CameraPattern]) -> Self {
        Self(Tree::cameras(cameras.to_vec()))
    }

    /// Only what both want.
    pub(crate) fn and(self, other: Self) -> Self {
        Self(Tree::and([self.0, other.0]))
    }

    /// What can be said of a frame before its detections are looked at. That is exact as far as cameras decide; that no
    /// detection can satisfy contradicting conditions on class and confidence is not noticed.
    pub(crate) fn at(&self, node: &Slug, camera: &CameraName) -> View<'_> {
        let rest = self.0.at(node, camera);
        match *rest {
            Tree::Nothing => View::Nothing,
            Tree::Everything => View::Everything,
            _ => View::Part(Residual(rest)),
        }
    }
}

impl Residual<'_> {
    /// Whether this detection of the frame is wanted.
    pub(crate) fn wants(&self, detection: &Detection) -> bool {
        self.0.wants(detection)
    }
}
