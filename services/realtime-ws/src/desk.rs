//! Who waits for what: the feed's decisions, without the broker itself.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use citytrack_domain::Slug;
use tokio::time::Instant;

use crate::{feed::Command, hub::Hub, presence::Presence, subscription::Subscription, venue::Moment};

/// For so long messages may come of a venue that was given up.
const STRAGGLERS: Duration = Duration::from_secs(10);

/// The subscriptions, and the venues that the inbox takes for them.
pub(crate) struct Desk {
    pub(crate) hub: Hub,
    pub(crate) presence: Presence,
    /// Whether messages come now.
    up: bool,
    /// Venues that the inbox takes; with the time since when nobody watches them, here or elsewhere.
    bound: HashMap<Slug, Option<Instant>>,
    /// Subscriptions whose venue is not taken yet, or not now because the broker is away.
    waiting: Vec<Arc<Subscription>>,
    unbind_after: Duration,
    /// Venues that were given up, and when: what is still on its way from them is nothing to take them again for.
    left: HashMap<Slug, Instant>,
}

impl Desk {
    pub(crate) fn new(hub: Hub, presence: Presence, unbind_after: Duration) -> Self {
        Self {
            hub,
            presence,
            up: false,
            bound: HashMap::new(),
            waiting: Vec::new(),
            unbind_after,
            left: HashMap::new(),
        }
    }

    pub(crate) fn take(&mut self, command: Command, at: Moment) {
        match command {
            Command::Subscribe(subscription) => match self.bound.get_mut(&subscription.venue) {
                Some(unwatched) if self.up => {
                    *unwatched = None;
                    self.hub.add(subscription, at);
                }
                _ => self.waiting.push(subscription),
            },
            Command::Unsubscribe(subscription) => {
                self.waiting.retain(|waiting| waiting.key != subscription.key);
                self.hub.remove(&subscription);
                // Nothing is put there any more after this.
                subscription.outbox.forget(subscription.key);
            }
        }
    }

    /// The connection is there (again). When it is a new one to a new queue, nobody knows what was lost meanwhile.
    pub(crate) fn connected(&mut self, anew: bool, at: Moment) {
        self.up = true;
        // Nobody could be heard, and nobody could come, while the connection was away.
        self.presence.excuse(at.now);
        for unwatched in self.bound.values_mut().flatten() {
            *unwatched = at.now;
        }
        if anew {
            self.hub.restart(at);
        }
        self.admit(at);
    }

    /// Whether messages come now.
    pub(crate) fn is_up(&self) -> bool {
        self.up
    }

    /// No messages come any more; subscriptions wait until they do.
    pub(crate) fn disconnected(&mut self) {
        self.up = false;
    }

    /// Puts those in force that waited for a venue that is taken now.
    fn admit(&mut self, at: Moment) {
        if !self.up {
            return;
        }
        let ready = self
            .waiting
            .extract_if(.., |waiting| self.bound.contains_key(&waiting.venue));
        ready.for_each(|subscription| self.hub.add(subscription, at));
    }

    /// Whether somebody here waits for a venue that is not taken yet.
    pub(crate) fn wants_binding(&self) -> bool {
        self.up
            && self
                .waiting
                .iter()
                .any(|waiting| !self.bound.contains_key(&waiting.venue))
    }

    /// Venues that somebody waits for, here or elsewhere, and that are not taken yet.
    pub(crate) fn unbound(&self) -> Vec<Slug> {
        if !self.up {
            return Vec::new();
        }
        let waited_for = self.waiting.iter().map(|waiting| waiting.venue.clone());
        let mut wanted: BTreeSet<Slug> = waited_for.collect();
        wanted.extend(self.presence.elsewhere());
        wanted
            .into_iter()
            .filter(|venue| !self.bound.contains_key(venue))
            .collect()
    }

    /// The venue is taken from now on.
    pub(crate) fn bound(&mut self, venue: Slug, at: Moment) {
        self.left.remove(&venue);
        self.hub.open(&venue, at.clock);
        self.bound.insert(venue, None);
        self.admit(at);
    }

    /// Whether a message of the venue is one that nobody asked for: of an earlier life of this instance.
    pub(crate) fn is_unknown(&self, venue: &Slug) -> bool {
        !self.bound.contains_key(venue) && !self.left.contains_key(venue)
    }

    /// Looks who watches what, and tells the others. Returns how many watch each venue that is taken.
    pub(crate) fn look_around(&mut self, now: Instant) -> Vec<(Slug, u64)> {
        if self.up {
            self.presence.forget_gone(now);
        }
        self.left.retain(|_, left| *left + STRAGGLERS > now);
        let here = self.hub.watching();
        let elsewhere = self.presence.elsewhere();
        let waiting = &self.waiting;
        for (venue, unwatched) in &mut self.bound {
            let watched = here.contains_key(venue)
                || elsewhere.contains(venue)
                || waiting.iter().any(|waiting| waiting.venue == *venue);
            match (watched, &unwatched) {
                (true, _) => *unwatched = None,
                (false, None) => *unwatched = Some(now),
                (false, Some(_)) => {}
            }
        }
        let watching = |venue: &Slug| here.get(venue).copied().unwrap_or_default();
        let taken = self
            .bound
            .keys()
            .map(|venue| (venue.clone(), watching(venue)))
            .collect();
        if self.up {
            self.presence.tell(here);
        }
        taken
    }

    /// Venues that nobody has watched for long enough; they are not taken any more.
    pub(crate) fn unwatched(&mut self, now: Instant) -> Vec<Slug> {
        if !self.up {
            return Vec::new();
        }
        let (hub, unbind_after) = (&self.hub, self.unbind_after);
        let long_enough = |since: Option<Instant>| since.is_some_and(|since| since + unbind_after <= now);
        let left = self
            .bound
            .extract_if(|venue, since| long_enough(*since) && !hub.watches(venue));
        let left: Vec<Slug> = left.map(|(venue, _)| venue).collect();
        for venue in &left {
            self.left.insert(venue.clone(), now);
            self.hub.close(venue);
        }
        left
    }

    pub(crate) fn venues(&self) -> i64 {
        i64::try_from(self.bound.len()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests;
