//! Upload tokens: signed, of few minutes, and good for one thing: sending pictures in the name of one node. The console issues
//! them to operators, who have no node key. A JWT with HS256 and the secret of the viewer tokens; neither is taken for the other,
//! as audience and subject differ.

use std::time::Duration;

use citytrack_domain::{NodeIdentity, Slug};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::viewer::TokenError;

/// So long an upload token is good, and no longer, whoever signed it: it cannot be taken back.
pub const UPLOAD_TOKEN_TTL: Duration = Duration::from_mins(15);

const ISSUER: &str = "citytrack";
const AUDIENCE: &str = "upload";

/// Issues and checks upload tokens with one secret.
#[derive(Clone)]
pub struct UploadTokens {
    signing: EncodingKey,
    checking: DecodingKey,
    rules: Validation,
}

/// What a valid token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadToken {
    /// Pictures are sent in the name of this node.
    pub node: NodeIdentity,
    /// From when on it is refused.
    pub expires_at: Timestamp,
}

/// The payload of the JWT. The subject is the id of the node.
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: Uuid,
    iat: i64,
    exp: i64,
    node: String,
    venue: String,
}

impl UploadTokens {
    /// Tokens signed with `secret`.
    pub fn new(secret: &SecretString) -> Self {
        let secret = secret.expose_secret().as_bytes();
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[AUDIENCE]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The library would ask the machine's clock; `verify` compares with the time it is given.
        rules.validate_exp = false;
        Self {
            signing: EncodingKey::from_secret(secret),
            checking: DecodingKey::from_secret(secret),
            rules,
        }
    }

    /// A token for `node`, and when it ends: after [`UPLOAD_TOKEN_TTL`], or at `ends` when that is sooner, to the second.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] when `now` lies outside the calendar.
    pub fn issue(
        &self,
        node: &NodeIdentity,
        ends: Timestamp,
        now: Timestamp,
    ) -> Result<(String, Timestamp), TokenError> {
        let expires_at = now
            .checked_add(UPLOAD_TOKEN_TTL)
            .map_err(|_| TokenError::Invalid)?
            .min(ends);
        let expires_at = Timestamp::from_second(expires_at.as_second()).map_err(|_| TokenError::Invalid)?;
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: node.id,
            iat: now.as_second(),
            exp: expires_at.as_second(),
            node: node.node.to_string(),
            venue: node.venue.to_string(),
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing);
        Ok((token.map_err(|_| TokenError::Invalid)?, expires_at))
    }

    /// Checks a presented token at `now`.
    ///
    /// # Errors
    /// When it is not ours, says that it is good for longer than such tokens are, or has expired.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<UploadToken, TokenError> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.checking, &self.rules)
            .map_err(|_| TokenError::Invalid)?
            .claims;
        let time = |second| Timestamp::from_second(second).map_err(|_| TokenError::Invalid);
        let (issued_at, expires_at) = (time(claims.iat)?, time(claims.exp)?);
        if expires_at.duration_since(issued_at).unsigned_abs() > UPLOAD_TOKEN_TTL {
            return Err(TokenError::Invalid);
        }
        if now >= expires_at {
            return Err(TokenError::Expired);
        }
        let slug = |text: &str| Slug::new(text).map_err(|_| TokenError::Invalid);
        Ok(UploadToken {
            node: NodeIdentity {
                id: claims.sub,
                node: slug(&claims.node)?,
                venue: slug(&claims.venue)?,
            },
            expires_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use serde_json::json;

    use super::*;
    use crate::{CameraLimits, ViewerTokens};

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn now() -> Timestamp {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }

    fn node() -> NodeIdentity {
        NodeIdentity {
            id: Uuid::from_u128(7),
            node: Slug::new("north").unwrap(),
            venue: Slug::new("demo").unwrap(),
        }
    }

    fn tokens() -> UploadTokens {
        UploadTokens::new(&SECRET.into())
    }

    #[test]
    fn a_token_names_its_node_for_a_quarter_of_an_hour() {
        let (token, expires_at) = tokens().issue(&node(), Timestamp::MAX, now()).unwrap();
        assert_eq!(expires_at, now() + UPLOAD_TOKEN_TTL);
        let expected = UploadToken {
            node: node(),
            expires_at,
        };
        assert_eq!(tokens().verify(&token, now()), Ok(expected.clone()));
        let last = expires_at - SignedDuration::from_secs(1);
        assert_eq!(tokens().verify(&token, last), Ok(expected));
        assert_eq!(tokens().verify(&token, expires_at), Err(TokenError::Expired));
    }

    #[test]
    fn it_ends_with_what_it_was_issued_for() {
        let ends = now() + SignedDuration::from_secs(90);
        let (token, expires_at) = tokens().issue(&node(), ends, now()).unwrap();
        assert_eq!(expires_at, ends);
        assert_eq!(tokens().verify(&token, ends), Err(TokenError::Expired));
    }

    #[test]
    fn what_is_no_upload_token_is_refused() {
        let other = UploadTokens::new(&"another secret of thirty-two characters".into());
        let (foreign, _) = other.issue(&node(), Timestamp::MAX, now()).unwrap();
        let claims = |change: &dyn Fn(&mut serde_json::Value)| {
            let mut claims = json!({"iss": "citytrack", "aud": "upload", "sub": Uuid::from_u128(7), "iat": now().as_second(),
                                    "exp": now().as_second() + 900, "node": "north", "venue": "demo"});
            change(&mut claims);
            let header = Header::new(Algorithm::HS256);
            jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
        };
        assert!(tokens().verify(&claims(&|_| ()), now()).is_ok());
        for wrong in [
            String::new(),
            "ctn_0".to_owned(),
            foreign,
            claims(&|claims| claims["exp"] = json!(now().as_second() + 901)),
            claims(&|claims| claims["iat"] = json!(i64::MAX)),
            claims(&|claims| claims["aud"] = json!("viewer")),
            claims(&|claims| claims["iss"] = json!("somebody")),
            claims(&|claims| claims["sub"] = json!("north")),
            claims(&|claims| claims["venue"] = json!("Demo!")),
        ] {
            assert_eq!(tokens().verify(&wrong, now()), Err(TokenError::Invalid), "{wrong}");
        }
    }

    #[test]
    fn neither_token_is_taken_for_the_other() {
        let viewers = ViewerTokens::new(&SECRET.into());
        let (upload, _) = tokens().issue(&node(), Timestamp::MAX, now()).unwrap();
        assert_eq!(viewers.verify(&upload, now()), Err(TokenError::Invalid));
        let expires_at = now() + SignedDuration::from_mins(10);
        let viewer = viewers.issue(&[node().venue], &CameraLimits::new(), expires_at, now());
        assert_eq!(tokens().verify(&viewer.unwrap(), now()), Err(TokenError::Invalid));
    }
}
