//! JSON values that may turn out to be something else than expected.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A JSON value where a `T` was expected.
#[derive(Debug, PartialEq)]
pub(super) enum Given<T> {
    Right(T),
    Null,
    /// Something else: what it is, in words.
    Wrong(&'static str),
}

/// A kind of JSON value that a field can expect.
pub(super) trait Scalar<'de>: Sized {
    const EXPECTED: &'static str;

    fn from_i64(_: i64) -> Option<Self> {
        None
    }
    fn from_u64(_: u64) -> Option<Self> {
        None
    }
    fn from_f64(_: f64) -> Option<Self> {
        None
    }
    fn from_text(_: Cow<'de, str>) -> Option<Self> {
        None
    }
}

/// A number of any form.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number(pub(super) f64);

impl Scalar<'_> for Number {
    const EXPECTED: &'static str = "a number";

    #[expect(clippy::cast_precision_loss, reason = "what is expected here is small")]
    fn from_i64(value: i64) -> Option<Self> {
        Some(Self(value as f64))
    }
    #[expect(clippy::cast_precision_loss, reason = "what is expected here is small")]
    fn from_u64(value: u64) -> Option<Self> {
        Some(Self(value as f64))
    }
    fn from_f64(value: f64) -> Option<Self> {
        Some(Self(value))
    }
}

/// A whole number, written without fraction or exponent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Integer(pub(super) i64);

impl Scalar<'_> for Integer {
    const EXPECTED: &'static str = "an integer";

    fn from_i64(value: i64) -> Option<Self> {
        Some(Self(value))
    }
    fn from_u64(value: u64) -> Option<Self> {
        i64::try_from(value).ok().map(Self)
    }
}

/// A text, borrowed from the body where it holds no escapes.
#[derive(Debug, PartialEq)]
pub(super) struct Text<'de>(pub(super) Cow<'de, str>);

impl<'de> Scalar<'de> for Text<'de> {
    const EXPECTED: &'static str = "a string";

    fn from_text(value: Cow<'de, str>) -> Option<Self> {
        Some(Self(value))
    }
}

impl<'de, T: Scalar<'de>> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(GivenVisitor(PhantomData))
    }
}

struct GivenVisitor<T>(PhantomData<T>);

fn given<T>(value: Option<T>, otherwise: &'static str) -> Given<T> {
    value.map_or(Given::Wrong(otherwise), Given::Right)
}

impl<'de, T: Scalar<'de>> Visitor<'de> for GivenVisitor<T> {
    type Value = Given<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Given<T>, E> {
        Ok(Given::Wrong("a boolean"))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Given<T>, E> {
        Ok(given(T::from_i64(value), "a number"))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Given<T>, E> {
        let found = if i64::try_from(value).is_ok() {
            "a number"
        } else {
            "a number that large"
        };
        Ok(given(T::from_u64(value), found))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Given<T>, E> {
        Ok(given(T::from_f64(value), "a number with a fraction"))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Given<T>, E> {
        Ok(given(T::from_text(Cow::Borrowed(value)), "a string"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Given<T>, E> {
        Ok(given(T::from_text(Cow::Owned(value.to_owned())), "a string"))
    }

    fn visit_unit<E: Error>(self) -> Result<Given<T>, E> {
        Ok(Given::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Given<T>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Given::Wrong("an array"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Given<T>, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Given::Wrong("an object"))
    }
}
