//! What the unit tests share.

use std::{sync::Arc, time::Duration};

use citytrack_broker::Stamp;
use citytrack_domain::{Batch, Slug};
use citytrack_testkit::{batch, frame, identity, person};
use jiff::{SignedDuration, Timestamp};
use prometheus::Registry;
use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    filter::Filter,
    frame::LiveFrame,
    history::HistoryLimits,
    metrics::LiveMetrics,
    outbox::{Event, Key, Limits, Outbox},
    subscription::{Form, Subscription, Wish},
    venue::{Moment, VenueSettings},
};

pub(crate) fn clock() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

pub(crate) fn moment() -> Moment {
    Moment {
        now: Instant::now(),
        clock: clock(),
    }
}

/// The moment so much later, by both clocks.
pub(crate) fn after(at: Moment, passed: Duration) -> Moment {
    Moment {
        now: at.now + passed,
        clock: at.clock + SignedDuration::try_from(passed).unwrap(),
    }
}

pub(crate) fn slug(name: &str) -> Slug {
    Slug::new(name).unwrap()
}

pub(crate) fn stamp(epoch: u64, seq: u64) -> Stamp {
    Stamp { epoch, seq }
}

pub(crate) fn metrics() -> LiveMetrics {
    LiveMetrics::new(&Registry::new()).unwrap()
}

pub(crate) const SETTINGS: VenueSettings = VenueSettings {
    history: HistoryLimits {
        frames: 1_000,
        bytes: usize::MAX,
        age: Duration::from_secs(120),
    },
    backlog_after: Duration::from_secs(30),
    snapshot_age: Duration::from_secs(3_600),
    resume_timeout: Duration::from_secs(2),
};

/// A batch of `demo` with a frame of each camera, in each of them a person.
pub(crate) fn taken(cameras: &[&str], captured_at: Timestamp) -> Batch {
    let frames = cameras
        .iter()
        .map(|camera| frame(camera, captured_at, vec![person(0.5, None)]));
    batch(&identity("demo", Uuid::nil()), clock(), frames.collect())
}

/// The only frame of a message.
pub(crate) fn live_frame(camera: &str, stamp: Stamp) -> Arc<LiveFrame> {
    let batch = Arc::new(taken(&[camera], clock()));
    let name = format!("north/{camera}").into();
    Arc::new(LiveFrame::new(batch, 0, name, stamp, (0, true), false))
}

pub(crate) fn everything() -> Wish {
    Wish {
        filter: Filter::default(),
        empty: true,
        backlog: true,
        max_rate: None,
    }
}

pub(crate) fn outbox(frames: usize) -> Arc<Outbox> {
    let bytes = u64::MAX;
    Arc::new(Outbox::new(Limits { frames, bytes }))
}

/// A subscription of everything at `demo`, called after its key.
pub(crate) fn subscription(key: Key, outbox: &Arc<Outbox>) -> Subscription {
    Subscription {
        key,
        id: key.to_string(),
        venue: slug("demo"),
        wish: everything(),
        since: None,
        form: Form::EventStream,
        outbox: Arc::clone(outbox),
    }
}

/// What an outbox held, in short.
pub(crate) fn emptied(outbox: &Outbox) -> Vec<String> {
    let cameras = |frames: &[Arc<LiveFrame>]| {
        let cameras: Vec<&str> = frames.iter().map(|frame| frame.frame().camera.as_str()).collect();
        cameras.join(" ")
    };
    let short = |event| match event {
        Event::Subscribed(key, start) => {
            let how = if start.recovered { "recovered" } else { "new" };
            format!(
                "{key} {how} [{}] [{}]",
                cameras(&start.snapshot),
                cameras(&start.missed)
            )
        }
        Event::Frame(key, camera, _) => format!("{key} {camera}"),
        Event::Cursor(key, _) => format!("{key} cursor"),
        Event::Gap(key, gap) => format!("{key} gap {:?} {} {:?}", gap.reason, gap.dropped, gap.cameras),
    };
    outbox.take().into_iter().map(short).collect()
}

/// The data of a server-sent event.
pub(crate) fn data(event: &[u8]) -> Value {
    let text = std::str::from_utf8(event).unwrap();
    let (_, data) = text.split_once("data: ").unwrap();
    serde_json::from_str(data).unwrap()
}

/// The text of a WebSocket message of at most 64 KiB; `None` for a ping, pong or close.
pub(crate) fn text(message: &[u8]) -> Option<&str> {
    let head = if message[1] == 126 { 4 } else { 2 };
    (message[0] == 0x81).then(|| std::str::from_utf8(&message[head..]).unwrap())
}
