//! API tokens: looked up in the database, and remembered for a moment.

use std::time::Duration;

use citytrack_access::{ApiToken, KeyHash, Venues, ViewerToken};
use citytrack_common::Problem;
use citytrack_storage::{
    Database,
    api_tokens::{self, ValidToken},
};
use jiff::Timestamp;
use moka::sync::Cache;

use crate::error::problem;

/// So long a token that was revoked may still be accepted.
const REMEMBERED: Duration = Duration::from_secs(2);
const MOST_REMEMBERED: u64 = 1_000;

/// Checks API tokens.
pub(crate) struct ApiTokens {
    database: Database,
    /// What each token may see; `None`: it is not valid.
    known: Cache<KeyHash, Option<ViewerToken>>,
}

impl ApiTokens {
    /// Tokens that `database` knows.
    pub(crate) fn new(database: Database) -> Self {
        let known = Cache::builder()
            .max_capacity(MOST_REMEMBERED)
            .time_to_live(REMEMBERED)
            .build();
        Self { database, known }
    }

    /// What a presented token may see at `now`, in the words of a viewer token.
    pub(crate) async fn verify(&self, token: &ApiToken, now: Timestamp) -> Result<ViewerToken, Problem> {
        let hash = token.hash();
        let seen = match self.known.get(&hash) {
            Some(seen) => seen,
            None => {
                let found = api_tokens::verify(&self.database, &hash, now).await.map_err(problem)?;
                let seen = found.map(|token| view(&hash, token));
                self.known.insert(hash, seen.clone());
                seen
            }
        };
        seen.filter(|seen| now < seen.expires_at)
            .ok_or_else(|| Problem::unauthorized("the API token is unknown, was revoked, or has expired"))
    }
}

/// Each role lets see its venue.
fn view(hash: &KeyHash, token: ValidToken) -> ViewerToken {
    let venues: Option<Vec<_>> = token.roles.into_iter().map(|role| role.venue).collect();
    ViewerToken {
        venues: venues.map_or(Venues::All, Venues::Named),
        cameras: std::collections::BTreeMap::new(),
        expires_at: token.expires_at,
        fingerprint: hash.first_chunk().map_or(0, |first| u64::from_be_bytes(*first)),
    }
}
