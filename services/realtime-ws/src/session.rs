//! One viewer's state: what was subscribed to, what is to be written, when it must end. No socket in here; `socket` and
//! `event_stream` move the messages.

mod requests;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use citytrack_access::{ViewerToken, ViewerTokens};
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::{
    encode,
    ending::Ending,
    feed::{Command, FeedHandle},
    guests::Place,
    metrics::LiveMetrics,
    outbox::{Event, Key, Limits, Outbox, Start},
    output::{Output, Replay},
    position::Position,
    protocol::{ErrorCode, Refusal, ServerMessage},
    settings::LiveSettings,
    subscription::{Form, Subscription},
    wire,
};

/// Answers that may wait beside the frames; when there are more, nothing is read until the client reads.
const ANSWERS: usize = 64;
/// How long before its end the client is told that the token ends.
const EXPIRY_NOTICE: Duration = Duration::from_secs(60);

/// What the sessions of a process share.
#[derive(Clone)]
pub(crate) struct Common {
    pub(crate) settings: Arc<LiveSettings>,
    pub(crate) tokens: ViewerTokens,
    pub(crate) feed: FeedHandle,
    pub(crate) metrics: LiveMetrics,
}

/// The state of one viewer.
pub(crate) struct Session {
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) output: Output,
    common: Arc<Common>,
    form: Form,
    /// Nothing before the client has shown one.
    token: Option<Box<ViewerToken>>,
    place: Place,
    expiry_told: bool,
    subscriptions: Vec<Held>,
    bad_messages: u32,
    /// Messages that the client may still send now, and since when that is so.
    allowance: f64,
    allowance_at: Instant,
    /// When the client was last heard, was last pinged, and last took something (or had nothing to take).
    heard: Instant,
    pinged: Instant,
    progressed: Instant,
    /// Until when it must have shown a token, or when it is to be closed.
    began: Instant,
    close_at: Option<Instant>,
}

/// A subscription of this session.
struct Held {
    subscription: Arc<Subscription>,
    /// Since when it waits for the feed's answer.
    waiting_since: Option<Instant>,
}

impl Session {
    pub(crate) fn new(common: Arc<Common>, form: Form, token: Option<ViewerToken>, place: Place, now: Instant) -> Self {
        let limits = Limits {
            frames: common.settings.queue.get(),
            bytes: common.settings.queue_size.as_u64(),
        };
        Self {
            outbox: Arc::new(Outbox::new(limits)),
            output: Output::default(),
            form,
            token: token.map(Box::new),
            place,
            expiry_told: false,
            subscriptions: Vec::new(),
            bad_messages: 0,
            allowance: requests::BURST * f64::from(common.settings.message_rate.get()),
            allowance_at: now,
            heard: now,
            pinged: now,
            progressed: now,
            began: now,
            close_at: None,
            common,
        }
    }

    /// Whether there is room for the answer to another message.
    pub(crate) fn may_read(&self) -> bool {
        let settings = &self.common.settings;
        let bytes = u64::try_from(self.output.bytes()).unwrap_or(u64::MAX);
        self.output.len() < settings.queue.get() + ANSWERS && bytes < 2 * settings.queue_size.as_u64()
    }

    /// Notes that the client is alive.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// Notes that the client took something.
    pub(crate) fn progressed(&mut self, now: Instant) {
        self.progressed = now;
    }

    /// Ends the session at `at`, because the process ends.
    pub(crate) fn close_at(&mut self, at: Instant) {
        self.close_at = Some(at);
    }

    /// Queues the answer to a WebSocket ping.
    pub(crate) fn on_ping(&mut self, payload: &[u8], now: Instant) {
        self.write(wire::pong(payload), false, now);
    }

    /// Queues what the outbox holds.
    pub(crate) fn collect(&mut self, now: Instant, clock: Timestamp) {
        for event in self.outbox.take() {
            match event {
                // What was on its way when the client unsubscribed is left out, here and below.
                Event::Frame(key, _, bytes) => {
                    if self.held(key).is_some() {
                        self.write(bytes, true, now);
                    }
                }
                Event::Subscribed(key, start) => {
                    let Some(held) = self.held(key) else { continue };
                    held.waiting_since = None;
                    let subscription = Arc::clone(&held.subscription);
                    self.start(&subscription, start, now, clock);
                }
                Event::Gap(key, gap) => {
                    let Some(held) = self.held(key) else { continue };
                    let subscription = Arc::clone(&held.subscription);
                    let gap = ServerMessage::Gap {
                        id: &subscription.id,
                        dropped: (gap.dropped > 0).then_some(gap.dropped),
                        cameras: &gap.cameras,
                        reason: gap.reason,
                    };
                    self.say(&gap, now);
                }
                Event::Cursor(key, cursor) => {
                    let Some(held) = self.held(key) else { continue };
                    let id = held.subscription.id.clone();
                    let message = ServerMessage::Cursor {
                        id: &id,
                        cursor: &cursor,
                    };
                    let bytes = self.form.message(message.name(), Some(&cursor), &message.text());
                    self.write(bytes, false, now);
                }
            }
        }
    }

