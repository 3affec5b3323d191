//! `citytrack-node send`: frames from a pipe, with and without a spool.

use std::fs::File;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use citytrack_node::batch::{Batch, made_at};
use citytrack_node::sealed::Sealed;
use citytrack_node::spool::{Spool, SpoolOptions, SyncPolicy};
use jiff::SignedDuration;
use serde_json::Value;
use tempfile::TempDir;

use crate::node::{Outcome, program, run, terminate};
use crate::server::{Answer, Server};

fn frame(number: usize) -> String {
    format!(r#"{{"camera":"entrance","frame":{number},"captured_at":"2026-11-22T10:00:00Z","detections":[]}}"#) + "\n"
}

fn frames(numbers: impl IntoIterator<Item = usize>) -> String {
    numbers.into_iter().map(frame).collect()
}

fn send(server: &str, arguments: &[&str]) -> Child {
    let mut command = program("send");
    command.args(["--summary", "json", "--server", server]).args(arguments);
    command.stdin(Stdio::piped()).spawn().unwrap()
}

/// Writes all of this, ends the input, and waits for the program.
fn feed(mut child: Child, input: impl AsRef<[u8]>) -> Outcome {
    child.stdin.take().unwrap().write_all(input.as_ref()).unwrap();
    Outcome::of(child.wait_with_output().unwrap())
}

fn spool(command: &str, folder: &Path, arguments: &[&str]) -> Command {
    let mut all = program("spool");
    all.args([command, "--spool"]).arg(folder).args(arguments);
    all
}

fn status(folder: &Path) -> Value {
    serde_json::from_str(&run(spool("status", folder, &["--json"])).stdout).unwrap()
}

fn run_with(mut command: Command, input: File) -> Outcome {
    Outcome::of(command.stdin(input).output().unwrap())
}

/// Where nobody listens.
fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn until<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(value) = check() {
            return value;
        }
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn frames_of_a_pipe_are_batched_and_a_bad_line_costs_no_other() {
    let server = Server::start([Answer::Accept]);
    let input = [
        frames(1..=3),
        r#"{"camera":"no/camera","captured_at":"2026-11-22T10:00:00Z","detections":[]}"#.to_owned() + "\n",
        "not json\n\n".to_owned(),
        frames(4..=5),
    ];
    let outcome = feed(send(&server.url(), &["--batch-frames", "2"]), input.concat());
    assert_eq!(
        (outcome.code, outcome.total("/bad_lines")),
        (3, 2),
        "{}",
        outcome.stderr
    );
    let sizes: Vec<usize> = server.received().iter().map(|one| one.batch.frames.len()).collect();
    assert_eq!(sizes, [2, 2, 1]);
    let numbers: Vec<u64> = server.frames().iter().filter_map(|frame| frame.frame).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    assert!(
        outcome.stderr.contains("line 4: camera \"no/camera\""),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("line 5: column 2"), "{}", outcome.stderr);
}

#[test]
fn a_batch_that_does_not_fill_up_is_sent_all_the_same() {
    let server = Server::start([Answer::Accept]);
    let mut child = send(&server.url(), &["--batch-interval", "50ms"]);
    child.stdin.as_mut().unwrap().write_all(frame(1).as_bytes()).unwrap();
    until("the batch comes while the pipe is open", || {
        (!server.ids().is_empty()).then_some(())
    });
    assert_eq!(feed(child, frame(2)).code, 0);
    assert_eq!(server.received().len(), 2);
}

#[test]
fn what_could_not_be_sent_stays_in_the_openedand_is_sent_later_with_the_same_ids() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("spool");
    let flags = [
        "--spool",
        path.to_str().unwrap(),
        "--batch-frames",
        "1",
        "--stop-within",
        "200ms",
    ];
    let server = Server::start([Answer::AcceptInSilence, Answer::Later(503, "60")]);
    let outcome = feed(send(&server.url(), &flags), frames(1..=3));
    assert_eq!(
        (outcome.code, outcome.total("/unsent/frames")),
        (4, 3),
        "{}",
        outcome.stderr
    );
    let first = status(&path);
    assert_eq!(
        (&first["waiting"]["batches"], &first["next"]["seq"]),
        (&3.into(), &3.into())
    );
    let text = run(spool("status", &path, &[])).stdout;
    assert!(
        text.starts_with("waiting:  3 frames, 0 detections, 3 batches, the oldest since 20"),
        "{text}"
    );

    let back = Server::start([Answer::Accept]);
    let flush = run(spool("flush", &path, &["--summary", "json", "--server", &back.url()]));
    assert_eq!(
        (
            flush.code,
            flush.total("/accepted/frames"),
            flush.total("/found/frames")
        ),
        (0, 3, 3),
        "{}",
        flush.stderr
    );
    let seqs: Vec<Option<u64>> = back.received().iter().map(|one| one.batch.seq).collect();
    assert_eq!(seqs, [Some(0), Some(1), Some(2)]);
    assert_eq!(back.received()[0].batch.batch_id, server.received()[0].batch.batch_id);
    assert_eq!(back.received()[0].body, server.received()[0].body, "byte for byte");

    let again = feed(send(&back.url(), &flags), frame(4));
    assert_eq!(again.code, 0, "{}", again.stderr);
    let last = back.received().pop().unwrap();
    assert_eq!(
        (last.batch.seq, last.batch.stream),
        (Some(3), back.received()[0].batch.stream)
    );
    assert_eq!(status(&path)["waiting"]["batches"], 0);
}

