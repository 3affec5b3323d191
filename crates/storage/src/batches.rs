//! Storing batches: their ids, their frames and the minute buckets, all in one transaction.

use std::collections::{BTreeSet, HashMap, HashSet};

use citytrack_domain::{Batch, CameraName, Class, Frame};
use deadpool_postgres::Transaction;
use jiff::{Timestamp, civil::Date};
use tokio_postgres::{binary_copy::BinaryCopyInWriter, types::Type};
use uuid::Uuid;

use crate::{
    Error,
    agents::Agents,
    database::{Client, Database},
    ledger,
    partitions::{self, Partitioned, day},
    rollup::gains::Gains,
    rows::FrameRow,
};

/// When more names than this are remembered, all are forgotten and looked up again: a bound on memory, not on their number.
const REMEMBERED_NAMES: usize = 100_000;

/// So many cameras at once change what PostgreSQL should know about their table.
const MANY_NEW_CAMERAS: u64 = 100;

/// What became of the batches of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Batches that are new in the database.
    pub batches: usize,
    /// Batches that were there already, and so were left alone.
    pub duplicates: usize,
    /// Frames of the new batches.
    pub frames: usize,
    /// Detections of the new batches.
    pub detections: usize,
}

/// Writes batches, remembering what it need not ask PostgreSQL again: the numbers of cameras and classes, what the nodes
/// run, and which partitions exist.
pub struct BatchWriter {
    database: Database,
    cameras: HashMap<(Uuid, CameraName), i32>,
    classes: HashMap<Class, i32>,
    agents: Agents,
    partitions: HashSet<(Partitioned, Date)>,
}

impl BatchWriter {
    /// A writer that knows nothing yet.
    pub fn new(database: Database) -> Self {
        Self {
            database,
            cameras: HashMap::new(),
            classes: HashMap::new(),
            agents: Agents::default(),
            partitions: HashSet::new(),
        }
    }

    /// Stores the batches that are not stored yet, all or nothing. May be called again with the same ones at any time.
    ///
    /// # Errors
    /// [`Error::is_transient`] when PostgreSQL is away; otherwise one of the batches cannot be stored as it is.
    pub async fn insert(&mut self, batches: &[Batch]) -> Result<Stored, Error> {
        let database = self.database.clone();
        match database.in_time(self.try_insert(batches)).await {
            // What we remember may be wrong by now: a partition dropped, or names gone after a restore. Once more, afresh.
            Err(error) if !error.is_transient() => {
                self.cameras.clear();
                self.classes.clear();
                self.agents.clear();
                self.partitions.clear();
                database.in_time(self.try_insert(batches)).await
            }
            result => result,
        }
    }

    async fn try_insert(&mut self, batches: &[Batch]) -> Result<Stored, Error> {
        let mut client = self.database.client().await?;
        self.make_partitions(&mut client, batches).await?;
        self.learn_cameras(&client, batches).await?;
        self.learn_classes(&client, batches).await?;
        self.agents.learn(&client, batches).await?;

        let transaction = client.transaction().await?;
        let new_ids = insert_ids(&transaction, batches).await?;
        let mut seen = HashSet::new();
        let new: Vec<&Batch> = batches
            .iter()
            .filter(|batch| new_ids.contains(&key(batch)) && seen.insert(key(batch)))
            .collect();
        self.copy_frames(&transaction, &new).await?;
        self.add_to_buckets(&transaction, &new).await?;
        ledger::enter(&transaction, batches, &new).await?;
        transaction.commit().await?;

        Ok(Stored {
            batches: new.len(),
            duplicates: batches.len() - new.len(),
            frames: new.iter().map(|batch| batch.frames.len()).sum(),
            detections: new.iter().map(|batch| batch.detections()).sum(),
        })
    }

    async fn make_partitions(&mut self, client: &mut Client, batches: &[Batch]) -> Result<(), Error> {
        let frames = batches
            .iter()
            .flat_map(|batch| &batch.frames)
            .map(|frame| (Partitioned::Frame, day(frame.captured_at)));
        let ids = batches.iter().map(|batch| (Partitioned::Batch, day(batch.id.time())));
        let missing: HashSet<_> = frames
            .chain(ids)
            .filter(|wanted| !self.partitions.contains(wanted))
            .collect();
        if !missing.is_empty() {
            let missing: Vec<_> = missing.into_iter().collect();
            partitions::ensure(client, &missing).await?;
            self.partitions.extend(missing);
        }
        Ok(())
    }

    /// Cameras appear with their first frame.
    async fn learn_cameras(&mut self, client: &Client, batches: &[Batch]) -> Result<(), Error> {
        if self.cameras.len() > REMEMBERED_NAMES {
            self.cameras.clear();
        }
        let unknown: BTreeSet<(Uuid, CameraName)> = batches
            .iter()
            .flat_map(|batch| batch.frames.iter().map(|frame| (batch.source.id, frame.camera.clone())))
            .filter(|camera| !self.cameras.contains_key(camera))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let (nodes, names): (Vec<Uuid>, Vec<&str>) = unknown.iter().map(|(node, name)| (*node, name.as_str())).unzip();
        let insert = "insert into camera (node_id, name) select * from unnest($1::uuid[], $2::text[])
                      on conflict do nothing";
        if client.execute(insert, &[&nodes, &names]).await? >= MANY_NEW_CAMERAS {
            // The plans that check the foreign keys of the buckets were made for a small table; they would scan this one for
            // every row until autovacuum gets round to it.
            client.batch_execute("analyze camera").await?;
        }
        let select = "select node_id, name, id from camera
                      join unnest($1::uuid[], $2::text[]) as wanted (node_id, name) using (node_id, name)";
        for row in client.query(select, &[&nodes, &names]).await? {
            let name = CameraName::new(row.get("name")).map_err(|error| Error::Corrupt(format!("camera: {error}")))?;
            self.cameras.insert((row.get("node_id"), name), row.get("id"));
        }
        Ok(())
    }

