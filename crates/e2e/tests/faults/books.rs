//! The books that every test of a fault closes: would they show what went wrong?

use citytrack_e2e::{Setup, TrafficPlan};

use crate::traffic;

/// What is found, what was done to the database, and what undoes it.
const HARMS: [(&str, &str, &str); 6] = [
    (
        "batches",
        "insert into batch (id, node_id, received_at, frames, detections)
         select id, id, received_at, frames, detections from batch limit 1",
        "delete from batch where node_id = id",
    ),
    (
        "minute buckets",
        "update camera_minute set frames = frames + 1",
        "update camera_minute set frames = frames - 1",
    ),
    // The same camera again, under another node, with the same counts.
    (
        "minute buckets",
        "insert into node (id, venue, slug, name) values ('00000000-0000-7000-8000-000000000000', 'demo', 'copy', 'Copy');
         insert into camera (node_id, name) select '00000000-0000-7000-8000-000000000000', name from camera limit 1;
         insert into camera_minute
         select copy.id, minute, frames, detections, peak from camera as copy join camera using (name)
         join camera_minute on camera_id = camera.id where copy.node_id = '00000000-0000-7000-8000-000000000000'",
        "delete from camera_minute using camera
         where camera_id = id and node_id = '00000000-0000-7000-8000-000000000000'",
    ),
    (
        "streams",
        "update stream set batches = batches + 1",
        "update stream set batches = batches - 1",
    ),
    (
        "frames",
        "update frame set confidences[1] = 1 - confidences[1] where cardinality(classes) > 0",
        "update frame set confidences[1] = 1 - confidences[1] where cardinality(classes) > 0",
    ),
    ("frames", "insert into frame select * from frame where number = 0", ""),
];

#[tokio::test]
async fn what_is_doubled_or_mixed_up_is_found() {
    let mut system = Setup::new().await.quick().start().await;
    let sent = traffic(&system, &TrafficPlan::default()).await.stop().await;
    system.close_books(&sent, 0).await;
    let client = system.database.client().await.unwrap();
    for (what, harm, cure) in HARMS {
        client.batch_execute(harm).await.unwrap();
        let found = sent.differences(&system.servers().database).await;
        assert!(found.len() == 1 && found[0].starts_with(what), "{harm}: {found:?}");
        client.batch_execute(cure).await.unwrap();
    }
}
