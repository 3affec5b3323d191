//! Which cameras are meant.

use std::{fmt, str::FromStr};

use crate::names::{CameraName, InvalidName, Slug};

/// A camera by name, as people and clients write it: `entrance`, of whichever node, or `north/entrance`, that of the node
/// `north`. In order, a name for every node comes right before the same name of single nodes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CameraPattern {
    /// Its name.
    pub camera: CameraName,
    /// The node that it belongs to; `None`: any.
    pub node: Option<Slug>,
}

impl CameraPattern {
    /// Whether this camera is meant.
    pub fn matches(&self, node: &Slug, camera: &CameraName) -> bool {
        self.camera == *camera && self.node.as_ref().is_none_or(|meant| meant == node)
    }

    /// The cameras that both mean, if there can be any.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        let node = match (&self.node, &other.node) {
            (Some(one), Some(another)) if one != another => return None,
            (one, another) => one.as_ref().or(another.as_ref()).cloned(),
        };
        (self.camera == other.camera).then(|| Self {
            camera: self.camera.clone(),
            node,
        })
    }
}

impl FromStr for CameraPattern {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (node, camera) = match text.split_once('/') {
            Some((node, camera)) => (Some(node.parse()?), camera),
            None => (None, text),
        };
        Ok(Self {
            camera: camera.parse()?,
            node,
        })
    }
}

impl fmt::Display for CameraPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Some(node) => write!(f, "{node}/{}", self.camera),
            None => self.camera.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> CameraPattern {
        text.parse().unwrap()
    }

    fn matches(text: &str, node: &str, camera: &str) -> bool {
        pattern(text).matches(&node.parse().unwrap(), &camera.parse().unwrap())
    }

    #[test]
    fn a_name_alone_means_every_node() {
        assert!(matches("entrance", "north", "entrance") && matches("entrance", "south", "entrance"));
        assert!(matches("north/exit", "north", "exit") && !matches("north/exit", "south", "exit"));
        assert!(!matches("entrance", "north", "exit") && !matches("north/exit", "north", "entrance"));
    }

    #[test]
    fn it_is_written_as_it_was_read() {
        for text in ["entrance", "north/Exit_1.left"] {
            assert_eq!(pattern(text).to_string(), text);
        }
        for text in ["", "/entrance", "north/", "a/b/c", "North/entrance", "über"] {
            assert!(text.parse::<CameraPattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn two_may_mean_the_same_cameras() {
        let both = |one: &str, another: &str| pattern(one).intersection(&pattern(another));
        for (one, another, expected) in [
            ("entrance", "entrance", Some("entrance")),
            ("entrance", "north/entrance", Some("north/entrance")),
            ("north/entrance", "entrance", Some("north/entrance")),
            ("north/entrance", "north/entrance", Some("north/entrance")),
            ("south/entrance", "north/entrance", None),
            ("north/exit", "north/entrance", None),
            ("exit", "entrance", None),
        ] {
            assert_eq!(both(one, another), expected.map(pattern), "{one} and {another}");
        }
    }

    #[test]
    fn names_for_every_node_come_first() {
        let mut patterns = ["north/a", "b", "a"].map(pattern);
        patterns.sort();
        assert_eq!(patterns, ["a", "north/a", "b"].map(pattern));
    }
}
