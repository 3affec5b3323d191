//! A work queue that is bounded by policy, as scripts/up and compose do it: what is over the bound is refused, and nothing that
//! was confirmed is dropped.

use std::time::Duration;

use citytrack_broker::{Delivery, PublishError, Source, topology::PERSIST};
use citytrack_testkit::{TestVhost, eventually, limit_persist_queue};
use tokio::sync::watch;

use crate::{connected, message, texts};

const KIBIBYTE: usize = 1024;
/// Between two attempts.
const POLL: Duration = Duration::from_millis(200);
const ROUTE: &str = "detections.demo";

fn names(deliveries: &[Delivery]) -> impl Iterator<Item = String> {
    texts(deliveries)
        .into_iter()
        .map(|text| text.trim_end_matches('x').to_owned())
}

#[tokio::test]
async fn a_full_work_queue_refuses_and_keeps_what_it_confirmed() {
    let vhost = TestVhost::create().await;
    let publisher = vhost.publisher("test.v1");
    connected(&publisher).await;
    limit_persist_queue(&vhost.management(), &vhost.url(), 64 * KIBIBYTE as u64).await;
    let mut live = vhost.inbox(Source::Live {
        name: String::new(),
        keep: std::time::Duration::ZERO,
        max_length: 1_000,
        max_bytes: 1 << 20,
    });
    live.bind(ROUTE).await;
    let (report, shown) = watch::channel(Vec::new());
    let live = async {
        loop {
            let deliveries = live.next(100, usize::MAX).await;
            report.send_modify(|shown| shown.extend(names(&deliveries)));
            live.settle().await;
        }
    };
    let test = async {
        let mut confirmed = Vec::new();
        eventually("the live queue is bound", async || {
            publisher.publish(message(ROUTE, "warm")).await.unwrap();
            confirmed.push("warm".to_owned());
            (!shown.borrow().is_empty()).then_some(())
        })
        .await;
        let full = loop {
            let name = confirmed.len().to_string();
            let text = name.clone() + &"x".repeat(4 * KIBIBYTE);
            match publisher.publish(message(ROUTE, &text)).await {
                Ok(()) => confirmed.push(name),
                Err(error) => break (name, error),
            }
            assert!(confirmed.len() < 10_000, "the queue has no bound");
        };
        let (refused, error) = full;
        assert_eq!(error, PublishError::Refused);
        // What was confirmed is all there, in order, and what was refused is not.
        let mut work = vhost.inbox(Source::Work(PERSIST.name));
        let mut stored = Vec::new();
        while stored.len() < confirmed.len() {
            stored.extend(names(&work.next(100, usize::MAX).await));
            work.settle().await;
        }
        assert_eq!(stored, confirmed);
        // Once it was taken away, there is room again, on the same connection.
        eventually("there is room again", async || {
            publisher.publish(message(ROUTE, "room")).await.ok()
        })
        .await;
        // The live queue is not asked whether another one refuses: it got the message all the same.
        eventually("the refused message was shown", async || {
            shown.borrow().contains(&refused).then_some(())
        })
        .await;
    };
    tokio::select! {
        () = test => {}
        () = live => {}
    }
}

#[tokio::test]
async fn a_live_queue_that_nobody_empties_drops_its_oldest_and_refuses_nothing() {
    /// What an inbox of the tests is handed before it settles.
    const PREFETCH: usize = 100;
    let vhost = TestVhost::create().await;
    let publisher = vhost.publisher("test.v1");
    connected(&publisher).await;
    let mut live = vhost.inbox(Source::Live {
        name: String::new(),
        keep: std::time::Duration::ZERO,
        max_length: 1_000,
        max_bytes: 20 * KIBIBYTE as u64,
    });
    live.bind(ROUTE).await;
    // The first messages end up in the hands of the inbox; the rest stays in its queue, as far as that has room.
    let filler = "x".repeat(4 * KIBIBYTE);
    let mut shown = Vec::new();
    while shown.is_empty() {
        publisher.publish(message(ROUTE, "warm")).await.unwrap();
        let deliveries = tokio::time::timeout(POLL, live.next(1, 1)).await.unwrap_or_default();
        shown.extend(names(&deliveries));
    }
    for number in 0..2 * PREFETCH {
        publisher
            .publish(message(ROUTE, &format!("{number}{filler}")))
            .await
            .unwrap();
    }
    publisher.publish(message(ROUTE, "last")).await.unwrap();
    while shown.last().is_none_or(|name| name != "last") {
        shown.extend(names(&live.next(1_000, usize::MAX).await));
        live.settle().await;
    }
    assert!(shown.len() < 2 * PREFETCH, "{} messages were held", shown.len());
}