#[test]
fn without_a_server_a_signal_ends_it_and_loses_nothing() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("spool");
    let mut child = send(
        &nowhere(),
        &[
            "--spool",
            path.to_str().unwrap(),
            "--batch-frames",
            "2",
            "--stop-within",
            "50ms",
        ],
    );
    child
        .stdin
        .as_mut()
        .unwrap()
        .write_all(frames(1..=5).as_bytes())
        .unwrap();
    until("full batches are in the spool", || {
        let waiting = path.join("00000001.segment").exists().then(|| status(&path))?;
        (waiting["waiting"]["frames"] == 4).then_some(())
    });
    terminate(child.id());
    // The pipe is still open: nobody waits for it.
    let open = child.stdin.take();
    let outcome = Outcome::of(child.wait_with_output().unwrap());
    drop(open);
    assert_eq!(
        (outcome.code, outcome.total("/unsent/frames")),
        (4, 5),
        "{}",
        outcome.stderr
    );
    assert_eq!(status(&path)["waiting"]["frames"], 5);
}

#[test]
fn a_refused_key_does_not_end_a_node_that_nobody_watches() {
    let server = Server::start([Answer::Problem(401, "{}"), Answer::Problem(403, "{}"), Answer::Accept]);
    let outcome = feed(send(&server.url(), &[]), frame(1));
    assert_eq!((outcome.code, outcome.total("/retries")), (0, 2), "{}", outcome.stderr);
}

