//! Counts: what came and what was seen, by bucket, for some cameras together or each alone.

mod rows;
mod scope;
mod tally;
mod tracks;

use std::collections::BTreeMap;

use citytrack_domain::{CameraName, Class, Slug};
use deadpool_postgres::Transaction;
use jiff::Timestamp;
use tokio_postgres::IsolationLevel;

pub use self::tracks::{TrackSeries, tracks};
use self::{scope::Resolved, tally::Tally};
use crate::{Client, Database, Error, Selection};

/// What to count.
#[derive(Clone, Copy, Debug)]
pub struct CountsQuery<'a> {
    /// Of which cameras.
    pub selections: &'a [Selection],
    /// The edges of the buckets, in order: one more than there are buckets.
    pub edges: &'a [Timestamp],
    /// Only detections of these classes; empty: of all.
    pub classes: &'a [Class],
    /// What is counted apart.
    pub grouping: Grouping,
    /// Only detections of which the detector was so sure, from 0 to 1. Such counts are taken from the frames themselves,
    /// which takes longer and reaches back only as far as they are kept.
    pub min_confidence: Option<f32>,
}

/// What is counted apart, and not together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grouping {
    /// Each venue.
    pub venue: bool,
    /// Each camera, and so each venue.
    pub camera: bool,
    /// Each class.
    pub class: bool,
}

/// What a series is of; `None` where it was not grouped by.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Of {
    /// The venue.
    pub venue: Option<Slug>,
    /// The camera, with its node.
    pub camera: Option<(Slug, CameraName)>,
    /// The class.
    pub class: Option<Class>,
}

/// The counts of one group.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Which group.
    pub of: Of,
    /// One for each bucket.
    pub counts: Vec<Count>,
}

/// What was counted in one bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Frames that came in from the cameras, with or without detections.
    pub frames: i64,
    /// Detections in these frames.
    pub detections: i64,
    /// The highest number of detections in one frame of one camera. Of several classes that were asked for together: of one
    /// class in one frame.
    pub peak: i32,
    /// Detections that were counted elsewhere and imported; `None` if there are none.
    pub imported: Option<i64>,
}

impl Count {
    /// Detections, from frames and imported; `None` where nobody looked: no frame came, and nothing was imported.
    pub fn seen(&self) -> Option<i64> {
        match self.imported {
            Some(imported) => Some(self.detections + imported),
            None => (self.frames > 0).then_some(self.detections),
        }
    }

    /// Adds another count: of another bucket, or of another camera.
    pub fn add(&mut self, other: &Self) {
        self.frames += other.frames;
        self.detections += other.detections;
        self.peak = self.peak.max(other.peak);
        self.imported = match (self.imported, other.imported) {
            (None, None) => None,
            (ours, theirs) => Some(ours.unwrap_or_default() + theirs.unwrap_or_default()),
        };
    }
}

/// Counts, every bucket present and in order, of every group: of all venues and cameras that were asked for, and of the
/// classes that were asked for or seen. A venue, camera or class that does not exist was never seen.
///
/// # Errors
/// [`Error::TooMuch`] when there are too many groups; otherwise when PostgreSQL cannot be asked.
pub async fn query(db: &Database, query: CountsQuery<'_>) -> Result<Vec<Series>, Error> {
    db.in_time(async {
        let mut client = db.client().await?;
        let snapshot = snapshot(&mut client).await?;
        let resolved = scope::resolve(&snapshot, query.selections, query.grouping).await?;
        let classes = rows::classes(&snapshot, &query).await?;
        let series = read(&snapshot, &query, &resolved, &classes).await?;
        snapshot.commit().await?;
        Ok(series)
    })
    .await
}

/// A transaction that sees the database at one moment: which level can answer, and what is in it, must be of the same one,
/// as a fold may come in between that makes the roll-ups anew in another time zone.
async fn snapshot(client: &mut Client) -> Result<Transaction<'_>, Error> {
    let builder = client.build_transaction();
    let builder = builder.isolation_level(IsolationLevel::RepeatableRead).read_only(true);
    Ok(builder.start().await?)
}

async fn read(
    snapshot: &Transaction<'_>,
    query: &CountsQuery<'_>,
    resolved: &Resolved,
    classes: &BTreeMap<i32, Class>,
) -> Result<Vec<Series>, Error> {
    let mut tally = Tally::new(query, resolved, classes)?;
    rows::sums(snapshot, query, resolved, classes, &mut tally).await?;
    Ok(tally.finish())
}
