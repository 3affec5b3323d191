//! The node client's spool with a whole CityTrack: nothing lost, nothing doubled, and what was dropped is what is missing.

use std::{collections::BTreeMap, path::Path, time::Duration};

use citytrack_e2e::System;
use citytrack_testkit::{Proxy, eventually, eventually_within};
use serde_json::Value;
use uuid::Uuid;

use crate::node::{Pipe, kill, node, recording, status, summary};

/// More than the test needs: so many kills that none of them gets through would be a failure.
const MOST_RUNS: usize = 60;

/// So many frames of each number are to be found, with so many detections.
fn frames_of(recording: &Path) -> BTreeMap<i64, i64> {
    let text = std::fs::read_to_string(recording).unwrap();
    let mut frames = BTreeMap::new();
    for line in text.lines() {
        let number = line.split(',').next().unwrap().parse().unwrap();
        *frames.entry(number).or_default() += 1;
    }
    frames
}

/// A random number below a limit: the end of a UUID is random.
fn random(limit: u128) -> i64 {
    i64::try_from(Uuid::now_v7().as_u128() % limit).unwrap()
}

/// What the ledger says of the only stream: stored, missing, given twice.
async fn books(system: &System) -> (i64, i64, i64) {
    assert_eq!(system.number("select count(*) from ledger").await, 1, "one stream");
    let client = system.database.client().await.unwrap();
    let row = client
        .query_one("select stored, missing, reused from ledger", &[])
        .await
        .unwrap();
    (row.get(0), row.get(1), row.get(2))
}

