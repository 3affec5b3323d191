//! Fewer frames, older frames, smaller frames.

use std::io::Read;

use citytrack_testkit::person;
use flate2::read::DeflateDecoder;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{Live, sample, token};

#[tokio::test]
async fn who_wants_fewer_gets_the_newest_and_is_told_of_the_others() {
    let live = Live::start(&[]).await;
    let (mut slow, mut all) = (live.client(&["demo"]).await, live.client(&["demo"]).await);
    let wish = json!({"type": "subscribe", "id": "1", "venue": "demo", "max_rate": 1});
    slow.send(&wish).await;
    assert_eq!(slow.next().await["type"], "subscribed");
    all.subscribe("1", "demo", None).await;
    let mut newest = Value::Null;
    for number in 1..=20 {
        let mut batch = sample("demo", &[("entrance", vec![])]);
        batch.frames[0].number = Some(number);
        live.publish(&batch).await;
        newest = all.next().await["frame"].take();
    }
    let (mut shown, mut left_out, mut last) = (0, 0, Value::Null);
    while shown + left_out < 20 {
        let mut message = slow.next().await;
        match message["type"].as_str() {
            Some("frame") => {
                shown += 1;
                last = message["frame"].take();
            }
            Some("gap") => {
                assert_eq!(
                    (&message["reason"], &message["cameras"]),
                    (&json!("rate"), &json!(["north/entrance"]))
                );
                left_out += message["dropped"].as_u64().unwrap();
            }
            _ => panic!("{message}"),
        }
    }
    assert!(shown >= 2 && left_out > 0, "{shown} shown, {left_out} left out");
    assert_eq!(last, newest, "the last one is shown although none follows");
}

#[tokio::test]
async fn old_news_is_marked_and_need_not_be_taken() {
    let live = Live::start(&["--live-backlog-after", "10s"]).await;
    let mut client = live.client(&["demo"]).await;
    client.subscribe("all", "demo", None).await;
    let wish = json!({"type": "subscribe", "id": "live", "venue": "demo", "backlog": false});
    client.send(&wish).await;
    assert_eq!(client.next().await["type"], "subscribed");
    let mut old = sample("demo", &[("entrance", vec![])]);
    old.frames[0].captured_at -= SignedDuration::from_secs(11);
    live.publish(&old).await;
    let frame = client.next().await;
    assert_eq!((&frame["id"], &frame["backlog"]), (&json!("all"), &json!(true)));
    assert!(client.has_nothing().await);
    let mut late = live.client(&["demo"]).await;
    let subscribed = late.subscribe("1", "demo", None).await;
    assert_eq!(subscribed["snapshot"], json!([]), "it is not what the camera shows");
}

/// A WebSocket by hand: the client library of the other tests does not compress.
struct Raw {
    stream: TcpStream,
}

impl Raw {
    /// A viewer, and the extensions that the server has agreed to.
    async fn open(live: &Live, offer: &str) -> (Self, Option<String>) {
        let mut stream = TcpStream::connect(live.address).await.unwrap();
        let token = token(&["demo"], SignedDuration::from_hours(1));
        let request = format!(
            "GET /api/v1/live HTTP/1.1\r\nhost: {}\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             sec-websocket-extensions: {offer}\r\nauthorization: Bearer {token}\r\n\r\n",
            live.address
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 101"), "{head}");
        let agreed = head
            .lines()
            .find_map(|line| line.strip_prefix("sec-websocket-extensions: "));
        (Self { stream }, agreed.map(str::to_owned))
    }

    /// Sends a short text, masked with zeros.
    async fn send(&mut self, message: &Value) {
        let text = message.to_string();
        let length = u8::try_from(text.len()).unwrap();
        let head = [0x81, 0x80 | length, 0, 0, 0, 0];
        self.stream.write_all(&[&head, text.as_bytes()].concat()).await.unwrap();
    }

    /// The next message, and whether it was compressed.
    async fn next(&mut self) -> (Value, bool) {
        let [first, second] = [
            self.stream.read_u8().await.unwrap(),
            self.stream.read_u8().await.unwrap(),
        ];
        let length = match second {
            126 => usize::from(self.stream.read_u16().await.unwrap()),
            length => usize::from(length),
        };
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).await.unwrap();
        let compressed = first & 0x40 != 0;
        if !compressed {
            return (serde_json::from_slice(&payload).unwrap(), false);
        }
        payload.extend([0x00, 0x00, 0xFF, 0xFF]);
        let mut text = String::new();
        // The stream has no end of its own; what it holds was read by then.
        let _ = DeflateDecoder::new(&payload[..]).read_to_string(&mut text);
        (serde_json::from_str(&text).unwrap(), true)
    }
}

#[tokio::test]
async fn frames_are_compressed_for_those_who_can_read_that() {
    let live = Live::start(&["--live-compression", "true"]).await;
    let (mut raw, agreed) = Raw::open(&live, "permessage-deflate; client_max_window_bits").await;
    let agreed = agreed.unwrap();
    assert!(agreed.contains("server_no_context_takeover"), "{agreed}");
    let mut plain = live.client(&["demo"]).await;
    plain.subscribe("1", "demo", None).await;
    raw.send(&json!({"type": "subscribe", "id": "1", "venue": "demo"}))
        .await;
    assert_eq!(raw.next().await.0["type"], "subscribed");
    for _ in 0..2 {
        live.show("demo", &[("entrance", vec![person(0.5, Some(17)); 20])])
            .await;
        let (frame, compressed) = raw.next().await;
        assert!(compressed);
        assert_eq!(frame, plain.next().await);
    }
}

#[tokio::test]
async fn nothing_is_compressed_unless_the_settings_say_so() {
    let live = Live::start(&[]).await;
    let (mut raw, agreed) = Raw::open(&live, "permessage-deflate").await;
    assert_eq!(agreed, None);
    raw.send(&json!({"type": "subscribe", "id": "1", "venue": "demo"}))
        .await;
    assert_eq!(raw.next().await.0["type"], "subscribed");
    live.show("demo", &[("entrance", vec![person(0.5, None); 20])]).await;
    assert!(!raw.next().await.1);
}
