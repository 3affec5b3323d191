//! `worker transform` and pictures that do not come to a good end.

use std::time::Duration;

use bytes::Bytes;
use citytrack_broker::{
    Inbox, InboxMetrics, Message, Options, Publisher, PublisherMetrics, PublisherOptions, Source,
    topology::{IMAGES, SAVE, TRANSFORM},
};
use citytrack_common::{Lifecycle, settings::from_args, telemetry};
use citytrack_domain::{BoxesFrom, Clock, ImageDetails, ImageId};
use citytrack_messages::images::{
    Transformed, UPLOAD, Upload, decode_transformed, decode_upload, encode_upload, uploaded_key,
};
use citytrack_storage::batches::BatchWriter;
use citytrack_testkit::{Proxy, batch, eventually, frame, person};
use citytrack_worker::pictures::{TransformSettings, transform};
use prometheus::Registry;

use crate::harness::{Harness, Worker};

/// Sixteen grey pixels.
pub(crate) const PICTURE: &[u8] = include_bytes!("grey.png");

pub(crate) fn upload(harness: &Harness, picture: &'static [u8]) -> Upload {
    let now = Clock::System.now();
    let now = jiff::Timestamp::from_microsecond(now.as_microsecond()).unwrap();
    Upload {
        image: ImageDetails {
            id: ImageId::generate(now),
            source: harness.source.clone(),
            camera: None,
            captured_at: now,
            frame: None,
            received_at: now,
            media_type: "image/png".to_owned(),
        },
        boxes: None,
        answer_to: None,
        picture: Bytes::from_static(picture),
    }
}

pub(crate) fn options(harness: &Harness) -> Options {
    Options {
        topology: IMAGES,
        ..harness.vhost.options("test pictures")
    }
}

/// An inbox on a work queue of pictures.
pub(crate) fn inbox(harness: &Harness, queue: &'static str) -> Inbox {
    let metrics = InboxMetrics::new(&Registry::new()).unwrap();
    Inbox::new(options(harness), Source::Work(queue), 10, metrics)
}

