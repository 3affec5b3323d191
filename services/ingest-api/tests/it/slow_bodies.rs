//! Bodies that come slowly, or never: they take no more room and no more of an allowance than what was sent.

use std::io::Write as _;

use citytrack_domain::Slug;
use citytrack_storage::nodes;
use citytrack_testkit::{changed, eventually};
use flate2::{Compression, write::GzEncoder};
use reqwest::Response;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    harness::{Harness, body},
    limits::{HARDLY_ANY, another_node, limited_by, post_as},
};

/// Sends only the head of a request, and waits until the server asks for the body; that never comes.
async fn head_only(harness: &Harness, key: &str, length: usize) -> TcpStream {
    let mut stream = head(
        harness,
        key,
        &format!("Content-Length: {length}\r\nExpect: 100-continue"),
    )
    .await;
    go_on(&mut stream).await;
    stream
}

async fn go_on(stream: &mut TcpStream) {
    let mut answer = [0; 25];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
}

async fn head(harness: &Harness, key: &str, fields: &str) -> TcpStream {
    let url = harness.request().build().unwrap().url().clone();
    let mut stream = TcpStream::connect((url.host_str().unwrap(), url.port().unwrap()))
        .await
        .unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         {fields}\r\n\r\n",
        url.path()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// Keeps room with a request that `open` sends and does not end, until another one that `probe` sends is refused; gives both. The
/// first may meet the other in the room: then it is refused itself, and sent anew.
async fn keep_room(open: impl AsyncFn() -> TcpStream, probe: impl AsyncFn() -> Response) -> (TcpStream, Response) {
    let mut slow = open().await;
    let refused = eventually("the room is taken", async || {
        let answer = probe().await;
        if answer.status() == 202 {
            slow = open().await;
            return None;
        }
        Some(answer)
    })
    .await;
    (slow, refused)
}

#[tokio::test]
async fn what_is_refused_is_not_read() {
    let harness = Harness::start(&["--rate-live-bytes", HARDLY_ANY]).await;
    assert_eq!(post_as(&harness, &harness.key).await.status(), 202);
    let mut stream = head(&harness, &harness.key, "Content-Length: 1000000").await;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 429");
}

#[tokio::test]
async fn slow_bodies_take_no_more_room_than_there_is() {
    let limits = ["--ingest-max-bodies", "2MiB", "--ingest-max-body", "1MiB"];
    let harness = Harness::start(&limits).await;
    let neighbour = another_node(&harness).await;
    let (slow, refused) = keep_room(
        async || head_only(&harness, &harness.key, 1 << 20).await,
        async || post_as(&harness, &harness.key).await,
    )
    .await;
    assert_eq!(limited_by(refused).await, "bodies");
    assert_eq!(
        post_as(&harness, &neighbour).await.status(),
        202,
        "its neighbour has room"
    );
    let third = harness.new_key(third_node(&harness).await).await.1;
    let (also_slow, full) = keep_room(
        async || head_only(&harness, &neighbour, 1 << 20).await,
        async || post_as(&harness, &third).await,
    )
    .await;
    assert_eq!(full.status(), 503);
    assert!(full.headers().contains_key("retry-after"));
    assert_eq!(full.json::<Value>().await.unwrap()["reason"], "no_room");
    drop((slow, also_slow));
    eventually("the room is free again", async || {
        (post_as(&harness, &harness.key).await.status() == 202).then_some(())
    })
    .await;
}

#[tokio::test]
async fn pieces_of_a_body_take_room_as_they_come() {
    let limits = ["--ingest-max-bodies", "2MiB", "--ingest-max-body", "1MiB"];
    let harness = Harness::start(&limits).await;
    let nothing = head(&harness, &harness.key, "Transfer-Encoding: chunked").await;
    assert_eq!(
        post_as(&harness, &harness.key).await.status(),
        202,
        "nothing has come yet"
    );
    let a_piece = async || {
        let mut stream = head(&harness, &harness.key, "Transfer-Encoding: chunked").await;
        stream.write_all(b"100000\r\n").await.unwrap();
        // Fails when it was refused before all was there.
        let _ = stream.write_all(&vec![b' '; 1 << 20]).await;
        stream
    };
    let (slow, refused) = keep_room(a_piece, async || post_as(&harness, &harness.key).await).await;
    assert_eq!(limited_by(refused).await, "bodies");
    drop(nothing);
    drop(slow);
    eventually("the room is free again", async || {
        (post_as(&harness, &harness.key).await.status() == 202).then_some(())
    })
    .await;
}

#[tokio::test]
async fn slow_compressed_bodies_take_the_room_that_they_announce() {
    let harness = Harness::start(&[]).await;
    let neighbour = another_node(&harness).await;
    assert_eq!(post_as(&harness, &neighbour).await.status(), 202);
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(body().to_string().as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let mut slow = Vec::new();
    for _ in 0..9 {
        let fields = format!(
            "Content-Encoding: gzip\r\nContent-Length: {}\r\nExpect: 100-continue",
            packed.len()
        );
        let mut stream = head(&harness, &harness.key, &fields).await;
        go_on(&mut stream).await;
        slow.push(stream);
    }
    assert_eq!(post_as(&harness, &neighbour).await.status(), 202);
    assert_eq!(
        post_as(&harness, &harness.key).await.status(),
        202,
        "another of the node itself"
    );
    for mut stream in slow {
        stream.write_all(&packed).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 202");
    }
}

#[tokio::test]
async fn a_body_that_never_came_costs_nothing() {
    let harness = Harness::start(&["--rate-live-bytes", "2KiB", "--rate-burst", "1s"]).await;
    drop(head_only(&harness, &harness.key, 4 << 20).await);
    eventually("the node may send again", async || {
        (post_as(&harness, &harness.key).await.status() == 202).then_some(())
    })
    .await;
}

async fn third_node(harness: &Harness) -> uuid::Uuid {
    let (venue, slug) = (Slug::new("demo").unwrap(), Slug::new("west").unwrap());
    let id = uuid::Uuid::now_v7();
    changed(&harness.database.database, async |change| {
        nodes::create(change, id, &venue, &slug, "West").await
    })
    .await
    .unwrap()
    .id
}
