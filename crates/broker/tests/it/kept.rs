//! Live queues that outlive their connection, and what tells a consumer whether it missed something.

use std::time::Duration;

use citytrack_broker::{Delivery, Inbox, Live, Publisher, Source, Status};
use citytrack_testkit::{TestVhost, eventually};
use tokio::time::timeout;

use crate::{behind_a_proxy, connected, message, texts};

const NAME: &str = "citytrack.live.test";
const ROUTE: &str = "detections.demo";
const KEEP: Duration = Duration::from_secs(30);
/// What the tests' inboxes are handed before they acknowledge.
const PREFETCH: usize = 100;
const PATIENCE: Duration = Duration::from_secs(10);

fn kept(keep: Duration, max_length: u64) -> Source {
    Source::Live {
        name: NAME.to_owned(),
        keep,
        max_length,
        max_bytes: 1 << 20,
    }
}

/// An inbox that is connected and bound, and whether its queue is new.
async fn open(vhost: &TestVhost, source: Source) -> (Inbox, bool) {
    let mut inbox = vhost.inbox(source);
    inbox.bind(ROUTE).await;
    let anew = told(&mut inbox).await;
    (inbox, anew)
}

/// What comes next, which is a new connection.
async fn told(inbox: &mut Inbox) -> bool {
    match timeout(PATIENCE, inbox.next_live(1_000, usize::MAX)).await.unwrap() {
        Live::Connected { anew } => anew,
        Live::Messages(messages) => panic!("messages before the connection: {:?}", texts(&messages)),
    }
}

/// The next `count` messages, over the connection that there is.
async fn take(inbox: &mut Inbox, count: usize) -> Vec<Delivery> {
    let mut taken = Vec::new();
    while taken.len() < count {
        match timeout(PATIENCE, inbox.next_live(1_000, usize::MAX)).await.unwrap() {
            Live::Messages(messages) => taken.extend(messages),
            Live::Connected { .. } => panic!("a new connection after {:?}", texts(&taken)),
        }
        inbox.settle().await;
    }
    taken
}

async fn publish(publisher: &Publisher, bodies: impl IntoIterator<Item = impl ToString>) {
    for body in bodies {
        publisher.publish(message(ROUTE, &body.to_string())).await.unwrap();
    }
}

async fn publisher(vhost: &TestVhost) -> Publisher {
    let publisher = vhost.publisher("test.v1");
    connected(&publisher).await;
    publisher
}

fn seqs(deliveries: &[Delivery]) -> Vec<u64> {
    let stamps = deliveries.iter().map(|delivery| delivery.stamp.unwrap().seq);
    stamps.collect()
}

#[tokio::test]
async fn a_killed_consumer_gets_what_it_had_and_what_waited() {
    let vhost = TestVhost::create().await;
    let publisher = publisher(&vhost).await;
    let (mut inbox, anew) = open(&vhost, kept(KEEP, 1_000)).await;
    assert!(anew);
    publish(&publisher, ["one", "two"]).await;
    let first = take(&mut inbox, 2).await;
    assert!(first.iter().all(|delivery| !delivery.redelivered));
    // As when the process is killed.
    drop(inbox);
    publish(&publisher, ["three"]).await;
    let mut inbox = vhost.inbox(kept(KEEP, 1_000));
    assert!(!told(&mut inbox).await);
    let again = take(&mut inbox, 3).await;
    assert_eq!(texts(&again), ["one", "two", "three"]);
    assert_eq!((again[0].stamp, again[1].stamp), (first[0].stamp, first[1].stamp));
    assert!(again[0].redelivered && again[1].redelivered);
    // The binding is from the life before.
    publish(&publisher, ["four"]).await;
    assert_eq!(texts(&take(&mut inbox, 1).await), ["four"]);
}

#[tokio::test]
async fn a_broken_connection_is_told_before_what_comes_again() {
    let vhost = TestVhost::create().await;
    let publisher = publisher(&vhost).await;
    let (proxy, mut inbox) = behind_a_proxy(&vhost, kept(KEEP, 1_000)).await;
    inbox.bind(ROUTE).await;
    assert!(told(&mut inbox).await);
    publish(&publisher, ["one"]).await;
    assert_eq!(texts(&take(&mut inbox, 1).await), ["one"]);
    proxy.cut();
    publish(&publisher, ["two"]).await;
    proxy.heal();
    // Waiting may be given up at any time, and nothing of it is lost.
    let told = eventually("there is a connection again", async || {
        timeout(Duration::from_millis(200), inbox.next_live(1_000, usize::MAX))
            .await
            .ok()
    });
    let told = told.await;
    assert!(matches!(told, Live::Connected { anew: false }), "{told:?}");
    let again = take(&mut inbox, 2).await;
    assert_eq!(texts(&again), ["one", "two"]);
    assert_eq!(seqs(&again), [1, 2]);
}