/// Publishes uploads to an exchange of pictures.
pub(crate) async fn publish(harness: &Harness, exchange: &'static str, payloads: Vec<Bytes>) {
    let options = PublisherOptions {
        connection: options(harness),
        exchange,
        kind: UPLOAD,
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
    eventually("the publisher is connected", async || publisher.check().ok()).await;
    for payload in payloads {
        let message = Message {
            route: uploaded_key(&harness.source.venue),
            payload,
            headers: Vec::new(),
        };
        publisher.publish(message).await.unwrap();
    }
}

fn worker(harness: &Harness, broker: &str, extra: &[&str]) -> Worker {
    let args = ["--admin-listen", "127.0.0.1:0", "--images-max-backoff", "200ms"];
    let urls = ["--database-url", harness.database.url(), "--broker-url", broker];
    let settings: TransformSettings = from_args(args.iter().chain(&urls).chain(extra)).unwrap();
    telemetry::init(&settings.common.log).unwrap();
    let lifecycle = Lifecycle::new(settings.common.shutdown.clone());
    transform::start(&settings, &lifecycle).unwrap();
    Worker::of(lifecycle)
}

/// A worker that dies with everything in hand that waits.
async fn dies_holding(harness: &Harness, messages: usize) {
    let mut inbox = inbox(harness, TRANSFORM.name);
    let mut held = 0;
    while held < messages {
        held += inbox.next(messages, usize::MAX).await.len();
    }
    inbox.close().await;
}

/// What became of so many pictures.
async fn transformed(harness: &Harness, count: usize) -> Vec<Transformed> {
    let mut inbox = inbox(harness, SAVE.name);
    let mut all = Vec::new();
    while all.len() < count {
        for delivery in inbox.next(count, usize::MAX).await {
            all.push(decode_transformed(delivery.payload).unwrap());
        }
        inbox.settle().await;
    }
    inbox.close().await;
    all
}

/// Why a picture failed; `None`: it did not.
fn code(all: &[Transformed], upload: &Upload) -> Option<String> {
    let of_it: Vec<_> = all.iter().filter(|done| done.image == upload.image).collect();
    let [done] = of_it[..] else {
        panic!("{} times", of_it.len())
    };
    done.outcome.as_ref().err().map(|failure| failure.code.clone())
}

#[tokio::test]
async fn a_picture_that_workers_died_of_is_told_as_failed_and_put_aside() {
    let harness = Harness::new().await;
    let (deadly, by_chance, fresh) = (
        upload(&harness, PICTURE),
        upload(&harness, PICTURE),
        upload(&harness, PICTURE),
    );
    publish(&harness, IMAGES.exchange, vec![encode_upload(&deadly)]).await;
    dies_holding(&harness, 1).await;
    publish(&harness, IMAGES.exchange, vec![encode_upload(&by_chance)]).await;
    dies_holding(&harness, 2).await;
    publish(&harness, IMAGES.exchange, vec![encode_upload(&fresh)]).await;
    let worker = worker(&harness, &harness.vhost.url(), &["--transform-attempts", "2"]);
    let all = transformed(&harness, 3).await;
    assert_eq!(code(&all, &deadly).as_deref(), Some("crashed-worker"));
    assert_eq!((code(&all, &by_chance), code(&all, &fresh)), (None, None));
    let letter = eventually("the upload is put aside", async || {
        let tray = citytrack_broker::Tray::open(&options(&harness)).await.unwrap();
        tray.take().await.unwrap()
    })
    .await;
    assert!(letter.headers["x-citytrack-reason"].contains("2 times"), "{letter:?}");
    assert_eq!(decode_upload(letter.payload).unwrap(), deadly);
    worker.stop().await;
    // Nothing comes again.
    let mut again = inbox(&harness, TRANSFORM.name);
    publish(&harness, IMAGES.exchange, vec![encode_upload(&fresh)]).await;
    let next = again.next(10, usize::MAX).await;
    assert_eq!((next.len(), next[0].returned), (1, 0));
}

#[tokio::test]
async fn what_is_too_large_for_the_broker_fails_instead_of_being_tried_for_ever() {
    let harness = Harness::new().await;
    let (large, after) = (upload(&harness, PICTURE), upload(&harness, b"no picture"));
    let uploads = [&large, &after].map(encode_upload).to_vec();
    publish(&harness, IMAGES.exchange, uploads).await;
    let worker = worker(&harness, &harness.vhost.url(), &["--transform-max-message", "400B"]);
    let all = transformed(&harness, 2).await;
    assert_eq!(code(&all, &large).as_deref(), Some("picture-too-large"));
    assert_eq!(code(&all, &after).as_deref(), Some("invalid-picture"));
    worker.stop().await;
}

#[tokio::test]
async fn whoever_is_on_any_frame_of_the_moment_is_known() {
    let harness = Harness::new().await;
    let mut asked = upload(&harness, PICTURE);
    let at = asked.image.received_at - jiff::SignedDuration::from_secs(1);
    asked.image.camera = Some(citytrack_domain::CameraName::new("door").unwrap());
    asked.image.captured_at = at;
    // Of two detectors.
    let frames = [0.125, 0.5].map(|left| frame("door", at, vec![person(left, None)]));
    let batches = frames.map(|frame| batch(&harness.source, at, vec![frame]));
    let mut writer = BatchWriter::new(harness.database.database.clone());
    writer.insert(&batches).await.unwrap();
    publish(&harness, IMAGES.exchange, vec![encode_upload(&asked)]).await;
    // It does not wait for that long.
    let worker = worker(&harness, &harness.vhost.url(), &["--transform-frame-wait", "10min"]);
    let [done] = &transformed(&harness, 1).await[..] else {
        panic!("no picture")
    };
    assert_eq!(done.boxes_from, BoxesFrom::Detections);
    let people = done.boxes.iter().flatten().map(|person| person.bounding_box.parts()[0]);
    let mut people: Vec<_> = people.collect();
    people.sort_by(f32::total_cmp);
    assert_eq!(people, [0.125, 0.5]);
    worker.stop().await;
}

#[tokio::test]
async fn who_holds_a_picture_says_that_the_broker_is_away() {
    let harness = Harness::new().await;
    let (proxy, through) = Proxy::before(&harness.vhost.url()).await;
    let worker = worker(&harness, &through, &[]);
    let says = |check: &str| worker.readiness.report().1[check].clone();
    eventually("the worker is ready", async || {
        worker.readiness.report().0.then_some(())
    })
    .await;
    harness.database.shut().await;
    publish(
        &harness,
        IMAGES.exchange,
        vec![encode_upload(&upload(&harness, PICTURE))],
    )
    .await;
    eventually("it holds a picture", async || (says("database") != "ok").then_some(())).await;
    proxy.cut();
    eventually("it says so", async || {
        says("publisher").contains("no connection to RabbitMQ").then_some(())
    })
    .await;
    proxy.heal();
    harness.database.reopen().await;
    assert_eq!(transformed(&harness, 1).await[0].outcome.as_ref().err(), None);
    eventually("the worker is ready again", async || {
        worker.readiness.report().0.then_some(())
    })
    .await;
    worker.stop().await;
}
