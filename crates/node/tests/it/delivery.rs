//! Retries, refusals, splits.

use std::io::Read;
use std::net::TcpListener;
use std::time::Duration;

use crate::node::{Outcome, path, people, replay, replay_to, run};
use crate::server::{Answer, Server};

const FAST: [&str; 4] = ["--size", "640x480", "--speed", "100"];

fn replay_people(frames: usize, server: &Server, more: &[&str]) -> Outcome {
    let file = people(frames);
    run(replay_to(server.address, &[&[path(&file)], &FAST[..], more].concat()))
}

#[test]
fn a_busy_server_is_asked_again_when_it_said_with_the_same_id() {
    let server = Server::start([Answer::Later(503, "1"), Answer::Later(429, "1"), Answer::Accept]);
    let outcome = replay_people(3, &server, &[]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert_eq!(
        ["/accepted/frames", "/retries"].map(|total| outcome.total(total)),
        [3, 2]
    );

    let received = server.received();
    assert_eq!(server.ids(), [received[0].batch.batch_id; 3]);
    for pair in received.windows(2) {
        assert!(pair[1].at - pair[0].at >= Duration::from_secs(1));
    }
    assert!(
        outcome
            .stderr
            .contains("503 Service Unavailable; attempt 1, the next one in 1."),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_dropped_connection_is_tried_again_with_the_same_id() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let file = people(3);
    let arguments = [&[path(&file), "--gzip-above", "1MB"], &FAST[..]].concat();
    let child = replay_to(listener.local_addr().unwrap(), &arguments).spawn().unwrap();

    let (mut connection, _) = listener.accept().unwrap();
    let mut request = String::new();
    while !request.ends_with("}]}") {
        let mut chunk = [0; 4096];
        let read = connection.read(&mut chunk).unwrap();
        request.push_str(std::str::from_utf8(&chunk[..read]).unwrap());
    }
    drop(connection);

    let server = Server::start_on(listener, [Answer::Accept]);
    let outcome = Outcome::of(child.wait_with_output().unwrap());
    assert_eq!((outcome.code, outcome.total("/retries")), (0, 1), "{}", outcome.stderr);
    let [id] = server.ids()[..] else {
        panic!("one request reaches the server")
    };
    assert!(request.contains(&id.to_string()));
    assert!(outcome.stderr.contains("connection lost"), "{}", outcome.stderr);
}

#[test]
fn a_lost_answer_is_asked_for_again_with_the_same_id() {
    let server = Server::start([Answer::AcceptInSilence, Answer::Accept]);
    let outcome = replay_people(3, &server, &[]);
    assert_eq!((outcome.code, outcome.total("/retries")), (0, 1), "{}", outcome.stderr);
    let ids = server.ids();
    assert!(ids.len() == 2 && ids[0] == ids[1]);
}

#[test]
fn an_answer_of_somebody_else_does_not_count() {
    let server = Server::start([Answer::Hello, Answer::Accept]);
    let outcome = replay_people(1, &server, &[]);
    assert_eq!((outcome.code, outcome.total("/retries")), (0, 1));
    assert!(outcome.stderr.contains("not as CityTrack does"), "{}", outcome.stderr);
}

#[test]
fn a_refused_batch_is_reported_and_the_next_one_sent() {
    let problem = r#"{"type":"/problems/invalid-batch","title":"The batch is invalid","status":422,
        "violations":[{"pointer":"/frames","message":"has 5 frames too many"}]}"#;
    let server = Server::start([Answer::Problem(422, problem), Answer::Accept]);
    let outcome = replay_people(10, &server, &["--batch-frames", "5"]);
    assert_eq!(outcome.code, 3);
    let totals = [
        "/batches",
        "/accepted/frames",
        "/refused/frames",
        "/refused/batches",
        "/retries",
    ];
    assert_eq!(totals.map(|total| outcome.total(total)), [2, 5, 5, 1, 0]);

    let ids = server.ids();
    assert!(ids.len() == 2 && ids[0] != ids[1]);
    let refused = format!(
        "batch {} refused: 422 Unprocessable Entity (/problems/invalid-batch): The batch is invalid",
        ids[0]
    );
    assert!(outcome.stderr.contains(&refused), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("/frames: has 5 frames too many"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_bad_frame_costs_no_other_frame_of_its_batch() {
    let problem = r#"{"type":"/problems/invalid-batch","status":422,
        "violations":[{"pointer":"/frames/1/camera","message":"is not a camera's name"},{"pointer":"/frames/4","message":"is wrong"}]}"#;
    let server = Server::start([Answer::Problem(422, problem), Answer::Accept]);
    let outcome = replay_people(5, &server, &[]);
    assert_eq!(outcome.code, 3, "{}", outcome.stderr);
    let totals = [
        "/batches",
        "/accepted/batches",
        "/accepted/frames",
        "/refused/frames",
        "/unsent/frames",
    ];
    assert_eq!(totals.map(|total| outcome.total(total)), [1, 1, 3, 2, 0]);
    let received = server.received();
    let numbers: Vec<u64> = received[1]
        .batch
        .frames
        .iter()
        .filter_map(|frame| frame.frame)
        .collect();
    assert_eq!(numbers, [1, 3, 4]);
    assert_ne!(received[0].batch.batch_id, received[1].batch.batch_id);
    assert_eq!(received[0].batch.position(), received[1].batch.position());
    assert!(
        outcome.stderr.contains("without 2 of its 5 frames: 422"),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome.stderr.contains("/frames/1/camera: is not a camera's name"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn batches_say_where_they_stand_and_carry_their_id_in_the_head() {
    let server = Server::start([Answer::AtMost(3)]);
    let outcome = replay_people(10, &server, &["--batch-frames", "5"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let received = server.received();
    for one in &received {
        assert_eq!(one.header("idempotency-key"), Some(&*one.batch.batch_id.to_string()));
    }
    // The halves of a batch that is too large: the one that comes last has the place of the whole.
    let seqs: Vec<Option<u64>> = received.iter().map(|one| one.batch.seq).collect();
    assert_eq!(seqs, [Some(0), None, Some(0), Some(1), None, Some(1)]);
    let streams: Vec<_> = received.iter().filter_map(|one| one.batch.stream).collect();
    assert!(streams.len() == 4 && streams.iter().all(|stream| *stream == streams[0]));
}

#[test]
fn an_allowance_that_is_used_up_is_not_asked_for_more() {
    let server = Server::start([Answer::UsedUp(1), Answer::Accept]);
    let outcome = replay_people(10, &server, &["--batch-frames", "5"]);
    assert_eq!((outcome.code, outcome.total("/retries")), (0, 0), "{}", outcome.stderr);
    let received = server.received();
    assert!(received[1].at - received[0].at >= Duration::from_secs(1));
}

#[test]
fn a_refused_key_ends_the_replay() {
    let problem = r#"{"type":"/problems/unauthorized","detail":"the key was revoked"}"#;
    let server = Server::start([Answer::Problem(401, problem)]);
    // Endless, and with no room: nothing but the refusal can end this.
    let outcome = replay_people(10, &server, &["--loop", "--batch-frames", "1", "--max-pending", "1"]);
    assert_eq!((outcome.code, server.ids().len()), (1, 1));
    assert!(
        outcome
            .stderr
            .contains("401 Unauthorized (/problems/unauthorized): the key was revoked"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.total("/unsent/frames") >= 1);
}

#[test]
fn a_batch_that_is_too_large_is_sent_in_parts_under_new_ids() {
    let server = Server::start([Answer::AtMost(3)]);
    let outcome = replay_people(10, &server, &[]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let sizes: Vec<usize> = server
        .received()
        .iter()
        .map(|received| received.batch.frames.len())
        .collect();
    assert_eq!(sizes, [10, 5, 2, 3, 5, 2, 3]);
    let mut ids = server.ids();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), sizes.len());
    assert_eq!(
        ["/batches", "/accepted/batches", "/accepted/frames"].map(|total| outcome.total(total)),
        [4, 4, 10]
    );
}

#[test]
fn a_batch_is_given_up_when_that_was_asked_for() {
    let server = Server::start([Answer::Later(503, "0")]);
    let outcome = replay_people(2, &server, &["--retry-for", "1s"]);
    assert_eq!((outcome.code, outcome.total("/dropped/frames")), (3, 2));
    assert!(server.ids().len() > 1);
}

#[test]
fn bad_settings_name_what_is_wrong_and_send_nothing() {
    let file = people(1);
    let mut without_key = replay(&[path(&file), "--size", "640x480"]);
    without_key.env_remove("CITYTRACK_NODE_KEY");
    let outcome = run(without_key);
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.contains("CITYTRACK_NODE_KEY"), "{}", outcome.stderr);

    let twice = format!("{}:door", path(&file));
    for (arguments, complaint) in [
        (vec![path(&file)], "--size"),
        (vec!["missing.txt", "--size", "640x480"], "missing.txt"),
        (
            vec![&twice, &twice, "--size", "640x480"],
            "two files are camera \"door\"",
        ),
        (
            vec![path(&file), "--size", "640x480", "--speed", "max", "--loop"],
            "--loop=TIMES",
        ),
        (vec![path(&file), "--server", "localhost"], "--server"),
    ] {
        let outcome = run(replay(&arguments));
        assert_eq!(outcome.code, 2, "{arguments:?}");
        assert!(outcome.stderr.contains(complaint), "{}", outcome.stderr);
    }
}