#[tokio::test]
async fn only_the_newest_messages_come_again() {
    const MESSAGES: u64 = 3 * PREFETCH as u64 + 7;
    let vhost = TestVhost::create().await;
    let publisher = publisher(&vhost).await;
    let (mut inbox, _) = open(&vhost, kept(KEEP, 1_000)).await;
    for number in 1..=MESSAGES {
        publish(&publisher, [number]).await;
        assert_eq!(seqs(&take(&mut inbox, 1).await), [number]);
    }
    drop(inbox);
    publish(&publisher, ["next"]).await;
    let (mut inbox, anew) = open(&vhost, kept(KEEP, 1_000)).await;
    assert!(!anew);
    let mut again = Vec::new();
    while again.last().is_none_or(|last: &Delivery| last.payload != b"next") {
        again.extend(take(&mut inbox, 1).await);
    }
    let seqs = seqs(&again);
    assert_eq!(seqs, (seqs[0]..=MESSAGES + 1).collect::<Vec<_>>());
    let left = seqs.len() - 1;
    // The rest of a lump that was not worth acknowledging comes, too.
    assert!((PREFETCH / 2..PREFETCH / 2 + PREFETCH / 8).contains(&left), "{left}");
}

#[tokio::test]
async fn a_queue_that_is_gone_is_made_anew_and_said_to_be() {
    let vhost = TestVhost::create().await;
    let publisher = publisher(&vhost).await;
    // Deleted under a consumer.
    let (mut inbox, _) = open(&vhost, kept(KEEP, 1_000)).await;
    publish(&publisher, ["one"]).await;
    assert_eq!(seqs(&take(&mut inbox, 1).await), [1]);
    vhost.delete_queue(NAME).await;
    publish(&publisher, ["missed"]).await;
    assert!(told(&mut inbox).await);
    publish(&publisher, ["three"]).await;
    assert_eq!(seqs(&take(&mut inbox, 1).await), [3]);
    inbox.close().await;
    // Expired without one.
    vhost.delete_queue(NAME).await;
    let short = Duration::from_millis(500);
    let (inbox, _) = open(&vhost, kept(short, 1_000)).await;
    inbox.close().await;
    eventually("the queue expires", async || {
        (!vhost.has_queue(NAME).await).then_some(())
    })
    .await;
    let (_inbox, anew) = open(&vhost, kept(short, 1_000)).await;
    assert!(anew);
}

