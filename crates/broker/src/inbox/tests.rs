//! What cannot be seen from outside, or only after minutes; against a real RabbitMQ.

use citytrack_testkit::{TestVhost, eventually};
use prometheus::Registry;
use tokio::time::timeout;

use super::*;
use crate::{
    metrics::PublisherMetrics,
    publisher::{Message, Publisher, PublisherOptions},
    topology::DETECTIONS,
};

const ROUTE: &str = "detections.demo";
const SHORT: Duration = Duration::from_millis(100);

fn options(vhost: &TestVhost) -> Options {
    Options {
        url: vhost.url(),
        name: "test inbox".to_owned(),
        heartbeat: Duration::from_secs(5),
        topology: DETECTIONS,
    }
}

fn kept(vhost: &TestVhost) -> Inbox {
    let source = Source::Live {
        name: "citytrack.live.test".to_owned(),
        keep: Duration::from_secs(30),
        max_length: 100,
        max_bytes: 1 << 20,
    };
    let metrics = InboxMetrics::new(&Registry::new()).unwrap();
    Inbox::new(options(vhost), source, 100, metrics)
}

async fn publisher(vhost: &TestVhost) -> Publisher {
    let options = PublisherOptions {
        connection: options(vhost),
        exchange: DETECTIONS.exchange,
        kind: "test.v1",
        mandatory: true,
        max_waiting: 10,
        max_waiting_bytes: 1 << 20,
        max_group_bytes: 1_000,
        gather: Duration::ZERO,
        confirm_timeout: Duration::from_secs(5),
    };
    let (publisher, task) = Publisher::new(options, PublisherMetrics::new(&Registry::new()).unwrap());
    #[expect(clippy::disallowed_methods, reason = "a test has no lifecycle")]
    tokio::spawn(task);
    eventually("the publisher is connected", async || publisher.check().ok()).await;
    publisher
}

async fn publish(publisher: &Publisher, body: &'static str) {
    let message = Message {
        route: ROUTE.to_owned(),
        payload: body.into(),
        headers: Vec::new(),
    };
    publisher.publish(message).await.unwrap();
}

#[tokio::test]
async fn that_the_queue_is_new_is_told_even_if_the_connection_broke_before() {
    let vhost = TestVhost::create().await;
    let mut inbox = kept(&vhost);
    inbox.connected().await;
    inbox.lost("a test");
    let told = inbox.next_live(1, 1).await;
    assert!(matches!(told, Live::Connected { anew: true }), "{told:?}");
    inbox.lost("a test");
    let told = inbox.next_live(1, 1).await;
    assert!(matches!(told, Live::Connected { anew: false }), "{told:?}");
}

#[tokio::test]
async fn the_last_messages_are_not_left_for_ever() {
    let vhost = TestVhost::create().await;
    let publisher = publisher(&vhost).await;
    let mut inbox = kept(&vhost);
    inbox.habit.longest = Some(SHORT);
    inbox.bind(ROUTE).await;
    inbox.next_live(1, 1).await;
    publish(&publisher, "old").await;
    assert_eq!(inbox.next(1, 1).await[0].payload, b"old");
    inbox.settle().await;
    eventually("it is acknowledged", async || {
        // Nothing comes; waiting for it is enough, and for long enough that the acknowledgement is on its way.
        let _ = timeout(10 * SHORT, inbox.next_live(1, 1)).await;
        let open = inbox.open.as_ref().unwrap();
        open.held.due().is_none().then_some(())
    })
    .await;
    inbox.close().await;
    publish(&publisher, "new").await;
    assert_eq!(kept(&vhost).next(1, 1).await[0].payload, b"new");
}
