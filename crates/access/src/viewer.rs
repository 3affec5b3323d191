//! Viewer tokens: signed, expiring, and naming the venues that their bearer may see. A JWT with HS256, so that every
//! service can check one without asking anybody.

use citytrack_domain::Slug;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

const ISSUER: &str = "citytrack";
const SUBJECT: &str = "viewer";

/// Issues and checks viewer tokens with one secret.
#[derive(Clone)]
pub struct ViewerTokens {
    signing: EncodingKey,
    checking: DecodingKey,
    rules: Validation,
}

/// What a valid token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewerToken {
    /// The venues its bearer may see.
    pub venues: Vec<Slug>,
    /// From when on it is refused.
    pub expires_at: Timestamp,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It was good once.
    #[error("the viewer token has expired")]
    Expired,
    /// Not one of ours, or changed on its way.
    #[error("this is not a valid viewer token")]
    Invalid,
}

/// The payload of the JWT.
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    iat: i64,
    exp: i64,
    venues: Vec<String>,
}

impl ViewerTokens {
    /// Tokens signed with `secret`.
    pub fn new(secret: &SecretString) -> Self {
        let secret = secret.expose_secret().as_bytes();
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[ISSUER]);
        rules.sub = Some(SUBJECT.to_owned());
        rules.set_required_spec_claims(&["exp", "iss", "sub"]);
        // The library would ask the machine's clock; `verify` compares with the time it is given.
        rules.validate_exp = false;
        Self {
            signing: EncodingKey::from_secret(secret),
            checking: DecodingKey::from_secret(secret),
            rules,
        }
    }

    /// A token for `venues` that ends at `expires_at`, to the second.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] when it cannot be signed, which does not happen with HS256.
    pub fn issue(&self, venues: &[Slug], expires_at: Timestamp, now: Timestamp) -> Result<String, TokenError> {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: SUBJECT.to_owned(),
            iat: now.as_second(),
            exp: expires_at.as_second(),
            venues: venues.iter().map(ToString::to_string).collect(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing).map_err(|_| TokenError::Invalid)
    }

    /// Checks a presented token at `now`.
    ///
    /// # Errors
    /// When it is not ours or has expired.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<ViewerToken, TokenError> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.checking, &self.rules)
            .map_err(|_| TokenError::Invalid)?
            .claims;
        let expires_at = Timestamp::from_second(claims.exp).map_err(|_| TokenError::Invalid)?;
        if now >= expires_at {
            return Err(TokenError::Expired);
        }
        let venues = claims
            .venues
            .iter()
            .map(|slug| Slug::new(slug))
            .collect::<Result<_, _>>();
        Ok(ViewerToken {
            venues: venues.map_err(|_| TokenError::Invalid)?,
            expires_at,
        })
    }
}

impl ViewerToken {
    /// Whether its bearer may see `venue`.
    pub fn allows(&self, venue: &Slug) -> bool {
        self.venues.contains(venue)
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn tokens() -> ViewerTokens {
        ViewerTokens::new(&SECRET.into())
    }

    fn now() -> Timestamp {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }

    fn claims() -> Value {
        json!({"iss": "citytrack", "sub": "viewer", "iat": 1_795_341_600, "exp": 1_795_345_200, "venues": ["demo"]})
    }

    fn signed(header: &Header, claims: &Value, secret: &str) -> String {
        jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
    }

    #[test]
    fn a_token_says_what_was_issued() {
        let venues = [Slug::new("demo").unwrap(), Slug::new("main-hall").unwrap()];
        let expires_at = now() + SignedDuration::from_hours(8);
        let token = tokens().issue(&venues, expires_at, now()).unwrap();
        let viewer = tokens().verify(&token, now()).unwrap();
        assert_eq!(
            viewer,
            ViewerToken {
                venues: venues.to_vec(),
                expires_at
            }
        );
        assert!(viewer.allows(&venues[1]) && !viewer.allows(&Slug::new("other").unwrap()));
    }

    #[test]
    fn a_token_expires_at_the_second_it_names() {
        let token = tokens()
            .issue(&[], now() + SignedDuration::from_secs(60), now())
            .unwrap();
        assert!(
            tokens()
                .verify(&token, now() + SignedDuration::from_millis(59_999))
                .is_ok()
        );
        assert_eq!(
            tokens().verify(&token, now() + SignedDuration::from_secs(60)),
            Err(TokenError::Expired)
        );
    }

    #[test]
    fn the_payload_is_the_documented_one() {
        let token = signed(&Header::new(Algorithm::HS256), &claims(), SECRET);
        assert!(tokens().verify(&token, now()).is_ok());
    }

    #[test]
    fn whoever_else_signed_it_is_refused() {
        let other_secret = signed(
            &Header::new(Algorithm::HS256),
            &claims(),
            "another secret of the same length",
        );
        let other_algorithm = signed(&Header::new(Algorithm::HS512), &claims(), SECRET);
        let unsigned = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJjaXR5dHJhY2siLCJzdWIiOiJ2aWV3ZXIiLCJpYXQiOjAsImV4cCI6OTk5OTk5OTk5OSwidmVudWVzIjpbXX0.";
        for token in [other_secret.as_str(), &other_algorithm, unsigned, "", "a.b.c"] {
            assert_eq!(tokens().verify(token, now()), Err(TokenError::Invalid), "{token}");
        }
    }

    #[test]
    fn a_token_without_its_claims_is_refused() {
        for (claim, value) in [
            ("iss", json!("somebody")),
            ("iss", Value::Null),
            ("sub", json!("node")),
            ("exp", Value::Null),
            ("exp", json!("tomorrow")),
            ("venues", Value::Null),
            ("venues", json!(["Not A Slug"])),
        ] {
            let mut claims = claims();
            claims[claim] = value.clone();
            let token = signed(&Header::new(Algorithm::HS256), &claims, SECRET);
            assert_eq!(
                tokens().verify(&token, now()),
                Err(TokenError::Invalid),
                "{claim} {value}"
            );
        }
    }
}
