//! The conditions of a filter, in canonical form.

use std::{borrow::Cow, iter, ptr, sync::Arc};

use citytrack_domain::{CameraName, CameraPattern, Class, Confidence, Detection, Slug};

/// A condition for one detection of one camera.
///
/// Made by the functions below, which keep the canonical form: constants only at the root; no `And` in an `And`, no `Or` in
/// an `Or`, no `Not` in a `Not`; at least two parts; parts and names sorted, each once. The variants are in the order of
/// what they cost, so that among the parts the cheap ones decide first.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Tree {
    /// True for every detection.
    #[default]
    Everything,
    /// True for none.
    Nothing,
    Camera(Arc<[CameraPattern]>),
    Confidence(Threshold),
    Class(Arc<[Class]>),
    Not(Arc<Tree>),
    And(Arc<[Tree]>),
    Or(Arc<[Tree]>),
}

/// A confidence as its bits: for numbers that are not negative these have the order of the numbers, and unlike them they
/// can be compared and hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Threshold(u32);

impl Threshold {
    pub(super) fn value(self) -> f32 {
        f32::from_bits(self.0)
    }
}

impl Tree {
    fn constant(value: bool) -> &'static Self {
        if value { &Self::Everything } else { &Self::Nothing }
    }

    pub(super) fn cameras(mut patterns: Vec<CameraPattern>) -> Self {
        patterns.sort_unstable();
        // A name for every node (sorted before the others of that name) includes the same name of one node.
        patterns
            .dedup_by(|later, kept| later.camera == kept.camera && (kept.node.is_none() || later.node == kept.node));
        Self::Camera(patterns.into())
    }

    pub(super) fn classes(mut classes: Vec<Class>) -> Self {
        classes.sort_unstable();
        classes.dedup();
        Self::Class(classes.into())
    }

    pub(super) fn confidence(min: Confidence) -> Self {
        if min.value() > 0.0 {
            Self::Confidence(Threshold(min.value().to_bits()))
        } else {
            Self::Everything
        }
    }

    pub(super) fn not(inner: Self) -> Self {
        match inner {
            Self::Everything => Self::Nothing,
            Self::Nothing => Self::Everything,
            Self::Not(inner) => Arc::unwrap_or_clone(inner),
            inner => Self::Not(Arc::new(inner)),
        }
    }

    pub(super) fn and(parts: impl IntoIterator<Item = Self>) -> Self {
        let flat = parts.into_iter().flat_map(|part| match part {
            Self::And(parts) => parts.to_vec(),
            part => vec![part],
        });
        join(flat, &Self::Nothing, &Self::Everything).unwrap_or_else(|parts| Self::And(parts.into()))
    }

    pub(super) fn or(parts: impl IntoIterator<Item = Self>) -> Self {
        let flat = parts.into_iter().flat_map(|part| match part {
            Self::Or(parts) => parts.to_vec(),
            part => vec![part],
        });
        join(flat, &Self::Everything, &Self::Nothing).unwrap_or_else(|parts| Self::Or(parts.into()))
    }

    /// The condition that is left for the detections of this camera: without cameras, and a constant as soon as cameras
    /// decide. Parts in which no camera is named are borrowed.
    pub(super) fn at(&self, node: &Slug, camera: &CameraName) -> Cow<'_, Self> {
        let narrow = |part| Self::at(part, node, camera);
        match self {
            Self::Camera(patterns) => Cow::Borrowed(Self::constant(includes(patterns, node, camera))),
            Self::Everything | Self::Nothing | Self::Class(_) | Self::Confidence(_) => Cow::Borrowed(self),
            Self::Not(inner) => match inner.at(node, camera) {
                Cow::Borrowed(same) if ptr::eq(same, &raw const **inner) => Cow::Borrowed(self),
                rest => Cow::Owned(Self::not(rest.into_owned())),
            },
            Self::And(parts) => match narrow_all(parts, narrow, &Self::Nothing, &Self::Everything) {
                Narrowed::Same => Cow::Borrowed(self),
                Narrowed::One(rest) => rest,
                Narrowed::Some(rest) => Cow::Owned(Self::and(rest.into_iter().map(Cow::into_owned))),
            },
            Self::Or(parts) => match narrow_all(parts, narrow, &Self::Everything, &Self::Nothing) {
                Narrowed::Same => Cow::Borrowed(self),
                Narrowed::One(rest) => rest,
                Narrowed::Some(rest) => Cow::Owned(Self::or(rest.into_iter().map(Cow::into_owned))),
            },
        }
    }

    /// Whether the detection satisfies a condition that `at` returned.
    pub(super) fn wants(&self, detection: &Detection) -> bool {
        match self {
            Self::Everything => true,
            // `at` leaves no camera behind.
            Self::Nothing | Self::Camera(_) => false,
            Self::Confidence(min) => detection.confidence.value() >= min.value(),
            Self::Class(classes) => classes.binary_search(&detection.class).is_ok(),
            Self::Not(inner) => !inner.wants(detection),
            Self::And(parts) => parts.iter().all(|part| part.wants(detection)),
            Self::Or(parts) => parts.iter().any(|part| part.wants(detection)),
        }
    }
}

/// The parts of an `And` or `Or` in canonical form (`Err`), or what they come to (`Ok`): `decisive` is the part that
/// decides alone, `neutral` the one that changes nothing.
fn join(parts: impl Iterator<Item = Tree>, decisive: &Tree, neutral: &Tree) -> Result<Tree, Vec<Tree>> {
    let mut parts: Vec<Tree> = parts.filter(|part| part != neutral).collect();
    if parts.contains(decisive) {
        return Ok(decisive.clone());
    }
    parts.sort_unstable();
    parts.dedup();
    match parts.len() {
        0 => Ok(neutral.clone()),
        1 => parts.pop().ok_or(parts),
        _ => Err(parts),
    }
}

/// What is left of the parts of an `And` or `Or`.
enum Narrowed<'a> {
    /// Each of them as it was.
    Same,
    /// One part or constant, to be taken for the whole.
    One(Cow<'a, Tree>),
    Some(Vec<Cow<'a, Tree>>),
}

fn narrow_all<'a>(
    parts: &'a [Tree],
    narrow: impl Fn(&'a Tree) -> Cow<'a, Tree>,
    decisive: &'static Tree,
    neutral: &'static Tree,
) -> Narrowed<'a> {
    let mut rest = Vec::new();
    for part in parts {
        let part = narrow(part);
        if *part == *decisive {
            return Narrowed::One(part);
        }
        if *part != *neutral {
            rest.push(part);
        }
    }
    let same = |(part, rest): (&Tree, &Cow<Tree>)| matches!(rest, Cow::Borrowed(rest) if ptr::eq(part, *rest));
    match rest.len() {
        0 => Narrowed::One(Cow::Borrowed(neutral)),
        1 => rest.pop().map_or(Narrowed::Same, Narrowed::One),
        left if left == parts.len() && iter::zip(parts, &rest).all(same) => Narrowed::Same,
        _ => Narrowed::Some(rest),
    }
}

/// Whether one of the (sorted) patterns means this camera.
fn includes(patterns: &[CameraPattern], node: &Slug, camera: &CameraName) -> bool {
    let first = patterns.partition_point(|pattern| pattern.camera < *camera);
    patterns
        .iter()
        .skip(first)
        .take_while(|pattern| pattern.camera == *camera)
        .any(|pattern| pattern.matches(node, camera))
}
