//! Pictures of the node client with a whole CityTrack: each stored once, whatever ends the program or the network.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, SystemTime},
};

use citytrack_domain::Clock;
use citytrack_e2e::{Setup, System, photograph};
use citytrack_testkit::{Proxy, eventually};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::node::{kill, node, status, summary};

const PICTURES: i64 = 30;
const STORED: &str = "select count(*) from image";

async fn start() -> System {
    let setup = Setup::new().await.pictures();
    let unlimited = |setup: Setup, variable| setup.set("ingest-api", variable, "0");
    let setup = ["CITYTRACK_RATE__IMAGES", "CITYTRACK_RATE__IMAGE_BYTES"]
        .into_iter()
        .fold(setup, unlimited);
    setup.start().await
}

/// A folder, and a spool beside it.
fn folders() -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (inbox, spool) = (folder.path().join("inbox"), folder.path().join("spool"));
    fs::create_dir(&inbox).unwrap();
    (folder, inbox, spool)
}

/// A complete file, as somebody wrote it so many seconds ago.
fn write(folder: &Path, number: i64, bytes: &[u8]) {
    let mut file = File::create(folder.join(format!("{number}.jpg"))).unwrap();
    file.write_all(bytes).unwrap();
    #[expect(clippy::disallowed_methods, reason = "the clock of files")]
    let now = SystemTime::now();
    file.set_modified(now - Duration::from_secs(10 + number.unsigned_abs()))
        .unwrap();
}

/// A line for a frame with one person and a picture.
fn line(number: i64, image: &Path) -> String {
    let person = json!({ "class": "person", "confidence": 0.5, "box": [0.25, 0.25, 0.125, 0.5] });
    let now = Clock::System.now().to_string();
    let frame =
        json!({ "camera": "entrance", "frame": number, "captured_at": now, "detections": [person], "image": image });
    format!("{frame}\n")
}

/// Runs `send` with this input to its end: the exit code and the summary.
fn send(server: &str, key: &str, spool: &Path, arguments: &[&str], input: &str) -> (Option<i32>, Value) {
    let all = ["send", "--summary", "json", "--spool", spool.to_str().unwrap()];
    let mut child = node(server, key, &[&all, arguments].concat())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    summary(&child.wait_with_output().unwrap())
}

fn flush(server: &str, key: &str, spool: &Path) -> (Option<i32>, Value) {
    let all = [
        "spool",
        "flush",
        "--summary",
        "json",
        "--spool",
        spool.to_str().unwrap(),
    ];
    summary(&node(server, key, &all).output().unwrap())
}

// Two threads: one waits for the program, the other one answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_of_a_node_that_is_killed_again_and_again_are_each_stored_once() {
    let system = start().await;
    let key = system.venue("demo").await;
    let (_folder, inbox, spool) = folders();
    (0..PICTURES).for_each(|number| write(&inbox, number, &photograph()));
    let images = format!("{}:entrance", inbox.display());
    let arguments = ["send", "--images", &images, "--spool", spool.to_str().unwrap()];
    let mut kills = 0;
    loop {
        let mut child = node(&system.url(""), &key, &arguments)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let stored = system.number(STORED).await;
        // Anywhere: while some are taken from the folder, and others are on their way.
        let more = i64::try_from(Uuid::now_v7().as_u128() % 8).unwrap();
        eventually("the node goes on", async || {
            let found = system.number(STORED).await;
            (found >= stored + more || found >= PICTURES).then_some(())
        })
        .await;
        assert_eq!(kill(&mut child), None, "it waits for more pictures");
        kills += 1;
        assert!(kills < 60);
        let nothing_left = fs::read_dir(&inbox).unwrap().next().is_none();
        if system.number(STORED).await >= PICTURES && nothing_left {
            break;
        }
    }
    assert!(kills >= 2, "killed {kills} times");
    // What was sent and not settled when the program was killed is sent once more, under its id.
    let (code, sent) = flush(&system.url(""), &key, &spool);
    assert_eq!((code, &status(&spool)["pictures"]), (Some(0), &json!(0)), "{sent}");
    let ready = "select count(*) from image where state = 'ready' and camera = 'entrance'";
    system.until(ready, PICTURES).await;
    assert_eq!(system.number(STORED).await, PICTURES, "after {kills} kills");
    let times = "select count(distinct captured_at) from image";
    assert_eq!(system.number(times).await, PICTURES, "when the files were written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_of_frames_wait_for_the_network_and_know_what_is_on_them() {
    let system = start().await;
    let key = system.venue("demo").await;
    let network = Proxy::start(&system.address).await;
    let server = format!("http://{}", network.address());
    let (_folder, files, spool) = folders();
    write(&files, 1, &photograph());
    let file = files.join("1.jpg");
    network.cut();
    let input: String = (0..3).map(|number| line(number, &file)).collect();
    let (code, left) = send(&server, &key, &spool, &["--stop-within", "1ms"], &input);
    assert_eq!((code, &left["pictures"]["unsent"]), (Some(4), &json!(3)), "{left}");
    assert_eq!(status(&spool)["pictures"], 3);

    network.heal();
    let (code, sent) = flush(&server, &key, &spool);
    assert_eq!((code, &sent["pictures"]["accepted"]), (Some(0), &json!(3)), "{sent}");
    assert_eq!(sent["accepted"]["frames"], 3);
    let known = "select count(*) from image where state = 'ready' and boxes_from = 'upload' and frame is not null";
    system.until(known, 3).await;
    assert_eq!(system.number(STORED).await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_for_which_there_is_no_room_and_those_that_are_refused_are_counted() {
    let system = start().await;
    let key = system.venue("demo").await;
    let network = Proxy::start(&system.address).await;
    let server = format!("http://{}", network.address());
    let (_folder, files, spool) = folders();
    write(&files, 1, &photograph());
    let input: String = (0..PICTURES).map(|number| line(number, &files.join("1.jpg"))).collect();
    network.cut();
    let small = ["--image-spool-size", "1MiB", "--stop-within", "1ms"];
    let (code, left) = send(&server, &key, &spool, &small, &input);
    let of = |what: &str| left["pictures"][what].as_i64().unwrap();
    assert_eq!((code, of("taken")), (Some(3), PICTURES), "{left}");
    assert!(of("dropped") > 0 && of("unsent") > 0, "{left}");
    assert_eq!(left["unsent"]["frames"], PICTURES, "no detection made room: {left}");

    network.heal();
    fs::remove_file(files.join("1.jpg")).unwrap();
    write(&files, 2, b"This is no picture.");
    let (code, sent) = send(&server, &key, &spool, &["--images", files.to_str().unwrap()], "");
    assert_eq!((code, &sent["pictures"]["refused"]), (Some(3), &json!(1)), "{sent}");
    assert_eq!(sent["pictures"]["accepted"], of("unsent"), "{sent}");
    system
        .until("select count(*) from image where state = 'ready'", of("unsent"))
        .await;
    assert_eq!(status(&spool)["pictures"], 0);
}
