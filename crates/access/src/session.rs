//! Sessions of the console: the secret in the cookie, what the database knows of it, and the token against forged requests.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What the database knows of a session.
pub type SessionHash = [u8; 32];

const SECRET_BYTES: usize = 32;

/// The secret of a session: 256 random bits, as 43 url-safe characters. Its `Debug` shows nothing.
#[derive(Clone, Debug)]
pub struct SessionSecret(SecretString);

impl SessionSecret {
    /// A new random secret.
    pub fn generate() -> Self {
        let secret: [u8; SECRET_BYTES] = rand::random();
        Self(BASE64_URL_SAFE_NO_PAD.encode(secret).into())
    }

    /// Checks the form of what a cookie holds, so that whatever else it holds costs no look-up.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() == SECRET_BYTES).then(|| Self(text.into()))
    }

    /// What is stored instead of it.
    pub fn hash(&self) -> SessionHash {
        Sha256::digest(self.expose()).into()
    }

    /// What a page has to show beside the cookie when it changes something: other sites can make a browser send the cookie,
    /// but cannot read this. It follows from the secret, and nothing follows from it.
    pub fn csrf_token(&self) -> String {
        let hash = Sha256::new_with_prefix("citytrack csrf token ").chain_update(self.expose());
        BASE64_URL_SAFE_NO_PAD.encode(hash.finalize())
    }

    /// Whether `presented` is [`Self::csrf_token`].
    pub fn csrf_matches(&self, presented: &[u8]) -> bool {
        self.csrf_token().as_bytes().ct_eq(presented).into()
    }

    /// The secret in clear, for the cookie.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_again() {
        let secret = SessionSecret::generate();
        assert_eq!(secret.expose().len(), 43);
        let read = SessionSecret::parse(secret.expose()).unwrap();
        assert_eq!((read.hash(), read.csrf_token()), (secret.hash(), secret.csrf_token()));
        assert_ne!(SessionSecret::generate().hash(), secret.hash());
        for wrong in [
            "",
            "x",
            &format!("{}A", secret.expose()),
            &secret.expose().replace(char::is_alphanumeric, "!"),
        ] {
            assert!(SessionSecret::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn the_token_belongs_to_the_session_and_is_none_of_its_other_values() {
        let (secret, other) = (SessionSecret::generate(), SessionSecret::generate());
        let token = secret.csrf_token();
        assert!(secret.csrf_matches(token.as_bytes()));
        assert!(!other.csrf_matches(token.as_bytes()) && !secret.csrf_matches(b""));
        assert_ne!(token, secret.expose());
        assert_ne!(token, BASE64_URL_SAFE_NO_PAD.encode(secret.hash()));
    }

    #[test]
    fn debug_shows_nothing_of_the_secret() {
        let secret = SessionSecret::generate();
        assert!(!format!("{secret:?}").contains(secret.expose()));
    }
}
