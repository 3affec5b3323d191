//! The journal: written in order, by several, found again, and kept small.

use std::time::Duration;

use citytrack_domain::Slug;
use citytrack_storage::{
    Database,
    journal::{self, Bounds, Entry, JournalWriter, Note, Page, Query},
};
use citytrack_testkit::TestDatabase;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// Entries of a partition.
const PARTITION: i64 = 500_000;
const ENDLESS: Duration = Duration::from_hours(24 * 365);

fn at(second: i64) -> Timestamp {
    "2026-11-22T10:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(second)
}

fn detections(venue: &str, number: i64) -> Note {
    Note {
        at: at(number),
        exchange: "citytrack.detections".to_owned(),
        routing_key: format!("detections.{venue}"),
        kind: Some("citytrack.detections.v1".to_owned()),
        message_id: Some(format!("00000000000000ff-{number}")),
        image: None,
        size: 1_000,
        trace_id: None,
        venue: Some(Slug::new(venue).unwrap()),
    }
}

fn picture(step: &str, image: Uuid, number: i64) -> Note {
    Note {
        exchange: "citytrack.images".to_owned(),
        routing_key: format!("images.{step}.demo"),
        kind: Some("citytrack.images.upload.v1".to_owned()),
        image: Some(image),
        trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
        ..detections("demo", number)
    }
}

async fn page(db: &Database, query: Query) -> Page {
    let limit = if query.limit == 0 { 1_000 } else { query.limit };
    journal::list(db, &Query { limit, ..query }).await.unwrap()
}

async fn ids(db: &Database, query: Query) -> Vec<i64> {
    let page = page(db, query).await;
    page.entries.iter().map(|entry| entry.id).collect()
}

/// A journal of four entries.
async fn filled() -> (TestDatabase, JournalWriter, Vec<Note>) {
    let test = TestDatabase::create().await;
    let mut writer = JournalWriter::new(test.database.clone());
    let image = Uuid::now_v7();
    let notes = vec![
        detections("demo", 1),
        picture("uploaded", image, 2),
        picture("transformed", image, 3),
        detections("other", 4),
    ];
    writer.write(&notes[..1]).await.unwrap();
    writer.write(&notes[1..]).await.unwrap();
    (test, writer, notes)
}

#[tokio::test]
async fn entries_are_found_as_they_were_written() {
    let (test, _, notes) = filled().await;
    let db = &test.database;
    let mut entries = page(db, Query::default()).await.entries;
    entries.reverse();
    let expected = (1..).zip(notes.clone()).map(|(id, note)| Entry { id, note });
    assert_eq!(entries, expected.collect::<Vec<_>>());

    let some = |text: &str| Some(text.to_owned());
    let demo = || Some(vec![Slug::new("demo").unwrap()]);
    let everything = Query::default;
    for (query, expected) in [
        (
            Query {
                venues: demo(),
                ..everything()
            },
            vec![3, 2, 1],
        ),
        (
            Query {
                venues: Some(Vec::new()),
                ..everything()
            },
            vec![],
        ),
        (
            Query {
                exchange: some("citytrack.images"),
                ..everything()
            },
            vec![3, 2],
        ),
        (
            Query {
                key: some("detections.*"),
                ..everything()
            },
            vec![4, 1],
        ),
        (
            Query {
                key: some("images.#.demo"),
                ..everything()
            },
            vec![3, 2],
        ),
        (
            Query {
                key: some("detections.demo"),
                ..everything()
            },
            vec![1],
        ),
        (
            Query {
                key: some("detections_demo"),
                ..everything()
            },
            vec![],
        ),
        (
            Query {
                kind: some("citytrack.images.upload.v1"),
                ..everything()
            },
            vec![3, 2],
        ),
        (
            Query {
                image: notes[1].image,
                ..everything()
            },
            vec![3, 2],
        ),
        (
            Query {
                from: Some(at(2)),
                to: Some(at(4)),
                ..everything()
            },
            vec![3, 2],
        ),
        (
            Query {
                before: Some(3),
                ..everything()
            },
            vec![2, 1],
        ),
        (
            Query {
                after: Some(2),
                ..everything()
            },
            vec![4, 3],
        ),
    ] {
        let asked = format!("{query:?}");
        assert_eq!(ids(db, query).await, expected, "{asked}");
    }
}

#[tokio::test]
async fn entries_come_in_pages() {
    let (test, ..) = filled().await;
    let db = &test.database;
    let limit = 3;
    let first = page(
        db,
        Query {
            limit,
            ..Query::default()
        },
    )
    .await;
    assert_eq!((first.entries.len(), first.next), (3, Some(2)));
    let before = first.next;
    let rest = page(
        db,
        Query {
            before,
            limit,
            ..Query::default()
        },
    )
    .await;
    assert_eq!((rest.entries.len(), rest.next), (1, None));
}

