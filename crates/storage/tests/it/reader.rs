//! The read-only role: it reads what statistics need, and nothing else.

use std::collections::BTreeSet;

use citytrack_domain::Clock;
use citytrack_storage::{
    Client, Database,
    api_tokens::{self, NewToken},
    batches::BatchWriter,
    cameras, venues,
};
use citytrack_testkit::{TestDatabase, batch, changed, database, demo_node, frame, person};
use uuid::Uuid;

/// The same database twice: as its owner, with a stored frame, and as the role.
async fn both() -> (TestDatabase, Database) {
    let test = TestDatabase::create().await;
    let node = demo_node(&test.database).await;
    let now = Clock::System.now();
    let frames = vec![frame("door", now, vec![person(0.0, None)])];
    let mut writer = BatchWriter::new(test.database.clone());
    writer.insert(&[batch(&node, now, frames)]).await.unwrap();
    let reader = database(&test.reader_url().await);
    (test, reader)
}

/// What PostgreSQL says about a statement: `None`, if it does it.
async fn refusal(client: &Client, statement: &str) -> Option<String> {
    let refused = client.batch_execute(statement).await.err()?;
    refused.as_db_error().map(|error| error.message().to_owned())
}

async fn texts(client: &Client, question: &str) -> Vec<String> {
    let rows = client.query(question, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn it_reads_what_statistics_need() {
    let (test, reader) = both().await;
    assert!(reader.schema_is_current().await.unwrap());
    let venue = venues::list(&reader, true).await.unwrap().remove(0);
    assert_eq!(cameras::list(&reader, &venue.slug).await.unwrap().len(), 1);
    let client = reader.client().await.unwrap();
    for table in ["frame", "detection", "camera_minute", "class_minute"] {
        let count = format!("select count(*) from {table}");
        let count: i64 = client.query_one(&count, &[]).await.unwrap().get(0);
        assert_eq!(count, 1, "{table}");
    }
    let now = Clock::System.now();
    let token = NewToken {
        id: Uuid::now_v7(),
        name: "reports",
        prefix: "ct_00000001",
        hash: &[7; 32],
        roles: &[],
        created_by: "alice",
        created_at: now,
        expires_at: now + jiff::SignedDuration::from_hours(1),
    };
    changed(&test.database, async |change| api_tokens::create(change, &token).await)
        .await
        .unwrap();
    let found = api_tokens::verify(&reader, &[7; 32], now).await.unwrap();
    assert_eq!(found.unwrap().id, token.id);
}

#[tokio::test]
async fn it_changes_nothing_and_reads_nothing_else() {
    let (test, reader) = both().await;
    let (owner, client) = (test.database.client().await.unwrap(), reader.client().await.unwrap());
    let relations = "select relname::text from pg_class
                     where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'v', 'm') order by 1";
    let relations = texts(&owner, relations).await;
    let mut readable = BTreeSet::new();
    for table in &relations {
        for write in [
            format!("delete from {table}"),
            format!("insert into {table} default values"),
            format!("truncate {table}"),
            format!("drop table {table}"),
        ] {
            assert!(refusal(&client, &write).await.is_some(), "{write}");
        }
        match refusal(&client, &format!("select * from {table}")).await {
            None => drop(readable.insert(table.as_str())),
            Some(message) => assert!(message.starts_with("permission denied"), "{table}: {message}"),
        }
    }
    let secret = [
        "user_account",
        "user_role",
        "session",
        "node_key",
        "api_token",
        "audit_entry",
        // Among the variants are originals; `image_picture` has the others.
        "image_variant",
    ];
    for table in secret {
        assert!(relations.iter().any(|name| name == table), "{table}");
        assert!(!readable.contains(table), "{table}");
    }
    let partitions = "select relname::text from pg_class where relispartition and relkind = 'r'";
    for partition in texts(&owner, partitions).await {
        assert!(!readable.contains(partition.as_str()), "{partition}");
    }
    for statement in [
        "update venue set name = 'x'",
        "create table mine (number int)",
        "select audit_note('venue.updated', 'x', null, null, null)",
        "select prefix from api_token",
    ] {
        let message = refusal(&client, statement).await;
        assert!(
            message.is_some_and(|text| text.contains("permission denied")),
            "{statement}"
        );
    }
}

#[tokio::test]
async fn what_was_granted_beyond_that_is_taken_away() {
    let (test, reader) = both().await;
    let owner = test.database.client().await.unwrap();
    let too_much =
        "grant all on venue, session to citytrack_reader; grant select (key_hash) on node_key to citytrack_reader;
                    revoke select on camera from citytrack_reader";
    owner.batch_execute(too_much).await.unwrap();
    let client = reader.client().await.unwrap();
    assert_eq!(refusal(&client, "select key_hash from node_key").await, None);
    assert_eq!(refusal(&client, "delete from session").await, None);
    test.database.migrate().await.unwrap();
    for statement in [
        "select key_hash from node_key",
        "select * from session",
        "update venue set name = 'x'",
    ] {
        assert!(refusal(&client, statement).await.is_some(), "{statement}");
    }
    for statement in [
        "select * from venue",
        "select * from camera",
        "select count(*) from frame",
    ] {
        assert_eq!(refusal(&client, statement).await, None, "{statement}");
    }
}
