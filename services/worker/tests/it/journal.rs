//! The role `journal`: everything that goes through the broker is noted once, and never what it says.

use std::time::Duration;

use citytrack_broker::{
    Message, Options, Publisher, PublisherMetrics, PublisherOptions, Status,
    copies::{JOURNAL, JOURNAL_OF_IMAGES},
    topology::IMAGES,
};
use citytrack_common::{
    Lifecycle,
    settings::from_args,
    telemetry,
    trace::{TRACEPARENT, TraceParent},
};
use citytrack_domain::{Clock, ImageId};
use citytrack_messages::images::{IMAGE_ID, UPLOAD, uploaded_key};
use citytrack_testkit::{batch, eventually, frame, person};
use citytrack_worker::journal::{JournalSettings, start};

use prometheus::Registry;

use crate::harness::{Harness, Worker};

const ENTRIES: &str = "select count(*) from journal";

/// A worker in the role that has its queue: what is published from now on is noted.
async fn keeper(harness: &Harness) -> Worker {
    let args = ["--admin-listen", "127.0.0.1:0", "--journal-max-backoff", "200ms"];
    let urls = [
        "--database-url",
        harness.database.url(),
        "--broker-url",
        &harness.vhost.url(),
    ];
    let settings: JournalSettings = from_args(args.iter().chain(&urls)).unwrap();
    telemetry::init(&settings.log).unwrap();
    let lifecycle = Lifecycle::new(settings.shutdown.clone());
    start(&settings, &lifecycle).unwrap();
    let worker = Worker::of(lifecycle);
    eventually("the worker is ready", async || {
        worker.readiness.report().0.then_some(())
    })
    .await;
    worker
}

async fn publish(harness: &Harness) {
    let at = Clock::System.now();
    let frames = vec![frame("a-secret-door", at, vec![person(0.25, Some(1))])];
    harness.publish(&batch(&harness.source, at, frames)).await;
}

#[tokio::test]
async fn every_message_is_noted_without_its_body() {
    let harness = Harness::new().await;
    let worker = keeper(&harness).await;
    for _ in 0..3 {
        publish(&harness).await;
    }
    harness.publish_bytes("live.anything", b"a-secret-door".to_vec()).await;
    harness.until(ENTRIES, 4).await;
    let right = "select count(*) from journal
                 where exchange = 'citytrack.detections' and routing_key = 'detections.demo' and venue = 'demo'
                   and type = 'citytrack.detections.v1' and message_id ~ '^[0-9a-f]{16}-[123]$' and size > 50
                   and at between now() - interval '1 minute' and now() + interval '1 minute'";
    assert_eq!(harness.number(right).await, 3);
    let other = "select count(*) from journal where routing_key = 'live.anything' and venue is null and size = 13";
    assert_eq!(harness.number(other).await, 1);
    let told = "select count(*) from journal where journal::text like '%secret%'";
    assert_eq!(harness.number(told).await, 0);
    worker.stop().await;
}

/// A publisher of pictures that is connected.
async fn publisher(harness: &Harness) -> Publisher {
    let options = PublisherOptions {
        connection: Options {
            topology: IMAGES,
            ..harness.vhost.options("test publisher of pictures")
        },
        exchange: IMAGES.exchange,
        kind: UPLOAD,
        mandatory: true,
        max_waiting: 100,
        max_waiting_bytes: 64 << 20,
        max_group_bytes: 0,
        gather: Duration::ZERO,
        confirm_timeout: Duration::from_secs(5),
    };
    let (publisher, task) = Publisher::new(options, PublisherMetrics::new(&Registry::new()).unwrap());
    #[expect(clippy::disallowed_methods, reason = "a test has no lifecycle")]
    tokio::spawn(task);
    let status = publisher.status();
    eventually("the publisher is connected", async || {
        (*status.borrow() == Status::Up).then_some(())
    })
    .await;
    publisher
}

#[tokio::test]
async fn a_message_about_a_picture_is_found_by_the_picture_and_by_its_trace() {
    let harness = Harness::new().await;
    let worker = keeper(&harness).await;
    let (id, trace) = (ImageId::generate(Clock::System.now()), TraceParent::start());
    let upload = Message {
        route: uploaded_key(&harness.source.venue),
        payload: vec![7; 300_000].into(),
        headers: vec![(IMAGE_ID, id.to_string()), (TRACEPARENT, trace.to_string())],
    };
    publisher(&harness).await.publish(upload).await.unwrap();
    let found = format!(
        "select count(*) from journal
         where image_id = '{id}' and trace_id = '{}' and exchange = 'citytrack.images' and type = '{UPLOAD}'
           and routing_key = 'images.uploaded.demo' and venue = 'demo' and size = 300000",
        trace.trace_id()
    );
    harness.until(&found, 1).await;
    assert_eq!(harness.number(ENTRIES).await, 1);
    worker.stop().await;
}

#[tokio::test]
async fn what_was_published_while_it_was_away_is_noted_and_nothing_twice() {
    let harness = Harness::new().await;
    let worker = keeper(&harness).await;
    publish(&harness).await;
    worker.stop().await;
    for _ in 0..5 {
        publish(&harness).await;
    }
    let workers = [keeper(&harness).await, keeper(&harness).await];
    publish(&harness).await;
    harness.until(ENTRIES, 7).await;
    assert_eq!(
        harness.number("select count(distinct message_id) from journal").await,
        7
    );
    for worker in workers {
        worker.stop().await;
    }
}

#[tokio::test]
async fn while_postgres_is_away_it_holds_what_it_has() {
    let harness = Harness::new().await;
    let worker = keeper(&harness).await;
    publish(&harness).await;
    harness.until(ENTRIES, 1).await;
    harness.database.shut().await;
    for _ in 0..40 {
        publish(&harness).await;
    }
    eventually("the worker says that PostgreSQL is away", async || {
        (!worker.readiness.report().0).then_some(())
    })
    .await;
    harness.database.reopen().await;
    harness
        .until("select count(distinct message_id) from journal", 41)
        .await;
    assert_eq!(harness.number(ENTRIES).await, 41);
    worker.stop().await;
}

#[tokio::test]
async fn without_the_role_there_is_no_queue() {
    let harness = Harness::new().await;
    let worker = harness.worker();
    publish(&harness).await;
    harness.until("select count(*) from batch", 1).await;
    for queue in [JOURNAL.name, JOURNAL_OF_IMAGES.name] {
        assert!(!harness.vhost.has_queue(queue).await, "{queue}");
    }
    worker.stop().await;
    let journal = keeper(&harness).await;
    for queue in [JOURNAL.name, JOURNAL_OF_IMAGES.name] {
        assert!(harness.vhost.has_queue(queue).await, "{queue}");
    }
    journal.stop().await;
}
