//! The administrator token of the control API.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The token that the settings name, as a hash: comparing hashes takes the same time whatever was presented, of whatever
/// length.
#[derive(Clone)]
pub struct AdministratorToken([u8; 32]);

impl AdministratorToken {
    /// Keeps the hash of `token`.
    pub fn new(token: &SecretString) -> Self {
        Self(hash(token.expose_secret()))
    }

    /// Whether `presented` is the token.
    pub fn matches(&self, presented: &str) -> bool {
        self.0.ct_eq(&hash(presented)).into()
    }
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_itself_matches() {
        let administrator = AdministratorToken::new(&"correct horse battery staple 0123".into());
        assert!(administrator.matches("correct horse battery staple 0123"));
        for wrong in [
            "",
            "correct horse battery staple 012",
            "correct horse battery staple 01234",
            "CORRECT",
        ] {
            assert!(!administrator.matches(wrong), "{wrong}");
        }
    }
}
