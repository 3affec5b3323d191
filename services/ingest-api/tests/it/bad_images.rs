//! Every kind of bad picture gets the answer that `docs/api.md` promises; none leaves anything behind.

use std::time::Duration;

use citytrack_testkit::ready_messages;
use reqwest::RequestBuilder;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    harness::{Harness, png},
    limits::limited_by,
};

/// What it is, status, problem, and a text that the answer has.
type Case = (&'static str, u16, &'static str, &'static str, RequestBuilder);

/// A form of these parts, as a browser sends it; the end may be missing.
pub(crate) fn form(request: RequestBuilder, parts: &[(&str, &[u8])], whole: bool) -> RequestBuilder {
    let mut body = Vec::new();
    for (name, content) in parts {
        let head = format!("--boundary\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"a.gif\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    if whole {
        body.extend_from_slice(b"--boundary--\r\n");
    }
    let content_type = "multipart/form-data; boundary=boundary";
    request.header("Content-Type", content_type).body(body)
}

/// The head of a PNG of this size, which is all that it has.
fn claimed(width: u32, height: u32) -> Vec<u8> {
    let mut head = png(1, 1);
    head[16..20].copy_from_slice(&width.to_be_bytes());
    head[20..24].copy_from_slice(&height.to_be_bytes());
    let checksum = crc32(&head[12..29]);
    head[29..33].copy_from_slice(&checksum.to_be_bytes());
    head
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn senders(harness: &Harness) -> Vec<Case> {
    let unknown = citytrack_access::NodeKey::generate();
    let picture = || harness.image_request("").body(png(8, 8));
    vec![
        ("no `Authorization`", 401, "unauthorized", "node key", picture()),
        (
            "no key at all",
            401,
            "unauthorized",
            "",
            picture().bearer_auth("secret"),
        ),
        (
            "an unknown key",
            401,
            "unauthorized",
            "unknown",
            picture().bearer_auth(unknown.expose()),
        ),
    ]
}

fn bodies(harness: &Harness) -> Vec<Case> {
    let upload = |body: &[u8]| harness.upload("", body.to_vec());
    let large = [png(8, 8), vec![0; 8 << 20]].concat();
    let unsupported = "unsupported-picture";
    vec![
        ("nothing", 422, "invalid-picture", "header", upload(b"")),
        (
            "one byte of a PNG",
            422,
            "invalid-picture",
            "header",
            upload(&png(8, 8)[..1]),
        ),
        (
            "half the head of a PNG",
            422,
            "invalid-picture",
            "header",
            upload(&png(8, 8)[..20]),
        ),
        (
            "a GIF",
            415,
            unsupported,
            "GIF",
            upload(b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\0;"),
        ),
        (
            "a PDF",
            415,
            unsupported,
            "PDF",
            upload(b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n"),
        ),
        (
            "JSON",
            415,
            unsupported,
            "takes JPEG",
            upload(br#"{"frames": [{"camera": "entrance", "detections": []}]}"#),
        ),
        (
            "a text",
            415,
            unsupported,
            "takes JPEG",
            upload(&b"This is no picture at all. ".repeat(100)),
        ),
        (
            "too many pixels",
            422,
            "picture-too-large",
            "30000",
            upload(&claimed(30_000, 30_000)),
        ),
        ("no pixels", 422, "invalid-picture", "PNG", upload(&claimed(0, 8))),
        ("more than 8 MiB", 413, "too-large", "8.0 MiB", upload(&large)),
        (
            "a packed body",
            415,
            "unsupported-encoding",
            "gzip",
            upload(&png(8, 8)).header("Content-Encoding", "gzip"),
        ),
    ]
}

fn queries(harness: &Harness) -> Vec<Case> {
    let upload = |query: &str| harness.upload(query, png(8, 8));
    let (query, details) = ("invalid-query", "invalid-details");
    vec![
        ("an unknown field", 400, query, "camra", upload("camra=entrance")),
        ("a field twice", 400, query, "twice", upload("frame=1&frame=2")),
        ("a wait that is none", 400, query, "wait", upload("wait=soon")),
        ("a bad camera", 422, details, "/camera", upload("camera=front%20door")),
        (
            "a bad time",
            422,
            details,
            "/captured_at",
            upload("captured_at=yesterday"),
        ),
        (
            "an old time",
            422,
            details,
            "in the past",
            upload("captured_at=2020-01-01T00:00:00Z"),
        ),
        ("a negative frame", 422, details, "/frame", upload("frame=-1")),
        (
            "an id of another version",
            422,
            details,
            "/id",
            upload("id=d9428888-122b-4c1b-9c5e-1f9d2c3b4a5e"),
        ),
        (
            "a bad id in the header",
            422,
            details,
            "Idempotency-Key",
            upload("").header("Idempotency-Key", "17"),
        ),
        ("boxes that are no JSON", 422, details, "/boxes", upload("boxes=person")),
        (
            "a box in pixels",
            422,
            details,
            "/boxes/0/box",
            upload("boxes=[{\"class\":\"person\",\"confidence\":1,\"box\":[10,10,50,90]}]"),
        ),
    ]
}

fn forms(harness: &Harness) -> Vec<Case> {
    let picture = png(8, 8);
    let post = |parts: &[(&str, &[u8])], whole| form(harness.image_request("").bearer_auth(&harness.key), parts, whole);
    let (multipart, long) = ("invalid-multipart", vec![b'x'; 300 << 10]);
    vec![
        (
            "a form without a picture",
            400,
            multipart,
            "no part picture",
            post(&[("camera", b"door")], true),
        ),
        (
            "a form with two",
            400,
            multipart,
            "twice",
            post(&[("picture", &picture), ("picture", &picture)], true),
        ),
        (
            "an unknown part",
            400,
            multipart,
            "colour",
            post(&[("picture", &picture), ("colour", b"red")], true),
        ),
        (
            "a part that is empty and there again",
            400,
            multipart,
            "twice",
            post(&[("picture", &picture), ("camera", b""), ("camera", b"")], true),
        ),
        (
            "a part that is too long",
            400,
            multipart,
            "bytes",
            post(&[("boxes", &long)], true),
        ),
        (
            "a form that breaks off",
            400,
            multipart,
            "",
            post(&[("picture", &picture)], false),
        ),
        (
            "a form without a boundary",
            400,
            multipart,
            "",
            harness
                .upload("", picture.clone())
                .header("Content-Type", "multipart/form-data"),
        ),
        (
            "a bad camera in a form",
            422,
            "invalid-details",
            "/camera",
            post(&[("picture", &picture), ("camera", b"front door")], true),
        ),
        (
            "a field in query and form",
            400,
            multipart,
            "twice",
            form(
                harness.image_request("frame=1").bearer_auth(&harness.key),
                &[("frame", b"1"), ("picture", &picture)],
                true,
            ),
        ),
        (
            "no picture in a form",
            415,
            "unsupported-picture",
            "GIF",
            post(
                &[("picture", b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\0;")],
                true,
            ),
        ),
    ]
}

#[tokio::test]
async fn every_bad_picture_is_answered_as_documented_and_leaves_nothing() {
    let harness = Harness::start_for_images(&[]).await;
    let cases = [senders(&harness), bodies(&harness), queries(&harness), forms(&harness)];
    for (what, status, kind, part, request) in cases.into_iter().flatten() {
        let answer = request.send().await.unwrap();
        let found = answer.status().as_u16();
        assert_eq!(
            answer.headers()["content-type"],
            "application/problem+json",
            "{what}: {found}"
        );
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(
            (found, &problem["type"]),
            (status, &format!("/problems/{kind}").into()),
            "{what}: {problem}"
        );
        assert!(problem.to_string().contains(part), "{what}: {problem}");
    }
    let (management, broker) = (harness.vhost.management(), harness.vhost.url());
    assert_eq!(ready_messages(&management, &broker, "citytrack.transform", 10).await, 0);
    let client = harness.database.database.client().await.unwrap();
    let rows: i64 = client
        .query_one("select count(*) from image", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(rows, 0);
}

/// Sends only so much of a body that goes on, and gives the first line of the answer.
async fn answered_early(harness: &Harness, media_type: &str, body: &[u8]) -> String {
    let url = harness.image_request("").build().unwrap().url().clone();
    let address = (url.host_str().unwrap(), url.port().unwrap());
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut answers, mut requests) = stream.split();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: {media_type}\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
        url.path(),
        harness.key,
        body.len()
    );
    // Fails when the answer comes before all of it was sent.
    let sending = async {
        let _ = requests.write_all(&[head.as_bytes(), body, b"\r\n"].concat()).await;
    };
    let mut answer = [0; 12];
    let (read, ()) = tokio::join!(answers.read_exact(&mut answer), sending);
    read.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Found by `citytrack-bench fuzz-pictures`: actix would wait for the rest of the chunks for as long as the connection lasts.
#[tokio::test]
async fn a_refused_body_in_chunks_does_not_keep_its_connection() {
    let harness = Harness::start_for_images(&[]).await;
    let url = harness.image_request("").build().unwrap().url().clone();
    for body in ["5\r\nabc", "40\r\n"] {
        let mut stream = TcpStream::connect((url.host_str().unwrap(), url.port().unwrap()))
            .await
            .unwrap();
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{body}",
            url.path()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let closed = timeout(Duration::from_secs(30), stream.read_to_end(&mut answer)).await;
        assert!(answer.starts_with(b"HTTP/1.1 401"), "{body}");
        assert!(closed.is_ok(), "the connection is still open");
    }
}

#[tokio::test]
async fn what_is_no_picture_is_refused_before_the_rest_of_it_comes() {
    let harness = Harness::start_for_images(&[]).await;
    let answered = async |body: &[u8]| answered_early(&harness, "image/png", body).await;
    assert_eq!(answered(&b"This is no picture. ".repeat(10)).await, "HTTP/1.1 415");
    assert_eq!(answered(&claimed(30_000, 30_000)).await, "HTTP/1.1 422");
}

const FORM: &str = "multipart/form-data; boundary=boundary";

#[tokio::test]
async fn a_form_ends_also_when_only_what_is_around_its_parts_comes() {
    let harness = Harness::start_for_images(&[
        "--images-max-bytes",
        "64KiB",
        "--rate-images",
        "0",
        "--rate-image-bytes",
        "0",
    ])
    .await;
    let part = b"--boundary\r\nContent-Disposition: form-data; name=\"camera\"\r\n\r\n\r\n";
    for (what, body) in [
        ("lines before the first part", b"nothing\r\n".repeat(200_000)),
        ("one long line before it", vec![b'-'; 2 << 20]),
        (
            "a part without an end to its head",
            [&part[..30], &vec![b'x'; 2 << 20]].concat(),
        ),
        ("empty parts", part.repeat(3)),
    ] {
        assert_eq!(answered_early(&harness, FORM, &body).await, "HTTP/1.1 400", "{what}");
    }
}

#[tokio::test]
async fn what_is_around_the_parts_of_a_form_is_charged() {
    let harness = Harness::start_for_images(&["--rate-image-bytes", "64KiB", "--rate-burst", "1s"]).await;
    let picture = png(8, 8);
    let accepted = form(
        harness.image_request("").bearer_auth(&harness.key),
        &[("picture", &picture)],
        true,
    );
    assert_eq!(accepted.send().await.unwrap().status(), 202);
    // Announced by nothing, so that only what comes counts.
    assert_eq!(
        answered_early(&harness, FORM, &vec![b'-'; 4 << 20]).await,
        "HTTP/1.1 400"
    );
    let refused = harness.upload("", picture).send().await.unwrap();
    assert_eq!(limited_by(refused).await, "image-bytes");
}
