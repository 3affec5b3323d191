//! Counts: what came and what was seen, by bucket, for some cameras together or each alone.

mod rows;
mod scope;
mod tracks;

use std::collections::{BTreeMap, BTreeSet};

use citytrack_domain::{CameraName, Class, Slug};
use jiff::Timestamp;

pub use self::tracks::{TrackSeries, tracks};
use self::{
    rows::Sum,
    scope::{Group, Resolved},
};
use crate::{Database, Error, Selection};

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
/// classes that were seen. A venue, camera or class that does not exist was never seen.
///
/// # Errors
/// [`Error::TooMuch`] when there are too many groups; otherwise when PostgreSQL cannot be asked.
pub async fn query(db: &Database, query: CountsQuery<'_>) -> Result<Vec<Series>, Error> {
    db.in_time(async {
        let client = db.client().await?;
        let resolved = scope::resolve(&client, query.selections, query.grouping).await?;
        let classes = rows::classes(&client, &query).await?;
        let sums = rows::sums(&client, &query, &resolved, &classes).await?;
        assemble(&query, &resolved, &classes, &sums)
    })
    .await
}

/// More series than anybody can tell apart, and few enough to hold in memory with all their buckets.
const MOST_SERIES: usize = 1_000;
const MOST_VALUES: usize = 1_000_000;

/// Puts the sums where they belong. Frames are those of the camera, whatever class is asked for.
fn assemble(
    query: &CountsQuery<'_>,
    resolved: &Resolved,
    classes: &BTreeMap<i32, Class>,
    sums: &[Sum],
) -> Result<Vec<Series>, Error> {
    let buckets = query.edges.len().saturating_sub(1);
    let mut of_group: Vec<Vec<&Sum>> = vec![Vec::new(); resolved.groups.len()];
    for sum in sums {
        let group = of_group.get_mut(sum.group);
        let fits = group.filter(|_| sum.place < buckets);
        fits.ok_or_else(|| Error::Corrupt(format!("bucket {} of {buckets}, group {}", sum.place, sum.group)))?
            .push(sum);
    }
    let apart = apart(query, classes, sums);
    check_size(resolved.groups.len() * apart.len(), buckets)?;
    let of_all_classes = query.classes.is_empty() && !query.grouping.class;
    let mut series = Vec::new();
    for (group, sums) in resolved.groups.iter().zip(&of_group) {
        for class in &apart {
            let mut counts = vec![Count::default(); buckets];
            for sum in sums {
                sum.add_to(&mut counts[sum.place], *class, of_all_classes);
            }
            let class = class.and_then(|class| classes.get(&class)).cloned();
            series.push(Series {
                of: of(group, class),
                counts,
            });
        }
    }
    // By names, and not by the numbers that they happen to have.
    series.sort_by(|one, other| one.of.cmp(&other.of));
    Ok(series)
}

/// The classes that have a series each: those that were asked for or seen. `None` alone: all in one.
fn apart(query: &CountsQuery<'_>, classes: &BTreeMap<i32, Class>, sums: &[Sum]) -> Vec<Option<i32>> {
    if !query.grouping.class {
        return vec![None];
    }
    let seen: BTreeSet<i32> = sums.iter().filter_map(|sum| sum.class).collect();
    let wanted = classes
        .iter()
        .filter(|(number, class)| seen.contains(number) || query.classes.contains(class));
    wanted.map(|(number, _)| Some(*number)).collect()
}

fn check_size(series: usize, buckets: usize) -> Result<(), Error> {
    if series > MOST_SERIES || series * buckets > MOST_VALUES {
        return Err(Error::TooMuch(format!(
            "these are {series} series of {buckets} buckets; at most {MOST_SERIES} series and {MOST_VALUES} values come at once"
        )));
    }
    Ok(())
}

fn of(group: &Group, class: Option<Class>) -> Of {
    Of {
        venue: group.venue.clone(),
        camera: group.camera.clone(),
        class,
    }
}
