//! Whole runs against a small server that refuses, loses, doubles and spoils on purpose: the generator has to notice all of it.
//! (It stands in for no part of CityTrack; what is tested here is the generator's own bookkeeping.)

use std::net::SocketAddr;

use clap::{Args as _, Command, FromArgMatches};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast::{Receiver, Sender, channel};
use tokio::task::JoinSet;

use super::*;

/// Takes batches and passes them on; refuses every tenth request.
async fn take_batches(mut stream: TcpStream, live: Sender<Value>) {
    let mut buffer = Vec::new();
    for count in 1_u64.. {
        buffer.clear();
        let batch: Value = loop {
            if stream.read_buf(&mut buffer).await.unwrap() == 0 {
                return;
            }
            let text = String::from_utf8_lossy(&buffer);
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let (_, length) = head.rsplit_once("Content-Length: ").unwrap();
            if body.len() == length.parse::<usize>().unwrap() {
                break serde_json::from_str(body).unwrap();
            }
        };
        let answer: &[u8] = if count % 10 == 0 {
            b"HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nno"
        } else {
            live.send(batch).unwrap();
            b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
        };
        stream.write_all(answer).await.unwrap();
    }
}

/// A subscriber's socket: of the first batch one frame is lost, one doubled, one spoiled; a stranger and a gap come too.
async fn show_batches(stream: TcpStream, mut live: Receiver<Value>) {
    let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
    let subscribe: Value = serde_json::from_str(&socket.next().await.unwrap().unwrap().into_text().unwrap()).unwrap();
    assert_eq!(
        (&subscribe["type"], &subscribe["venue"]),
        (&"subscribe".into(), &"hall".into())
    );
    socket.send(r#"{"type":"subscribed","id":"1"}"#.into()).await.unwrap();
    let mut first = true;
    loop {
        let batch = tokio::select! {
            batch = live.recv() => batch.unwrap(),
            _ = socket.next() => return,
        };
        for (place, frame) in batch["frames"].as_array().unwrap().iter().enumerate() {
            let mut frame = frame.clone();
            let known = json!({"type": "frame", "id": "1", "venue": "hall", "node": "n", "received_at": "2026-11-22T10:00:00Z"});
            frame
                .as_object_mut()
                .unwrap()
                .extend(known.as_object().unwrap().clone());
            let text = frame.to_string();
            match place {
                0 if first => {}
                1 if first => {
                    socket.send(text.clone().into()).await.unwrap();
                    socket.send(text.into()).await.unwrap();
                }
                2 if first => socket.send("{}".into()).await.unwrap(),
                3 if first => {
                    frame["frame"] = json!(7);
                    socket.send(frame.to_string().into()).await.unwrap();
                    socket.send(text.into()).await.unwrap();
                    socket
                        .send(r#"{"type":"gap","id":"1","dropped":1}"#.into())
                        .await
                        .unwrap();
                }
                _ => socket.send(text.into()).await.unwrap(),
            }
        }
        first = false;
    }
}

/// The server, for as long as `stop` is not given.
fn serve(stop: &CancellationToken) -> (SocketAddr, SocketAddr) {
    let (tell, told) = std::sync::mpsc::channel();
    let stop = stop.clone();
    std::thread::spawn(move || {
        runtime().unwrap().block_on(async {
            let posts = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let sockets = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send((posts.local_addr().unwrap(), sockets.local_addr().unwrap()))
                .unwrap();
            let (live, _) = channel(100_000);
            let mut tasks = JoinSet::new();
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    accepted = posts.accept() => tasks.spawn(take_batches(accepted.unwrap().0, live.clone())),
                    accepted = sockets.accept() => tasks.spawn(show_batches(accepted.unwrap().0, live.subscribe())),
                };
            }
        });
    });
    told.recv().unwrap()
}

fn run(extra: &[&str]) -> Report {
    let stop = CancellationToken::new();
    let _guard = stop.clone().drop_guard();
    let (posts, sockets) = serve(&stop);
    let fleet = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        &fleet,
        r#"{"venue":"hall","viewer_token":null,"nodes":[{"slug":"n","key":"k"}]}"#,
    )
    .unwrap();
    let (base, live) = (format!("http://{posts}"), format!("ws://{sockets}/api/v1/live"));
    let common = "--batch 5x2 --connections 4 --subscribers 3 --warmup 0 --duration 1 --drain 1 --fleet";
    let words = ["test"]
        .into_iter()
        .chain(common.split(' '))
        .chain([fleet.path().to_str().unwrap()]);
    let words = words
        .chain(["--base-url", &base, "--live-url", &live])
        .chain(extra.iter().copied());
    let matches = Args::augment_args(Command::new("test"))
        .try_get_matches_from(words)
        .unwrap();
    let mut args = Args::from_arg_matches(&matches).unwrap();
    args.database_url = None; // whatever the environment says
    Run::new(&args).unwrap().measure().unwrap()
}

fn check(report: &Report) {
    let posts = &report.posts;
    let (taken, refused) = (posts.statuses[&202], posts.statuses[&503]);
    assert_eq!(
        (posts.accepted, u64::from(posts.requests)),
        (taken, taken + refused),
        "{report}"
    );
    assert!(refused > 0 && posts.complaint.as_deref() == Some("503 no"), "{report}");
    let live = report.live.as_ref().unwrap();
    // Three subscribers: of the first batch each lost a frame, and got one spoiled, which is lost too.
    assert_eq!(
        (live.expected, live.received),
        (taken * 5 * 3, taken * 5 * 3 - 2 * 3),
        "{report}"
    );
    assert_eq!((live.lost, live.dropped), (3, 3), "{report}");
    assert_eq!((live.doubled, live.malformed, live.unexpected), (3, 3, 3), "{report}");
    assert_eq!((live.cut_off, live.latency_ms.count), (0, live.received), "{report}");
    assert_eq!(report.faults.len(), 5, "{report}");
}

#[test]
fn a_closed_loop_notices_everything() {
    let report = run(&[]);
    check(&report);
    assert_eq!(report.posts.latency_ms.count, u64::from(report.posts.requests));
}

#[test]
fn an_open_loop_sends_by_the_clock() {
    let report = run(&["--rate", "200"]);
    check(&report);
    assert_eq!((report.posts.requests, report.posts.unsent), (200, 0));
}
