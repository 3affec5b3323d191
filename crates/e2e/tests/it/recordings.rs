//! Real recordings through the node client: to the last box in the database, and counted right.

use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use citytrack_e2e::{System, binary, sum};

use crate::node::recording;

/// Plays a file as fast as the server takes it; returns the client's summary.
async fn replay(system: &System, key: &str, file: &str, camera: &str) -> Value {
    let file = format!("{}:{camera}", recording(file).display());
    let output = Command::new(binary("citytrack-node"))
        .args([
            "replay",
            &file,
            "--size",
            "640x480",
            "--speed",
            "max",
            "--summary",
            "json",
            "--quiet",
        ])
        .env("CITYTRACK_SERVER", system.url(""))
        .env("CITYTRACK_NODE_KEY", key)
        .stderr(Stdio::inherit())
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn recordings_are_stored_to_the_last_box_and_the_counts_agree() {
    let system = System::start(1).await;
    let key = system.venue("demo").await;
    let token = system.viewer_token("demo").await;
    let expected = [
        ("TUD-Campus/gt.txt", "campus", 71, 359),
        ("TUD-Stadtmitte/gt.txt", "stadtmitte", 179, 1156),
    ];
    for (file, camera, frames, detections) in expected {
        let summary = replay(&system, &key, file, camera).await;
        assert_eq!(summary["accepted"]["frames"], frames, "{summary}");
        assert_eq!(summary["accepted"]["detections"], detections, "{summary}");
        system
            .until(
                &format!("select count(*) from detection where camera = '{camera}'"),
                detections,
            )
            .await;
        let stored = format!("select count(*) from frame join camera on camera.id = camera_id where name = '{camera}'");
        assert_eq!(system.number(&stored).await, frames);
        let counts = system
            .counts("demo", &token, &format!("bucket=1m&camera={camera}&class=person"))
            .await;
        assert_eq!(
            (sum(&counts, "frames"), sum(&counts, "detections")),
            (frames, detections)
        );
        let tracks = format!("select count(distinct track_id) from detection where camera = '{camera}'");
        assert_eq!(system.number(&tracks).await, if camera == "campus" { 8 } else { 10 });
    }
    let all = system.counts("demo", &token, "bucket=1d").await;
    assert_eq!(sum(&all, "detections"), 359 + 1156);
}
