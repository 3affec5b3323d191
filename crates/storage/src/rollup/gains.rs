//! What stored batches add: to the minutes at once, to the roll-ups with the next fold.

use std::collections::BTreeMap;

use citytrack_domain::{Detection, Heatmap, TrackSet};
use deadpool_postgres::Transaction;
use jiff::Timestamp;
use tokio_postgres::{binary_copy::BinaryCopyInWriter, types::Type};

use crate::{
    Error,
    rows::{Bucket, minute},
};

/// What some frames add, by camera and minute.
#[derive(Default)]
pub(crate) struct Gains {
    cameras: BTreeMap<(i32, Timestamp), Bucket>,
    classes: BTreeMap<(i32, i32, Timestamp), Seen>,
}

/// What was seen of a class in a minute of a camera.
#[derive(Default)]
struct Seen {
    bucket: Bucket,
    tracks: TrackSet,
    heat: Heatmap,
}

impl Gains {
    /// Counts a frame. Each detection comes with the number of its class.
    pub(crate) fn add_frame(&mut self, camera: i32, captured_at: Timestamp, detections: &[(i32, &Detection)]) {
        let minute = minute(captured_at);
        self.cameras
            .entry((camera, minute))
            .or_default()
            .add_frame(detections.len());
        let mut counts: BTreeMap<i32, usize> = BTreeMap::new();
        for (class, detection) in detections {
            *counts.entry(*class).or_default() += 1;
            let seen = self.classes.entry((camera, *class, minute)).or_default();
            seen.heat.add(detection.bounding_box);
            if let Some(track) = detection.track_id {
                seen.tracks.add(camera, track);
            }
        }
        for (class, count) in counts {
            self.classes
                .entry((camera, class, minute))
                .or_default()
                .bucket
                .add_frame(count);
        }
    }

    /// Adds to the minutes, and appends to `rollup_delta`.
    pub(crate) async fn write(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        self.add_to_camera_minutes(transaction).await?;
        self.add_to_class_minutes(transaction).await?;
        self.append_deltas(transaction).await
    }

    /// Upserts in the order of the keys, so that two writers never wait for each other in a circle.
    async fn add_to_camera_minutes(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        let (camera_ids, minutes): (Vec<i32>, Vec<Timestamp>) = self.cameras.keys().copied().unzip();
        let [frames, detections, peaks] = Bucket::columns(self.cameras.values());
        let upsert = "insert into camera_minute (camera_id, minute, frames, detections, peak)
             select * from unnest($1::int[], $2::timestamptz[], $3::int[], $4::int[], $5::int[])
             on conflict (camera_id, minute) do update set
                 frames = camera_minute.frames + excluded.frames,
                 detections = camera_minute.detections + excluded.detections,
                 peak = greatest(camera_minute.peak, excluded.peak)";
        let statement = transaction.prepare_cached(upsert).await?;
        transaction
            .execute(&statement, &[&camera_ids, &minutes, &frames, &detections, &peaks])
            .await?;
        Ok(())
    }

    async fn add_to_class_minutes(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        let camera_ids: Vec<i32> = self.classes.keys().map(|key| key.0).collect();
        let class_ids: Vec<i32> = self.classes.keys().map(|key| key.1).collect();
        let minutes: Vec<Timestamp> = self.classes.keys().map(|key| key.2).collect();
        let [frames, detections, peaks] = Bucket::columns(self.classes.values().map(|seen| &seen.bucket));
        let upsert = "insert into class_minute (camera_id, class_id, minute, frames, detections, peak)
             select * from unnest($1::int[], $2::int[], $3::timestamptz[], $4::int[], $5::int[], $6::int[])
             on conflict (camera_id, class_id, minute) do update set
                 frames = class_minute.frames + excluded.frames,
                 detections = class_minute.detections + excluded.detections,
                 peak = greatest(class_minute.peak, excluded.peak)";
        let statement = transaction.prepare_cached(upsert).await?;
        transaction
            .execute(
                &statement,
                &[&camera_ids, &class_ids, &minutes, &frames, &detections, &peaks],
            )
            .await?;
        Ok(())
    }

    async fn append_deltas(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        const COLUMNS: [Type; 8] = [
            Type::INT4,
            Type::INT4,
            Type::TIMESTAMPTZ,
            Type::INT4,
            Type::INT4,
            Type::INT4,
            Type::BYTEA,
            Type::BYTEA,
        ];
        let copy = "copy rollup_delta (camera_id, class_id, minute, frames, detections, peak, tracks, heat)
                    from stdin (format binary)";
        let statement = transaction.prepare_cached(copy).await?;
        let writer = BinaryCopyInWriter::new(transaction.copy_in(&statement).await?, &COLUMNS);
        let mut writer = std::pin::pin!(writer);
        for ((camera, minute), bucket) in &self.cameras {
            let nothing = None::<Vec<u8>>;
            let [frames, detections, peak] = bucket.parts();
            writer
                .as_mut()
                .write(&[
                    camera,
                    &None::<i32>,
                    minute,
                    &frames,
                    &detections,
                    &peak,
                    &nothing,
                    &nothing,
                ])
                .await?;
        }
        for ((camera, class, minute), seen) in &self.classes {
            let [frames, detections, peak] = seen.bucket.parts();
            let tracks = (!seen.tracks.is_empty()).then(|| seen.tracks.encode());
            let heat = seen.heat.encode();
            writer
                .as_mut()
                .write(&[camera, class, minute, &frames, &detections, &peak, &tracks, &heat])
                .await?;
        }
        writer.finish().await?;
        Ok(())
    }
}
