//! API tokens: made, used, revoked, expired.

use citytrack_domain::Slug;
use citytrack_storage::{
    Database, Error,
    api_tokens::{self, ApiToken, NewToken, ValidToken},
    users::StoredRole,
};
use citytrack_testkit::{TestDatabase, changed, demo_node};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn later(seconds: i64) -> Timestamp {
    noon() + SignedDuration::from_secs(seconds)
}

fn role(venue: Option<&str>, role: &str) -> StoredRole {
    StoredRole {
        venue: venue.map(|slug| Slug::new(slug).unwrap()),
        role: role.to_owned(),
    }
}

/// A token for an hour from noon on.
async fn token(db: &Database, number: u8, roles: &[StoredRole]) -> Result<ApiToken, Error> {
    let prefix = format!("ct_{number:08x}");
    let new = NewToken {
        id: Uuid::now_v7(),
        name: "reports",
        prefix: &prefix,
        hash: &[number; 32],
        roles,
        created_by: "alice",
        created_at: noon(),
        expires_at: later(3_600),
    };
    changed(db, async |change| api_tokens::create(change, &new).await).await
}

#[tokio::test]
async fn a_token_is_valid_until_it_expires_or_is_revoked() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    demo_node(db).await;
    let roles = [role(None, "viewer"), role(Some("demo"), "operator")];
    let made = token(db, 1, &roles).await.unwrap();
    assert_eq!(
        (made.name.as_str(), made.created_by.as_str(), made.prefix.as_str()),
        ("reports", "alice", "ct_00000001")
    );
    assert_eq!(
        (made.created_at, made.revoked_at, made.last_used_at),
        (noon(), None, None)
    );
    let valid = ValidToken {
        id: made.id,
        name: "reports".to_owned(),
        roles: roles.to_vec(),
        expires_at: later(3_600),
    };
    assert_eq!(
        api_tokens::verify(db, &[1; 32], later(3_599)).await.unwrap(),
        Some(valid)
    );
    assert_eq!(api_tokens::verify(db, &[1; 32], later(3_600)).await.unwrap(), None);
    assert_eq!(api_tokens::verify(db, &[2; 32], noon()).await.unwrap(), None);

    changed(db, async |change| api_tokens::revoke(change, made.id).await)
        .await
        .unwrap();
    assert_eq!(api_tokens::verify(db, &[1; 32], noon()).await.unwrap(), None);
    let revoked = api_tokens::get(db, made.id).await.unwrap();
    assert!(revoked.revoked_at.is_some());
    changed(db, async |change| api_tokens::revoke(change, made.id).await)
        .await
        .unwrap();
    assert_eq!(api_tokens::list(db).await.unwrap(), [revoked]);
}

#[tokio::test]
async fn its_use_is_noted_once_a_minute() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let id = token(db, 1, &[]).await.unwrap().id;
    for (at, noted) in [(0, 0), (59, 0), (60, 60), (30, 60), (119, 60), (120, 120)] {
        api_tokens::used(db, id, later(at)).await.unwrap();
        let token = api_tokens::get(db, id).await.unwrap();
        assert_eq!(token.last_used_at, Some(later(noted)), "{at}");
    }
}

#[tokio::test]
async fn a_token_that_cannot_be_made_leaves_nothing_behind() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let unknown = token(db, 1, &[role(Some("nowhere"), "viewer")]).await.unwrap_err();
    assert!(
        matches!(unknown, Error::NotFound(ref detail) if detail == "there is no venue nowhere"),
        "{unknown:?}"
    );
    assert_eq!(api_tokens::list(db).await.unwrap(), []);
    token(db, 1, &[]).await.unwrap();
    assert!(matches!(token(db, 1, &[]).await.unwrap_err(), Error::Conflict(_)));
    let nobody = changed(db, async |change| api_tokens::revoke(change, Uuid::nil()).await).await;
    assert!(matches!(nobody.unwrap_err(), Error::NotFound(_)));
}