#[test]
fn an_input_that_breaks_off_is_not_a_success() {
    let server = Server::start([Answer::Accept]);
    let folder = TempDir::new().unwrap();
    let mut command = program("send");
    command.args(["--summary", "json", "--server", &server.url()]);
    // Reading a folder fails.
    let outcome = run_with(command, File::open(folder.path()).unwrap());
    assert_eq!(
        (outcome.code, outcome.total("/bad_lines")),
        (3, 1),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome.stderr.contains("the input cannot be read any further"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_full_disk_does_not_make_a_failure_of_what_was_accepted() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("spool");
    let server = Server::start([Answer::Accept]);
    let child = send(
        &server.url(),
        &["--spool", path.to_str().unwrap(), "--batch-frames", "1"],
    );
    until("the spool is open", || path.join("state.json").exists().then_some(()));
    // From now on there is no room for what is settled, nor for the state.
    for file in ["00000001.done", "state.new"] {
        std::os::unix::fs::symlink("/dev/full", path.join(file)).unwrap();
    }
    let outcome = feed(child, frames(1..=3));
    assert_eq!(
        (outcome.code, outcome.total("/accepted/frames")),
        (0, 3),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("cannot write down"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("is not closed well"), "{}", outcome.stderr);
}

#[test]
fn half_a_batch_that_does_not_get_through_does_not_hold_up_what_is_new() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("spool");
    let server = Server::start([Answer::By(|batch| match (batch.holds(1), batch.holds(4)) {
        (true, true) => 413,
        (false, true) => 500,
        _ => 202,
    })]);
    let flags = ["--batch-frames", "4", "--live-for", "1s", "--stop-within", "1ms"];
    let mut child = send(
        &server.url(),
        &[&flags[..], &["--spool", path.to_str().unwrap()]].concat(),
    );
    let mut next = 1;
    until("what is new goes out as live", || {
        let four = frames(next..next + 4);
        next += 4;
        child.stdin.as_mut().unwrap().write_all(four.as_bytes()).unwrap();
        let newest = server.received().pop()?.batch;
        let now = made_at(Batch::new(vec![]).batch_id);
        let age = now.duration_since(made_at(newest.batch_id));
        (newest.frames[0].frame > Some(4) && age < SignedDuration::from_secs(1)).then_some(())
    });
    let outcome = feed(child, "");
    assert_eq!(outcome.code, 4, "{}", outcome.stderr);
    let received = server.received();
    let first_halves = received
        .iter()
        .filter(|one| one.batch.holds(1) && !one.batch.holds(4))
        .count();
    assert_eq!(first_halves, 1, "what was accepted is not sent again");
    assert_eq!(
        outcome.total("/accepted/frames") + outcome.total("/unsent/frames"),
        outcome.total("/frames")
    );
}

#[test]
fn a_batch_that_never_gets_through_is_not_sent_each_time_another_one_does() {
    const LIVE: usize = 200;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("spool");
    let options = SpoolOptions {
        folder: path.clone(),
        size: ByteSize::mib(1),
        sync: SyncPolicy::Always,
    };
    let (mut opened, _) = Spool::open(options).unwrap();
    let mut old = Batch::new(vec![]);
    old.batch_id = "0191f1a0-5c3e-7a1b-9f00-2d6e8c4b1a77".parse().unwrap();
    opened.append(Sealed::new(&old, 0), 0, None).unwrap();
    drop(opened);

    let server = Server::start([Answer::By(|batch| if batch.frames.is_empty() { 500 } else { 202 })]);
    let flags = ["--batch-frames", "1", "--stop-within", "1ms"];
    let mut child = send(
        &server.url(),
        &[&flags[..], &["--spool", path.to_str().unwrap()]].concat(),
    );
    let live = frames(1..=LIVE);
    child.stdin.as_mut().unwrap().write_all(live.as_bytes()).unwrap();
    until("the live ones get through", || {
        (server.frames().len() == LIVE).then_some(())
    });
    assert_eq!(feed(child, "").code, 4);
    let attempts = server
        .received()
        .iter()
        .filter(|one| one.batch.frames.is_empty())
        .count();
    assert!((1..20).contains(&attempts), "{attempts} attempts");
}

#[test]
fn two_processes_cannot_use_one_spool() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("spool");
    let server = Server::start([Answer::Accept]);
    let first = send(&server.url(), &["--spool", path.to_str().unwrap()]);
    until("the first one has it", || {
        path.join("00000001.segment").exists().then_some(())
    });
    let second = feed(send(&server.url(), &["--spool", path.to_str().unwrap()]), "");
    assert_eq!(second.code, 2);
    assert!(
        second.stderr.contains("another process uses the spool"),
        "{}",
        second.stderr
    );
    assert_eq!(feed(first, frame(1)).code, 0);
}

#[test]
fn refused_batches_are_counted_and_kept() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("spool");
    let problem = r#"{"type":"/problems/invalid-batch","status":422,"violations":[{"pointer":"/frames","message":"are not wanted"}]}"#;
    let server = Server::start([Answer::Problem(422, problem), Answer::Accept]);
    let flags = ["--spool", path.to_str().unwrap(), "--batch-frames", "1"];
    let outcome = feed(send(&server.url(), &flags), frames(1..=2));
    assert_eq!(
        (outcome.code, outcome.total("/refused/frames")),
        (3, 1),
        "{}",
        outcome.stderr
    );
    let status = status(&path);
    assert_eq!(
        (&status["refused"]["batches"], &status["expired"]["batches"]),
        (&1.into(), &0.into())
    );
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(path.join("refused.jsonl")).unwrap()).unwrap();
    assert_eq!(kept["batch"]["frames"][0]["frame"], 1);
    assert!(
        kept["reason"].as_str().unwrap().ends_with("; /frames: are not wanted"),
        "{kept}"
    );
}

