//! Sessions that end, and attempts to sign in that are forgotten.

use std::time::Duration;

use citytrack_storage::{
    Database, Error,
    audit::Actor,
    sessions::{self, NewSession},
    sign_in::{self, Counted},
    users::{self, NewUser, UserChange},
};
use citytrack_testkit::TestDatabase;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

const IDLE: Duration = Duration::from_hours(12);

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

async fn user(db: &Database) -> Uuid {
    let new = NewUser {
        id: Uuid::from_u128(1),
        name: "anna",
        display_name: "Anna",
        password_hash: "$argon2id$",
        roles: &[],
    };
    let change = db.change(&Actor::command("test")).await.unwrap();
    let user = users::create(&change, &new).await.unwrap();
    change.commit().await.unwrap();
    user.id
}

async fn begin(db: &Database, user: Uuid, hash: u8, began: Timestamp) {
    let new = NewSession {
        hash: &[hash; 32],
        user,
        password_hash: "$argon2id$",
        now: began,
        expires_at: began + SignedDuration::from_hours(7 * 24),
    };
    let change = db.change(&Actor::command("test")).await.unwrap();
    assert!(sessions::begin(&change, &new, None).await.unwrap());
    change.commit().await.unwrap();
}

async fn count(db: &Database, table: &str) -> i64 {
    let question = format!("select count(*) from {table}");
    db.client()
        .await
        .unwrap()
        .query_one(&question, &[])
        .await
        .unwrap()
        .get(0)
}

#[tokio::test]
async fn sessions_that_have_ended_are_swept_away() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let user = user(db).await;
    begin(db, user, 1, now() - IDLE).await;
    begin(db, user, 2, now() - IDLE + SignedDuration::from_secs(1)).await;
    assert!(
        sessions::find(db, &[1; 32], now(), IDLE).await.unwrap().is_none(),
        "also before it is swept"
    );
    assert_eq!(sessions::sweep(db, now(), IDLE).await.unwrap(), 1);
    assert!(sessions::find(db, &[2; 32], now(), IDLE).await.unwrap().is_some());
    let end = now() + SignedDuration::from_hours(8 * 24);
    assert_eq!(
        sessions::sweep(db, end, Duration::from_hours(10_000)).await.unwrap(),
        1,
        "however much it is used"
    );
}

#[tokio::test]
async fn a_user_has_only_so_many_sessions() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let user = user(db).await;
    for hash in 0..=50 {
        begin(db, user, hash, now() + SignedDuration::from_secs(hash.into())).await;
    }
    assert_eq!(count(db, "session").await, 50);
    let later = now() + SignedDuration::from_mins(1);
    assert!(
        sessions::find(db, &[0; 32], later, IDLE).await.unwrap().is_none(),
        "the oldest has ended"
    );
    assert!(sessions::find(db, &[50; 32], later, IDLE).await.unwrap().is_some());
}

#[tokio::test]
async fn attempts_are_forgotten_after_a_while() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let attempt = async |subject: u8, at: Timestamp| {
        let counted = Counted {
            subject: [subject; 32],
            free: 1,
        };
        sign_in::attempt(db, &[counted], at).await.unwrap()
    };
    for _ in 0..2 {
        assert_eq!(attempt(1, now()).await, Ok(()));
    }
    assert_eq!(attempt(1, now()).await, Err(Duration::from_secs(1)));
    let later = now() + SignedDuration::from_mins(61);
    assert_eq!(attempt(2, later).await, Ok(()));
    assert_eq!(sign_in::sweep(db, later).await.unwrap(), 1);
    assert_eq!(count(db, "sign_in_throttle").await, 1, "the newer one stays");
}

#[tokio::test]
async fn who_must_wait_for_one_subject_is_not_counted_for_the_other() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let counted = |subject: u8, free| Counted {
        subject: [subject; 32],
        free,
    };
    let all = [counted(1, 5), counted(2, 1)];
    for _ in 0..2 {
        assert_eq!(sign_in::attempt(db, &all, now()).await.unwrap(), Ok(()));
    }
    for _ in 0..10 {
        assert!(sign_in::attempt(db, &all, now()).await.unwrap().is_err());
    }
    let attempts = "select attempts from sign_in_throttle order by subject";
    let rows = db.client().await.unwrap().query(attempts, &[]).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.get::<_, i32>(0)).collect::<Vec<_>>(), [2, 2]);
}

#[tokio::test]
async fn an_old_password_begins_no_session() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let user = user(db).await;
    let new = NewSession {
        hash: &[1; 32],
        user,
        password_hash: "$argon2id$",
        now: now(),
        expires_at: now() + SignedDuration::from_hours(1),
    };
    let begins = async || {
        let change = db.change(&Actor::command("test")).await.unwrap();
        let has_begun = sessions::begin(&change, &new, None).await.unwrap();
        change.commit().await.unwrap();
        has_begun
    };
    for wanted in [
        UserChange {
            disabled: Some(true),
            ..UserChange::default()
        },
        UserChange {
            disabled: Some(false),
            password_hash: Some("$another$"),
            ..UserChange::default()
        },
    ] {
        let change = db.change(&Actor::command("test")).await.unwrap();
        users::update(&change, user, &wanted).await.unwrap();
        // It was asked for before the change was kept, and waits for it.
        let (has_begun, ()) = tokio::join!(begins(), async { change.commit().await.unwrap() });
        assert!(!has_begun);
        assert_eq!(count(db, "session").await, 0);
    }
    let change = db.change(&Actor::command("test")).await.unwrap();
    let stale = UserChange {
        password_hash: Some("$third$"),
        known_hash: Some("$argon2id$"),
        ..UserChange::default()
    };
    let refused = users::update(&change, user, &stale).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
}

#[tokio::test]
async fn who_must_wait_is_not_forgotten_for_the_names_of_others() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let counted = [Counted {
        subject: [1; 32],
        free: 0,
    }];
    for _ in 0..10 {
        let at = now() - SignedDuration::from_mins(30);
        let _ = sign_in::attempt(db, &counted, at).await.unwrap();
    }
    let client = db.client().await.unwrap();
    let block = "update sign_in_throttle set attempts = 15, blocked_until = $1";
    let until = now() + SignedDuration::from_mins(1);
    client.execute(block, &[&until]).await.unwrap();
    let others = "insert into sign_in_throttle (subject, attempts, last_at, blocked_until)
                  select sha256(n::text::bytea), 1, $1, $1 from generate_series(1, 50010) as n";
    client.execute(others, &[&now()]).await.unwrap();
    assert_eq!(sign_in::sweep(db, now()).await.unwrap(), 11);
    let refused = sign_in::attempt(db, &counted, now()).await.unwrap();
    assert_eq!(refused, Err(Duration::from_secs(60)));
}

#[tokio::test]
async fn an_attempt_can_be_taken_back() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let counted = [Counted {
        subject: [1; 32],
        free: 1,
    }];
    for _ in 0..5 {
        assert_eq!(sign_in::attempt(db, &counted, now()).await.unwrap(), Ok(()));
        sign_in::take_back(db, &counted).await.unwrap();
    }
}
