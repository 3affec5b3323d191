//! API tokens, beside viewer tokens.

use citytrack_access::ApiToken;
use citytrack_domain::{Clock, Slug};
use citytrack_storage::{
    api_tokens::{self, NewToken},
    users::StoredRole,
};
use citytrack_testkit::{changed, eventually};
use jiff::SignedDuration;
use reqwest::StatusCode;
use serde_json::json;
use uuid::Uuid;

use crate::stats::{Stats, json};

const COUNTS: &str = "/api/v1/venues/demo/counts";

/// Makes a token for an hour, with the role of a viewer in `venue`, or in all of them.
async fn token(stats: &Stats, venue: Option<&str>) -> (Uuid, ApiToken) {
    let (token, now) = (ApiToken::generate(), Clock::Manual(stats.clock.clone()).now());
    let hash = token.hash();
    let role = StoredRole {
        venue: venue.map(|slug| Slug::new(slug).unwrap()),
        role: "viewer".to_owned(),
    };
    let new = NewToken {
        id: Uuid::now_v7(),
        name: "reports",
        prefix: token.prefix(),
        hash: &hash,
        roles: &[role],
        created_by: "alice",
        created_at: now,
        expires_at: now + SignedDuration::from_hours(1),
    };
    let made = changed(&stats.test.database, async |change| {
        api_tokens::create(change, &new).await
    });
    (made.await.unwrap().id, token)
}

async fn status(stats: &Stats, token: &ApiToken) -> StatusCode {
    json(stats.request(COUNTS).bearer_auth(token.expose())).await.0
}

#[tokio::test]
async fn a_token_lets_see_what_its_roles_say_until_it_expires() {
    let stats = Stats::start("UTC").await;
    let (_, of_demo) = token(&stats, Some("demo")).await;
    let (_, of_all) = token(&stats, None).await;
    for token in [&of_demo, &of_all] {
        assert_eq!(status(&stats, token).await, StatusCode::OK);
    }
    let elsewhere = stats.request("/api/v1/venues/other/counts");
    let (refused, problem) = json(elsewhere.bearer_auth(of_demo.expose())).await;
    assert_eq!(refused, StatusCode::FORBIDDEN, "{problem}");
    stats.clock.advance(SignedDuration::from_hours(1));
    for token in [&of_demo, &of_all, &ApiToken::generate()] {
        let (refused, problem) = json(stats.request(COUNTS).bearer_auth(token.expose())).await;
        let reason = json!("the API token is unknown, was revoked, or has expired");
        assert_eq!((refused, &problem["detail"]), (StatusCode::UNAUTHORIZED, &reason));
    }
}

#[tokio::test]
async fn a_token_that_was_revoked_is_refused_soon() {
    let stats = Stats::start("UTC").await;
    let (id, token) = token(&stats, Some("demo")).await;
    assert_eq!(status(&stats, &token).await, StatusCode::OK);
    changed(&stats.test.database, async |change| {
        api_tokens::revoke(change, id).await
    })
    .await
    .unwrap();
    eventually("the token is refused", async || {
        (status(&stats, &token).await == StatusCode::UNAUTHORIZED).then_some(())
    })
    .await;
}
