//! Counts from elsewhere: a file of them is compared with what is there already, and what is new is stored.
//!
//! The cells of a file are copied into a temporary table, so that its size does not matter; the rest is done in sets.

mod cells;
mod compare;

use citytrack_domain::{CameraName, Class, Slug, new_id};
use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use uuid::Uuid;

pub use self::cells::{Cell, copy};
use self::compare::Tally;
use crate::{Change, Error, nodes, rollup, venues};

/// Any number that nothing else in this database uses for an advisory lock: one import compares at a time.
const LOCK: i64 = 0x6369_7479_0008;

/// What to do with several counts of the same hour, camera and class in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameHour {
    /// They are parts of one count.
    Add,
    /// The first is right, and the others are not taken.
    Refuse,
}

/// What a column or a row of the file counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Counted {
    /// The name of the camera.
    pub camera: CameraName,
    /// What the file calls it, where that is not its name already.
    pub title: Option<String>,
    /// What was counted.
    pub class: Class,
}

/// A file of counts whose cells were [copied](copy).
#[derive(Clone, Copy, Debug)]
pub struct Import<'a> {
    /// Where the cameras are.
    pub venue: &'a Slug,
    /// The node that they belong to; it is made if there is none.
    pub node: &'a Slug,
    /// The name of the file.
    pub file: Option<&'a str>,
    /// What is counted; a cell names its place in this list.
    pub counted: &'a [Counted],
    /// What to do with several counts of the same hour.
    pub same_hour: SameHour,
    /// Lines of the file.
    pub rows: u64,
    /// Cells that were refused before they came here.
    pub refused: u64,
    /// Findings of each kind that are told one by one, at most.
    pub most_findings: usize,
    /// The time now.
    pub now: Timestamp,
}

/// What became of the cells. `stored + unchanged + added + refused` are all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Counts that are new.
    pub stored: u64,
    /// Counts that an earlier import had brought already.
    pub unchanged: u64,
    /// Cells that were added to another one of the same hour.
    pub added: u64,
    /// Cells that were not taken.
    pub refused: u64,
    /// What the counts that are stored or unchanged sum up to.
    pub sum: i64,
    /// What the refused ones sum up to.
    pub refused_sum: i64,
    /// What was found, by line: of each kind as many as were asked for.
    pub findings: Vec<Finding>,
    /// How many findings there are in all.
    pub findings_total: u64,
}

/// Something about a cell that its owner should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its line.
    pub line: i64,
    /// What it counts: the place in the list of the import.
    pub counted: usize,
    /// Of which time.
    pub start: Timestamp,
    /// The count.
    pub detections: i64,
    /// What there is to know.
    pub kind: FindingKind,
}

/// What there is to know about a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// An earlier line has a count of the same hour.
    Repeats {
        /// That line.
        line: i64,
    },
    /// An earlier import has another count of the same time.
    Differs {
        /// The count that it has.
        held: i64,
    },
    /// An earlier import has a count of a time that overlaps with this one.
    Overlaps {
        /// The count that it has.
        held: i64,
        /// When that time begins.
        start: Timestamp,
        /// How long it is.
        minutes: i32,
    },
}

/// Stores the copied cells that are new. When there are none, nothing was changed; drop the change then, which also drops a
/// node that was made.
///
/// # Errors
/// [`Error::NotFound`] when there is no such venue, [`Error::Conflict`] when it is retired; otherwise when PostgreSQL is
/// away or refuses.
pub async fn store(change: &Change, import: &Import<'_>) -> Result<Outcome, Error> {
    let wait_for_others = "select pg_advisory_xact_lock($1)";
    change.execute(wait_for_others, &[&LOCK]).await?;
    let mut tally = Tally::new(change, import.most_findings);
    tally.hours(import.same_hour).await?;
    let node = node(change, import).await?;
    let cameras = series(change, node, import.counted).await?;
    tally.known().await?;
    let outcome = tally.rest().await?;
    if outcome.stored > 0 {
        let id = keep(change, import, node, &outcome).await?;
        rollup::lock(&**change).await?;
        if let Some(zone) = rollup::zone_of(&**change, import.venue).await? {
            rollup::add_imported(&**change, &cameras, Some(id), &zone).await?;
        }
    }
    Ok(outcome)
}

