//! Reads filters from JSON, and says what is wrong with them and where.

use std::fmt;

use citytrack_domain::{CameraPattern, Class, Confidence};
use serde_json::Value;

use super::tree::Tree;

/// Characters of a client's text that an error repeats.
const QUOTED: usize = 80;

/// How much one filter may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FilterLimits {
    /// Conditions inside each other; one without `and`, `or` and `not` has depth 1.
    pub(crate) depth: usize,
    /// Conditions altogether, `and`, `or` and `not` included.
    pub(crate) nodes: usize,
    /// Names of cameras in the whole filter.
    pub(crate) cameras: usize,
    /// Names of classes in the whole filter.
    pub(crate) classes: usize,
}

/// Why a filter is refused, in words for the author of the client: `/and/1/class/in/0: must be a string`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {problem}", if .pointer.is_empty() { "the filter" } else { .pointer })]
pub(crate) struct InvalidFilter {
    /// JSON pointer (RFC 6901) inside the filter.
    pointer: String,
    problem: String,
}

/// Reads one filter: knows where it is, and how much of the limits is left.
pub(super) struct Reader {
    limits: FilterLimits,
    left: FilterLimits,
    pointer: String,
}

impl Reader {
    pub(super) fn new(limits: FilterLimits) -> Self {
        let (left, pointer) = (limits, String::new());
        Self { limits, left, pointer }
    }

    pub(super) fn tree(&mut self, value: &Value) -> Result<Tree, InvalidFilter> {
        let Some(depth) = self.left.depth.checked_sub(1) else {
            return self.refuse(format!("nested deeper than {} conditions", self.limits.depth));
        };
        let Some(nodes) = self.left.nodes.checked_sub(1) else {
            return self.refuse(format!("more than {} conditions", self.limits.nodes));
        };
        (self.left.depth, self.left.nodes) = (depth, nodes);
        let tree = self.condition(value)?;
        self.left.depth += 1;
        Ok(tree)
    }

    fn condition(&mut self, value: &Value) -> Result<Tree, InvalidFilter> {
        let (key, value) = self.only_key(value, &["and", "or", "not", "camera", "class", "confidence"])?;
        self.within(key, |reader| match key {
            "and" => reader.list(value, Self::tree).map(Tree::and),
            "or" => reader.list(value, Self::tree).map(Tree::or),
            "not" => reader.tree(value).map(Tree::not),
            "camera" => reader.names(value, Self::camera).map(Tree::cameras),
            "class" => reader.names(value, Self::class).map(Tree::classes),
            _ => reader.minimum(value),
        })
    }

    fn minimum(&mut self, value: &Value) -> Result<Tree, InvalidFilter> {
        let (key, value) = self.only_key(value, &["min"])?;
        self.within(key, |reader| match value.as_f64().map(Confidence::new) {
            Some(Ok(min)) => Ok(Tree::confidence(min)),
            _ => reader.refuse("must be a number from 0 to 1"),
        })
    }

    /// Reads `{"in": ["…", …]}`.
    fn names<T>(
        &mut self,
        value: &Value,
        read: impl Fn(&mut Self, &str) -> Result<T, InvalidFilter>,
    ) -> Result<Vec<T>, InvalidFilter> {
        let (key, value) = self.only_key(value, &["in"])?;
        self.within(key, |reader| {
            reader.list(value, |reader, name| match name.as_str() {
                Some(name) => read(reader, name),
                None => reader.refuse("must be a string"),
            })
        })
    }

    fn camera(&mut self, text: &str) -> Result<CameraPattern, InvalidFilter> {
        let Some(left) = self.left.cameras.checked_sub(1) else {
            return self.refuse(format!("more than {} cameras", self.limits.cameras));
        };
        self.left.cameras = left;
        text.parse()
            .or_else(|_| self.refuse(format!("{} is neither a camera's name nor node/name", quoted(text))))
    }

    fn class(&mut self, text: &str) -> Result<Class, InvalidFilter> {
        let Some(left) = self.left.classes.checked_sub(1) else {
            return self.refuse(format!("more than {} classes", self.limits.classes));
        };
        self.left.classes = left;
        Class::new(text).or_else(|rule| self.refuse(format!("{} is no class, which {rule}", quoted(text))))
    }

    fn list<'a, T>(
        &mut self,
        value: &'a Value,
        read: impl Fn(&mut Self, &'a Value) -> Result<T, InvalidFilter>,
    ) -> Result<Vec<T>, InvalidFilter> {
        let Some(members) = value.as_array().filter(|members| !members.is_empty()) else {
            return self.refuse("must be a list of at least one");
        };
        let members = members.iter().enumerate();
        members
            .map(|(index, member)| self.within(index, |reader| read(reader, member)))
            .collect()
    }

    /// The only member of an object, whose key must be one of `keys`.
    fn only_key<'a>(&self, value: &'a Value, keys: &[&str]) -> Result<(&'a str, &'a Value), InvalidFilter> {
        let mut members = value.as_object().into_iter().flatten();
        match (members.next(), members.next()) {
            (Some((key, value)), None) if keys.contains(&key.as_str()) => Ok((key, value)),
            (Some((key, _)), None) => self.refuse(format!("has {}; it must have {}", quoted(key), one_of(keys))),
            _ => self.refuse(format!("must be an object with {}", one_of(keys))),
        }
    }

    fn within<T>(
        &mut self,
        place: impl fmt::Display,
        read: impl FnOnce(&mut Self) -> Result<T, InvalidFilter>,
    ) -> Result<T, InvalidFilter> {
        let outside = self.pointer.len();
        self.pointer = format!("{}/{place}", self.pointer);
        let read = read(self)?;
        self.pointer.truncate(outside);
        Ok(read)
    }

    fn refuse<T>(&self, problem: impl Into<String>) -> Result<T, InvalidFilter> {
        let (pointer, problem) = (self.pointer.clone(), problem.into());
        Err(InvalidFilter { pointer, problem })
    }
}

fn one_of(keys: &[&str]) -> String {
    match keys {
        [key] => format!("`{key}` and nothing else"),
        keys => format!("exactly one of `{}`", keys.join("`, `")),
    }
}

fn quoted(text: &str) -> String {
    let start: String = text.chars().take(QUOTED).collect();
    format!("{start:?}")
}
