//! What a subscription wants to see of a venue.

use citytrack_domain::{CameraName, Class, Slug};

/// Which cameras and which classes. In canonical form, so that equal wishes are equal values and share one encoding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Filter {
    /// Sorted, each once; `None` is every camera.
    cameras: Option<Vec<CameraPattern>>,
    /// Sorted, each once; `None` is every class.
    classes: Option<Vec<Class>>,
}

/// A camera of one node, or the cameras of that name of every node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct CameraPattern {
    name: CameraName,
    node: Option<Slug>,
}

/// How much one filter may name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FilterLimits {
    pub(crate) cameras: usize,
    pub(crate) classes: usize,
}

/// Why a filter is refused, in words for the author of the client.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidFilter {
    #[error("`filter.{0}` is empty: leave it out to get all of them")]
    Empty(&'static str),
    #[error("`filter.{0}` names more than {1}")]
    TooMany(&'static str, usize),
    #[error("`filter.cameras` has {0:?}, which is neither a camera's name nor node/name")]
    Camera(String),
    #[error("`filter.classes` has {0:?}, which is no class: a class is 1 to 64 characters of a-z, 0-9, _, . and -")]
    Class(String),
}

impl Filter {
    /// Checks what a client asked for.
    pub(crate) fn new(
        cameras: Option<&[String]>,
        classes: Option<&[String]>,
        limits: FilterLimits,
    ) -> Result<Self, InvalidFilter> {
        let cameras = cameras.map(|names| read("cameras", names, limits.cameras, read_camera));
        let classes = classes.map(|names| {
            read("classes", names, limits.classes, |name| {
                Class::new(name).map_err(|_| InvalidFilter::Class(name.to_owned()))
            })
        });
        let mut cameras: Option<Vec<CameraPattern>> = cameras.transpose()?;
        if let Some(patterns) = &mut cameras {
            // A name for every node (sorted before the others of that name) includes the same name of one node.
            patterns.dedup_by(|later, kept| later.name == kept.name && kept.node.is_none());
        }
        Ok(Self {
            cameras,
            classes: classes.transpose()?,
        })
    }

    /// Whether frames of this camera are wanted.
    pub(crate) fn sees(&self, node: &Slug, camera: &CameraName) -> bool {
        self.cameras.as_ref().is_none_or(|patterns| {
            patterns
                .iter()
                .any(|pattern| pattern.name == *camera && pattern.node.as_ref().is_none_or(|named| named == node))
        })
    }

    /// Whether detections of this class are wanted.
    pub(crate) fn wants(&self, class: &Class) -> bool {
        self.classes
            .as_ref()
            .is_none_or(|classes| classes.binary_search(class).is_ok())
    }

    /// Whether frames are wanted as they are, with every detection.
    pub(crate) fn wants_every_class(&self) -> bool {
        self.classes.is_none()
    }
}

fn read<T: Ord>(
    part: &'static str,
    names: &[String],
    limit: usize,
    read: impl Fn(&str) -> Result<T, InvalidFilter>,
) -> Result<Vec<T>, InvalidFilter> {
    if names.is_empty() {
        return Err(InvalidFilter::Empty(part));
    }
    if names.len() > limit {
        return Err(InvalidFilter::TooMany(part, limit));
    }
    let mut read = names.iter().map(|name| read(name)).collect::<Result<Vec<_>, _>>()?;
    read.sort_unstable();
    read.dedup();
    Ok(read)
}

fn read_camera(text: &str) -> Result<CameraPattern, InvalidFilter> {
    let invalid = || InvalidFilter::Camera(text.chars().take(120).collect());
    let (node, name) = match text.split_once('/') {
        Some((node, name)) => (Some(Slug::new(node).map_err(|_| invalid())?), name),
        None => (None, text),
    };
    let name = CameraName::new(name).map_err(|_| invalid())?;
    Ok(CameraPattern { name, node })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const LIMITS: FilterLimits = FilterLimits { cameras: 3, classes: 2 };

    pub(crate) fn filter(cameras: &[&str], classes: &[&str]) -> Result<Filter, InvalidFilter> {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (cameras, classes) = (owned(cameras), owned(classes));
        let some = |names| Some(names).filter(|names: &&[String]| !names.is_empty());
        Filter::new(some(cameras.as_slice()), some(classes.as_slice()), LIMITS)
    }

    fn sees(filter: &Filter, node: &str, camera: &str) -> bool {
        filter.sees(&Slug::new(node).unwrap(), &CameraName::new(camera).unwrap())
    }

    #[test]
    fn without_parts_everything_is_wanted() {
        let filter = filter(&[], &[]).unwrap();
        assert_eq!(filter, Filter::default());
        assert!(sees(&filter, "north", "entrance"));
        assert!(filter.wants(&Class::new("person").unwrap()));
    }

    #[test]
    fn cameras_match_by_name_or_by_node_and_name() {
        let filter = filter(&["entrance", "north/exit"], &[]).unwrap();
        assert!(sees(&filter, "north", "entrance") && sees(&filter, "south", "entrance"));
        assert!(sees(&filter, "north", "exit") && !sees(&filter, "south", "exit"));
        assert!(!sees(&filter, "north", "yard"));
    }

    #[test]
    fn equal_wishes_are_equal_values() {
        let one = filter(&["exit", "entrance", "north/entrance"], &["person", "car"]).unwrap();
        let other = filter(&["entrance", "exit", "exit"], &["car", "person"]).unwrap();
        assert_eq!(one, other);
        let narrower = filter(&["exit", "north/entrance", "south/entrance"], &["car", "person"]).unwrap();
        assert_ne!(one, narrower);
        assert!(sees(&narrower, "south", "entrance"));
    }

    #[test]
    fn what_cannot_match_is_refused() {
        let empty = Filter::new(Some(&[]), None, LIMITS);
        assert_eq!(empty, Err(InvalidFilter::Empty("cameras")));
        assert_eq!(filter(&[], &["a", "b", "c"]), Err(InvalidFilter::TooMany("classes", 2)));
        for camera in ["", "/entrance", "north/", "a/b/c", "North/entrance", "über"] {
            assert!(
                matches!(filter(&[camera], &[]), Err(InvalidFilter::Camera(_))),
                "{camera}"
            );
        }
        assert!(matches!(filter(&[], &["Person"]), Err(InvalidFilter::Class(_))));
    }
}
