//! What the database holds of that which was sent, row by row: a row too many is one more, and never hidden by another.
//!
//! Rows are looked for by what no other sender has (ids, cameras, streams), whatever node they have, so those of a wrong node
//! are found, too.

use std::collections::{BTreeMap, HashMap};

use citytrack_storage::Client;
use jiff::Timestamp;
use uuid::Uuid;

use crate::posted::detection;

/// Id, node, frames, detections.
pub(crate) type Batch = (Uuid, Uuid, i64, i64);
/// Node, camera, number, time, detections as JSON.
pub(crate) type Frame = (Uuid, String, i64, Timestamp, Vec<String>);
/// Node, camera, class (none: all together), minute.
pub(crate) type MinuteKey = (Uuid, String, Option<String>, Timestamp);
/// Frames, detections and the most in one frame, of a minute.
pub(crate) type Counts = (i64, i64, i64);
/// Node, id, and: stored batches, highest number, refused and missing numbers, numbers given twice.
pub(crate) type Stream = (Uuid, Uuid, [i64; 5]);

/// The node of each key. A key begins with its prefix, which no other has.
pub(crate) async fn nodes(client: &Client, keys: &[&str]) -> BTreeMap<String, Uuid> {
    let question = "select key, node_id from unnest($1::text[]) as key join node_key on starts_with(key, prefix)";
    let rows = client.query(question, &[&keys]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

pub(crate) async fn batches(client: &Client, ids: &[Uuid]) -> Vec<Batch> {
    let question = "select id, node_id, frames::bigint, detections::bigint from batch where id = any($1)";
    let rows = client.query(question, &[&ids]).await.unwrap();
    let rows = rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)));
    rows.collect()
}

pub(crate) async fn frames(client: &Client, cameras: &[&str]) -> Vec<Frame> {
    let classes = client.query("select id, name from class", &[]).await.unwrap();
    let classes: HashMap<i32, String> = classes.iter().map(|row| (row.get(0), row.get(1))).collect();
    let question = "select camera.node_id, camera.name, number, captured_at, classes, confidences, boxes, track_ids
                    from frame join camera on camera.id = camera_id where camera.name = any($1)";
    let rows = client.query(question, &[&cameras]).await.unwrap();
    let rows = rows.iter().map(|row| {
        let (those, confidences): (Vec<i32>, Vec<f32>) = (row.get(4), row.get(5));
        let (boxes, tracks): (Vec<f32>, Option<Vec<Option<i64>>>) = (row.get(6), row.get(7));
        let tracks = tracks.unwrap_or_else(|| vec![None; those.len()]);
        let lengths = [confidences.len(), tracks.len(), boxes.len()];
        assert_eq!(lengths, [those.len(), those.len(), 4 * those.len()]);
        let detections = those.iter().zip(confidences).zip(boxes.chunks(4)).zip(tracks);
        let detections = detections.map(|(((class, confidence), bounding_box), track)| {
            detection(&classes[class], confidence, bounding_box, track).to_string()
        });
        (row.get(0), row.get(1), row.get(2), row.get(3), detections.collect())
    });
    rows.collect()
}

pub(crate) async fn minutes(client: &Client, cameras: &[&str]) -> Vec<(MinuteKey, Counts)> {
    let question = "
        select camera.node_id, camera.name, null as class, minute, frames::bigint, detections::bigint, peak::bigint
        from camera_minute join camera on camera.id = camera_id where camera.name = any($1)
        union all
        select camera.node_id, camera.name, class.name, minute, frames::bigint, detections::bigint, peak::bigint
        from class_minute join camera on camera.id = camera_id join class on class.id = class_id
        where camera.name = any($1)";
    let rows = client.query(question, &[&cameras]).await.unwrap();
    let rows = rows.iter().map(|row| {
        let key = (row.get(0), row.get(1), row.get(2), row.get(3));
        (key, (row.get(4), row.get(5), row.get(6)))
    });
    rows.collect()
}

pub(crate) async fn streams(client: &Client, ids: &[Uuid]) -> Vec<Stream> {
    let question = "select node_id, stream, stored, highest, refused, missing, reused
                    from ledger where stream = any($1)";
    let rows = client.query(question, &[&ids]).await.unwrap();
    let rows = rows.iter().map(|row| {
        (
            row.get(0),
            row.get(1),
            [2_usize, 3, 4, 5, 6].map(|column| row.get(column)),
        )
    });
    rows.collect()
}
