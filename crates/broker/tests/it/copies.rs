//! Queues for somebody who looks on: everything comes, nobody waits for it, and nothing stays.

use std::time::Duration;

use citytrack_broker::{Inbox, Live, Message, Source, copies::CopyQueue, topology::DETECTIONS};
use citytrack_testkit::{TestVhost, eventually};
use tokio::time::timeout;

use crate::{connected, message, texts};

const PATIENCE: Duration = Duration::from_secs(10);
const KIND: &str = "citytrack.test.v1";

static SMALL: CopyQueue = CopyQueue {
    name: "citytrack.copies.test",
    max_length: 3,
    max_bytes: 1 << 20,
    ttl: Duration::from_secs(60),
    expires: Duration::from_secs(60),
};

static SHORT: CopyQueue = CopyQueue {
    name: "citytrack.short.test",
    expires: Duration::from_secs(1),
    ..SMALL
};

/// An inbox that is connected.
async fn open(vhost: &TestVhost, queue: &'static CopyQueue) -> Inbox {
    let mut inbox = vhost.inbox(Source::Copies(queue));
    let first = timeout(PATIENCE, inbox.next_live(1, usize::MAX)).await.unwrap();
    assert!(matches!(first, Live::Connected { .. }), "{first:?}");
    inbox
}

#[tokio::test]
async fn everything_comes_with_all_that_is_known_about_it() {
    let vhost = TestVhost::create().await;
    let mut inbox = open(&vhost, &SMALL).await;
    let publisher = vhost.publisher(KIND);
    connected(&publisher).await;
    let headers = vec![("image-id", "7".to_owned())];
    let with_headers = Message {
        headers,
        ..message("live.anything", "body")
    };
    publisher.publish(with_headers).await.unwrap();
    let [copy] = &timeout(PATIENCE, inbox.next(1, usize::MAX)).await.unwrap()[..] else {
        panic!("not one message")
    };
    assert_eq!(
        (copy.exchange.as_str(), copy.route.as_str()),
        (DETECTIONS.exchange, "live.anything")
    );
    assert_eq!(
        (copy.kind.as_deref(), copy.headers["image-id"].as_str()),
        (Some(KIND), "7")
    );
    assert_eq!(copy.id, copy.stamp.map(|stamp| stamp.to_string()));
    assert!(copy.id.is_some());
    inbox.settle().await;
}

#[tokio::test]
async fn who_looks_on_holds_up_nobody_and_misses_the_oldest() {
    let vhost = TestVhost::create().await;
    open(&vhost, &SMALL).await.close().await;
    let publisher = vhost.publisher(KIND);
    connected(&publisher).await;
    for body in ["1", "2", "3", "4", "5"] {
        publisher.publish(message("detections.demo", body)).await.unwrap();
    }
    let mut inbox = open(&vhost, &SMALL).await;
    let mut taken = Vec::new();
    while taken.len() < 3 {
        taken.extend(timeout(PATIENCE, inbox.next(10, usize::MAX)).await.unwrap());
    }
    assert_eq!(texts(&taken), ["3", "4", "5"]);
}

#[tokio::test]
async fn two_share_a_queue_and_it_is_gone_after_them() {
    let vhost = TestVhost::create().await;
    let inboxes = [open(&vhost, &SHORT).await, open(&vhost, &SHORT).await];
    assert!(vhost.has_queue(SHORT.name).await);
    for inbox in inboxes {
        inbox.close().await;
    }
    eventually("the queue has expired", async || {
        (!vhost.has_queue(SHORT.name).await).then_some(())
    })
    .await;
}
