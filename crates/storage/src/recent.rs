//! The newest frames of cameras: what there is to see now, and how often something comes in.

use std::{collections::HashMap, time::Duration};

use citytrack_domain::{Class, Patience, usual_interval};
use jiff::{SignedDuration, Timestamp};

use crate::{Client, Error};

/// Frames of a camera that tell how often it sends.
const FRAMES: i64 = 100;
/// So many for cameras whose newest came all at once: a batch has up to 1,000 frames unless set otherwise.
const FRAMES_OF_LARGE_BATCHES: i64 = 1_001;

/// What lies further back or ahead is not looked at: nodes may be a week late, and their clocks minutes ahead.
const BACK: SignedDuration = SignedDuration::from_hours(8 * 24);
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// By the index on `camera_id` and `captured_at`: some index entries of each camera, however many frames there are. What
/// claims to have been taken after now ($4) is looked for apart: where a clock that was ahead has been put right, its frames
/// would hide the newer ones behind them.
const RECENT: &str = "
    select camera_id, recent.* from unnest($1::int[]) as camera_id
    cross join lateral (
        select array_agg(captured_at) as captured, array_agg(received_at) as received, array_agg(objects) as objects
        from (
            (select captured_at, received_at, cardinality(array_positions(classes, $2)) as objects
             from frame where frame.camera_id = camera_id.camera_id and captured_at > $4 and captured_at < $5
             order by captured_at desc limit $6)
            union all
            (select captured_at, received_at, cardinality(array_positions(classes, $2))
             from frame where frame.camera_id = camera_id.camera_id and captured_at >= $3 and captured_at <= $4
             order by captured_at desc limit $6)
        ) as newest
    ) as recent
    where captured is not null";

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecentFrame {
    pub(crate) captured_at: Timestamp,
    pub(crate) received_at: Timestamp,
    /// Detections of the class that was asked for.
    pub(crate) objects: i32,
}

impl RecentFrame {
    /// When it was taken, as far as is known: not after it came in, whatever the node's clock says.
    pub(crate) fn taken_at(&self) -> Timestamp {
        self.captured_at.min(self.received_at)
    }
}

/// The newest frames of one camera, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recent(Vec<RecentFrame>);

impl Recent {
    pub(crate) fn frames(&self) -> &[RecentFrame] {
        &self.0
    }

    /// The frame that shows how things are.
    pub(crate) fn latest(&self) -> Option<&RecentFrame> {
        self.0.iter().max_by_key(|frame| (frame.taken_at(), frame.captured_at))
    }

    /// When something came in last, by our clock.
    pub(crate) fn last_received_at(&self) -> Option<Timestamp> {
        self.0.iter().map(|frame| frame.received_at).max()
    }

    /// Whether the silence since the last of it is not longer than it may be.
    pub(crate) fn goes_on(&self, patience: &Patience, now: Timestamp) -> bool {
        let limit = patience.limit(self.usual_interval());
        let silence = self.last_received_at().map(|last| now.duration_since(last));
        silence.is_some_and(|silence| silence.is_negative() || silence.unsigned_abs() <= limit)
    }

    /// How often something comes in.
    pub(crate) fn usual_interval(&self) -> Option<Duration> {
        usual_interval(self.0.iter().map(|frame| frame.received_at))
    }
}

/// The newest frames of these cameras, with the number of objects of `class` in each; those without any are left out.
pub(crate) async fn of_cameras(
    client: &Client,
    cameras: &[i32],
    class: Option<&Class>,
    now: Timestamp,
) -> Result<HashMap<i32, Recent>, Error> {
    let mut recent = read(client, cameras, class, now, FRAMES).await?;
    let at_once: Vec<i32> = recent
        .iter()
        .filter(|(_, recent)| recent.0.len() > 1 && recent.usual_interval().is_none())
        .map(|(camera, _)| *camera)
        .collect();
    if !at_once.is_empty() {
        recent.extend(read(client, &at_once, class, now, FRAMES_OF_LARGE_BATCHES).await?);
    }
    Ok(recent)
}

async fn read(
    client: &Client,
    cameras: &[i32],
    class: Option<&Class>,
    now: Timestamp,
    frames: i64,
) -> Result<HashMap<i32, Recent>, Error> {
    let class: Option<i32> = match class {
        None => None,
        Some(class) => {
            let row = client
                .query_opt("select id from class where name = $1", &[&class.as_str()])
                .await?;
            row.map(|row| row.try_get("id")).transpose()?
        }
    };
    let statement = client.prepare_cached(RECENT).await?;
    let (since, until) = (now - BACK, now + AHEAD);
    let rows = client
        .query(&statement, &[&cameras, &class, &since, &now, &until, &frames])
        .await?;
    let camera = |row: &tokio_postgres::Row| {
        let (captured, received): (Vec<Timestamp>, Vec<Timestamp>) =
            (row.try_get("captured")?, row.try_get("received")?);
        let objects: Vec<i32> = row.try_get("objects")?;
        let frames = captured.into_iter().zip(received).zip(objects);
        let frames = frames.map(|((captured_at, received_at), objects)| RecentFrame {
            captured_at,
            received_at,
            objects,
        });
        Ok((row.try_get("camera_id")?, Recent(frames.collect())))
    };
    rows.iter().map(camera).collect()
}
