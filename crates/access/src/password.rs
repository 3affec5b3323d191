//! Passwords: what makes a good one, and the hash that is stored instead. Argon2id, as OWASP recommends it
//! (<https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html>, 2025).

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use secrecy::{ExposeSecret, SecretString};

/// 19 MiB, two passes, one lane: OWASP's first choice where memory is short. It takes some 40 ms of a core. A hash names its
/// parameters, so that these can be raised without ado: a password gets the new ones when it is next set.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// More is refused: whoever sends books makes work, not security.
const LONGEST_BYTES: usize = 1024;

/// Digits and letters that nobody mistakes for each other, 32 of them: five bits each.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const GENERATED_GROUPS: usize = 4;
const GENERATED_GROUP: usize = 6;

/// A password that was accepted as a good one. Its `Debug` shows nothing.
#[derive(Clone, Debug)]
pub struct Password(SecretString);

/// Why a password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Less than the settings ask for.
    #[error("must have at least {0} characters")]
    TooShort(usize),
    /// Longer than any that is worth hashing.
    #[error("must have at most {LONGEST_BYTES} bytes")]
    TooLong,
    /// Whoever knows the name knows the password.
    #[error("must not be the name, nor the name with a little more")]
    LikeTheName,
    /// `aaaaaaaaaaaa`, `123412341234`: as easy to guess as to type.
    #[error("must have more than four different characters")]
    Monotonous,
}

impl Password {
    /// Accepts a password of `name` that has at least `shortest` characters.
    ///
    /// # Errors
    /// When it is too easy to guess, or too long.
    pub fn new(text: &str, name: &str, shortest: usize) -> Result<Self, WeakPassword> {
        if text.len() > LONGEST_BYTES {
            return Err(WeakPassword::TooLong);
        }
        if text.chars().count() < shortest {
            return Err(WeakPassword::TooShort(shortest));
        }
        if is_like(text, name) {
            return Err(WeakPassword::LikeTheName);
        }
        let mut different: Vec<char> = text.chars().collect();
        different.sort_unstable();
        different.dedup();
        if different.len() <= 4 {
            return Err(WeakPassword::Monotonous);
        }
        Ok(Self(text.into()))
    }

    /// A random one of 120 bits, in groups that can be read out: `k7wq2m-…`.
    pub fn generate() -> Self {
        let group = || -> String {
            let bytes: [u8; GENERATED_GROUP] = rand::random();
            let symbol = |byte: &u8| char::from(ALPHABET[usize::from(byte % 32)]);
            bytes.iter().map(symbol).collect()
        };
        let groups: Vec<String> = std::iter::repeat_with(group).take(GENERATED_GROUPS).collect();
        Self(groups.join("-").into())
    }

    /// The password in clear, to be shown once.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What is stored instead of it, in the PHC string format; `None` only when the machine has no random numbers. Takes a
    /// while, and 19 MiB.
    pub fn hash(&self) -> Option<String> {
        hash(self.expose().as_bytes())
    }
}

/// Whether `presented` is the password with this `hash`. Without a hash, for somebody unknown, it takes as long and is never
/// right: the time tells nobody which names there are.
pub fn verify(presented: &str, hash: Option<&str>) -> bool {
    if presented.len() > LONGEST_BYTES {
        return false;
    }
    let parsed = hash.and_then(|hash| PasswordHash::new(hash).ok());
    match parsed {
        Some(parsed) => hasher().is_some_and(|argon| argon.verify_password(presented.as_bytes(), &parsed).is_ok()),
        None => {
            std::hint::black_box(self::hash(presented.as_bytes()));
            false
        }
    }
}

fn hash(password: &[u8]) -> Option<String> {
    hasher()?.hash_password(password).ok().map(|hash| hash.to_string())
}

fn hasher() -> Option<Argon2<'static>> {
    let parameters = Params::new(MEMORY_KIB, PASSES, LANES, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters))
}

/// Whether little is left of the password without the name, the other way round, or whatever it is written like.
fn is_like(text: &str, name: &str) -> bool {
    let letters = |text: &str| -> String {
        let lower = text.chars().flat_map(char::to_lowercase);
        lower.filter(|letter| letter.is_alphanumeric()).collect()
    };
    let (text, name) = (letters(text), letters(name));
    let backwards: String = name.chars().rev().collect();
    let rest = |name: &str| text.replace(name, "").chars().count();
    !name.is_empty()
        && [name.as_str(), &backwards]
            .into_iter()
            .any(|name| text.contains(name) && rest(name) < 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weakness(text: &str) -> Option<WeakPassword> {
        Password::new(text, "Anna.Example", 12).err()
    }

    #[test]
    fn a_password_is_known_by_its_hash() {
        let password = Password::new("correct horse battery", "anna", 12).unwrap();
        let hash = password.hash().unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify("correct horse battery", Some(&hash)));
        for wrong in [
            "",
            "correct horse batter",
            "correct horse battery ",
            "Correct horse battery",
        ] {
            assert!(!verify(wrong, Some(&hash)), "{wrong}");
        }
        assert_ne!(password.hash().unwrap(), hash, "salted");
    }

    #[test]
    fn nobody_is_known_without_a_hash() {
        for hash in [
            None,
            Some(""),
            Some("!"),
            Some("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ"),
        ] {
            assert!(!verify("correct horse battery", hash), "{hash:?}");
        }
        assert!(!verify(&"x".repeat(1025), None));
    }

    #[test]
    fn older_hashes_name_their_parameters() {
        let parameters = Params::new(1024, 1, 1, None).unwrap();
        let older = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
        let hash = older.hash_password(b"correct horse battery").unwrap().to_string();
        assert!(hash.contains("m=1024,t=1,p=1"), "{hash}");
        assert!(verify("correct horse battery", Some(&hash)));
    }

    #[test]
    fn what_is_easy_to_guess_is_refused() {
        assert_eq!(weakness("elevenchars"), Some(WeakPassword::TooShort(12)));
        assert_eq!(
            weakness("ünïcödéçhàr"),
            Some(WeakPassword::TooShort(12)),
            "characters, not bytes"
        );
        assert_eq!(weakness(&"long enough! ".repeat(79)), Some(WeakPassword::TooLong));
        for like in [
            "anna.example",
            "Anna-Example1",
            "elpmaxe anna",
            "elpmaxe.anna",
            "ANNA EXAMPLE 2026!",
        ] {
            assert_eq!(weakness(like), Some(WeakPassword::LikeTheName), "{like}");
        }
        for monotonous in ["aaaaaaaaaaaaaaaa", "123412341234"] {
            assert_eq!(weakness(monotonous), Some(WeakPassword::Monotonous), "{monotonous}");
        }
        for good in [
            "correct horse battery",
            "密码密码很长的一个句子没有人知道",
            "anna.example goes shopping",
        ] {
            assert_eq!(weakness(good), None, "{good}");
        }
    }

    #[test]
    fn generated_passwords_are_good_and_differ() {
        let (one, other) = (Password::generate(), Password::generate());
        assert_ne!(one.expose(), other.expose());
        assert_eq!(one.expose().len(), 27);
        assert!(Password::new(one.expose(), "admin", 12).is_ok());
        assert!(!format!("{one:?}").contains(one.expose()));
    }
}