#[test]
fn batches_older_than_the_server_takes_are_counted_as_expired() {
    let folder = TempDir::new().unwrap();
    let options = SpoolOptions {
        folder: folder.path().join("spool"),
        size: ByteSize::mib(1),
        sync: SyncPolicy::Always,
    };
    let path = options.folder.clone();
    let (mut opened, _) = Spool::open(options).unwrap();
    let mut batch = Batch::new(vec![]);
    batch.batch_id = "0191f1a0-5c3e-7a1b-9f00-2d6e8c4b1a77".parse().unwrap();
    opened.append(Sealed::new(&batch, 0), 0, None).unwrap();
    drop(opened);

    let problem = r#"{"type":"/problems/invalid-batch","status":422,
        "violations":[{"pointer":"/batch_id","message":"the time in the batch id lies 800 days in the past"}]}"#;
    let server = Server::start([Answer::Problem(422, problem)]);
    let flush = run(spool("flush", &path, &["--summary", "json", "--server", &server.url()]));
    assert_eq!(
        (
            flush.code,
            flush.total("/expired/batches"),
            flush.total("/refused/batches")
        ),
        (3, 1, 0)
    );
    assert!(flush.stderr.contains("came too late"), "{}", flush.stderr);
    let status = status(&path);
    assert_eq!(
        (&status["expired"]["batches"], &status["waiting"]["batches"]),
        (&1.into(), &0.into())
    );
}

#[test]
fn a_replay_goes_on_where_it_was_killed_and_is_not_played_twice() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("spool");
    let file = crate::node::people(50);
    // The server takes ten batches and is then silent for long.
    let script = std::iter::repeat_n(Answer::Accept, 10).chain([Answer::Later(503, "60")]);
    let server = Server::start(script);
    let flags = [
        "--size",
        "640x480",
        "--speed",
        "max",
        "--batch-frames",
        "2",
        "--spool",
        path.to_str().unwrap(),
    ];
    let replay = |address| crate::node::replay_to(address, &[&[crate::node::path(&file)], &flags[..]].concat());
    let mut child = replay(server.address).spawn().unwrap();
    until("it hangs", || (server.ids().len() == 11).then_some(()));
    child.kill().unwrap();
    child.wait().unwrap();

    let back = Server::start([Answer::Accept]);
    let outcome = run(replay(back.address));
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let mut numbers: Vec<u64> = server.received()[..10]
        .iter()
        .flat_map(|one| &one.batch.frames)
        .chain(&back.frames())
        .filter_map(|frame| frame.frame)
        .collect();
    // The last answer before the kill may not have been written down yet: that batch comes again under its id.
    let known: Vec<_> = server.ids()[..10].to_vec();
    let twice = back
        .received()
        .iter()
        .filter(|one| known.contains(&one.batch.batch_id))
        .count();
    assert!(twice <= 1);
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers, (1..=50).collect::<Vec<u64>>());

    let again = run(replay(back.address));
    assert_eq!((again.code, again.total("/frames")), (0, 0), "{}", again.stderr);
    let flags = [&flags[..], &["--from-start"]].concat();
    let anew = run(crate::node::replay_to(
        back.address,
        &[&[crate::node::path(&file)], &flags[..]].concat(),
    ));
    assert_eq!((anew.code, anew.total("/accepted/frames")), (0, 50), "{}", anew.stderr);
}
