//! A flood of pictures never delays a detection: with everything full that pictures may fill, each batch is still taken and stored.

use citytrack_e2e::{Setup, System, Traffic, TrafficPlan, photograph};
use citytrack_testkit::{eventually, limit_queue, queue_is_empty, ready_messages};
use reqwest::{Client, Method, StatusCode};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, task::JoinSet};

/// As large as the room for pictures is in this test.
const ROOM: usize = 4 << 20;
const UPLOADERS: usize = 8;
/// Batches that must be accepted while the flood lasts.
const BATCHES: u64 = 300;

/// Uploads the same picture again and again, however it is answered.
async fn upload_for_ever(url: String, key: String, picture: Vec<u8>) {
    let client = Client::new();
    loop {
        let upload = client.post(&url).bearer_auth(&key).body(picture.clone());
        let status = upload.send().await.map(|answer| answer.status());
        let expected = [
            StatusCode::ACCEPTED,
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::SERVICE_UNAVAILABLE,
        ];
        assert!(
            status.as_ref().is_ok_and(|status| expected.contains(status)),
            "{status:?}"
        );
    }
}

/// Announces a picture and sends nothing of it.
async fn slow_upload(address: &str, key: &str, bytes: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/v1/images HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: {bytes}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

async fn upload(system: &System, key: &str, picture: &[u8]) -> StatusCode {
    let request = system
        .request(Method::POST, "/api/v1/images", key)
        .body(picture.to_vec());
    request.send().await.unwrap().status()
}

#[tokio::test]
async fn a_flood_of_pictures_never_delays_a_detection() {
    let unlimited = |setup: Setup, variable| setup.set("ingest-api", variable, "0");
    let setup = Setup::new().await.quick();
    let setup = ["CITYTRACK_RATE__IMAGES", "CITYTRACK_RATE__IMAGE_BYTES"]
        .into_iter()
        .fold(setup, unlimited);
    let mut system = setup.start().await;
    let (flooding, seeing) = (system.venue("flooded").await, system.venue("demo").await);
    let (broker, management) = (system.servers().broker.clone(), system.servers().management.clone());
    limit_queue(&management, &broker, "transform", ROOM as u64).await;

    // Nobody transforms, so the queue of pictures fills up and stays full, and uploads go on.
    let picture = photograph();
    let mut uploaders = JoinSet::new();
    for _ in 0..UPLOADERS {
        uploaders.spawn(upload_for_ever(
            system.url("/api/v1/images"),
            flooding.clone(),
            picture.clone(),
        ));
    }
    eventually("the queue of pictures is full", async || {
        (upload(&system, &flooding, &picture).await == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
    let full = ready_messages(&management, &broker, "citytrack.transform", 1_000).await;
    assert!(full >= ROOM / picture.len() / 2, "{full} pictures wait");

    // Detections of a node of its own and of the one that floods.
    let traffic = Traffic::start(&system.url(""), &[seeing, flooding.clone()], &TrafficPlan::default());
    traffic.accepted_more(BATCHES).await;
    let sent = traffic.stop().await;
    assert_eq!(
        sent.progress.failed(),
        0,
        "no batch had to be sent twice: {:?}",
        sent.progress
    );
    queue_is_empty(&management, &broker, "citytrack.persist").await;
    sent.all_stored(&system.servers().database).await;

    // All of it was stored after the pictures came, and before any of them was looked at.
    assert!(uploaders.try_join_next().is_none(), "the flood has not ended");
    assert!(ready_messages(&management, &broker, "citytrack.transform", 1_000).await >= full);
    uploaders.abort_all();
    system.close_books(&sent, 0).await;
}

#[tokio::test]
async fn slow_pictures_leave_detections_their_room() {
    let setup = Setup::new()
        .await
        .quick()
        .set("ingest-api", "CITYTRACK_IMAGES__MAX_BODIES", "8MiB");
    let mut system = setup.start().await;
    let key = system.venue("demo").await;
    // The largest picture, and what a form may have around it: there is always room for both.
    let slow_uploads = async || {
        let address = &system.ingest[0].http;
        let around = 5 * (256 << 10) + (64 << 10);
        [
            slow_upload(address, &key, 8 << 20).await,
            slow_upload(address, &key, around).await,
        ]
    };
    let mut slow = slow_uploads().await;
    let picture = photograph();
    eventually("the room for pictures is taken", async || {
        if upload(&system, &key, &picture).await == StatusCode::TOO_MANY_REQUESTS {
            return Some(());
        }
        // It may have met the other in the room, or have come before pictures are taken: then it was refused itself.
        slow = slow_uploads().await;
        None
    })
    .await;
    let traffic = Traffic::start(&system.url(""), std::slice::from_ref(&key), &TrafficPlan::default());
    traffic.accepted_more(BATCHES).await;
    let sent = traffic.stop().await;
    assert_eq!(sent.progress.failed(), 0, "{:?}", sent.progress);
    drop(slow);
    system.close_books(&sent, 0).await;
}
