//! One socket's state: what it subscribed to, what is to be written, when it must end. No socket in here; `socket` moves the
//! messages.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use actix_ws::Message;
use citytrack_access::ViewerToken;
use citytrack_domain::Slug;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::{
    ending::Ending,
    feed::{Command, FeedHandle},
    filter::{Filter, FilterLimits},
    hub::Subscription,
    outbox::{Event, Key, Limits, Outbox},
    protocol::{ClientMessage, ErrorCode, MAX_ID, Refusal, ServerMessage, WantedFilter},
    settings::LiveSettings,
};

/// Answers that may wait beside the frames; when there are more, nothing is read until the client reads.
const ANSWERS: usize = 64;

/// Something to write.
pub(crate) struct Output {
    pub(crate) message: Message,
    pub(crate) is_frame: bool,
}

/// The state of one socket.
pub(crate) struct Session {
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) output: VecDeque<Output>,
    settings: Arc<LiveSettings>,
    feed: FeedHandle,
    token: ViewerToken,
    subscriptions: Vec<Held>,
    bad_messages: u32,
    /// When the client was last heard, was last pinged, and last took something (or had nothing to take).
    heard: Instant,
    pinged: Instant,
    progressed: Instant,
    close_at: Option<Instant>,
}

/// A subscription of this session.
struct Held {
    subscription: Arc<Subscription>,
    /// Since when it waits for the feed's answer.
    waiting_since: Option<Instant>,
}

impl Session {
    pub(crate) fn new(settings: Arc<LiveSettings>, feed: FeedHandle, token: ViewerToken, now: Instant) -> Self {
        let limits = Limits {
            frames: settings.queue.get(),
            bytes: settings.queue_size.as_u64(),
        };
        Self {
            outbox: Arc::new(Outbox::new(limits)),
            output: VecDeque::new(),
            settings,
            feed,
            token,
            subscriptions: Vec::new(),
            bad_messages: 0,
            heard: now,
            pinged: now,
            progressed: now,
            close_at: None,
        }
    }

