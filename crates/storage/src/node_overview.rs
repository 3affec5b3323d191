//! How the nodes are doing: what each runs, whether it sends, how much, how late, and what became of it.

use std::collections::HashMap;

use citytrack_domain::{Patience, Slug};
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    Client, Database, Error,
    nodes::{self, Node},
    recent::{self, Recent, RecentFrame},
    rows::minute,
};

/// Frames are counted over so many minutes.
const MINUTES: i32 = 5;

/// What is missing and refused is as in the view `ledger`, but counted only where there is any: most streams have no gaps, and
/// a node may have a thousand of them. Sums of what nodes claim must not overflow, so that they are cut off.
const NODES: &str = "
    select node.*, node_agent.agent, streams.last_at, missing, duplicates,
           least(streams.refused + unnumbered, 9223372036854775807)::bigint as refused,
           (select count(*) from node_key where node_key.node_id = node.id and revoked_at is null) as keys,
           exists (select from node_key where node_key.node_id = node.id) as had_key,
           array(select id from camera where camera.node_id = node.id) as cameras
    from node left join node_agent on node_agent.node_id = node.id
    cross join lateral (
        select max(last_at) as last_at,
               least(coalesce(sum(duplicates), 0), 9223372036854775807)::bigint as duplicates,
               coalesce(sum(settled_refused::numeric
                   + case when isempty(refused) then 0 else numbers_in(refused) end), 0) as refused,
               least(coalesce(sum(settled_missing::numeric
                   + case when stored @> known then 0
                          else numbers_in(int8multirange(known) - stored - refused) end), 0),
                   9223372036854775807)::bigint as missing
        from stream
        cross join lateral (
            select int8range(settled_below, greatest(upper(stored), upper(refused), settled_below)) as known
        ) as numbers
        where stream.node_id = node.id
    ) as streams
    cross join lateral (
        select coalesce(sum(unnumbered), 0) as unnumbered from refusal where refusal.node_id = node.id
    ) as refusals
    where node.venue = any($1) and ($2 or node.retired_at is null)
    order by node.venue, node.slug";

/// A node and how it is doing.
#[derive(Clone, Debug, PartialEq)]
pub struct Overview {
    /// The node.
    pub node: Node,
    /// Whether at least one of its cameras sends as it usually does.
    pub online: bool,
    /// When something of it came in last, by our clock.
    pub last_received_at: Option<Timestamp>,
    /// When the last of it was taken, by its own clock.
    pub last_captured_at: Option<Timestamp>,
    /// Frames a second over the last five full minutes of its own clock; `None` when nothing of it came in the last days.
    pub frames_per_second: Option<f64>,
    /// How long after it was taken a frame comes in: the median of the newest ones. Below zero its clock is ahead.
    pub delay: Option<SignedDuration>,
    /// What it says it runs.
    pub agent: Option<String>,
    /// Cameras that it ever had.
    pub cameras: usize,
    /// Keys that are not revoked.
    pub keys: i64,
    /// Whether it ever had a key. Without one nothing of it came in, and its cameras are of imported counts.
    pub had_key: bool,
    /// Numbered batches that never came.
    pub missing: i64,
    /// Batches that were refused for good.
    pub refused: i64,
    /// Batches that came again.
    pub duplicates: i64,
}

/// The nodes of these venues by venue and slug; retired ones only where asked.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn list(
    database: &Database,
    venues: &[Slug],
    retired: bool,
    patience: &Patience,
    now: Timestamp,
) -> Result<Vec<Overview>, Error> {
    database
        .in_time(async {
            let client = database.client().await?;
            let venues: Vec<&str> = venues.iter().map(Slug::as_str).collect();
            let rows = client.query(NODES, &[&venues, &retired]).await?;
            let cameras: Vec<Vec<i32>> = rows
                .iter()
                .map(|row| row.try_get("cameras"))
                .collect::<Result<_, _>>()?;
            let recent = recent::of_cameras(&client, &cameras.concat(), None, now).await?;
            let mut overviews = Vec::with_capacity(rows.len());
            let mut windows = Vec::new();
            for (row, cameras) in rows.iter().zip(&cameras) {
                let sent: Vec<&Recent> = cameras.iter().filter_map(|camera| recent.get(camera)).collect();
                let overview = overview(row, cameras.len(), &sent, patience, now)?;
                if let Some(delay) = overview.delay {
                    // What its clock shows now.
                    let until = minute(now.saturating_sub(delay).unwrap_or(now));
                    windows.extend(cameras.iter().map(|camera| (*camera, overview.node.id, until)));
                }
                overviews.push(overview);
            }
            let frames = frames(&client, &windows).await?;
            for overview in &mut overviews {
                let frames = frames.get(&overview.node.id).copied().unwrap_or_default();
                overview.frames_per_second = overview.delay.map(|_| per_second(frames));
            }
            Ok(overviews)
        })
        .await
}

fn overview(
    row: &Row,
    cameras: usize,
    sent: &[&Recent],
    patience: &Patience,
    now: Timestamp,
) -> Result<Overview, Error> {
    let last_received_at = sent.iter().filter_map(|recent| recent.last_received_at()).max();
    let latest = sent.iter().filter_map(|recent| recent.latest());
    Ok(Overview {
        node: nodes::node(row)?,
        online: sent.iter().any(|recent| recent.goes_on(patience, now)),
        // Older things are known only of nodes that number their batches.
        last_received_at: last_received_at.or(row.try_get("last_at")?),
        last_captured_at: latest
            .max_by_key(|frame| frame.taken_at())
            .map(|frame| frame.captured_at),
        frames_per_second: None,
        delay: median_delay(sent.iter().flat_map(|recent| recent.frames())),
        agent: row.try_get("agent")?,
        cameras,
        keys: row.try_get("keys")?,
        had_key: row.try_get("had_key")?,
        missing: row.try_get("missing")?,
        refused: row.try_get("refused")?,
        duplicates: row.try_get("duplicates")?,
    })
}

fn median_delay<'a>(frames: impl Iterator<Item = &'a RecentFrame>) -> Option<SignedDuration> {
    let mut delays: Vec<_> = frames
        .map(|frame| frame.received_at.duration_since(frame.captured_at))
        .collect();
    let middle = delays.len() / 2;
    (!delays.is_empty()).then(|| *delays.select_nth_unstable(middle).1)
}

/// Frames of each node in the last minutes before the time that is given for each of its cameras.
async fn frames(client: &Client, windows: &[(i32, Uuid, Timestamp)]) -> Result<HashMap<Uuid, i64>, Error> {
    let cameras: Vec<i32> = windows.iter().map(|window| window.0).collect();
    let nodes: Vec<Uuid> = windows.iter().map(|window| window.1).collect();
    let ends: Vec<Timestamp> = windows.iter().map(|window| window.2).collect();
    let rows = client
        .query(
            "select node, sum(frames) as frames from unnest($1::int[], $2::uuid[], $3::timestamptz[]) as sent (camera, node, until)
             cross join lateral (
                 select frames from camera_minute
                 where camera_id = camera and minute >= until - make_interval(mins => $4) and minute < until
             ) as counted
             group by node",
            &[&cameras, &nodes, &ends, &MINUTES],
        )
        .await?;
    let node = |row: &Row| Ok((row.try_get("node")?, row.try_get("frames")?));
    rows.iter().map(node).collect()
}

fn per_second(frames: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "frames of five minutes")]
    let frames = frames as f64;
    frames / f64::from(MINUTES * 60)
}
