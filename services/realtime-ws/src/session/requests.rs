//! What clients ask for: checked, and granted or refused.

use std::{sync::Arc, time::Duration};

use citytrack_access::ViewerToken;
use citytrack_domain::{CameraPattern, Slug};
use jiff::Timestamp;
use tokio::time::Instant;

use super::{Held, Session};
use crate::{
    ending::Ending,
    feed::Command,
    filter::{Filter, FilterLimits},
    position::Position,
    protocol::{ClientMessage, ErrorCode, MAX_ID, Refusal, SecretText, ServerMessage, Subscribe},
    settings::LiveSettings,
    subscription::{Subscription, Wish},
};

/// Messages that may come at once, as seconds of the rate at which they may come for ever.
pub(super) const BURST: f64 = 5.0;
/// How often a stream of events says that it is still there.
pub(super) const COMMENT_EVERY: Duration = Duration::from_secs(15);
/// The largest `max_rate`.
const MAX_RATE: f64 = 1000.0;

/// Why something is refused.
type Reason = (ErrorCode, String);

impl Session {
    /// Answers a message, and says what to ask of the feed.
    pub(crate) fn on_text(&mut self, text: &str, now: Instant, clock: Timestamp) -> Result<Vec<Command>, Ending> {
        let message = self.check_rate(text, now).and_then(|()| ClientMessage::parse(text));
        match message.and_then(|message| self.obey(message, now, clock)) {
            Ok(commands) => {
                self.bad_messages = 0;
                Ok(commands)
            }
            Err(refusal) => self.refuse(&refusal, now).map(|()| Vec::new()),
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

    /// Subscribes for a client that cannot ask itself.
    pub(crate) fn subscribe_for(&mut self, wanted: Subscribe, now: Instant) -> Result<Command, Refusal> {
        let id = wanted.id.clone();
        let checked = self.check(wanted);
        let (id, venue, wish, since) = checked.map_err(|(code, message)| Refusal {
            id: Some(id.chars().take(MAX_ID).collect()),
            code,
            message,
        })?;
        Ok(self.subscribe(id, venue, wish, since, now))
    }

    fn check_rate(&mut self, text: &str, now: Instant) -> Result<(), Refusal> {
        let rate = f64::from(self.common.settings.message_rate.get());
        let earned = now.duration_since(self.allowance_at).as_secs_f64() * rate;
        self.allowance = (self.allowance + earned).min(BURST * rate);
        self.allowance_at = now;
        if self.allowance < 1.0 {
            let message = format!("more than {rate} messages a second");
            let code = ErrorCode::TooManyMessages;
            return Err(Refusal {
                id: ClientMessage::id_of(text),
                code,
                message,
            });
        }
        self.allowance -= 1.0;
        Ok(())
    }

    fn obey(&mut self, message: ClientMessage, now: Instant, clock: Timestamp) -> Result<Vec<Command>, Refusal> {
        match message {
            ClientMessage::Authenticate { token } => self.authenticate(&token, now, clock),
            ClientMessage::Subscribe(wanted) => self.subscribe_for(*wanted, now).map(|command| vec![command]),
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
                self.output.forget(held.subscription.key);
                self.say(&ServerMessage::Unsubscribed { id: &id }, now);
                Ok(vec![Command::Unsubscribe(held.subscription)])
            }
            ClientMessage::Ping {} => {
                self.say(&ServerMessage::Pong, now);
                Ok(Vec::new())
            }
        }
    }

    /// Takes a token in the place of the one before; subscriptions that it does not cover end.
    fn authenticate(&mut self, token: &SecretText, now: Instant, clock: Timestamp) -> Result<Vec<Command>, Refusal> {
        let token = self.common.tokens.verify(&token.0, clock).map_err(|error| Refusal {
            id: None,
            code: ErrorCode::Unauthorized,
            message: error.to_string(),
        })?;
        self.place.show(token.fingerprint).map_err(|_| Refusal {
            id: None,
            code: ErrorCode::TooManySockets,
            message: "as many sockets as are allowed are open with this token".to_owned(),
        })?;
        let authenticated = ServerMessage::Authenticated {
            venues: token.venues.texts().collect(),
            expires_at: token.expires_at,
        };
        self.say(&authenticated, now);
        let before = self.token.replace(Box::new(token));
        self.expiry_told = false;
        Ok(before
            .map(|before| self.end_uncovered(&before, now))
            .unwrap_or_default())
    }

    fn end_uncovered(&mut self, before: &ViewerToken, now: Instant) -> Vec<Command> {
        let Some(token) = self.token.as_deref() else {
            return Vec::new();
        };
        let uncovered = |held: &mut Held| {
            let venue = &held.subscription.venue;
            !token.allows(venue) || !covers(token.cameras(venue), before.cameras(venue))
        };
        let ended: Vec<Held> = self.subscriptions.extract_if(.., uncovered).collect();
        for held in &ended {
            let id = &held.subscription.id;
            let message = "the new token does not cover this subscription".to_owned();
            let code = ErrorCode::ForbiddenVenue;
            self.say_refused(
                &Refusal {
                    id: Some(id.clone()),
                    code,
                    message,
                },
                now,
            );
            self.say(&ServerMessage::Unsubscribed { id }, now);
        }
        ended
            .into_iter()
            .map(|held| Command::Unsubscribe(held.subscription))
            .collect()
    }

    fn check(&self, wanted: Subscribe) -> Result<(String, Slug, Wish, Option<Position>), Reason> {
        self.check_id(&wanted.id)?;
        let Some(token) = self.token.as_deref() else {
            let message = "show a token first, with `authenticate`".to_owned();
            return Err((ErrorCode::NotAuthenticated, message));
        };
        // One answer for all: which venues there are is nobody's business who may not see them.
        let venue = Slug::new(&wanted.venue).ok().filter(|venue| token.allows(venue));
        let venue = venue.ok_or_else(|| {
            (
                ErrorCode::ForbiddenVenue,
                "the token does not name this venue".to_owned(),
            )
        })?;
        let filter = self.check_filter(token, &venue, wanted.filter.as_ref())?;
        let max_rate = wanted.max_rate;
        if max_rate.is_some_and(|rate| !(rate > 0.0 && rate <= MAX_RATE)) {
            let message = format!("`max_rate` must be more than 0 and at most {MAX_RATE} frames a second");
            return Err((ErrorCode::InvalidMessage, message));
        }
        let since = wanted.since.map(|since| Position::parse(&since, &venue)).transpose();
        let since = since.map_err(|error| (ErrorCode::InvalidCursor, error.to_string()))?;
        let (empty, backlog) = (wanted.empty, wanted.backlog);
        let wish = Wish {
            filter,
            empty,
            backlog,
            max_rate,
        };
        Ok((wanted.id, venue, wish, since))
    }

    fn check_id(&self, id: &str) -> Result<(), Reason> {
        if id.is_empty() || id.len() > MAX_ID {
            let message = format!("`id` must be 1 to {MAX_ID} bytes long");
            return Err((ErrorCode::InvalidMessage, message));
        }
        if self.subscriptions.iter().any(|held| held.subscription.id == id) {
            let message = "there is a subscription with this id; unsubscribe it first".to_owned();
            return Err((ErrorCode::DuplicateId, message));
        }
        let limit = self.common.settings.subscriptions.get();
        if self.subscriptions.len() >= limit {
            let message = format!("a socket may hold {limit} subscriptions");
            return Err((ErrorCode::TooManySubscriptions, message));
        }
        Ok(())
    }

    fn check_filter(
        &self,
        token: &ViewerToken,
        venue: &Slug,
        wanted: Option<&serde_json::Value>,
    ) -> Result<Filter, Reason> {
        let limits = filter_limits(&self.common.settings);
        let wanted = wanted.map(|tree| Filter::parse(tree, limits)).transpose();
        let wanted = wanted.map_err(|error| (ErrorCode::InvalidFilter, format!("`filter`: {error}")))?;
        let wanted = wanted.unwrap_or_default();
        Ok(match token.cameras(venue) {
            None => wanted,
            Some(cameras) => wanted.and(Filter::of_cameras(cameras)),
        })
    }

    fn subscribe(&mut self, id: String, venue: Slug, wish: Wish, since: Option<Position>, now: Instant) -> Command {
        let subscription = Arc::new(Subscription {
            key: self.common.feed.next_key(),
            id,
            venue,
            wish,
            since,
            form: self.form,
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
            if self.bad_messages > self.common.settings.bad_messages {
                return Err(match refusal.code {
                    ErrorCode::TooManyMessages => Ending::Flood,
                    _ => Ending::Protocol("too many messages that cannot be understood"),
                });
            }
        }
        self.say_refused(refusal, now);
        Ok(())
    }

    pub(super) fn say_refused(&mut self, refusal: &Refusal, now: Instant) {
        let error = ServerMessage::Error {
            id: refusal.id.as_deref(),
            code: refusal.code.as_str(),
            message: &refusal.message,
        };
        self.say(&error, now);
    }
}

/// Whether all cameras of the limit `before` are within the limit `now`; `None` is no limit.
fn covers(now: Option<&[CameraPattern]>, before: Option<&[CameraPattern]>) -> bool {
    let (Some(now), before) = (now, before) else {
        return true;
    };
    let within = |wanted: &CameraPattern| {
        now.iter()
            .any(|allowed| allowed.intersection(wanted).as_ref() == Some(wanted))
    };
    before.is_some_and(|before| before.iter().all(within))
}

/// How much one filter may hold.
pub(crate) fn filter_limits(settings: &LiveSettings) -> FilterLimits {
    FilterLimits {
        depth: settings.filter_depth.get(),
        nodes: settings.filter_conditions.get(),
        cameras: settings.filter_cameras.get(),
        classes: settings.filter_classes.get(),
    }
}
