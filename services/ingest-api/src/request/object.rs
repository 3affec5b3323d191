//! JSON objects and arrays whose members are read one by one, with a place for every violation.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{
    Reading,
    scalar::{Given, Scalar},
};

/// Where in the body something is. Shown as a JSON pointer (RFC 6901).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place<'p> {
    pub(super) frame: Option<usize>,
    pub(super) detection: Option<usize>,
    pub(super) member: Option<&'p str>,
    pub(super) element: Option<usize>,
}

impl<'p> Place<'p> {
    pub(super) fn frame(index: usize) -> Self {
        Self {
            frame: Some(index),
            ..Self::default()
        }
    }

    /// What the list of detections is called: those of a picture, which are in no frame, are its boxes.
    pub(super) fn list(&self) -> &'static str {
        if self.frame.is_some() { "detections" } else { "boxes" }
    }

    pub(super) fn detection(self, index: usize) -> Self {
        Self {
            detection: Some(index),
            ..self
        }
    }

    pub(super) fn member<'m>(self, name: &'m str) -> Place<'m> {
        Place {
            frame: self.frame,
            detection: self.detection,
            member: Some(name),
            element: None,
        }
    }

    pub(super) fn element(self, index: usize) -> Self {
        Self {
            element: Some(index),
            ..self
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(frame) = self.frame {
            write!(f, "/frames/{frame}")?;
        }
        if let Some(detection) = self.detection {
            write!(f, "/{}/{detection}", self.list())?;
        }
        if let Some(member) = self.member {
            write!(f, "/{}", member.replace('~', "~0").replace('/', "~1"))?;
        }
        if let Some(element) = self.element {
            write!(f, "/{element}")?;
        }
        Ok(())
    }
}

/// Something that is read from a JSON object or array; anything else in its place is a violation and gives `None`.
pub(super) trait Compound<'de>: Sized {
    type Value;
    /// `an object` or `an array`.
    const EXPECTED: &'static str;

    fn violation(&mut self, message: String);

    fn read_object<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Option<Self::Value>, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.violation(format!("must be {}, not an object", Self::EXPECTED));
        Ok(None)
    }

    fn read_array<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<Option<Self::Value>, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        self.violation(format!("must be {}, not an array", Self::EXPECTED));
        Ok(None)
    }
}

/// Reads a [`Compound`].
pub(super) struct Seed<C>(pub(super) C);

impl<'de, C: Compound<'de>> DeserializeSeed<'de> for Seed<C> {
    type Value = Option<C::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! wrong {
    ($($visit:ident($type:ty) is $what:literal),* $(,)?) => {
        $(fn $visit<E: Error>(mut self, _: $type) -> Result<Self::Value, E> {
            self.0.violation(format!("must be {}, not {}", C::EXPECTED, $what));
            Ok(None)
        })*
    };
}

impl<'de, C: Compound<'de>> Visitor<'de> for Seed<C> {
    type Value = Option<C::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(C::EXPECTED)
    }

    wrong! {
        visit_bool(bool) is "a boolean",
        visit_i64(i64) is "a number",
        visit_u64(u64) is "a number",
        visit_f64(f64) is "a number",
        visit_str(&str) is "a string",
    }

    fn visit_unit<E: Error>(mut self) -> Result<Self::Value, E> {
        self.0.violation(format!("must be {}, not null", C::EXPECTED));
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        self.0.read_object(members)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<Self::Value, A::Error> {
        self.0.read_array(elements)
    }
}

/// The name of a member, borrowed where it can be.
#[derive(serde::Deserialize)]
pub(super) struct Name<'n>(#[serde(borrow)] pub(super) Cow<'n, str>);

/// The members that an object may have, the required ones first, none of them seen yet.
pub(super) fn unseen<const N: usize>(names: [&'static str; N]) -> [(&'static str, bool); N] {
    names.map(|name| (name, false))
}

impl Reading<'_> {
    /// Reads the value of an optional member; `null` counts as absent.
    pub(super) fn optional<'de, T: Scalar<'de>, A: MapAccess<'de>>(
        &mut self,
        members: &mut A,
        place: Place<'_>,
    ) -> Result<Option<T>, A::Error> {
        Ok(match members.next_value()? {
            Given::Right(value) => Some(value),
            Given::Null => None,
            Given::Wrong(found) => {
                self.violations
                    .add(place, format!("must be {}, not {found}", T::EXPECTED));
                None
            }
        })
    }

    /// Reads the value of a member that must be there.
    pub(super) fn required<'de, T: Scalar<'de>, A: MapAccess<'de>>(
        &mut self,
        members: &mut A,
        place: Place<'_>,
    ) -> Result<Option<T>, A::Error> {
        let given = members.next_value()?;
        if let Given::Null = given {
            self.violations.add(place, format!("must be {}, not null", T::EXPECTED));
            return Ok(None);
        }
        Ok(match given {
            Given::Right(value) => Some(value),
            Given::Null => None,
            Given::Wrong(found) => {
                self.violations
                    .add(place, format!("must be {}, not {found}", T::EXPECTED));
                None
            }
        })
    }

    /// Skips a member that nobody knows.
    pub(super) fn unknown<'de, A: MapAccess<'de>>(
        &mut self,
        members: &mut A,
        place: Place<'_>,
        known: &str,
    ) -> Result<(), A::Error> {
        members.next_value::<IgnoredAny>()?;
        self.violations
            .add(place, format!("is not known here; known are {known}"));
        Ok(())
    }

    /// Notes that a member is there; twice is once too often.
    pub(super) fn note(&mut self, members: &mut [(&'static str, bool)], name: &str, place: Place<'_>) {
        if let Some((_, seen)) = members.iter_mut().find(|(member, _)| *member == name)
            && std::mem::replace(seen, true)
        {
            self.violations.add(place, "is given twice");
        }
    }

    /// Notes the members that should be there and are not.
    pub(super) fn missing(&mut self, place: Place<'_>, members: &[(&'static str, bool)]) {
        for (name, _) in members.iter().filter(|(_, seen)| !seen) {
            self.violations.add(place.member(name), "is missing");
        }
    }

    /// Turns a domain constructor's refusal into a violation.
    pub(super) fn check<T, E: fmt::Display>(&mut self, place: Place<'_>, result: Result<T, E>) -> Option<T> {
        result
            .map_err(|error| self.violations.add(place, error.to_string()))
            .ok()
    }
}
