//! The inbox: batches, settling, live queues.

use citytrack_broker::{Source, topology::PERSIST};
use citytrack_testkit::{TestVhost, eventually};
use futures_util::FutureExt;

use crate::{behind_a_proxy, connected, message, texts};

#[tokio::test]
async fn what_is_settled_does_not_come_again() {
    let vhost = TestVhost::create().await;
    let publisher = vhost.publisher("test.v1");
    connected(&publisher).await;
    publisher.publish(message("detections.demo", "one")).await.unwrap();
    let mut inbox = vhost.inbox(Source::Work(PERSIST.name));
    assert_eq!(texts(&inbox.next(10, usize::MAX).await), ["one"]);
    inbox.settle().await;
    inbox.close().await;
    publisher.publish(message("detections.demo", "two")).await.unwrap();
    let mut inbox = vhost.inbox(Source::Work(PERSIST.name));
    let deliveries = inbox.next(10, usize::MAX).await;
    assert_eq!(texts(&deliveries), ["two"]);
    assert!(!deliveries[0].redelivered);
}

#[tokio::test]
async fn what_is_not_settled_comes_again() {
    let vhost = TestVhost::create().await;
    let publisher = vhost.publisher("test.v1");
    connected(&publisher).await;
    publisher.publish(message("detections.demo", "one")).await.unwrap();
    let mut inbox = vhost.inbox(Source::Work(PERSIST.name));
    assert_eq!(texts(&inbox.next(10, usize::MAX).await), ["one"]);
    inbox.close().await;
    let mut inbox = vhost.inbox(Source::Work(PERSIST.name));
    let deliveries = inbox.next(10, usize::MAX).await;
    assert_eq!(texts(&deliveries), ["one"]);
    assert!(deliveries[0].redelivered);
}

#[tokio::test]
async fn what_a_lost_connection_handed_out_settles_nothing_of_the_next_one() {
    let vhost = TestVhost::create().await;
    let publisher = vhost.publisher("test.v1");
    connected(&publisher).await;
    publisher.publish(message("detections.demo", "one")).await.unwrap();
    let (proxy, mut inbox) = behind_a_proxy(&vhost, Source::Work(PERSIST.name)).await;
    let lost = inbox.next(10, usize::MAX).await;
    proxy.cut();
    proxy.heal();
    assert_eq!(texts(&inbox.next(10, usize::MAX).await), ["one"]);
    inbox.settle_one(lost[0].tag).await;
    inbox.close().await;
    let mut inbox = vhost.inbox(Source::Work(PERSIST.name));
    assert_eq!(texts(&inbox.next(10, usize::MAX).await), ["one"]);
}

#[tokio::test]
async fn waiting_for_messages_may_be_given_up_at_any_time() {
    let vhost = TestVhost::create().await;
    let publisher = vhost.publisher("test.v1");
    connected(&publisher).await;
    let mut inbox = vhost.inbox(Source::Work(PERSIST.name));
    let status = inbox.status();
    let connected = eventually("the inbox is connected", async || {
        // Each round gives up a wait in the middle.
        let _ = tokio::time::timeout(std::time::Duration::from_millis(200), inbox.next(1, usize::MAX)).await;
        (*status.borrow() == citytrack_broker::Status::Up).then_some(())
    });
    connected.await;
    assert!(inbox.next(1, usize::MAX).now_or_never().is_none());
    publisher.publish(message("detections.demo", "one")).await.unwrap();
    assert_eq!(texts(&inbox.next(1, usize::MAX).await), ["one"]);
}

#[tokio::test]
async fn a_live_inbox_gets_what_is_bound() {
    let vhost = TestVhost::create().await;
    let publisher = vhost.publisher("test.v1");
    connected(&publisher).await;
    let mut inbox = vhost.inbox(Source::Live {
        name: String::new(),
        keep: std::time::Duration::ZERO,
        max_length: 100,
        max_bytes: 1 << 20,
    });
    inbox.bind("detections.one").await;
    // Bindings of an inbox that is not connected yet are made when it connects.
    assert!(
        tokio::time::timeout(std::time::Duration::from_millis(500), inbox.next(1, usize::MAX))
            .await
            .is_err()
    );
    inbox.bind("detections.two").await;
    for venue in ["one", "two", "three"] {
        publisher
            .publish(message(&format!("detections.{venue}"), venue))
            .await
            .unwrap();
    }
    let mut received = Vec::new();
    while received.len() < 2 {
        received.extend(inbox.next(10, usize::MAX).await);
        inbox.settle().await;
    }
    assert_eq!(texts(&received), ["one", "two"]);
    inbox.unbind("detections.one").await;
    for venue in ["one", "two"] {
        publisher
            .publish(message(&format!("detections.{venue}"), "again"))
            .await
            .unwrap();
    }
    assert_eq!(inbox.next(10, usize::MAX).await[0].route, "detections.two");
}