#[tokio::test]
async fn it_is_on_as_long_as_somebody_writes() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    assert!(!page(db, Query::default()).await.enabled);
    JournalWriter::new(db.clone()).write(&[]).await.unwrap();
    assert!(page(db, Query::default()).await.enabled);
    let client = db.client().await.unwrap();
    let earlier = "update journal_state set noted_at = noted_at - interval '31 seconds'";
    client.batch_execute(earlier).await.unwrap();
    assert!(!page(db, Query::default()).await.enabled);
}

#[tokio::test]
async fn what_was_noted_before_is_known() {
    let (test, writer, notes) = filled().await;
    let mut asked = notes.clone();
    asked.insert(1, detections("demo", 9));
    asked.push(Note {
        message_id: None,
        ..detections("demo", 1)
    });
    let known = writer.known(&asked).await.unwrap();
    assert_eq!(known, [true, false, true, true, true, false]);
    drop(test);
}

/// Who follows the journal by the highest id that it has seen gets every entry once, however many write.
#[tokio::test]
async fn entries_become_visible_in_the_order_of_their_ids() {
    const EACH: i64 = 100;
    let test = TestDatabase::create().await;
    let db = &test.database;
    let write = async || {
        let mut writer = JournalWriter::new(db.clone());
        for number in 0..EACH {
            let notes = [detections("demo", 2 * number), detections("demo", 2 * number + 1)];
            writer.write(&notes).await.unwrap();
        }
    };
    let follow = async || {
        let mut seen = Vec::new();
        while seen.len() < usize::try_from(4 * EACH).unwrap() {
            let mut new = ids(
                db,
                Query {
                    after: seen.last().copied(),
                    ..Query::default()
                },
            )
            .await;
            new.reverse();
            seen.extend(new);
        }
        seen
    };
    let (seen, (), ()) = tokio::join!(follow(), write(), write());
    assert_eq!(seen, (1..=4 * EACH).collect::<Vec<_>>());
}

async fn tables(db: &Database) -> Vec<String> {
    let question = "select relname::text from pg_class where relname ~ '^journal_[0-9]+$' order by 1";
    let rows = db.client().await.unwrap().query(question, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn go_on_after(db: &Database, last: i64) {
    let client = db.client().await.unwrap();
    client
        .execute("update journal_state set last_id = $1", &[&last])
        .await
        .unwrap();
}

#[tokio::test]
async fn the_oldest_go_when_there_are_too_many() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let mut writer = JournalWriter::new(db.clone());
    for last in [PARTITION - 2, 2 * PARTITION - 2] {
        go_on_after(db, last).await;
        writer
            .write(&[1, 2, 3].map(|number| detections("demo", number)))
            .await
            .unwrap();
    }
    assert_eq!(tables(db).await, ["journal_0", "journal_1", "journal_2"]);
    let entries = u64::try_from(PARTITION).unwrap();
    let bounds = Bounds { entries, age: ENDLESS };
    let forgotten = journal::keep_small(db, &bounds, at(10)).await.unwrap();
    assert_eq!(
        (forgotten.partitions, forgotten.entries),
        (vec!["journal_0".to_owned()], 0)
    );
    let left = [
        2 * PARTITION + 1,
        2 * PARTITION,
        2 * PARTITION - 1,
        PARTITION + 1,
        PARTITION,
    ];
    assert_eq!(ids(db, Query::default()).await, left);
    // The writer goes on, and that in which it writes stays.
    let bounds = Bounds {
        entries: 0,
        age: ENDLESS,
    };
    journal::keep_small(db, &bounds, at(10)).await.unwrap();
    assert_eq!(tables(db).await, ["journal_2"]);
    writer.write(&[detections("demo", 4)]).await.unwrap();
    assert_eq!(ids(db, Query::default()).await[0], 2 * PARTITION + 2);
}

#[tokio::test]
async fn the_oldest_go_when_their_time_is_over() {
    let test = TestDatabase::create().await;
    let db = &test.database;
    let mut writer = JournalWriter::new(db.clone());
    go_on_after(db, PARTITION - 3).await;
    writer
        .write(&[1, 2, 3, 4, 5].map(|number| detections("demo", number)))
        .await
        .unwrap();
    let age = Duration::from_secs(6);
    let bounds = Bounds {
        entries: 1_000_000,
        age,
    };
    let forgotten = journal::keep_small(db, &bounds, at(10)).await.unwrap();
    assert_eq!(
        (forgotten.partitions, forgotten.entries),
        (vec!["journal_0".to_owned()], 1)
    );
    assert_eq!(ids(db, Query::default()).await, [PARTITION + 2, PARTITION + 1]);
    let forgotten = journal::keep_small(db, &bounds, at(10)).await.unwrap();
    assert_eq!((forgotten.partitions.len(), forgotten.entries), (0, 0));
}
