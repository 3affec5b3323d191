//! Frames, dates, totals, and the end of a replay.

use std::time::{Duration, Instant};

use citytrack_node::clock::Moment;
use citytrack_node::wire::Frame;
use jiff::SignedDuration;
use tempfile::TempDir;

use crate::node::{Outcome, named_recording, path, people, recording, replay, replay_to, run, terminate};
use crate::server::{Answer, Server};

/// Frames 2 to 6 with 2, 0, 1, 0, 1 boxes, and one of them over the edge.
const SNIPPET: &str = "\
2,1,64,48,64,240,0.9,-1,-1,-1
2,-1,-64,48,128,240,0.5,-1,-1,-1
4, 1, 65, 48, 64, 240, 0.8, -1, -1, -1

6,1,66,48,64,240,0.7,-1,-1,-1
";

fn steps(frames: &[Frame]) -> Vec<SignedDuration> {
    frames
        .windows(2)
        .map(|pair| pair[1].captured_at.duration_since(pair[0].captured_at))
        .collect()
}

#[test]
fn every_frame_and_box_arrives_once_at_its_pace() {
    let server = Server::start([Answer::Accept]);
    let file = recording(SNIPPET);
    let camera = format!("{}:entrance", path(&file));
    let (before, begun) = (Moment::now().utc, Instant::now());
    let outcome = run(replay_to(
        server.address,
        &[&camera, "--size", "640x480", "--fps", "10", "--speed", "2"],
    ));

    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let totals = [
        "/frames",
        "/detections",
        "/accepted/frames",
        "/accepted/detections",
        "/clipped",
        "/retries",
    ];
    assert_eq!(totals.map(|total| outcome.total(total)), [5, 4, 5, 4, 1, 0]);
    assert!(begun.elapsed() >= Duration::from_millis(200), "played at its pace");

    let frames = server.frames();
    let seen: Vec<_> = frames
        .iter()
        .map(|frame| (frame.frame.unwrap(), frame.detections.len()))
        .collect();
    assert_eq!(seen, [(2, 2), (3, 0), (4, 1), (5, 0), (6, 1)]);
    assert_eq!(steps(&frames), [SignedDuration::from_millis(50); 4]);
    assert!(frames[0].captured_at >= before, "dated when it is played");
    assert!(
        frames
            .iter()
            .all(|frame| frame.camera == "entrance" && frame.width == Some(640) && frame.height == Some(480))
    );
    let [tracked, untracked] = &frames[0].detections[..] else {
        panic!()
    };
    assert_eq!((tracked.bounds, tracked.track_id), ([0.1, 0.1, 0.1, 0.5], Some(1)));
    assert_eq!((untracked.bounds, untracked.track_id), ([0.0, 0.1, 0.1, 0.5], None));
}

#[test]
fn a_batch_is_what_came_in_one_interval() {
    let server = Server::start([Answer::Accept]);
    let file = people(30);
    let arguments = [path(&file), "--size", "640x480", "--batch-interval", "400ms"];
    let outcome = run(replay_to(server.address, &arguments));
    let received = server.received();
    let sizes: Vec<usize> = received.iter().map(|received| received.batch.frames.len()).collect();
    assert_eq!((outcome.code, sizes), (0, vec![10, 10, 10]));
    for one in &received {
        let sent_after = one.batch.frames[9].captured_at;
        assert!(one.batch.frames[0].captured_at < sent_after);
        assert_eq!(one.header("authorization"), Some("Bearer ctn_test_key"));
        assert_eq!(one.header("content-type"), Some("application/json"));
        assert!(one.header("user-agent").unwrap().starts_with("citytrack-node/"));
        assert!(one.is_gzip(), "a body above a kilobyte");
        assert_eq!(one.peer, received[0].peer, "the connection is kept");
    }
}

#[test]
fn small_bodies_are_not_compressed() {
    let server = Server::start([Answer::Accept]);
    let file = people(1);
    assert_eq!(
        run(replay_to(server.address, &[path(&file), "--size", "640x480"])).code,
        0
    );
    assert!(!server.received()[0].is_gzip());
}

