//! Names of things: who may be called what.

use std::fmt;

use compact_str::CompactString;

/// Why a text cannot be a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {max} characters of {allowed}")]
pub struct InvalidName {
    max: usize,
    allowed: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $max:literal, $allowed:literal, $test:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(CompactString);

        impl $type {
            /// Checks the text.
            ///
            /// # Errors
            /// When it is empty, too long, or holds another character.
            pub fn new(text: &str) -> Result<Self, InvalidName> {
                let allowed: fn(u8) -> bool = $test;
                if (1..=$max).contains(&text.len()) && text.bytes().all(allowed) {
                    Ok(Self(CompactString::new(text)))
                } else {
                    Err(InvalidName { max: $max, allowed: $allowed })
                }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// The short name of a venue, or of a node within its venue; part of addresses and routing keys.
    Slug, 40, "a-z, 0-9 and -", |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')
);
name!(
    /// The name of a camera, unique within its node.
    CameraName, 64, "A-Z, a-z, 0-9, _, . and -",
    |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
);
name!(
    /// What kind of object a detection is, such as `person`.
    Class, 64, "a-z, 0-9, _, . and -", |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-')
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_take_their_alphabet_and_length() {
        assert!(Slug::new("main-hall-2").is_ok());
        assert!(Slug::new("Main").is_err());
        assert!(Slug::new("").is_err());
        assert!(Slug::new(&"a".repeat(40)).is_ok());
        assert!(Slug::new(&"a".repeat(41)).is_err());
        assert!(CameraName::new("Entrance_1.left").is_ok());
        assert!(CameraName::new("north/entrance").is_err());
        assert!(Class::new("person").is_ok());
        assert!(Class::new("person ").is_err());
        assert!(Class::new("père").is_err());
        let error = Class::new("Person").unwrap_err();
        assert_eq!(error.to_string(), "must be 1 to 64 characters of a-z, 0-9, _, . and -");
    }
}