    fn start(&mut self, subscription: &Arc<Subscription>, start: Start, now: Instant, clock: Timestamp) {
        let encoded = &self.common.metrics.encoded;
        let latest = start.snapshot.iter().filter_map(|frame| {
            let view = subscription.wish.view(frame)?;
            RawValue::from_string(encode::snapshot(frame, &view, clock, encoded)).ok()
        });
        let snapshot: Vec<Box<RawValue>> = latest.collect();
        let cursor = start.position.cursor(&subscription.venue);
        let subscribed = ServerMessage::Subscribed {
            id: &subscription.id,
            venue: subscription.venue.as_str(),
            cursor: &cursor,
            recovered: start.recovered,
            snapshot: &snapshot,
        };
        let bytes = self.form.message(subscribed.name(), Some(&cursor), &subscribed.text());
        let replay = (!start.missed.is_empty()).then(|| Replay {
            position: Position::clone(&start.position),
            subscription: Arc::clone(subscription),
            missed: start.missed.into_iter(),
            encoded: encoded.clone(),
        });
        self.write(bytes, false, now);
        if let Some(replay) = replay {
            self.output.push_replay(replay);
        }
    }

    fn held(&mut self, key: Key) -> Option<&mut Held> {
        self.subscriptions.iter_mut().find(|held| held.subscription.key == key)
    }

    /// Looks after what time brings: the end of the token, silence, slowness, a broker that does not answer.
    pub(crate) fn on_alarm(&mut self, now: Instant, clock: Timestamp) -> Result<Vec<Command>, Ending> {
        if self.close_at.is_some_and(|at| now >= at) {
            return Err(Ending::Shutdown);
        }
        self.check_token(now, clock)?;
        let settings = &self.common.settings;
        if !self.output.is_empty() && now >= self.progressed + settings.slow_after.into() {
            return Err(Ending::Slow);
        }
        if self.form == Form::EventStream {
            self.keep_alive(requests::COMMENT_EVERY, || Bytes::from_static(b": still here\n\n"), now);
        } else {
            // Who has much to take is not read; but whoever takes something is alive.
            let alive = if self.may_read() {
                self.heard
            } else {
                self.heard.max(self.progressed)
            };
            if now >= alive + settings.dead_after.into() {
                return Err(Ending::Dead);
            }
            self.keep_alive(settings.ping_interval.into(), wire::ping, now);
        }
        Ok(self.give_up_waiting(now))
    }

    fn keep_alive(&mut self, interval: Duration, sign: impl FnOnce() -> Bytes, now: Instant) {
        if now >= self.heard.max(self.pinged) + interval {
            self.pinged = now;
            self.write(sign(), false, now);
        }
    }

    fn check_token(&mut self, now: Instant, clock: Timestamp) -> Result<(), Ending> {
        let Some(expires_at) = self.token.as_ref().map(|token| token.expires_at) else {
            let within: Duration = self.common.settings.authenticate_within.into();
            return if now >= self.began + within {
                Err(Ending::Unauthenticated)
            } else {
                Ok(())
            };
        };
        if clock >= expires_at {
            return Err(Ending::Expired);
        }
        let notice = SignedDuration::try_from(EXPIRY_NOTICE).unwrap_or_default();
        if !self.expiry_told && expires_at.duration_since(clock) <= notice {
            self.expiry_told = true;
            self.say(&ServerMessage::Expiring { expires_at }, now);
        }
        Ok(())
    }

    /// Subscriptions that have waited for too long are refused.
    fn give_up_waiting(&mut self, now: Instant) -> Vec<Command> {
        let timeout: Duration = self.common.settings.subscribe_timeout.into();
        let outbox = &self.outbox;
        let too_long = |held: &mut Held| {
            let waits = held.waiting_since.is_some_and(|since| now >= since + timeout);
            // The answer may be there and wait for its turn.
            waits && !outbox.has_start(held.subscription.key)
        };
        let given_up: Vec<Held> = self.subscriptions.extract_if(.., too_long).collect();
        for held in &given_up {
            let message = "the feed is not available now; try again in some seconds".to_owned();
            let id = Some(held.subscription.id.clone());
            self.say_refused(
                &Refusal {
                    id,
                    code: ErrorCode::Unavailable,
                    message,
                },
                now,
            );
        }
        given_up
            .into_iter()
            .map(|held| Command::Unsubscribe(held.subscription))
            .collect()
    }

    /// When to look after time again.
    pub(crate) fn next_alarm(&self, now: Instant, clock: Timestamp) -> Instant {
        let settings = &self.common.settings;
        let limits = [
            Some(settings.ping_interval),
            Some(settings.slow_after),
            Some(settings.subscribe_timeout),
            self.token.is_none().then_some(settings.authenticate_within),
        ];
        let shortest = limits
            .into_iter()
            .flatten()
            .map(Duration::from)
            .min()
            .unwrap_or_default();
        let tick = (shortest / 4).clamp(Duration::from_millis(10), Duration::from_secs(5));
        // A hair later, so that the token is over by then.
        let left = self
            .token
            .as_ref()
            .map(|token| token.expires_at.duration_since(clock) + SignedDuration::from_millis(1));
        let left = left.and_then(|left| Duration::try_from(left.max(SignedDuration::ZERO)).ok());
        let next = now + left.map_or(tick, |left| tick.min(left));
        self.close_at.map_or(next, |at| at.min(next))
    }

    /// Everything that the feed must forget at the end.
    pub(crate) fn leave(&mut self) -> impl Iterator<Item = Command> + use<'_> {
        self.subscriptions
            .drain(..)
            .map(|held| Command::Unsubscribe(held.subscription))
    }

    /// The last message of a stream of events.
    pub(crate) fn say_end(&mut self, ending: Ending, now: Instant) {
        self.say(&ServerMessage::End { reason: ending.label() }, now);
    }

    fn say(&mut self, message: &ServerMessage<'_>, now: Instant) {
        self.write(self.form.message(message.name(), None, &message.text()), false, now);
    }

    fn write(&mut self, bytes: Bytes, is_frame: bool, now: Instant) {
        if self.output.is_empty() {
            self.progressed = now;
        }
        self.output.push(bytes, is_frame);
    }
}

#[cfg(test)]
mod tests;
