//! Viewer tokens: signed, expiring, and naming the venues, and perhaps the cameras, that their bearer may see. A JWT with
//! HS256, so that every service can check one without asking anybody.

use std::collections::BTreeMap;

use citytrack_domain::{CameraName, CameraPattern, Slug};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Grant, Role, Roles};

const ISSUER: &str = "citytrack";
const SUBJECT: &str = "viewer";
/// In the place of the venues of a token: all of them.
const EVERY_VENUE: &str = "*";

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
    pub venues: Venues,
    /// Of these venues, which are among the others, too, only these cameras.
    pub cameras: CameraLimits,
    /// From when on it is refused.
    pub expires_at: Timestamp,
    /// Tells tokens apart without keeping them, for limits on each.
    pub fingerprint: u64,
}

/// The venues that a token opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Venues {
    /// All of them, also those that are still to come; in a token `["*"]`.
    All,
    /// Only these.
    Named(Vec<Slug>),
}

/// The only cameras that may be seen, at least one for each venue that is named. Of other venues, all may.
pub type CameraLimits = BTreeMap<Slug, Vec<CameraPattern>>;

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
    /// Makes tokens differ that are issued for the same in the same second. Whoever else issues tokens may leave it out.
    #[serde(skip_deserializing)]
    jti: String,
    venues: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    cameras: BTreeMap<String, Vec<String>>,
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

    /// A token for `venues`, of some perhaps only these `cameras`, that ends at `expires_at`, to the second.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] when `cameras` limits a venue that is not among `venues`, or names no camera of one.
    pub fn issue(
        &self,
        venues: &[Slug],
        cameras: &CameraLimits,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<String, TokenError> {
        self.issue_for(&Venues::Named(venues.to_vec()), cameras, expires_at, now)
    }

    /// A token for all venues, or for some, as [`Self::issue`] makes them.
    ///
    /// # Errors
    /// The same.
    pub fn issue_for(
        &self,
        venues: &Venues,
        cameras: &CameraLimits,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<String, TokenError> {
        check(venues, cameras)?;
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: SUBJECT.to_owned(),
            iat: now.as_second(),
            exp: expires_at.as_second(),
            jti: format!("{:016x}", rand::random::<u64>()),
            venues: venues.texts().map(str::to_owned).collect(),
            cameras: cameras
                .iter()
                .map(|(venue, patterns)| (venue.to_string(), texts(patterns)))
                .collect(),
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
        let venues = Venues::parse(&claims.venues)?;
        let cameras = claims
            .cameras
            .iter()
            .map(|(venue, patterns)| {
                let venue = venue.parse().map_err(|_| TokenError::Invalid)?;
                Ok((venue, parsed(patterns)?))
            })
            .collect::<Result<_, TokenError>>()?;
        check(&venues, &cameras)?;
        Ok(ViewerToken {
            venues,
            cameras,
            expires_at,
            fingerprint: fingerprint(token),
        })
    }
}

impl ViewerToken {
    /// Whether its bearer may see `venue`, or some of its cameras.
    pub fn allows(&self, venue: &Slug) -> bool {
        self.venues.contains(venue)
    }

    /// What its bearer is: a viewer of its venues.
    pub fn roles(&self) -> Roles {
        match &self.venues {
            Venues::All => Roles::everywhere(Role::Viewer),
            Venues::Named(venues) => {
                let grants = venues.iter().map(|venue| Grant {
                    venue: Some(venue.clone()),
                    role: Role::Viewer,
                });
                grants.collect()
            }
        }
    }

    /// The only cameras of `venue` that its bearer may see; `None`: all, if it may see the venue.
    pub fn cameras(&self, venue: &Slug) -> Option<&[CameraPattern]> {
        self.cameras.get(venue).map(Vec::as_slice)
    }

    /// Whether its bearer may see this camera.
    pub fn allows_camera(&self, venue: &Slug, node: &Slug, camera: &CameraName) -> bool {
        let limits = self.cameras(venue);
        self.allows(venue) && limits.is_none_or(|patterns| patterns.iter().any(|pattern| pattern.matches(node, camera)))
    }
}

impl Venues {
    /// Whether `venue` is one of them.
    pub fn contains(&self, venue: &Slug) -> bool {
        match self {
            Self::All => true,
            Self::Named(venues) => venues.contains(venue),
        }
    }

    /// The slugs, or a single `*`, which is none.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let (all, named) = match self {
            Self::All => (Some(EVERY_VENUE), [].as_slice()),
            Self::Named(venues) => (None, venues.as_slice()),
        };
        all.into_iter().chain(named.iter().map(Slug::as_str))
    }

    fn parse(texts: &[String]) -> Result<Self, TokenError> {
        match texts {
            [all] if all == EVERY_VENUE => Ok(Self::All),
            texts => Ok(Self::Named(parsed(texts)?)),
        }
    }
}

/// A limit on a venue that cannot be seen, or to no camera, is a mistake of whoever issued the token.
fn check(venues: &Venues, cameras: &CameraLimits) -> Result<(), TokenError> {
    let sound = |(venue, patterns): (&Slug, &Vec<CameraPattern>)| venues.contains(venue) && !patterns.is_empty();
    if cameras.iter().all(sound) {
        Ok(())
    } else {
        Err(TokenError::Invalid)
    }
}

fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

fn parsed<T: std::str::FromStr>(texts: &[String]) -> Result<Vec<T>, TokenError> {
    let values = texts.iter().map(|text| text.parse());
    values.collect::<Result<_, _>>().map_err(|_| TokenError::Invalid)
}

fn fingerprint(token: &str) -> u64 {
    let hash: [u8; 32] = Sha256::digest(token).into();
    hash.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

#[cfg(test)]
mod tests;
