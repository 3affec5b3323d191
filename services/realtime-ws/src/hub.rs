//! The venues that are taken from the broker. Plain data without locks; the feed task owns it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use citytrack_broker::Stamp;
use citytrack_domain::{Batch, Slug};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::{
    metrics::LiveMetrics,
    subscription::Subscription,
    venue::{Moment, Shared, Venue, VenueSettings},
    wire::Compressor,
};

/// Higher levels take longer and bring nothing more for messages that are compressed each for itself.
const COMPRESSION_LEVEL: u32 = 3;

/// Every venue that is taken, and what they share.
pub(crate) struct Hub {
    venues: HashMap<Slug, Venue>,
    shared: Shared,
}

impl Hub {
    /// A hub that recognises the newest `remembered` batches of each venue.
    pub(crate) fn new(remembered: usize, settings: VenueSettings, metrics: LiveMetrics) -> Self {
        Self {
            venues: HashMap::new(),
            shared: Shared {
                settings,
                remembered,
                compressor: Compressor::new(COMPRESSION_LEVEL),
                metrics,
            },
        }
    }

    /// A venue is taken from now on, or has been since `since`.
    pub(crate) fn open(&mut self, venue: &Slug, since: Timestamp) {
        let Shared {
            settings, remembered, ..
        } = &self.shared;
        let open = || Venue::new(venue.clone(), settings, *remembered, since);
        self.venues.entry(venue.clone()).or_insert_with(open);
    }

    /// A venue is not taken any more.
    pub(crate) fn close(&mut self, venue: &Slug) {
        self.venues.remove(venue);
    }

    /// Puts a subscription of a venue that is taken in force.
    pub(crate) fn add(&mut self, subscription: Arc<Subscription>, at: Moment) {
        if let Some(venue) = self.venues.get_mut(&subscription.venue) {
            self.shared.metrics.subscriptions.inc();
            venue.add(subscription, &mut self.shared, at);
        }
    }

    /// Forgets a subscription; nothing happens when it is not here.
    pub(crate) fn remove(&mut self, subscription: &Subscription) {
        if let Some(venue) = self.venues.get_mut(&subscription.venue) {
            let before = venue.watching();
            venue.remove(subscription);
            if venue.watching() < before {
                self.shared.metrics.subscriptions.dec();
            }
        }
    }

    /// The next message of a venue waited in the queue; it came in at `received`.
    pub(crate) fn reach_back(&mut self, venue: &Slug, received: Timestamp) {
        if let Some(venue) = self.venues.get_mut(venue) {
            venue.reach_back(received);
        }
    }

    /// Whether anybody here watches the venue.
    pub(crate) fn watches(&self, venue: &Slug) -> bool {
        self.venues.get(venue).is_some_and(|venue| venue.watching() > 0)
    }

    /// Shows a message of a venue that is taken.
    pub(crate) fn show(&mut self, venue: &Slug, stamp: Option<Stamp>, batches: Vec<Batch>, at: Moment) {
        if let Some(venue) = self.venues.get_mut(venue) {
            venue.show(stamp, batches, &mut self.shared, at);
        }
    }

    /// Nobody knows what was lost: everybody starts anew.
    pub(crate) fn restart(&mut self, at: Moment) {
        self.venues
            .values_mut()
            .for_each(|venue| venue.restart(&mut self.shared, at));
    }

    /// When something is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.venues.values().filter_map(Venue::next_due).min()
    }

    /// Does what time has brought.
    pub(crate) fn tick(&mut self, at: Moment) {
        self.venues
            .values_mut()
            .for_each(|venue| venue.tick(&mut self.shared, at));
    }

    /// How many watch each venue that is watched here.
    pub(crate) fn watching(&self) -> BTreeMap<Slug, u64> {
        let watched = self.venues.iter().filter(|(_, venue)| venue.watching() > 0);
        watched.map(|(name, venue)| (name.clone(), venue.watching())).collect()
    }
}

#[cfg(test)]
mod tests;
