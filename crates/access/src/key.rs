//! Keys that programs show: `<mark><8 hexadecimal digits>_<43 url-safe characters>`; nodes have node keys (`ctn_…`), other
//! programs API tokens (`ct_…`).
//!
//! The first part is the prefix: it is stored in clear and shown, so that people can tell keys apart. The second is 256
//! random bits; of the whole key only a SHA-256 hash is stored, which is enough, as there is nothing to guess.

use std::marker::PhantomData;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// What the database and the caches know of a key.
pub type KeyHash = [u8; 32];

/// What a node shows to send its detections.
pub type NodeKey = Key<Node>;

/// What a program shows that asks in the place of people.
pub type ApiToken = Key<Api>;

const PREFIX_DIGITS: usize = 8;
const SECRET_BYTES: usize = 32;

/// What a key is for; keys for one thing are none for another.
pub trait Purpose {
    /// What all of its keys begin with.
    const MARK: &'static str;
}

/// Sending detections.
#[derive(Clone, Copy, Debug)]
pub enum Node {}

/// Asking the API.
#[derive(Clone, Copy, Debug)]
pub enum Api {}

impl Purpose for Node {
    const MARK: &'static str = "ctn_";
}

impl Purpose for Api {
    const MARK: &'static str = "ct_";
}

/// A key in clear. Its `Debug` shows nothing; [`Key::expose`] is the only way to the text.
#[derive(Clone, Debug)]
pub struct Key<P> {
    text: SecretString,
    purpose: PhantomData<P>,
}

/// The text does not have the form of a key for this purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key looks like {0}1a2b3c4d_ followed by 43 url-safe characters")]
pub struct InvalidKey(&'static str);

impl<P: Purpose> Key<P> {
    /// A new random key.
    pub fn generate() -> Self {
        let prefix: u32 = rand::random();
        let secret: [u8; SECRET_BYTES] = rand::random();
        Self::of(format!(
            "{}{prefix:08x}_{}",
            P::MARK,
            BASE64_URL_SAFE_NO_PAD.encode(secret)
        ))
    }

    /// Checks the form of a presented key, so that whatever else is presented costs no look-up.
    ///
    /// # Errors
    /// When it has another form.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let (prefix, secret) = text
            .strip_prefix(P::MARK)
            .and_then(|rest| rest.split_once('_'))
            .ok_or(InvalidKey(P::MARK))?;
        let prefix_fits =
            prefix.len() == PREFIX_DIGITS && prefix.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        let secret_fits = BASE64_URL_SAFE_NO_PAD
            .decode(secret)
            .is_ok_and(|bytes| bytes.len() == SECRET_BYTES);
        if prefix_fits && secret_fits {
            Ok(Self::of(text.to_owned()))
        } else {
            Err(InvalidKey(P::MARK))
        }
    }

    /// The part that may be shown: `ctn_1a2b3c4d`.
    pub fn prefix(&self) -> &str {
        self.expose().get(..P::MARK.len() + PREFIX_DIGITS).unwrap_or_default()
    }

    /// What is stored instead of the key.
    pub fn hash(&self) -> KeyHash {
        Sha256::digest(self.expose()).into()
    }

    /// The key in clear, to be shown once.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    fn of(text: String) -> Self {
        Self {
            text: text.into(),
            purpose: PhantomData,
        }
    }
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "the keys here are ASCII")]
mod tests {
    use super::*;

    #[test]
    fn a_generated_key_is_read_again() {
        let key = NodeKey::generate();
        assert_eq!(key.expose().len(), 4 + 8 + 1 + 43);
        let read = NodeKey::parse(key.expose()).unwrap();
        assert_eq!(read.hash(), key.hash());
        assert_eq!(read.prefix(), key.prefix());
        assert!(key.prefix().starts_with("ctn_") && key.prefix().len() == 12);
    }

    #[test]
    fn keys_differ() {
        assert_ne!(NodeKey::generate().hash(), NodeKey::generate().hash());
    }

    #[test]
    fn debug_shows_nothing_of_the_key() {
        let key = NodeKey::generate();
        let shown = format!("{key:?}");
        assert!(
            !shown.contains(&key.expose()[13..]) && !shown.contains(key.prefix()),
            "{shown}"
        );
    }

    #[test]
    fn other_forms_are_refused() {
        let good = NodeKey::generate();
        let good = good.expose();
        for bad in [
            String::new(),
            "ctn_".to_owned(),
            good.to_uppercase(),
            good.replacen("ctn_", "ctx_", 1),
            good[..good.len() - 1].to_owned(),
            format!("{good}A"),
            format!("{good} "),
            format!("ctn_zzzzzzzz{}", &good[12..]),
            format!("ctn_é234567{}", &good[12..]),
        ] {
            assert_eq!(NodeKey::parse(&bad).unwrap_err(), InvalidKey("ctn_"), "{bad}");
        }
    }

    #[test]
    fn a_key_for_one_thing_is_none_for_another() {
        let (key, token) = (NodeKey::generate(), ApiToken::generate());
        assert!(token.prefix().starts_with("ct_") && token.prefix().len() == 11);
        assert_eq!(ApiToken::parse(token.expose()).unwrap().hash(), token.hash());
        assert!(ApiToken::parse(key.expose()).is_err());
        assert!(NodeKey::parse(token.expose()).is_err());
    }
}
