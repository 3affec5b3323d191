//! The publisher: confirms, groups, refusals.

use citytrack_broker::{
    Message, PublishError, Publisher, PublisherMetrics, PublisherOptions, Source, Status,
    topology::{DETECTIONS, PERSIST, Topology},
};
use citytrack_testkit::{Proxy, TestVhost};
use futures_util::future::join_all;
use prometheus::Registry;

use crate::{connected, message, texts};

#[tokio::test]
async fn a_confirmed_message_is_in_the_work_queue() {
    let vhost = TestVhost::create().await;
    let publisher = vhost.publisher("test.v1");
    connected(&publisher).await;
    publisher.publish(message("detections.demo", "one")).await.unwrap();
    let mut inbox = vhost.inbox(Source::Work(PERSIST.name));
    let deliveries = inbox.next(10, usize::MAX).await;
    assert_eq!(texts(&deliveries), ["one"]);
    assert_eq!(deliveries[0].route, "detections.demo");
    assert_eq!(deliveries[0].kind.as_deref(), Some("test.v1"));
}

#[tokio::test]
async fn messages_are_numbered_for_each_route_anew_with_each_connection() {
    let vhost = TestVhost::create().await;
    let (proxy, url) = Proxy::before(&vhost.url()).await;
    let mut connection = vhost.options("test");
    connection.url = url;
    let options = PublisherOptions {
        connection,
        exchange: DETECTIONS.exchange,
        kind: "test.v1",
        mandatory: true,
        max_waiting: 10,
        max_waiting_bytes: 1 << 20,
        max_group_bytes: 1_000,
        gather: std::time::Duration::ZERO,
        confirm_timeout: std::time::Duration::from_secs(5),
    };
    let (publisher, task) = Publisher::new(options, PublisherMetrics::new(&Registry::new()).unwrap());
    #[expect(clippy::disallowed_methods, reason = "a test has no lifecycle")]
    tokio::spawn(task);
    let mut status = publisher.status();
    for _ in 0..2 {
        connected(&publisher).await;
        for route in ["detections.one", "detections.two", "detections.one"] {
            publisher.publish(message(route, "x")).await.unwrap();
        }
        proxy.cut();
        status.wait_for(|status| *status != Status::Up).await.unwrap();
        proxy.heal();
    }
    let mut inbox = vhost.inbox(Source::Work(PERSIST.name));
    let mut stamps = Vec::new();
    while stamps.len() < 6 {
        let deliveries = inbox.next(10, usize::MAX).await;
        stamps.extend(deliveries.into_iter().map(|delivery| delivery.stamp.unwrap()));
    }
    let seqs: Vec<_> = stamps.iter().map(|stamp| stamp.seq).collect();
    assert_eq!(seqs, [1, 1, 2, 1, 1, 2]);
    let epochs: Vec<_> = stamps.iter().map(|stamp| stamp.epoch).collect();
    let (first, second) = (epochs[0], epochs[3]);
    assert_ne!(first, second);
    assert_eq!(epochs, [first, first, first, second, second, second]);
}

#[tokio::test]
async fn payloads_that_gather_behind_a_confirm_are_joined_by_route() {
    let vhost = TestVhost::create().await;
    let publisher = vhost.publisher("test.v1");
    connected(&publisher).await;
    let routes = ["detections.one", "detections.two"];
    let sent = (0..100).map(|number| publisher.publish(message(routes[number % 2], &format!("{number};"))));
    for result in join_all(sent).await {
        result.unwrap();
    }
    let mut inbox = vhost.inbox(Source::Work(PERSIST.name));
    let (mut received, mut messages) = (Vec::new(), 0);
    while received.len() < 100 {
        for delivery in inbox.next(100, usize::MAX).await {
            messages += 1;
            let text = String::from_utf8(delivery.payload).unwrap();
            for number in text
                .trim_end_matches(';')
                .split(';')
                .map(|number| number.parse::<usize>().unwrap())
            {
                assert_eq!(delivery.route, routes[number % 2]);
                received.push(number);
            }
        }
    }
    received.sort_unstable();
    assert_eq!(received, (0..100).collect::<Vec<_>>());
    assert!(messages < 100, "nothing was joined: {messages} messages");
}

#[tokio::test]
async fn publishers_that_come_back_at_once_travel_together() {
    const PUBLISHERS: usize = 8;
    const ROUNDS: usize = 25;
    let vhost = TestVhost::create().await;
    let options = PublisherOptions {
        connection: vhost.options("test"),
        exchange: DETECTIONS.exchange,
        kind: "test.v1",
        mandatory: true,
        max_waiting: 100,
        max_waiting_bytes: 1 << 20,
        max_group_bytes: 1_000,
        gather: std::time::Duration::from_millis(250),
        confirm_timeout: std::time::Duration::from_secs(5),
    };
    let (publisher, task) = Publisher::new(options, PublisherMetrics::new(&Registry::new()).unwrap());
    #[expect(clippy::disallowed_methods, reason = "a test has no lifecycle")]
    tokio::spawn(task);
    connected(&publisher).await;
    let loops = (0..PUBLISHERS).map(|_| async {
        for _ in 0..ROUNDS {
            publisher.publish(message("detections.demo", "x")).await.unwrap();
        }
    });
    join_all(loops).await;
    let mut inbox = vhost.inbox(Source::Work(PERSIST.name));
    let (mut payloads, mut messages) = (0, 0);
    while payloads < PUBLISHERS * ROUNDS {
        for delivery in inbox.next(1_000, usize::MAX).await {
            messages += 1;
            payloads += delivery.payload.len();
        }
    }
    assert_eq!(payloads, PUBLISHERS * ROUNDS);
    // The first round splits in two; one message a round after that. Without waiting there are two a round.
    assert!(messages <= ROUNDS + 5, "{messages} messages");
}

