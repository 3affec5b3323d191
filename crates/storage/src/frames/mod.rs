//! Reading stored frames, however many: in order of time, in portions, at the reader's own pace.

mod plan;
mod row;

use std::{
    collections::{HashMap, VecDeque},
    pin::Pin,
    time::Duration,
};

use citytrack_domain::{CameraName, CameraPattern, Class, Confidence, Frame, Slug};
use futures_util::StreamExt;
use jiff::Timestamp;
use tokio_postgres::{Row, RowStream, Statement, types::ToSql};

use self::plan::{Filter, Range};
use crate::{Client, Database, Error, Selection, column::parsed, selection};

/// Detections after which a portion is full.
const PORTION: usize = 1_024;

/// Which detections.
#[derive(Clone, Copy, Debug)]
pub struct FramesQuery<'a> {
    /// In which venue.
    pub venue: &'a Slug,
    /// Frames taken at this time or later.
    pub from: Timestamp,
    /// Frames taken before this time.
    pub to: Timestamp,
    /// Only of these cameras; empty: all of them.
    pub cameras: &'a [CameraPattern],
    /// Only of these classes; empty: all of them.
    pub classes: &'a [Class],
    /// Only as sure as this, or surer.
    pub min_confidence: Option<Confidence>,
}

/// A frame as it was stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredFrame {
    /// The node of its camera.
    pub node: Slug,
    /// When it came in, by our clock.
    pub received_at: Timestamp,
    /// The frame, with those of its detections that are asked for: at least one.
    pub frame: Frame,
}

/// Reads the frames of a query, all as they were at one moment. The connection is its own and is closed when the reader
/// is dropped; PostgreSQL then gives up what it is doing within a second.
pub struct FrameReader {
    client: Client,
    statement: Statement,
    filter: Filter,
    min_confidence: Option<Confidence>,
    cameras: HashMap<i32, (Slug, CameraName)>,
    classes: HashMap<i32, Class>,
    expected: Option<u64>,
    ranges: VecDeque<Range>,
    rows: Option<Pin<Box<RowStream>>>,
}

impl FrameReader {
    /// Finds out what there is to read. PostgreSQL ends the reading after `limit`, be it busy or waiting for the reader.
    ///
    /// # Errors
    /// When PostgreSQL cannot be asked.
    pub async fn open(database: &Database, query: FramesQuery<'_>, limit: Duration) -> Result<Self, Error> {
        let client = database.dedicated().await?;
        client.batch_execute(&begin(limit)).await?;
        let meant = Selection {
            venue: query.venue.clone(),
            cameras: query.cameras.to_vec(),
        };
        let cameras = selection::cameras(&client, &[meant], true).await?.into_iter();
        let cameras: HashMap<_, _> = cameras.map(|camera| (camera.id, (camera.node, camera.name))).collect();
        let classes = classes(&client).await?;
        let wanted = |(id, class)| query.classes.contains(class).then_some(id);
        let filter = Filter {
            cameras: cameras.keys().copied().collect(),
            classes: (!query.classes.is_empty()).then(|| classes.iter().filter_map(wanted).copied().collect()),
        };
        let plan = plan::plan(&client, &filter, (query.from, query.to)).await?;
        Ok(Self {
            statement: client.prepare(row::SELECT).await?,
            expected: query.min_confidence.is_none().then_some(plan.detections),
            ranges: plan.ranges.into(),
            rows: None,
            min_confidence: query.min_confidence,
            client,
            filter,
            cameras,
            classes,
        })
    }

    /// How many detections there are to read; `None` where only reading them all would tell.
    pub fn expected(&self) -> Option<u64> {
        self.expected
    }

    /// The next thousand detections, in order of time; `None` when there are no more.
    ///
    /// # Errors
    /// When PostgreSQL cannot be asked, or took longer than the limit.
    pub async fn next(&mut self) -> Result<Option<Vec<StoredFrame>>, Error> {
        let (mut frames, mut detections) = (Vec::new(), 0);
        while detections < PORTION {
            let Some(rows) = &mut self.rows else {
                let Some(range) = self.ranges.pop_front() else { break };
                self.rows = Some(self.rows_of(range).await?);
                continue;
            };
            let Some(row) = rows.next().await else {
                self.rows = None;
                continue;
            };
            let frame = self.frame(&row?)?;
            if !frame.frame.detections.is_empty() {
                detections += frame.frame.detections.len();
                frames.push(frame);
            }
        }
        Ok((!frames.is_empty()).then_some(frames))
    }

    async fn rows_of(&self, (from, to): Range) -> Result<Pin<Box<RowStream>>, Error> {
        let Filter { cameras, classes } = &self.filter;
        let least = self.min_confidence.map(Confidence::value);
        let parameters: [&(dyn ToSql + Sync); 5] = [cameras, &from, &to, classes, &least];
        let rows = self.client.query_raw(&self.statement, parameters).await?;
        Ok(Box::pin(rows))
    }

    fn frame(&self, row: &Row) -> Result<StoredFrame, Error> {
        let camera: i32 = row.try_get("camera_id")?;
        let (node, camera) = self
            .cameras
            .get(&camera)
            .ok_or_else(|| Error::Corrupt(format!("a frame of camera {camera}")))?;
        let wanted = |class: i32, confidence: f32| {
            self.filter
                .classes
                .as_ref()
                .is_none_or(|wanted| wanted.contains(&class))
                && self.min_confidence.is_none_or(|least| confidence >= least.value())
        };
        Ok(StoredFrame {
            node: node.clone(),
            received_at: row.try_get("received_at")?,
            frame: row::frame(row, camera.clone(), &self.classes, wanted)?,
        })
    }
}

/// One moment for all questions. A client that has left is noticed also while nothing can be sent to it, and each plan is
/// made for its own range: one for all would look at every day.
fn begin(limit: Duration) -> String {
    let limit = limit.as_millis();
    format!(
        "set statement_timeout = {limit}; set idle_in_transaction_session_timeout = {limit};
         set client_connection_check_interval = '1s'; set plan_cache_mode = force_custom_plan;
         begin isolation level repeatable read, read only"
    )
}

async fn classes(client: &Client) -> Result<HashMap<i32, Class>, Error> {
    let rows = client.query("select id, name from class", &[]).await?;
    rows.iter()
        .map(|row| Ok((row.try_get("id")?, parsed(row, "name")?)))
        .collect()
}