#[tokio::test]
async fn what_a_full_queue_dropped_is_a_hole_in_the_numbers() {
    let vhost = TestVhost::create().await;
    let publisher = publisher(&vhost).await;
    let (mut inbox, _) = open(&vhost, kept(KEEP, 10)).await;
    publish(&publisher, [1]).await;
    assert_eq!(seqs(&take(&mut inbox, 1).await), [1]);
    inbox.close().await;
    publish(&publisher, 2..=30).await;
    let (mut inbox, anew) = open(&vhost, kept(KEEP, 10)).await;
    assert!(!anew);
    assert_eq!(seqs(&take(&mut inbox, 10).await), (21..=30).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_second_consumer_of_the_same_name_waits_until_the_first_is_gone() {
    let vhost = TestVhost::create().await;
    let publisher = publisher(&vhost).await;
    let (mut first, _) = open(&vhost, kept(KEEP, 1_000)).await;
    // With other settings, too: the queue is not taken from under the first.
    for length in [1_000, 500] {
        let mut second = vhost.inbox(kept(KEEP, length));
        second.bind("detections.other").await;
        let status = second.status();
        let waits = async {
            let refused = |status: &Status| matches!(status, Status::Down(reason) if reason.contains("in use"));
            timeout(PATIENCE, status.clone().wait_for(refused))
                .await
                .unwrap()
                .unwrap();
        };
        tokio::select! {
            told = second.next_live(1, 1) => panic!("{told:?}"),
            () = waits => {}
        }
    }
    publish(&publisher, ["one"]).await;
    assert_eq!(texts(&take(&mut first, 1).await), ["one"]);
    let mut second = vhost.inbox(kept(KEEP, 1_000));
    let taken = async {
        assert!(!told(&mut second).await);
        take(&mut second, 1).await
    };
    let (taken, ()) = tokio::join!(taken, first.close());
    assert_eq!(texts(&taken), ["one"]);
}

#[tokio::test]
async fn giving_up_while_it_connects_hides_no_new_queue() {
    let vhost = TestVhost::create().await;
    let mut inbox = vhost.inbox(kept(KEEP, 1_000));
    let mut patience = Duration::ZERO;
    // Sooner or later, an attempt is given up just after it has made the queue.
    let told = eventually("there is a connection", async || {
        patience += Duration::from_millis(1);
        timeout(patience, inbox.next_live(1, 1)).await.ok()
    });
    let told = told.await;
    assert!(matches!(told, Live::Connected { anew: true }), "{told:?}");
}

#[tokio::test]
async fn a_queue_with_other_settings_is_replaced() {
    let vhost = TestVhost::create().await;
    let publisher = publisher(&vhost).await;
    let (inbox, _) = open(&vhost, kept(KEEP, 1_000)).await;
    inbox.close().await;
    publish(&publisher, ["lost"]).await;
    for source in [kept(KEEP, 500), kept(2 * KEEP, 500)] {
        let (mut inbox, anew) = open(&vhost, source.clone()).await;
        assert!(anew);
        publish(&publisher, ["one"]).await;
        assert_eq!(texts(&take(&mut inbox, 1).await), ["one"]);
        inbox.close().await;
        let (inbox, anew) = open(&vhost, source).await;
        assert!(!anew);
        inbox.close().await;
    }
}

#[tokio::test]
async fn a_route_of_an_earlier_life_can_be_unbound() {
    let vhost = TestVhost::create().await;
    let publisher = publisher(&vhost).await;
    let (mut inbox, _) = open(&vhost, kept(KEEP, 1_000)).await;
    inbox.bind("detections.early").await;
    inbox.bind("detections.late").await;
    inbox.close().await;
    let mut inbox = vhost.inbox(kept(KEEP, 1_000));
    // Before there is a connection, and when there is one.
    inbox.unbind("detections.early").await;
    assert!(!told(&mut inbox).await);
    inbox.unbind("detections.late").await;
    for route in ["detections.early", "detections.late", ROUTE] {
        publisher.publish(message(route, route)).await.unwrap();
    }
    assert_eq!(texts(&take(&mut inbox, 1).await), [ROUTE]);
    // Bound once more, it is not unbound by the next connection.
    inbox.bind("detections.late").await;
    inbox.close().await;
    let (mut inbox, _) = open(&vhost, kept(KEEP, 1_000)).await;
    publisher.publish(message("detections.late", "late")).await.unwrap();
    assert_eq!(texts(&take(&mut inbox, 2).await), [ROUTE, "late"]);
}

#[tokio::test]
async fn without_keeping_the_queue_is_gone_with_its_connection() {
    let vhost = TestVhost::create().await;
    let publisher = publisher(&vhost).await;
    let (proxy, mut inbox) = behind_a_proxy(&vhost, kept(Duration::ZERO, 1_000)).await;
    inbox.bind(ROUTE).await;
    assert!(told(&mut inbox).await);
    assert!(!vhost.has_queue(NAME).await);
    publish(&publisher, ["one"]).await;
    assert_eq!(seqs(&take(&mut inbox, 1).await), [1]);
    proxy.cut();
    publish(&publisher, ["missed"]).await;
    proxy.heal();
    assert!(told(&mut inbox).await);
    publish(&publisher, ["three"]).await;
    assert_eq!(seqs(&take(&mut inbox, 1).await), [3]);
}

#[tokio::test]
async fn messages_of_another_route_than_detections_go_to_live_queues_alone() {
    let vhost = TestVhost::create().await;
    let publisher = vhost.publisher("citytrack.presence.v1");
    connected(&publisher).await;
    let (mut inbox, _) = open(&vhost, kept(KEEP, 1_000)).await;
    inbox.bind("live.presence").await;
    publisher.publish(message("live.presence", "here")).await.unwrap();
    publisher.publish(message(ROUTE, "detections")).await.unwrap();
    assert_eq!(texts(&take(&mut inbox, 2).await), ["here", "detections"]);
    let mut work = vhost.inbox(Source::Work(citytrack_broker::topology::PERSIST.name));
    assert_eq!(texts(&work.next(10, usize::MAX).await), ["detections"]);
}
