//! What was accepted, and whether the database holds exactly that: once stored, once counted.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use citytrack_testkit::eventually_within;
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    Posted, Progress,
    stored::{self, Batch, Counts, Frame, MinuteKey, Stream},
};

/// Everything that was sent. Several may be joined with [`Self::and`].
#[derive(Clone, Debug, Default)]
pub struct Sent {
    /// Every batch; all were answered 202 in the end.
    pub posted: Vec<Posted>,
    /// How the attempts went.
    pub progress: Progress,
}

/// The node of each key.
type Nodes = BTreeMap<String, Uuid>;

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

    /// What a viewer must see: the numbers of the frames of each camera, in order. All nodes are called `north`.
    pub fn numbers(&self) -> BTreeMap<String, Vec<i64>> {
        let mut numbers: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for batch in &self.posted {
            let camera = numbers.entry(format!("north/{}", batch.camera)).or_default();
            camera.extend(batch.frames.iter().map(|frame| frame.number));
        }
        numbers
    }

    /// Waits until every batch is in the database.
    pub async fn all_stored(&self, database_url: &str) {
        let database = citytrack_testkit::database(database_url);
        let ids: Vec<Uuid> = self.posted.iter().map(|batch| batch.id).collect();
        let all = len(&ids);
        let count = "select count(distinct id) from batch where id = any($1)";
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

    /// Waits until every batch is in the database, and sees that each is there once, of its node, with exactly its frames and
    /// their detections, that the minute buckets of its cameras are exactly their sums, and that the loss ledger knows every
    /// number once and misses none.
    pub async fn assert_stored_once(&self, database_url: &str) {
        assert!(!self.posted.is_empty(), "nothing was sent");
        self.all_stored(database_url).await;
        let differences = self.differences(database_url).await;
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }

    /// What the database does not hold, or holds too much, each in a sentence.
    pub async fn differences(&self, database_url: &str) -> Vec<String> {
        let database = citytrack_testkit::database(database_url);
        let client = database.client().await.unwrap();
        let keys = distinct(self.posted.iter().map(|batch| batch.key.as_str()));
        let nodes = stored::nodes(&client, &keys).await;
        let cameras = distinct(self.posted.iter().map(|batch| batch.camera.as_str()));

        let batches = self.batches(&nodes);
        let ids: Vec<Uuid> = batches.iter().map(|batch| batch.0).collect();
        let batches = difference("batches", batches, stored::batches(&client, &ids).await);
        let frames = stored::frames(&client, &cameras).await;
        let frames = difference("frames", self.frames(&nodes), frames);
        let minutes = stored::minutes(&client, &cameras).await;
        let minutes = difference("minute buckets", self.minutes(&nodes), minutes);
        let streams = self.streams(&nodes);
        let ids: Vec<Uuid> = streams.iter().map(|stream| stream.1).collect();
        let streams = difference("streams", streams, stored::streams(&client, &ids).await);
        [batches, frames, minutes, streams].into_iter().flatten().collect()
    }

    fn batches(&self, nodes: &Nodes) -> Vec<Batch> {
        let batches = self.posted.iter().map(|batch| {
            let detections: i64 = batch.frames.iter().map(|frame| len(&frame.classes)).sum();
            (batch.id, nodes[&batch.key], len(&batch.frames), detections)
        });
        batches.collect()
    }

    /// Nothing of a stream is missing or there twice: it was sent whole, from 0 on.
    fn streams(&self, nodes: &Nodes) -> Vec<Stream> {
        let mut batches: BTreeMap<(Uuid, Uuid), i64> = BTreeMap::new();
        for batch in &self.posted {
            if let Some(position) = batch.position {
                *batches.entry((nodes[&batch.key], position.stream)).or_default() += 1;
            }
        }
        batches
            .into_iter()
            .map(|((node, stream), count)| (node, stream, [count, count - 1, 0, 0, 0]))
            .collect()
    }

    fn frames(&self, nodes: &Nodes) -> Vec<Frame> {
        let frames = self.posted.iter().flat_map(|batch| {
            batch.frames.iter().map(|frame| {
                let detections = frame.detections().iter().map(ToString::to_string).collect();
                let (node, camera) = (nodes[&batch.key], batch.camera.clone());
                (node, camera, frame.number, frame.captured_at, detections)
            })
        });
        frames.collect()
    }

    fn minutes(&self, nodes: &Nodes) -> Vec<(MinuteKey, Counts)> {
        let mut minutes: BTreeMap<MinuteKey, Counts> = BTreeMap::new();
        for batch in &self.posted {
            for frame in &batch.frames {
                let second = frame.captured_at.as_second();
                let minute = Timestamp::from_second(second - second.rem_euclid(60)).unwrap();
                let mut add = |class: Option<&str>, detections: i64| {
                    let (node, camera) = (nodes[&batch.key], batch.camera.clone());
                    let key = (node, camera, class.map(str::to_owned), minute);
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
        minutes.into_iter().collect()
    }
}

/// Says what differs, and not everything that does not.
fn difference<T: Ord + std::fmt::Debug>(what: &str, sent: Vec<T>, stored: Vec<T>) -> Option<String> {
    let (all_sent, all_stored) = (sent.len(), stored.len());
    let mut balance: BTreeMap<T, i64> = BTreeMap::new();
    for (rows, step) in [(sent, 1), (stored, -1)] {
        for row in rows {
            *balance.entry(row).or_default() += step;
        }
    }
    balance.retain(|_, difference| *difference != 0);
    let first: Vec<_> = balance.iter().take(10).collect();
    (!balance.is_empty())
        .then(|| format!("{what}: {all_sent} sent, {all_stored} stored; missing (+) or too many (-): {first:#?}"))
}

fn distinct<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let texts: BTreeSet<&str> = texts.collect();
    texts.into_iter().collect()
}

fn len<T>(list: &[T]) -> i64 {
    i64::try_from(list.len()).unwrap()
}