    /// Whether there is room for the answer to another message.
    pub(crate) fn may_read(&self) -> bool {
        self.output.len() < self.settings.queue.get() + ANSWERS
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

    /// Answers a message, and says what to ask of the feed.
    pub(crate) fn on_text(&mut self, text: &str, now: Instant) -> Result<Option<Command>, Ending> {
        match ClientMessage::parse(text).and_then(|message| self.obey(message, now)) {
            Ok(command) => {
                self.bad_messages = 0;
                Ok(command)
            }
            Err(refusal) => self.refuse(&refusal, now).map(|()| None),
        }
    }

    /// Answers binary data, which is never right.
    pub(crate) fn on_binary(&mut self, now: Instant) -> Result<(), Ending> {
        let message = "messages are JSON text, not binary".to_owned();
        let code = ErrorCode::InvalidMessage;
        self.refuse(
            &Refusal {
                id: None,
                code,
                message,
            },
            now,
        )
    }

    /// Queues the answer to a WebSocket ping.
    pub(crate) fn on_ping(&mut self, payload: bytes::Bytes, now: Instant) {
        self.write(Message::Pong(payload), false, now);
    }

    fn obey(&mut self, message: ClientMessage, now: Instant) -> Result<Option<Command>, Refusal> {
        match message {
            ClientMessage::Subscribe { id, venue, filter } => {
                let checked = self.check(&id, &venue, &filter);
                let (venue, filter) = checked.map_err(|(code, message)| {
                    let id = Some(id.chars().take(MAX_ID).collect());
                    Refusal { id, code, message }
                })?;
                Ok(Some(self.subscribe(id, venue, filter, now)))
            }
            ClientMessage::Unsubscribe { id } => {
                let Some(place) = self.subscriptions.iter().position(|held| held.subscription.id == id) else {
                    let message = "there is no subscription with this id".to_owned();
                    let code = ErrorCode::UnknownId;
                    return Err(Refusal {
                        id: Some(id),
                        code,
                        message,
                    });
                };
                let held = self.subscriptions.remove(place);
                self.say(&ServerMessage::Unsubscribed { id: &id }, now);
                Ok(Some(Command::Unsubscribe(held.subscription)))
            }
            ClientMessage::Ping {} => {
                self.say(&ServerMessage::Pong, now);
                Ok(None)
            }
        }
    }

    fn check(&self, id: &str, venue: &str, filter: &WantedFilter) -> Result<(Slug, Filter), (ErrorCode, String)> {
        if id.is_empty() || id.len() > MAX_ID {
            let message = format!("`id` must be 1 to {MAX_ID} bytes long");
            return Err((ErrorCode::InvalidMessage, message));
        }
        if self.subscriptions.iter().any(|held| held.subscription.id == id) {
            let message = "there is a subscription with this id; unsubscribe it first".to_owned();
            return Err((ErrorCode::DuplicateId, message));
        }
        let limit = self.settings.subscriptions.get();
        if self.subscriptions.len() >= limit {
            let message = format!("a socket may hold {limit} subscriptions");
            return Err((ErrorCode::TooManySubscriptions, message));
        }
        // One answer for all: which venues there are is nobody's business who may not see them.
        let venue = Slug::new(venue).ok().filter(|venue| self.token.allows(venue));
        let venue = venue.ok_or_else(|| {
            (
                ErrorCode::ForbiddenVenue,
                "the token does not name this venue".to_owned(),
            )
        })?;
        let limits = FilterLimits {
            cameras: self.settings.filter_cameras.get(),
            classes: self.settings.filter_classes.get(),
        };
        let filter = Filter::new(filter.cameras.as_deref(), filter.classes.as_deref(), limits);
        Ok((
            venue,
            filter.map_err(|error| (ErrorCode::InvalidFilter, error.to_string()))?,
        ))
    }

    fn subscribe(&mut self, id: String, venue: Slug, filter: Filter, now: Instant) -> Command {
        let subscription = Arc::new(Subscription {
            key: self.feed.next_key(),
            id,
            venue,
            filter,
            outbox: Arc::clone(&self.outbox),
        });
        self.subscriptions.push(Held {
            subscription: Arc::clone(&subscription),
            waiting_since: Some(now),
        });
        Command::Subscribe(subscription)
    }

    fn refuse(&mut self, refusal: &Refusal, now: Instant) -> Result<(), Ending> {
        if refusal.code.is_garbage() {
            self.bad_messages += 1;
            if self.bad_messages > self.settings.bad_messages {
                return Err(Ending::Protocol("too many messages that cannot be understood"));
            }
        }
        let error = ServerMessage::Error {
            id: refusal.id.as_deref(),
            code: refusal.code.as_str(),
            message: &refusal.message,
        };
        self.say(&error, now);
        Ok(())
    }

    /// Queues what the outbox holds.
    pub(crate) fn collect(&mut self, now: Instant) {
        for event in self.outbox.take() {
            match event {
                Event::Frame(key, text) => {
                    // Frames that were on their way when the client unsubscribed.
                    if self.held(key).is_some() {
                        self.write(Message::Text(text), true, now);
                    }
                }
                Event::Subscribed(key) => {
                    let Some(held) = self.held(key) else { continue };
                    held.waiting_since = None;
                    let subscription = Arc::clone(&held.subscription);
                    let subscribed = ServerMessage::Subscribed {
                        id: &subscription.id,
                        venue: subscription.venue.as_str(),
                        cursor: None,
                        recovered: false,
                        snapshot: [],
                    };
                    self.say(&subscribed, now);
                }
                Event::Gap(key, dropped) => {
                    let Some(held) = self.held(key) else { continue };
                    let subscription = Arc::clone(&held.subscription);
                    let id = &subscription.id;
                    self.say(&ServerMessage::Gap { id, dropped }, now);
                }
            }
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
        if clock >= self.token.expires_at {
            return Err(Ending::Expired);
        }
        if !self.output.is_empty() && now >= self.progressed + self.settings.slow_after.into() {
            return Err(Ending::Slow);
        }
        if now >= self.heard + self.settings.dead_after.into() {
            return Err(Ending::Dead);
        }
        let interval: Duration = self.settings.ping_interval.into();
        if now >= self.heard.max(self.pinged) + interval {
            self.pinged = now;
            self.write(Message::Ping(bytes::Bytes::new()), false, now);
        }
        Ok(self.give_up_waiting(now))
    }

    /// Subscriptions that have waited for too long are refused.
    fn give_up_waiting(&mut self, now: Instant) -> Vec<Command> {
        let timeout: Duration = self.settings.subscribe_timeout.into();
        let too_long = |held: &mut Held| held.waiting_since.is_some_and(|since| now >= since + timeout);
        let given_up: Vec<Held> = self.subscriptions.extract_if(.., too_long).collect();
        for held in &given_up {
            let error = ServerMessage::Error {
                id: Some(&held.subscription.id),
                code: ErrorCode::Unavailable.as_str(),
                message: "the feed is not available now; try again in some seconds",
            };
            self.say(&error, now);
        }
        given_up
            .into_iter()
            .map(|held| Command::Unsubscribe(held.subscription))
            .collect()
    }

    /// When to look after time again.
    pub(crate) fn next_alarm(&self, now: Instant, clock: Timestamp) -> Instant {
        let settings = &self.settings;
        let shortest = [settings.ping_interval, settings.slow_after, settings.subscribe_timeout];
        let shortest = shortest.into_iter().map(Duration::from).min().unwrap_or_default();
        let tick = (shortest / 4).clamp(Duration::from_millis(10), Duration::from_secs(5));
        // A hair later, so that the token is over by then.
        let left = self.token.expires_at.duration_since(clock) + SignedDuration::from_millis(1);
        let left = Duration::try_from(left).unwrap_or_default();
        let next = now + tick.min(left);
        self.close_at.map_or(next, |at| at.min(next))
    }

    /// Everything that the feed must forget at the end.
    pub(crate) fn leave(&mut self) -> impl Iterator<Item = Command> + use<'_> {
        self.subscriptions
            .drain(..)
            .map(|held| Command::Unsubscribe(held.subscription))
    }

    fn say(&mut self, message: &ServerMessage<'_>, now: Instant) {
        self.write(Message::Text(message.text()), false, now);
    }

    fn write(&mut self, message: Message, is_frame: bool, now: Instant) {
        if self.output.is_empty() {
            self.progressed = now;
        }
        self.output.push_back(Output { message, is_frame });
    }
}

#[cfg(test)]
pub(crate) mod tests;
