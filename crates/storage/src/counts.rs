//! Counts: frames and detections by bucket, from the minute tables.

use citytrack_domain::{CameraPattern, Class, Slug};
use jiff::Timestamp;
use tokio_postgres::Row;

use crate::{Client, Database, Error};

/// What to count.
#[derive(Clone, Copy, Debug)]
pub struct CountsQuery<'a> {
    /// In which venue.
    pub venue: &'a Slug,
    /// The edges of the buckets, in order: one more than there are buckets.
    pub edges: &'a [Timestamp],
    /// Only these cameras; empty: all of them.
    pub cameras: &'a [CameraPattern],
    /// Only detections of this class.
    pub class: Option<&'a Class>,
}

/// What was counted in one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The first instant of the bucket.
    pub start: Timestamp,
    /// The first instant after it.
    pub end: Timestamp,
    /// Frames that came in from the cameras, with or without detections.
    pub frames: i64,
    /// What was seen; `None` when no frame came: nobody knows then.
    pub seen: Option<Seen>,
}

/// What was seen in the frames of one bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Detections in all of the frames.
    pub detections: i64,
    /// The highest number of detections in one frame of one camera.
    pub peak: i32,
}

/// Counts, every bucket of `query.edges` present and in order. A venue, camera or class that does not exist was never
/// seen.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn query(db: &Database, query: CountsQuery<'_>) -> Result<Vec<Count>, Error> {
    let rows = db.in_time(rows(db, &query)).await?;
    let mut counts: Vec<Count> = query
        .edges
        .array_windows()
        .map(|&[start, end]| Count::hole(start, end))
        .collect();
    for row in rows {
        let place: i32 = row.try_get("place")?;
        // width_bucket counts from 1.
        let count = usize::try_from(place - 1).ok().and_then(|place| counts.get_mut(place));
        let count = count.ok_or_else(|| Error::Corrupt(format!("bucket {place} of {}", query.edges.len())))?;
        count.frames = row.try_get("frames")?;
        count.seen = Some(Seen {
            detections: row.try_get("detections")?,
            peak: row.try_get("peak")?,
        });
    }
    Ok(counts)
}

async fn rows(db: &Database, query: &CountsQuery<'_>) -> Result<Vec<Row>, Error> {
    let client = db.client().await?;
    let cameras = cameras(&client, query).await?;
    let rows = match query.class {
        None => client.query(OF_ALL_CLASSES, &[&cameras, &query.edges]).await,
        Some(class) => {
            let class = class.as_str();
            client.query(OF_A_CLASS, &[&cameras, &query.edges, &class]).await
        }
    };
    Ok(rows?)
}

impl Count {
    fn hole(start: Timestamp, end: Timestamp) -> Self {
        Self {
            start,
            end,
            frames: 0,
            seen: None,
        }
    }
}

const OF_ALL_CLASSES: &str = "
    select width_bucket(minute, $2::timestamptz[]) as place,
           sum(frames) as frames, sum(detections) as detections, max(peak) as peak
    from camera_minute
    where camera_id = any($1)
      and minute >= ($2::timestamptz[])[1] and minute < ($2::timestamptz[])[cardinality($2::timestamptz[])]
    group by place";

/// The frames are all that came, so that a class that nobody saw is 0 and not a hole.
const OF_A_CLASS: &str = "
    with came as (
        select width_bucket(minute, $2::timestamptz[]) as place, sum(frames) as frames
        from camera_minute
        where camera_id = any($1)
          and minute >= ($2::timestamptz[])[1] and minute < ($2::timestamptz[])[cardinality($2::timestamptz[])]
        group by place
    ), seen as (
        select width_bucket(minute, $2::timestamptz[]) as place, sum(detections) as detections, max(peak) as peak
        from class_minute
        where camera_id = any($1) and class_id = (select id from class where name = $3)
          and minute >= ($2::timestamptz[])[1] and minute < ($2::timestamptz[])[cardinality($2::timestamptz[])]
        group by place
    )
    select place, frames, coalesce(detections, 0) as detections, coalesce(peak, 0) as peak
    from came left join seen using (place)";

/// The ids of the cameras that are meant.
async fn cameras(client: &Client, query: &CountsQuery<'_>) -> Result<Vec<i32>, Error> {
    let nodes: Vec<_> = query
        .cameras
        .iter()
        .map(|wanted| wanted.node.as_ref().map(Slug::as_str))
        .collect();
    let names: Vec<_> = query.cameras.iter().map(|wanted| wanted.camera.as_str()).collect();
    let rows = client
        .query(
            "select camera.id from camera join node on node.id = camera.node_id
             where node.venue = $1 and (cardinality($3::text[]) = 0 or exists (
                 select from unnest($2::text[], $3::text[]) as wanted (node, camera)
                 where wanted.camera = camera.name and (wanted.node is null or wanted.node = node.slug)))",
            &[&query.venue.as_str(), &nodes, &names],
        )
        .await?;
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
}
