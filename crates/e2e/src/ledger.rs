//! What was accepted, and whether the database holds exactly that: once stored, once counted.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use citytrack_domain::StreamPosition;
use citytrack_storage::Database;
use citytrack_testkit::eventually_within;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Progress;

/// A batch that was answered 202.
#[derive(Clone, Debug)]
pub struct Posted {
    /// Its id.
    pub id: Uuid,
    /// Its place in the stream of its sender, if that numbers its batches.
    pub position: Option<StreamPosition>,
    /// The camera of all its frames; no other sender has it.
    pub camera: String,
    /// Its frames.
    pub frames: Vec<PostedFrame>,
    /// Attempts until it was accepted.
    pub attempts: usize,
}

/// A frame of such a batch.
#[derive(Clone, Debug)]
pub struct PostedFrame {
    /// Counts up for each camera.
    pub number: i64,
    /// When it was taken, to the microsecond.
    pub captured_at: Timestamp,
    /// One for each detection.
    pub classes: Vec<&'static str>,
}

impl Posted {
    /// The body of its request, without the id.
    pub fn body(&self) -> Value {
        let detection = |class: &&str| json!({ "class": class, "confidence": 0.5, "box": [0.25, 0.25, 0.125, 0.5] });
        let frame = |frame: &PostedFrame| {
            json!({
                "camera": self.camera, "frame": frame.number, "captured_at": frame.captured_at.to_string(),
                "detections": frame.classes.iter().map(detection).collect::<Vec<_>>(),
            })
        };
        let mut body = json!({ "frames": self.frames.iter().map(frame).collect::<Vec<_>>() });
        if let Some(StreamPosition { stream, seq }) = self.position {
            (body["stream"], body["seq"]) = (json!(stream), json!(seq));
        }
        body
    }
}

/// Everything that was sent. Several may be joined with [`Self::and`].
#[derive(Clone, Debug, Default)]
pub struct Sent {
    /// Every batch; all were answered 202 in the end.
    pub posted: Vec<Posted>,
    /// How the attempts went.
    pub progress: Progress,
}

/// Frames, detections and the most in one frame, of a minute.
type Counts = (i64, i64, i64);
/// By camera, class (none: all together) and minute.
type Minutes = BTreeMap<(String, Option<String>, Timestamp), Counts>;
/// Id, stored batches, highest number, refused and missing ones.
type Stream = (Uuid, i64, i64, i64, i64);
/// Camera, number, time, detections.
type Frames = Vec<(String, i64, Timestamp, i64)>;

impl Sent {
    /// Both together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.posted.extend(other.posted);
        self.progress.accepted += other.progress.accepted;
        self.progress.unanswered += other.progress.unanswered;
        for (status, times) in other.progress.refused {
            *self.progress.refused.entry(status).or_default() += times;
        }
        self
    }

    /// How many batches were not accepted at once.
    pub fn retried(&self) -> usize {
        self.posted.iter().filter(|batch| batch.attempts > 1).count()
    }

    /// Waits until every batch is in the database.
    pub async fn all_stored(&self, database_url: &str) {
        let database = citytrack_testkit::database(database_url);
        let ids: Vec<Uuid> = self.posted.iter().map(|batch| batch.id).collect();
        let all = i64::try_from(ids.len()).unwrap();
        let count = "select count(*) from batch where id = any($1)";
        eventually_within(
            Duration::from_secs(25),
            &format!("{all} batches are stored"),
            async || {
                let row = database.client().await.ok()?.query_one(count, &[&ids]).await.ok()?;
                (row.get::<_, i64>(0) == all).then_some(())
            },
        )
        .await;
    }

    /// Waits until every batch is in the database, and sees that each is there once, with exactly its frames, that the
    /// minute buckets of its cameras are exactly their sums, and that the loss ledger knows every number and misses none.
    pub async fn assert_stored_once(&self, database_url: &str) {
        assert!(!self.posted.is_empty(), "nothing was sent");
        self.all_stored(database_url).await;
        let database = citytrack_testkit::database(database_url);
        let cameras: BTreeSet<&str> = self.posted.iter().map(|batch| batch.camera.as_str()).collect();
        let cameras: Vec<&str> = cameras.into_iter().collect();
        assert_same(self.frames(), stored_frames(&database, &cameras).await, "frames");
        assert_same(
            self.minutes().into_iter().collect(),
            stored_minutes(&database, &cameras).await.into_iter().collect(),
            "minute buckets",
        );
        assert_same(
            self.streams(),
            stored_streams(&database, &self.streams()).await,
            "streams",
        );
    }

    /// Nothing of a stream is missing: it was sent whole, from 0 on.
    fn streams(&self) -> Vec<Stream> {
        let mut batches: BTreeMap<Uuid, i64> = BTreeMap::new();
        for position in self.posted.iter().filter_map(|batch| batch.position) {
            *batches.entry(position.stream).or_default() += 1;
        }
        batches
            .into_iter()
            .map(|(stream, count)| (stream, count, count - 1, 0, 0))
            .collect()
    }

    fn frames(&self) -> Frames {
        let frames = self.posted.iter().flat_map(|batch| {
            let row = |frame: &PostedFrame| {
                (
                    batch.camera.clone(),
                    frame.number,
                    frame.captured_at,
                    len(&frame.classes),
                )
            };
            batch.frames.iter().map(row)
        });
        let mut frames: Frames = frames.collect();
        frames.sort();
        frames
    }

    fn minutes(&self) -> Minutes {
        let mut minutes = Minutes::new();
        for batch in &self.posted {
            for frame in &batch.frames {
                let second = frame.captured_at.as_second();
                let minute = Timestamp::from_second(second - second.rem_euclid(60)).unwrap();
                let mut add = |class: Option<&str>, detections: i64| {
                    let key = (batch.camera.clone(), class.map(str::to_owned), minute);
                    let (frames, sum, peak) = minutes.entry(key).or_default();
                    *frames += 1;
                    *sum += detections;
                    *peak = detections.max(*peak);
                };
                add(None, len(&frame.classes));
                for class in frame.classes.iter().collect::<BTreeSet<_>>() {
                    let those: Vec<_> = frame.classes.iter().filter(|other| *other == class).collect();
                    add(Some(class), len(&those));
                }
            }
        }
        minutes
    }
}

