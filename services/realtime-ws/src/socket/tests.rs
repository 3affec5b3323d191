//! The loop without a socket: channels stand for both directions.

use std::sync::Arc;

use actix_ws::CloseCode;
use citytrack_access::ViewerToken;
use citytrack_common::settings::from_args;
use citytrack_domain::{ManualClock, Slug};
use futures_util::stream;
use jiff::{SignedDuration, Timestamp};
use prometheus::Registry;
use tokio::sync::mpsc;
use tokio_util::sync::PollSender;

use super::*;
use crate::session::tests::Args;

struct Ends {
    to_server: mpsc::Sender<AggregatedMessage>,
    from_server: mpsc::Receiver<Message>,
    commands: mpsc::Receiver<Command>,
    stop: CancellationToken,
}

/// Serves a client that has room for one message.
fn start(settings: &[&str]) -> (impl Future<Output = Ending>, Ends) {
    let (to_server, mut heard) = mpsc::channel(8);
    let (says, from_server) = mpsc::channel(1);
    let (feed, commands) = FeedHandle::new();
    let stop = CancellationToken::new();
    let token = ViewerToken {
        venues: vec![Slug::new("demo").unwrap()],
        cameras: citytrack_access::CameraLimits::new(),
        expires_at: Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1),
        fingerprint: 0,
    };
    let settings = Arc::new(from_args::<Args>(settings).unwrap().live);
    let session = Session::new(settings, feed.clone(), token, Instant::now());
    let around = Surroundings {
        feed,
        clock: Clock::Manual(ManualClock::new(Timestamp::UNIX_EPOCH)),
        metrics: LiveMetrics::new(&Registry::new()).unwrap(),
        stop: stop.clone(),
        close_delay: Duration::from_millis(1),
    };
    // The same that is behind a real socket.
    let writer = PollSender::new(says).sink_map_err(|_| Closed);
    let reader = stream::poll_fn(move |context| heard.poll_recv(context).map(|heard| heard.map(Ok)));
    let ends = Ends {
        to_server,
        from_server,
        commands,
        stop,
    };
    (serve(session, around, writer, reader), ends)
}

fn text(text: &str) -> AggregatedMessage {
    AggregatedMessage::Text(text.into())
}

#[tokio::test]
async fn a_conversation_from_subscribe_to_goodbye() {
    let (served, mut ends) = start(&[]);
    let client = async {
        let subscribe = text(r#"{"type":"subscribe","id":"1","venue":"demo"}"#);
        ends.to_server.send(subscribe).await.unwrap();
        let Some(Command::Subscribe(subscription)) = ends.commands.recv().await else {
            panic!()
        };
        subscription.outbox.push_subscribed(subscription.key);
        for number in 0..3 {
            subscription
                .outbox
                .push_frame(subscription.key, number.to_string().into());
        }
        let Some(Message::Text(subscribed)) = ends.from_server.recv().await else {
            panic!()
        };
        assert!(
            subscribed.starts_with(r#"{"type":"subscribed","id":"1""#),
            "{subscribed}"
        );
        for number in 0..3 {
            assert_eq!(
                ends.from_server.recv().await,
                Some(Message::Text(number.to_string().into()))
            );
        }
        ends.to_server.send(AggregatedMessage::Close(None)).await.unwrap();
        let left = ends.commands.recv().await;
        assert!(matches!(left, Some(Command::Unsubscribe(left)) if left.key == subscription.key));
        assert!(matches!(ends.from_server.recv().await, Some(Message::Close(_))));
    };
    let (ending, ()) = tokio::join!(served, client);
    assert_eq!(ending, Ending::Client);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_closed_and_learns_why_later() {
    let (served, mut ends) = start(&["--live-slow-after", "40ms"]);
    let client = async {
        let ping = || text(r#"{"type":"ping"}"#);
        ends.to_server
            .send(text(r#"{"type":"subscribe","id":"1","venue":"demo"}"#))
            .await
            .unwrap();
        for _ in 0..4 {
            ends.to_server.send(ping()).await.unwrap();
        }
        assert!(matches!(ends.commands.recv().await, Some(Command::Subscribe(_))));
        assert!(
            matches!(ends.commands.recv().await, Some(Command::Unsubscribe(_))),
            "it is given up"
        );
        let mut last = None;
        while let Some(message) = ends.from_server.recv().await {
            last = Some(message);
            if matches!(last, Some(Message::Close(_))) {
                break;
            }
        }
        let Some(Message::Close(Some(reason))) = last else {
            panic!("{last:?}")
        };
        assert_eq!(reason.code, CloseCode::Other(4408));
        drop(ends);
    };
    let (ending, ()) = tokio::join!(served, client);
    assert_eq!(ending, Ending::Slow);
}

#[tokio::test]
async fn the_end_of_the_process_is_told() {
    let (served, mut ends) = start(&[]);
    let client = async {
        ends.stop.cancel();
        let Some(Message::Close(Some(reason))) = ends.from_server.recv().await else {
            panic!()
        };
        assert_eq!(reason.code, CloseCode::Restart);
        drop(ends);
    };
    let (ending, ()) = tokio::join!(served, client);
    assert_eq!(ending, Ending::Shutdown);
}
