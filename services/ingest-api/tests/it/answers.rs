//! Uploads that wait for their pictures.

use std::time::Duration;

use actix_web::web::Bytes;
use citytrack_broker::{Message, Publisher, PublisherMetrics, PublisherOptions, topology::IMAGES};
use citytrack_domain::{ImageFailure, ImageId, ImageVariant, Variant};
use citytrack_messages::images::{self, Answer, Upload};
use citytrack_testkit::eventually;
use prometheus::Registry;
use reqwest::Response;
use serde_json::Value;

use crate::{
    harness::{Harness, now, png},
    images::take_uploads,
    limits::another_node,
};

type Outcome = Result<ImageVariant<Bytes>, ImageFailure>;

/// Publishes what a worker would.
struct Worker(Publisher);

impl Worker {
    fn of(harness: &Harness) -> Self {
        let options = PublisherOptions {
            connection: harness.image_options(),
            exchange: IMAGES.exchange,
            kind: "test",
            mandatory: true,
            max_waiting: 10,
            max_waiting_bytes: 1 << 20,
            max_group_bytes: 0,
            gather: Duration::ZERO,
            confirm_timeout: Duration::from_secs(5),
        };
        let (publisher, task) = Publisher::new(options, PublisherMetrics::new(&Registry::new()).unwrap());
        #[expect(clippy::disallowed_methods, reason = "a test has no lifecycle")]
        tokio::spawn(task);
        Self(publisher)
    }

    async fn answers(&self, upload: &Upload, outcome: Outcome) {
        let instance = upload.answer_to.as_deref().unwrap();
        let answer = Answer {
            id: upload.image.id,
            node: Some(upload.image.source.id),
            outcome,
        };
        eventually("the worker is connected", async || self.0.check().ok()).await;
        let message = Message {
            route: images::answered_key(instance),
            payload: images::encode_answer(&answer),
            headers: Vec::new(),
        };
        self.0.publish(message).await.unwrap();
    }
}

fn ready(bytes: &'static str) -> ImageVariant<Bytes> {
    ImageVariant {
        variant: Variant::Anonymised,
        media_type: "image/jpeg".to_owned(),
        width: 8,
        height: 8,
        bytes: Bytes::from_static(bytes.as_bytes()),
    }
}

/// Uploads until the instance has its queue, so that somebody waits, and gives the upload that was taken and its answer.
async fn waited(harness: &Harness, wait: &str, work: impl AsyncFn(&Upload)) -> Response {
    let mut queue = harness.image_queue();
    eventually("the instance can be answered", async || {
        let sending = harness.upload(&format!("wait={wait}"), png(8, 8)).send();
        let working = async {
            let upload = take_uploads(&mut queue, 1).await.remove(0);
            if upload.answer_to.is_some() {
                work(&upload).await;
            }
            upload
        };
        let (answer, upload) = tokio::join!(sending, working);
        upload.answer_to.map(|_| answer.unwrap())
    })
    .await
}

#[tokio::test]
async fn who_waits_gets_the_anonymised_picture() {
    let harness = Harness::start_for_images(&[]).await;
    let worker = Worker::of(&harness);
    let answer = waited(&harness, "20s", async |upload| {
        worker.answers(upload, Ok(ready("anonymised"))).await;
    })
    .await;
    assert_eq!(answer.status(), 200);
    let headers = answer.headers();
    assert_eq!(
        (&headers["content-type"], &headers["cache-control"]),
        (&"image/jpeg".parse().unwrap(), &"no-store".parse().unwrap())
    );
    assert!(headers["location"].to_str().unwrap().starts_with("/api/v1/images/"));
    assert_eq!(answer.bytes().await.unwrap(), "anonymised");
}

#[tokio::test]
async fn who_waits_is_told_why_there_is_no_picture() {
    let harness = Harness::start_for_images(&[]).await;
    let worker = Worker::of(&harness);
    let failed = || {
        Err(ImageFailure {
            code: "invalid-picture".to_owned(),
            detail: "the picture cannot be decoded".to_owned(),
        })
    };
    let answer = waited(&harness, "20s", async |upload| worker.answers(upload, failed()).await).await;
    assert_eq!(answer.status(), 422);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(
        (&problem["type"], &problem["reason"]),
        (&"/problems/picture-failed".into(), &"invalid-picture".into())
    );
}

#[tokio::test]
async fn nobody_gets_the_picture_of_another_node_that_has_the_same_id() {
    let harness = Harness::start_for_images(&[]).await;
    let worker = Worker::of(&harness);
    waited(&harness, "20s", async |upload| {
        worker.answers(upload, Ok(ready("an answer comes"))).await;
    })
    .await;
    let mut queue = harness.image_queue();
    let (id, other) = (ImageId::generate(now()), another_node(&harness).await);
    let send = |key: &str, wait: &str| {
        let request = harness.image_request(&format!("id={id}&wait={wait}"));
        request.bearer_auth(key).body(png(8, 8)).send()
    };
    let answering = async {
        for upload in take_uploads(&mut queue, 2).await {
            if upload.image.source.id == harness.node {
                worker.answers(&upload, Ok(ready("of the first node"))).await;
            }
        }
    };
    let (first, second, ()) = tokio::join!(send(&harness.key, "20s"), send(&other, "5s"), answering);
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!((first.status().as_u16(), second.status().as_u16()), (200, 202));
    assert_eq!(first.bytes().await.unwrap(), "of the first node");
}

#[tokio::test]
async fn nobody_waits_for_longer_than_asked() {
    let harness = Harness::start_for_images(&[]).await;
    let answer = waited(&harness, "50ms", async |_| {}).await;
    assert_eq!(answer.status(), 202);
    let none_at_all = Harness::start_for_images(&["--images-max-waiters", "0"]).await;
    let answer = none_at_all.upload("wait=20s", png(8, 8)).send().await.unwrap();
    assert_eq!(answer.status(), 202, "at once");
}
