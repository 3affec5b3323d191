//! Against a real RabbitMQ: `eval "$(scripts/test-servers env)"` first.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod consuming;
mod copies;
mod dead_letters;
mod kept;
mod limits;
mod publishing;

use citytrack_broker::{Inbox, InboxMetrics, Message, Publisher, Source, Status};
use citytrack_testkit::{Proxy, TestVhost, eventually};
use prometheus::Registry;

/// A message without headers.
fn message(route: &str, payload: &str) -> Message {
    Message {
        route: route.to_owned(),
        payload: payload.to_owned().into(),
        headers: Vec::new(),
    }
}

async fn connected(publisher: &Publisher) {
    let status = publisher.status();
    eventually("the publisher is connected", async || {
        (*status.borrow() == Status::Up).then_some(())
    })
    .await;
}

/// Payloads as text, in the order they came.
fn texts(deliveries: &[citytrack_broker::Delivery]) -> Vec<&str> {
    deliveries
        .iter()
        .map(|delivery| std::str::from_utf8(&delivery.payload).unwrap())
        .collect()
}

/// An inbox whose network can break.
async fn behind_a_proxy(vhost: &TestVhost, source: Source) -> (Proxy, Inbox) {
    let (proxy, url) = Proxy::before(&vhost.url()).await;
    let mut options = vhost.options("test inbox");
    options.url = url;
    let metrics = InboxMetrics::new(&Registry::new()).unwrap();
    (proxy, Inbox::new(options, source, 100, metrics))
}