async fn stored_frames(database: &Database, cameras: &[&str]) -> Frames {
    let question = "select camera.name, frame.number, frame.captured_at, cardinality(frame.classes)::bigint
                    from frame join camera on camera.id = camera_id where camera.name = any($1)";
    let rows = database
        .client()
        .await
        .unwrap()
        .query(question, &[&cameras])
        .await
        .unwrap();
    let rows = rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)));
    let mut frames: Frames = rows.collect();
    frames.sort();
    frames
}

async fn stored_minutes(database: &Database, cameras: &[&str]) -> Minutes {
    let question = "
        select camera.name, null as class, minute, frames::bigint, detections::bigint, peak::bigint
        from camera_minute join camera on camera.id = camera_id where camera.name = any($1)
        union all
        select camera.name, class.name, minute, frames::bigint, detections::bigint, peak::bigint
        from class_minute join camera on camera.id = camera_id join class on class.id = class_id
        where camera.name = any($1)";
    let rows = database
        .client()
        .await
        .unwrap()
        .query(question, &[&cameras])
        .await
        .unwrap();
    let rows = rows.iter().map(|row| {
        let key = (row.get(0), row.get(1), row.get(2));
        (key, (row.get(3), row.get(4), row.get(5)))
    });
    rows.collect()
}

async fn stored_streams(database: &Database, sent: &[Stream]) -> Vec<Stream> {
    let ids: Vec<Uuid> = sent.iter().map(|stream| stream.0).collect();
    let question = "select stream, stored, highest, refused, missing from ledger where stream = any($1)";
    let rows = database.client().await.unwrap().query(question, &[&ids]).await.unwrap();
    let rows = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4)));
    rows.collect()
}

/// Says what differs, and not everything that does not.
fn assert_same<T: Ord + std::fmt::Debug>(sent: Vec<T>, stored: Vec<T>, what: &str) {
    let (all_sent, all_stored) = (sent.len(), stored.len());
    let mut balance: BTreeMap<T, i64> = BTreeMap::new();
    for (rows, step) in [(sent, 1), (stored, -1)] {
        for row in rows {
            *balance.entry(row).or_default() += step;
        }
    }
    balance.retain(|_, difference| *difference != 0);
    let first: Vec<_> = balance.iter().take(10).collect();
    assert!(
        balance.is_empty(),
        "{what}: {all_sent} sent, {all_stored} stored; missing (+) or too many (-): {first:#?}"
    );
}

fn len<T>(list: &[T]) -> i64 {
    i64::try_from(list.len()).unwrap()
}