    async fn learn_classes(&mut self, client: &Client, batches: &[Batch]) -> Result<(), Error> {
        if self.classes.len() > REMEMBERED_NAMES {
            self.classes.clear();
        }
        let detections = batches
            .iter()
            .flat_map(|batch| &batch.frames)
            .flat_map(|frame| &frame.detections);
        let unknown: BTreeSet<&Class> = detections
            .map(|detection| &detection.class)
            .filter(|class| !self.classes.contains_key(*class))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = unknown.iter().map(|class| class.as_str()).collect();
        let insert = "insert into class (name) select * from unnest($1::text[]) on conflict do nothing";
        client.execute(insert, &[&names]).await?;
        for row in client
            .query("select name, id from class where name = any($1)", &[&names])
            .await?
        {
            let class = Class::new(row.get("name")).map_err(|error| Error::Corrupt(format!("class: {error}")))?;
            self.classes.insert(class, row.get("id"));
        }
        Ok(())
    }

    fn camera(&self, batch: &Batch, frame: &Frame) -> Result<i32, Error> {
        let known = self.cameras.get(&(batch.source.id, frame.camera.clone()));
        known
            .copied()
            .ok_or_else(|| Error::Corrupt(format!("camera {} of node {} is gone", frame.camera, batch.source.id)))
    }

    fn class(&self, class: &Class) -> Result<i32, Error> {
        self.classes
            .get(class)
            .copied()
            .ok_or_else(|| Error::Corrupt(format!("class {class} is gone")))
    }

    async fn copy_frames(&self, transaction: &Transaction<'_>, batches: &[&Batch]) -> Result<(), Error> {
        const COLUMNS: [Type; 10] = [
            Type::INT4,
            Type::INT8,
            Type::TIMESTAMPTZ,
            Type::TIMESTAMPTZ,
            Type::INT4,
            Type::INT4,
            Type::INT4_ARRAY,
            Type::FLOAT4_ARRAY,
            Type::FLOAT4_ARRAY,
            Type::INT8_ARRAY,
        ];
        let copy = "copy frame (camera_id, number, captured_at, received_at, width, height,
                             classes, confidences, boxes, track_ids) from stdin (format binary)";
        let statement = transaction.prepare_cached(copy).await?;
        let sink = transaction.copy_in(&statement).await?;
        let writer = BinaryCopyInWriter::new(sink, &COLUMNS);
        let mut writer = std::pin::pin!(writer);
        for batch in batches {
            for frame in &batch.frames {
                let row = FrameRow::new(frame, |class| self.class(class))?;
                let camera = self.camera(batch, frame)?;
                writer
                    .as_mut()
                    .write(&[
                        &camera,
                        &frame.number,
                        &frame.captured_at,
                        &batch.received_at,
                        &row.width,
                        &row.height,
                        &row.classes,
                        &row.confidences,
                        &row.boxes,
                        &row.track_ids,
                    ])
                    .await?;
            }
        }
        writer.finish().await?;
        Ok(())
    }

    async fn add_to_buckets(&self, transaction: &Transaction<'_>, batches: &[&Batch]) -> Result<(), Error> {
        let mut gains = Gains::default();
        for batch in batches {
            for frame in &batch.frames {
                let camera = self.camera(batch, frame)?;
                let detections: Vec<_> = frame
                    .detections
                    .iter()
                    .map(|detection| Ok((self.class(&detection.class)?, detection)))
                    .collect::<Result<_, Error>>()?;
                gains.add_frame(camera, frame.captured_at, &detections);
            }
        }
        gains.write(transaction).await
    }
}

/// Registers the ids and says which of them are new. Another writer that has one of them in hand is waited for. Sorted, so
/// that two writers never wait for each other in a circle.
async fn insert_ids(transaction: &Transaction<'_>, batches: &[Batch]) -> Result<HashSet<(Uuid, Uuid)>, Error> {
    let mut rows: Vec<&Batch> = batches.iter().collect();
    rows.sort_by_key(|batch| key(batch));
    let ids: Vec<Uuid> = rows.iter().map(|batch| batch.id.uuid()).collect();
    let nodes: Vec<Uuid> = rows.iter().map(|batch| batch.source.id).collect();
    let times: Vec<Timestamp> = rows.iter().map(|batch| batch.received_at).collect();
    let frames: Vec<i32> = rows.iter().map(|batch| count(batch.frames.len())).collect();
    let detections: Vec<i32> = rows.iter().map(|batch| count(batch.detections())).collect();
    let insert = "insert into batch (id, node_id, received_at, frames, detections)
         select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::int[], $5::int[])
         on conflict do nothing returning id, node_id";
    let statement = transaction.prepare_cached(insert).await?;
    let new = transaction
        .query(&statement, &[&ids, &nodes, &times, &frames, &detections])
        .await?;
    Ok(new.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// What makes a batch recognisable: ids are the node's own affair.
fn key(batch: &Batch) -> (Uuid, Uuid) {
    (batch.id.uuid(), batch.source.id)
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