#[tokio::test]
async fn a_message_with_headers_travels_alone() {
    let vhost = TestVhost::create().await;
    let publisher = vhost.publisher("test.v1");
    connected(&publisher).await;
    let sent = (0..10).map(|number| {
        let headers = vec![("x-test", number.to_string())];
        publisher.publish(Message {
            headers,
            ..message("detections.demo", "payload")
        })
    });
    assert!(join_all(sent).await.iter().all(Result::is_ok));
    let mut inbox = vhost.inbox(Source::Work(PERSIST.name));
    let mut received = 0;
    while received < 10 {
        for delivery in inbox.next(10, usize::MAX).await {
            assert_eq!(delivery.payload, b"payload");
            received += 1;
        }
    }
}

#[tokio::test]
async fn a_message_that_no_queue_takes_is_an_error() {
    const NO_QUEUES: Topology = Topology {
        work_queues: &[],
        ..DETECTIONS
    };
    let vhost = TestVhost::create().await;
    let mut connection = vhost.options("test");
    connection.topology = NO_QUEUES;
    let options = PublisherOptions {
        connection,
        exchange: DETECTIONS.exchange,
        kind: "test.v1",
        mandatory: true,
        max_waiting: 10,
        max_waiting_bytes: 1 << 20,
        max_group_bytes: 1_000,
        gather: std::time::Duration::ZERO,
        confirm_timeout: std::time::Duration::from_secs(5),
    };
    let (publisher, task) = Publisher::new(options, PublisherMetrics::new(&Registry::new()).unwrap());
    #[expect(clippy::disallowed_methods, reason = "a test has no lifecycle")]
    let task = tokio::spawn(task);
    connected(&publisher).await;
    let result = publisher.publish(message("detections.demo", "lost?")).await;
    assert_eq!(result, Err(PublishError::Unroutable));
    drop(publisher);
    task.await.unwrap();
}

/// One connection all the time: the numbers of the messages go on.
#[tokio::test]
async fn a_message_that_nobody_must_take_may_get_lost_and_disturbs_nothing() {
    let vhost = TestVhost::create().await;
    let options = PublisherOptions {
        connection: vhost.options("test"),
        exchange: DETECTIONS.exchange,
        kind: "test.v1",
        mandatory: false,
        max_waiting: 10,
        max_waiting_bytes: 1 << 20,
        max_group_bytes: 1_000,
        gather: std::time::Duration::ZERO,
        confirm_timeout: std::time::Duration::from_secs(5),
    };
    let (publisher, task) = Publisher::new(options, PublisherMetrics::new(&Registry::new()).unwrap());
    #[expect(clippy::disallowed_methods, reason = "a test has no lifecycle")]
    tokio::spawn(task);
    connected(&publisher).await;
    for _ in 0..3 {
        for route in ["answers.gone", "detections.demo"] {
            publisher.publish(message(route, "x")).await.unwrap();
        }
    }
    let mut inbox = vhost.inbox(Source::Work(PERSIST.name));
    let mut stamps = Vec::new();
    while stamps.len() < 3 {
        let deliveries = inbox.next(10, usize::MAX).await;
        stamps.extend(deliveries.into_iter().map(|delivery| delivery.stamp.unwrap()));
    }
    let seqs: Vec<_> = stamps.iter().map(|stamp| stamp.seq).collect();
    assert_eq!(seqs, [1, 2, 3]);
    assert!(stamps.iter().all(|stamp| stamp.epoch == stamps[0].epoch));
}

#[tokio::test]
async fn without_a_connection_nothing_waits() {
    let vhost = TestVhost::create().await;
    let mut connection = vhost.options("test");
    connection.url = "amqp://nobody:nothing@127.0.0.1:1/none".to_owned();
    let options = PublisherOptions {
        connection,
        exchange: DETECTIONS.exchange,
        kind: "test.v1",
        mandatory: true,
        max_waiting: 10,
        max_waiting_bytes: 1 << 20,
        max_group_bytes: 1_000,
        gather: std::time::Duration::ZERO,
        confirm_timeout: std::time::Duration::from_secs(60),
    };
    let (publisher, task) = Publisher::new(options, PublisherMetrics::new(&Registry::new()).unwrap());
    #[expect(clippy::disallowed_methods, reason = "a test has no lifecycle")]
    let task = tokio::spawn(task);
    assert_eq!(
        publisher.publish(message("detections.demo", "x")).await,
        Err(PublishError::Unavailable)
    );
    drop(publisher);
    task.await.unwrap();
}
