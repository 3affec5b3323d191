//! The tray: dead letters in hand, and what becomes of those that are put back.

use citytrack_broker::{
    DeadLetter, Publisher, Source, Tray, follow_length,
    topology::{DETECTIONS, PERSIST},
};
use citytrack_testkit::{TestVhost, eventually, keep_dead_letters, limit_deliveries};

use crate::{connected, message, texts};

/// A publisher to the dead letters, as a worker has one.
async fn aside(vhost: &TestVhost) -> Publisher {
    let publisher = vhost.publisher_to(DETECTIONS.dead_letter_exchange, "test.dead.v1");
    connected(&publisher).await;
    publisher
}

async fn open(vhost: &TestVhost) -> Tray {
    Tray::open(&vhost.options("test tray")).await.unwrap()
}

/// Everything that can be taken.
async fn take_all(tray: &Tray) -> Vec<DeadLetter> {
    let mut taken = Vec::new();
    while let Some(letter) = tray.take().await.unwrap() {
        taken.push(letter);
    }
    taken
}

fn bodies(letters: &[DeadLetter]) -> Vec<&str> {
    let bodies = letters.iter().map(|letter| std::str::from_utf8(&letter.payload));
    bodies.collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn looking_takes_nothing_away_and_keeps_the_order_however_often() {
    let vhost = TestVhost::create().await;
    keep_dead_letters(&vhost.management(), &vhost.url()).await;
    let publisher = aside(&vhost).await;
    for body in ["one", "two", "three"] {
        publisher.publish(message("detections.demo", body)).await.unwrap();
    }
    // More often than RabbitMQ 4 delivers a message unless it is told otherwise.
    for round in 0..30 {
        let tray = open(&vhost).await;
        assert_eq!(tray.length().await.unwrap(), 3, "round {round}");
        let taken = take_all(&tray).await;
        assert_eq!(bodies(&taken), ["one", "two", "three"], "round {round}");
        assert_eq!(taken[0].route, "detections.demo");
        assert_eq!(taken[0].kind.as_deref(), Some("test.dead.v1"));
        if round % 2 == 0 {
            tray.close().await.unwrap();
        } else {
            // As when the program is killed; the broker needs a moment to notice.
            drop(tray);
            let tray = open(&vhost).await;
            eventually("everything is back", async || {
                (tray.length().await.unwrap() == 3).then_some(())
            })
            .await;
        }
    }
}

#[tokio::test]
async fn what_one_holds_another_does_not_see() {
    let vhost = TestVhost::create().await;
    let publisher = aside(&vhost).await;
    for body in ["one", "two"] {
        publisher.publish(message("detections.demo", body)).await.unwrap();
    }
    let (first, second) = (open(&vhost).await, open(&vhost).await);
    assert_eq!(first.take().await.unwrap().unwrap().payload, b"one");
    publisher.publish(message("detections.demo", "three")).await.unwrap();
    assert_eq!(bodies(&take_all(&second).await), ["two", "three"]);
    assert_eq!(second.length().await.unwrap(), 0);
    first.close().await.unwrap();
    assert_eq!(bodies(&take_all(&second).await), ["one"]);
}

#[tokio::test]
async fn of_many_removals_none_is_forgotten() {
    const LETTERS: usize = 1_500;
    let vhost = TestVhost::create().await;
    let publisher = aside(&vhost).await;
    let sent = (0..LETTERS).map(|number| {
        let headers = vec![("x-test", number.to_string())];
        publisher.publish(citytrack_broker::Message {
            headers,
            ..message(&format!("detections.{}", number % 50), "x")
        })
    });
    assert!(futures_util::future::join_all(sent).await.iter().all(Result::is_ok));
    let mut tray = open(&vhost).await;
    // Two of three, so that they cannot be acknowledged together.
    let mut kept = 0;
    let tags: Vec<_> = take_all(&tray).await.into_iter().map(|letter| letter.tag).collect();
    assert_eq!(tags.len(), LETTERS);
    for (number, tag) in tags.into_iter().enumerate() {
        if number % 3 == 0 {
            kept += 1;
        } else {
            tray.remove(tag).await.unwrap();
        }
    }
    tray.close().await.unwrap();
    assert_eq!(take_all(&open(&vhost).await).await.len(), kept);
}

#[tokio::test]
async fn a_replay_reaches_the_work_queue_and_no_live_queue() {
    let vhost = TestVhost::create().await;
    let mut live = vhost.inbox(Source::Live {
        name: String::new(),
        keep: std::time::Duration::ZERO,
        max_length: 10,
        max_bytes: 1 << 20,
    });
    live.bind("detections.demo").await;
    let publisher = vhost.publisher("test.v1");
    connected(&publisher).await;
    // The live queue is there when it gets its first message.
    eventually("the live queue is bound", async || {
        publisher.publish(message("detections.demo", "live")).await.unwrap();
        let soon = std::time::Duration::from_millis(200);
        let shown = tokio::time::timeout(soon, live.next(1, usize::MAX)).await;
        shown.is_ok().then_some(())
    })
    .await;
    live.settle().await;
    let mut work = vhost.inbox(Source::Work(PERSIST.name));
    while work.next(1, usize::MAX).await.is_empty() {}
    work.settle().await;

    aside(&vhost)
        .await
        .publish(message("detections.demo", "again"))
        .await
        .unwrap();
    let tray = open(&vhost).await;
    let letter = tray.take().await.unwrap().unwrap();
    tray.replay(&letter, "test.v1").await.unwrap();
    let again = loop {
        let delivery = work.next(1, usize::MAX).await.pop().unwrap();
        if delivery.payload == b"again" {
            break delivery;
        }
    };
    assert_eq!(
        (again.route.as_str(), again.kind.as_deref()),
        ("detections.demo", Some("test.v1"))
    );
    publisher.publish(message("detections.demo", "next")).await.unwrap();
    let mut shown = Vec::new();
    while texts(&shown).last() != Some(&"next") {
        shown.extend(live.next(10, usize::MAX).await);
    }
    assert!(!texts(&shown).contains(&"again"), "{:?}", texts(&shown));
}

#[tokio::test]
async fn a_replay_that_no_work_queue_takes_is_an_error_and_the_letter_stays() {
    let vhost = TestVhost::create().await;
    let publisher = aside(&vhost).await;
    publisher.publish(message("elsewhere", "one")).await.unwrap();
    let tray = open(&vhost).await;
    let letter = tray.take().await.unwrap().unwrap();
    let error = tray.replay(&letter, "test.v1").await.unwrap_err();
    assert_eq!(error.to_string(), "no queue takes the message");
    tray.close().await.unwrap();
    assert_eq!(bodies(&take_all(&open(&vhost).await).await), ["one"]);
}

#[tokio::test]
async fn a_message_that_came_back_too_often_is_a_dead_letter_that_says_so() {
    let vhost = TestVhost::create().await;
    let publisher = vhost.publisher("test.v1");
    connected(&publisher).await;
    limit_deliveries(&vhost.management(), &vhost.url(), 2).await;
    publisher.publish(message("detections.demo", "deadly")).await.unwrap();
    let tray = open(&vhost).await;
    let letter = eventually("the message is a dead letter", async || {
        // A consumer that dies with the message in hand.
        let mut consumer = vhost.inbox(Source::Work(PERSIST.name));
        let soon = std::time::Duration::from_millis(200);
        let _ = tokio::time::timeout(soon, consumer.next(1, usize::MAX)).await;
        consumer.close().await;
        tray.take().await.unwrap()
    })
    .await;
    let death = letter.death.unwrap();
    assert_eq!(
        (death.reason.as_str(), death.queue.as_str()),
        ("delivery_limit", PERSIST.name)
    );
    assert!(death.at.is_some());
    assert_eq!(letter.kind.as_deref(), Some("test.v1"));
}

#[tokio::test]
async fn the_length_of_a_queue_is_followed() {
    let vhost = TestVhost::create().await;
    let publisher = aside(&vhost).await;
    let (report, mut length) = tokio::sync::watch::channel(0);
    let options = vhost.options("test length");
    let follow = follow_length(
        &options,
        DETECTIONS.dead_letter_queue,
        std::time::Duration::from_millis(50),
        |length| report.send_modify(|seen| *seen = length),
    );
    let changes = async {
        for expected in 1..=2 {
            publisher.publish(message("detections.demo", "x")).await.unwrap();
            length.wait_for(|length| *length == expected).await.unwrap();
        }
    };
    tokio::select! {
        never = follow => match never {},
        () = changes => {}
    }
}