#[tokio::test]
async fn a_replay_that_is_killed_again_and_again_loses_and_doubles_nothing() {
    let mut system = System::start(1).await;
    let key = system.venue("demo").await;
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let file = recording("TUD-Stadtmitte/gt.txt");
    let (argument, expected) = (format!("{}:plaza", file.display()), frames_of(&file));
    let arguments = [
        "replay",
        &argument,
        "--size",
        "640x480",
        "--speed",
        "max",
        "--batch-frames",
        "1",
    ];
    let more = ["--summary", "json", "--quiet", "--spool", spool.to_str().unwrap()];
    let arguments = [&arguments[..], &more].concat();

    let (mut kills, mut stored) = (0, 0);
    loop {
        assert!(kills < MOST_RUNS);
        let mut child = node(&system.url(""), &key, &arguments).spawn().unwrap();
        // Anywhere: before the first batch, between two, while some are on their way.
        let target = stored + random(15);
        let deadline = Duration::from_secs(20);
        let ended = eventually_within(deadline, "the replay goes on or ends", async || {
            stored = system.number("select count(*) from batch").await;
            let ended = child.try_wait().unwrap().is_some();
            (ended || stored >= target).then_some(ended)
        })
        .await;
        let status = kill(&mut child);
        if let (true, Some(status)) = (ended, status) {
            assert_eq!(status.code(), Some(0));
            break;
        }
        kills += 1;
    }
    assert!(kills >= 2, "killed {kills} times");

    let all = i64::try_from(expected.len()).unwrap();
    system.until("select count(*) from frame", all).await;
    // On the way to twice as many there are as many, too; from here on nothing more comes.
    system.end_workers().await;
    let rows = "select number, coalesce(cardinality(classes), 0)::bigint from frame order by number";
    let rows = system.database.client().await.unwrap().query(rows, &[]).await.unwrap();
    let found: Vec<(i64, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(
        found,
        expected.into_iter().collect::<Vec<_>>(),
        "each frame once, after {kills} kills"
    );
    let batches = system.number("select count(*) from batch").await;
    assert_eq!(books(&system).await, (batches, 0, 0));
    let counted = system.number("select sum(frames)::bigint from camera_minute").await;
    assert_eq!(counted, all);

    // Once more: it was played, and stays so.
    let output = node(&system.url(""), &key, &arguments).output().unwrap();
    let (code, again) = summary(&output);
    assert_eq!((code, &again["frames"]), (Some(0), &Value::from(0)));
    for worker in &mut system.workers {
        worker.restart();
        worker.ready().await;
    }
    system.end_workers().await;
    assert_eq!(system.number("select count(*) from frame").await, all);
    assert_eq!(books(&system).await, (batches, 0, 0));
    println!("{kills} kills");
}

// Two threads: one waits for the program, the other one is the network.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_sent_is_sent_later_and_does_not_hold_up_what_is_new() {
    const BACKLOG: usize = 300;
    let mut system = System::start(1).await;
    let key = system.venue("demo").await;
    let network = Proxy::start(&system.address).await;
    let server = format!("http://{}", network.address());
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let arguments = [
        "send",
        "--batch-frames",
        "1",
        "--live-for",
        "1s",
        "--summary",
        "json",
        "--stop-within",
    ];
    let start = |stop_within| {
        let more = [stop_within, "--spool", spool.to_str().unwrap()];
        Pipe::start(node(&server, &key, &[&arguments[..], &more].concat()))
    };

    // The server is there, goes away, and stays away until the input has ended.
    let mut pipe = start("1ms");
    pipe.write("entrance", 0, 1);
    system.until("select count(*) from frame", 1).await;
    network.cut();
    (1..=BACKLOG).for_each(|number| pipe.write("entrance", number, 1));
    let (code, left) = pipe.finish();
    assert_eq!(
        (code, &left["unsent"]["frames"]),
        (Some(4), &Value::from(BACKLOG)),
        "{left}"
    );
    eventually("all of it is old", async || {
        let status = status(&spool);
        assert_eq!(status["waiting"]["frames"], BACKLOG);
        let newest_at: jiff::Timestamp = status["newest"].as_str().unwrap().parse().unwrap();
        let age = citytrack_domain::Clock::System.now().duration_since(newest_at);
        (age > jiff::SignedDuration::from_secs(1)).then_some(())
    })
    .await;

    network.heal();
    let mut pipe = start("20s");
    pipe.write("entrance", BACKLOG + 1, 1);
    let (code, sent) = pipe.finish();
    assert_eq!(
        (code, &sent["accepted"]["frames"]),
        (Some(0), &Value::from(BACKLOG + 1)),
        "{sent}"
    );
    let all = i64::try_from(BACKLOG + 2).unwrap();
    system.until("select count(distinct number) from frame", all).await;
    system.end_workers().await;
    assert_eq!(system.number("select count(*) from frame").await, all);
    assert_eq!(books(&system).await, (all, 0, 0));
    // In the order in which ids were made, the live one is the last; it came before most of the others.
    let in_front =
        "select count(*) from batch where received_at < (select received_at from batch order by id desc limit 1)";
    let in_front = system.number(in_front).await;
    assert!(in_front < all / 2, "{in_front} of {all} came before the live one");
    // The backlog came in order.
    let swapped = "select count(*) from (select received_at < lag(received_at) over (order by id) as earlier
        from (select * from batch order by id desc offset 1) as backlog) as pairs where earlier";
    assert_eq!(system.number(swapped).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_spool_drops_the_oldest_and_the_ledger_misses_exactly_those() {
    const FRAMES: usize = 900;
    let mut system = System::start(1).await;
    let key = system.venue("demo").await;
    let network = Proxy::start(&system.address).await;
    let server = format!("http://{}", network.address());
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let spool_flag = [
        "--spool",
        spool.to_str().unwrap(),
        "--spool-size",
        "1MiB",
        "--summary",
        "json",
    ];
    let sending = [
        "send",
        "--batch-frames",
        "1",
        "--gzip-above",
        "1GB",
        "--stop-within",
        "1ms",
    ];
    network.cut();
    let mut pipe = Pipe::start(node(&server, &key, &[&sending[..], &spool_flag].concat()));
    (0..FRAMES).for_each(|number| pipe.write("entrance", number, 25));
    let (code, left) = pipe.finish();
    let dropped = left["dropped"]["frames"].as_i64().unwrap();
    assert_eq!(code, Some(3), "something was dropped: {left}");
    assert!(dropped > 300, "{left}");
    assert_eq!(status(&spool)["dropped"], left["dropped"]);

    network.heal();
    let flush = [&["spool", "flush"], &spool_flag[..]].concat();
    let output = node(&server, &key, &flush).output().unwrap();
    let (code, flushed) = summary(&output);
    assert_eq!(code, Some(0), "{flushed}");
    let kept = i64::try_from(FRAMES).unwrap() - dropped;
    system.until("select count(*) from frame", kept).await;
    system.end_workers().await;
    assert_eq!(system.number("select count(*) from frame").await, kept);
    assert_eq!(books(&system).await, (kept, dropped, 0));
    assert_eq!(
        system.number("select min(number) from frame").await,
        dropped,
        "the oldest were dropped"
    );
}
