//! Who waits for what: the feed's decisions, without the broker itself.

use std::{collections::HashMap, sync::Arc, time::Duration};

use citytrack_domain::Slug;
use tokio::time::Instant;

use crate::{
    feed::Command,
    hub::{Hub, Subscription},
};

/// The subscriptions, and the venues that the inbox takes for them.
pub(crate) struct Desk {
    pub(crate) hub: Hub,
    /// Whether messages come now.
    up: bool,
    /// Venues that the inbox takes; with the time since when nobody watches them.
    bound: HashMap<Slug, Option<Instant>>,
    /// Subscriptions whose venue is not taken yet, or not now because the broker is away.
    waiting: Vec<Arc<Subscription>>,
    unbind_after: Duration,
}

impl Desk {
    pub(crate) fn new(hub: Hub, unbind_after: Duration) -> Self {
        Self {
            hub,
            up: false,
            bound: HashMap::new(),
            waiting: Vec::new(),
            unbind_after,
        }
    }

    pub(crate) fn take(&mut self, command: Command) {
        match command {
            Command::Subscribe(subscription) => self.subscribe(subscription),
            Command::Unsubscribe(subscription) => {
                self.waiting.retain(|waiting| waiting.key != subscription.key);
                self.hub.remove(&subscription);
                if !self.watched(&subscription.venue)
                    && let Some(unwatched) = self.bound.get_mut(&subscription.venue)
                {
                    unwatched.get_or_insert_with(Instant::now);
                }
            }
        }
    }

    fn subscribe(&mut self, subscription: Arc<Subscription>) {
        if let Some(unwatched) = self.bound.get_mut(&subscription.venue) {
            *unwatched = None;
            if self.up {
                return self.hub.add(subscription);
            }
        }
        self.waiting.push(subscription);
    }

    fn watched(&self, venue: &Slug) -> bool {
        self.hub.watches(venue) || self.waiting.iter().any(|waiting| waiting.venue == *venue)
    }

    /// The connection was lost, or is there (again): then what came meanwhile is lost, and the sessions are told.
    pub(crate) fn connection(&mut self, up: bool) {
        self.set_up(up);
        if up {
            self.hub.announce();
            self.admit();
        }
    }

    /// Whether subscriptions can be put in force now.
    pub(crate) fn set_up(&mut self, up: bool) {
        self.up = up;
    }

    pub(crate) fn wants_binding(&self) -> bool {
        self.up
            && self
                .waiting
                .iter()
                .any(|waiting| !self.bound.contains_key(&waiting.venue))
    }

    /// Venues that somebody waits for and that are not taken yet, each once.
    pub(crate) fn unbound(&self) -> Vec<Slug> {
        let venues = self.waiting.iter().map(|waiting| &waiting.venue);
        let mut unbound: Vec<Slug> = venues
            .filter(|venue| !self.bound.contains_key(*venue))
            .cloned()
            .collect();
        unbound.sort_unstable();
        unbound.dedup();
        unbound
    }

    /// The venue is taken from now on.
    pub(crate) fn bound(&mut self, venue: Slug) {
        self.bound.insert(venue, None);
        if self.up {
            self.admit();
        }
    }

    /// Puts those in force that waited for a venue that is taken now.
    fn admit(&mut self) {
        let ready = self
            .waiting
            .extract_if(.., |waiting| self.bound.contains_key(&waiting.venue));
        ready.for_each(|subscription| self.hub.add(subscription));
    }

    pub(crate) fn next_unbind(&self) -> Option<Instant> {
        let oldest = self.bound.values().flatten().min()?;
        self.up.then(|| *oldest + self.unbind_after)
    }

    /// Venues that nobody has watched for long enough; they are not taken any more.
    pub(crate) fn unwatched(&mut self, now: Instant) -> Vec<Slug> {
        let long_enough = |since: &mut Option<Instant>| since.is_some_and(|since| since + self.unbind_after <= now);
        self.bound
            .extract_if(|_, since| long_enough(since))
            .map(|(venue, _)| venue)
            .collect()
    }

    pub(crate) fn venues(&self) -> i64 {
        i64::try_from(self.bound.len()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        filter::Filter,
        hub::tests::{hub, subscription},
        outbox::{Event, Outbox, tests::room_for},
    };

    fn desk() -> (Desk, Arc<Outbox>, Slug) {
        let desk = Desk::new(hub(), Duration::from_secs(30));
        (desk, room_for(10), Slug::new("demo").unwrap())
    }

    #[test]
    fn a_subscription_is_in_force_when_its_venue_is_bound() {
        let (mut desk, outbox, demo) = desk();
        desk.take(Command::Subscribe(subscription(1, "1", Filter::default(), &outbox)));
        assert!(!desk.wants_binding(), "not while the broker is away");
        desk.connection(true);
        assert!(desk.wants_binding() && outbox.take().is_empty());
        assert_eq!(desk.unbound(), std::slice::from_ref(&demo));
        desk.bound(demo);
        assert_eq!(outbox.take(), [Event::Subscribed(1)]);
        desk.take(Command::Subscribe(subscription(2, "2", Filter::default(), &outbox)));
        assert_eq!(outbox.take(), [Event::Subscribed(2)], "at once: it is bound already");
    }

    #[test]
    fn after_an_outage_everybody_is_told() {
        let (mut desk, outbox, demo) = desk();
        desk.connection(true);
        desk.take(Command::Subscribe(subscription(1, "1", Filter::default(), &outbox)));
        desk.bound(demo);
        outbox.take();
        desk.connection(false);
        desk.take(Command::Subscribe(subscription(2, "2", Filter::default(), &outbox)));
        assert!(outbox.take().is_empty());
        desk.connection(true);
        assert_eq!(outbox.take(), [Event::Subscribed(1), Event::Subscribed(2)]);
    }

    #[test]
    fn a_venue_is_given_up_some_time_after_its_last_subscriber() {
        let (mut desk, outbox, demo) = desk();
        desk.connection(true);
        let one = subscription(1, "1", Filter::default(), &outbox);
        desk.take(Command::Subscribe(Arc::clone(&one)));
        desk.bound(demo.clone());
        assert_eq!(desk.next_unbind(), None);
        desk.take(Command::Unsubscribe(one));
        let due = desk.next_unbind().unwrap();
        assert!(desk.unwatched(due - Duration::from_millis(1)).is_empty());
        let two = subscription(2, "1", Filter::default(), &outbox);
        desk.take(Command::Subscribe(Arc::clone(&two)));
        assert_eq!(desk.next_unbind(), None, "somebody came back in time");
        desk.take(Command::Unsubscribe(two));
        let due = desk.next_unbind().unwrap();
        assert_eq!(desk.unwatched(due), [demo]);
        assert_eq!(desk.venues(), 0);
    }

    #[test]
    fn who_leaves_while_waiting_is_forgotten() {
        let (mut desk, outbox, demo) = desk();
        let one = subscription(1, "1", Filter::default(), &outbox);
        desk.take(Command::Subscribe(Arc::clone(&one)));
        desk.take(Command::Unsubscribe(one));
        desk.connection(true);
        assert!(!desk.wants_binding() && !desk.watched(&demo));
    }
}