/// The node of this name, also a retired one: its history may come along, too.
async fn node(change: &Change, import: &Import<'_>) -> Result<Uuid, Error> {
    let venue = venues::find(change, import.venue).await?;
    if venue.retired_at.is_some() {
        return Err(venues::retired(import.venue));
    }
    let question = "select id from node where venue = $1 and slug = $2";
    let (slug, parameters) = (import.node, [import.venue.as_str(), import.node.as_str()]);
    if let Some(row) = change.query_opt(question, &[&parameters[0], &parameters[1]]).await? {
        return Ok(row.try_get("id")?);
    }
    let node = nodes::create(change, new_id(import.now), import.venue, slug, slug.as_str()).await?;
    Ok(node.id)
}

/// Makes the cameras and classes that are missing, and `import_series`: which of them the places in the list are. Says which
/// cameras these are.
async fn series(change: &Change, node: Uuid, counted: &[Counted]) -> Result<Vec<i32>, Error> {
    let cameras: Vec<_> = counted.iter().map(|counted| counted.camera.as_str()).collect();
    let titles: Vec<_> = counted.iter().map(|counted| counted.title.as_deref()).collect();
    let classes: Vec<_> = counted.iter().map(|counted| counted.class.as_str()).collect();
    // In order, so that two writers never wait for each other in a circle.
    let make_cameras = "insert into camera (node_id, name, title)
         select distinct on (name) $1, name, title from unnest($2::text[], $3::text[]) as given (name, title) order by name
         on conflict (node_id, name) do nothing";
    change.execute(make_cameras, &[&node, &cameras, &titles]).await?;
    let make_classes =
        "insert into class (name) select distinct name from unnest($1::text[]) as given (name) order by name
         on conflict (name) do nothing";
    change.execute(make_classes, &[&classes]).await?;
    let rows = change
        .query(
            "insert into import_series (series, camera_id, class_id)
             select given.place - 1, camera.id, class.id
             from unnest($2::text[], $3::text[]) with ordinality as given (camera, class, place)
             join camera on camera.node_id = $1 and camera.name = given.camera
             join class on class.name = given.class
             returning camera_id",
            &[&node, &cameras, &classes],
        )
        .await?;
    rows.iter().map(|row| Ok(row.try_get("camera_id")?)).collect()
}

/// Writes what is new, in the order in which it will be asked for.
async fn keep(change: &Change, import: &Import<'_>, node: Uuid, outcome: &Outcome) -> Result<i64, Error> {
    let [rows, counts, refused] = [import.rows, outcome.stored, outcome.refused + import.refused].map(u64::cast_signed);
    let sum: i64 = change
        .query_one("select coalesce(sum(detections), 0)::bigint from import_hour", &[])
        .await?
        .try_get(0)?;
    let row = change
        .query_one(
            "insert into import (venue, node_id, file, rows, counts, sum, refused)
             values ($1, $2, $3, $4, $5, $6, $7) returning id",
            &[
                &import.venue.as_str(),
                &node,
                &import.file,
                &rows,
                &counts,
                &sum,
                &refused,
            ],
        )
        .await?;
    let id: i64 = row.try_get("id")?;
    change
        .execute(
            "insert into imported_count (camera_id, class_id, start, minutes, detections, import_id)
             select camera_id, class_id, start, minutes, detections, $1 from import_hour join import_series using (series)
             order by camera_id, start, class_id",
            &[&id],
        )
        .await?;
    // A million rows at once change what PostgreSQL should know about their table.
    change.batch_execute("analyze imported_count").await?;
    Ok(id)
}