#[test]
fn several_files_are_several_cameras_side_by_side() {
    let server = Server::start([Answer::Accept]);
    let folder = TempDir::new().unwrap();
    let north = named_recording(&folder, "north gate.txt", SNIPPET);
    let south = named_recording(
        &folder,
        "south.jsonl",
        r#"{"camera":"south","captured_at":"2020-01-01T00:00:00Z","detections":[]}
           {"camera":"south","captured_at":"2020-01-01T00:00:00.1Z","detections":[]}"#,
    );
    let arguments = [&north, &south, "--size", "640x480", "--speed", "4", "--loop=2"];
    let outcome = run(replay_to(server.address, &arguments));
    assert_eq!(
        (outcome.code, outcome.total("/accepted/frames")),
        (0, 14),
        "{}",
        outcome.stderr
    );
    let frames = server.frames();
    assert!(frames.is_sorted_by_key(|frame| frame.captured_at));
    let of = |camera: &str| {
        frames
            .iter()
            .filter(|frame| frame.camera == camera)
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(steps(&of("north-gate")), [SignedDuration::from_millis(10); 9]);
    assert_eq!(steps(&of("south")), [SignedDuration::from_millis(25); 3]);
}

#[test]
fn at_full_speed_the_recording_ends_now() {
    let server = Server::start([Answer::Accept]);
    let file = people(1000);
    let outcome = run(replay_to(
        server.address,
        &[path(&file), "--size", "640x480", "--speed", "max", "--max-pending", "2"],
    ));
    assert_eq!(
        (
            outcome.code,
            outcome.total("/accepted/frames"),
            outcome.total("/batches")
        ),
        (0, 1000, 40)
    );
    let frames = server.frames();
    assert_eq!(steps(&frames), vec![SignedDuration::from_millis(40); 999]);
    assert!(frames[999].captured_at <= Moment::now().utc);

    let dated = [
        path(&file),
        "--size",
        "640x480",
        "--speed",
        "max",
        "--start-at",
        "2026-11-20T00:00:00Z",
    ];
    assert_eq!(run(replay_to(server.address, &dated)).code, 0);
    assert_eq!(
        server.frames()[1000].captured_at,
        "2026-11-20T00:00:00Z".parse().unwrap()
    );
}

#[test]
fn a_signal_sends_what_was_collected() {
    let server = Server::start([Answer::Accept]);
    let file = people(25);
    let child = replay_to(server.address, &[path(&file), "--size", "640x480", "--loop"])
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while server.received().len() < 2 {
        assert!(Instant::now() < deadline, "batches come");
        std::thread::sleep(Duration::from_millis(10));
    }
    terminate(child.id());
    let outcome = Outcome::of(child.wait_with_output().unwrap());
    assert_eq!(
        (outcome.code, outcome.total("/unsent/batches")),
        (0, 0),
        "{}",
        outcome.stderr
    );
    assert_eq!(outcome.total("/accepted/frames"), outcome.total("/frames"));
    assert_eq!(outcome.total("/frames"), server.frames().len() as u64);
}

#[test]
fn a_signal_ends_a_replay_that_nobody_takes() {
    let server = Server::start([Answer::Later(503, "60")]);
    let file = people(10);
    let arguments = [path(&file), "--size", "640x480", "--stop-within", "100ms"];
    let child = replay_to(server.address, &arguments).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while server.received().is_empty() {
        assert!(Instant::now() < deadline, "an attempt is made");
        std::thread::sleep(Duration::from_millis(10));
    }
    terminate(child.id());
    let outcome = Outcome::of(child.wait_with_output().unwrap());
    assert_eq!(
        (outcome.code, outcome.total("/unsent/frames")),
        (3, 10),
        "{}",
        outcome.stderr
    );
}

#[test]
fn too_many_waiting_batches_make_room_as_asked() {
    let file = people(20);
    let common = [
        path(&file),
        "--size",
        "640x480",
        "--speed",
        "20",
        "--batch-frames",
        "1",
        "--max-pending",
        "3",
    ];

    let server = Server::start([Answer::Later(503, "1"), Answer::Accept]);
    let outcome = run(replay_to(server.address, &common));
    assert_eq!(
        (outcome.code, outcome.total("/accepted/frames")),
        (0, 20),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome.stderr.contains("input waits: 4 batches are waiting"),
        "{}",
        outcome.stderr
    );

    let server = Server::start([Answer::Later(503, "1"), Answer::Accept]);
    let outcome = run(replay_to(
        server.address,
        &[&common[..], &["--when-full", "drop-oldest"]].concat(),
    ));
    let (accepted, dropped) = (outcome.total("/accepted/frames"), outcome.total("/dropped/frames"));
    assert_eq!((outcome.code, accepted + dropped), (3, 20), "{}", outcome.stderr);
    assert!(accepted <= 4, "three waiting, and what was accepted in between");
    assert_eq!(
        outcome
            .stderr
            .matches("dropped the oldest to make room: 1 frames")
            .count() as u64,
        dropped
    );
    let kept: Vec<u64> = server.frames().iter().filter_map(|frame| frame.frame).collect();
    assert!(kept.ends_with(&[18, 19, 20]), "the newest ones: {kept:?}");
}

#[test]
fn a_dry_run_prints_what_can_be_replayed() {
    let file = recording(SNIPPET);
    let mut dry = replay(&[path(&file), "--size", "640x480", "--dry-run", "--quiet"]);
    dry.env_remove("CITYTRACK_NODE_KEY");
    let printed = run(dry);
    assert_eq!((printed.code, printed.stdout.lines().count()), (0, 5));
    assert!(
        printed.stderr.starts_with("5 frames, 4 detections in "),
        "{}",
        printed.stderr
    );

    let server = Server::start([Answer::Accept]);
    let again = recording(&printed.stdout);
    let outcome = run(replay_to(server.address, &[path(&again), "--speed", "10"]));
    assert_eq!(
        (outcome.total("/accepted/frames"), outcome.total("/accepted/detections")),
        (5, 4)
    );
    assert_eq!(steps(&server.frames()), [SignedDuration::from_millis(4); 4]);
}
