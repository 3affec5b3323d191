//! Who watches what: venues → distinct filters → subscriptions. Plain data without locks; the feed task owns it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use citytrack_domain::{Batch, Frame, Slug};
use jiff::Timestamp;

use crate::{
    encode,
    filter::Filter,
    metrics::{BatchOutcome, LiveMetrics},
    outbox::{Key, Outbox},
    recent::RecentBatches,
};

/// One wish of one session.
pub(crate) struct Subscription {
    pub(crate) key: Key,
    /// What the client calls it.
    pub(crate) id: String,
    pub(crate) venue: Slug,
    pub(crate) filter: Filter,
    pub(crate) outbox: Arc<Outbox>,
}

/// All subscriptions that are in force.
pub(crate) struct Hub {
    venues: HashMap<Slug, HashMap<Filter, Group>>,
    recent: RecentBatches,
    metrics: LiveMetrics,
}

/// Subscriptions with one filter, by the opening that their id gives to every message: equal ids share the bytes.
type Group = HashMap<String, BTreeMap<Key, Arc<Subscription>>>;

impl Hub {
    /// A hub that recognises the newest `remembered` batches.
    pub(crate) fn new(remembered: usize, metrics: LiveMetrics) -> Self {
        Self {
            venues: HashMap::new(),
            recent: RecentBatches::new(remembered),
            metrics,
        }
    }

    /// From now on the subscription gets every frame; its session is told so before the first.
    pub(crate) fn add(&mut self, subscription: Arc<Subscription>) {
        subscription.outbox.push_subscribed(subscription.key);
        self.metrics.subscriptions.inc();
        self.venues
            .entry(subscription.venue.clone())
            .or_default()
            .entry(subscription.filter.clone())
            .or_default()
            .entry(encode::opening(&subscription.id))
            .or_default()
            .insert(subscription.key, subscription);
    }

    /// Forgets the subscription; nothing happens when it is not here.
    pub(crate) fn remove(&mut self, subscription: &Subscription) {
        let Some(filters) = self.venues.get_mut(&subscription.venue) else {
            return;
        };
        let Some(group) = filters.get_mut(&subscription.filter) else {
            return;
        };
        let opening = encode::opening(&subscription.id);
        let Some(same_id) = group.get_mut(&opening) else { return };
        if same_id.remove(&subscription.key).is_some() {
            self.metrics.subscriptions.dec();
        }
        if same_id.is_empty() {
            group.remove(&opening);
        }
        if group.is_empty() {
            filters.remove(&subscription.filter);
        }
        if filters.is_empty() {
            self.venues.remove(&subscription.venue);
        }
    }

    /// Whether anybody watches the venue.
    pub(crate) fn watches(&self, venue: &Slug) -> bool {
        self.venues.contains_key(venue)
    }

    /// Tells every session that its subscriptions start anew: something may have been lost before.
    pub(crate) fn announce(&self) {
        let groups = self.venues.values().flat_map(HashMap::values);
        for subscription in groups.flat_map(HashMap::values).flat_map(BTreeMap::values) {
            subscription.outbox.push_subscribed(subscription.key);
        }
    }

    /// Gives the frames to everybody who wants them, unless that was done before.
    pub(crate) fn publish(&mut self, batch: &Batch, now: Timestamp) {
        let Some(filters) = self.venues.get(&batch.source.venue) else {
            return;
        };
        if !self.recent.is_new((batch.id, batch.source.id)) {
            self.metrics.batch(BatchOutcome::Repeated);
            return;
        }
        for frame in &batch.frames {
            self.publish_frame(filters, batch, frame);
        }
        self.metrics.batch(BatchOutcome::Shown);
        let age = now.duration_since(batch.received_at).as_secs_f64();
        self.metrics.age.observe(age.max(0.0));
    }

    fn publish_frame(&self, filters: &HashMap<Filter, Group>, batch: &Batch, frame: &Frame) {
        // Filters that differ only in their cameras see the same text.
        let mut complete: Option<String> = None;
        for (filter, group) in filters {
            if !filter.sees(&batch.source.node, &frame.camera) {
                continue;
            }
            let encode = || {
                self.metrics.encoded.inc();
                encode::body(batch, frame, filter)
            };
            let filtered;
            let body = if filter.wants_every_class() {
                complete.get_or_insert_with(encode)
            } else {
                filtered = encode();
                &filtered
            };
            self.deliver(group, body);
        }
    }

    fn deliver(&self, group: &Group, body: &str) {
        let mut dropped = 0;
        for (opening, subscriptions) in group {
            let text = encode::with_id(opening, body);
            for (key, subscription) in subscriptions {
                dropped += u64::from(!subscription.outbox.push_frame(*key, text.clone()));
            }
        }
        if dropped > 0 {
            self.metrics.dropped.inc_by(dropped);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use citytrack_testkit::{batch, frame, identity, person};
    use prometheus::Registry;

    use super::*;
    use crate::{
        filter::tests::filter,
        outbox::{Event, tests::room_for},
    };

    pub(crate) fn hub() -> Hub {
        Hub::new(100, LiveMetrics::new(&Registry::new()).unwrap())
    }

    pub(crate) fn subscription(key: Key, id: &str, filter: Filter, outbox: &Arc<Outbox>) -> Arc<Subscription> {
        Arc::new(Subscription {
            key,
            id: id.to_owned(),
            venue: Slug::new("demo").unwrap(),
            filter,
            outbox: Arc::clone(outbox),
        })
    }

    pub(crate) fn sample(cameras: &[&str]) -> Batch {
        let at = Timestamp::UNIX_EPOCH;
        let frames = cameras.iter().map(|camera| frame(camera, at, vec![person(0.5, None)]));
        batch(&identity("demo", uuid::Uuid::nil()), at, frames.collect())
    }

    fn cameras(outbox: &Outbox) -> Vec<(Key, String)> {
        let frames = outbox.take().into_iter().filter_map(|event| match event {
            Event::Frame(key, text) => {
                let value: serde_json::Value = serde_json::from_str(&text).unwrap();
                Some((key, value["camera"].as_str().unwrap().to_owned()))
            }
            _ => None,
        });
        frames.collect()
    }

    #[test]
    fn frames_go_to_those_who_want_them_encoded_once() {
        let mut hub = hub();
        let (one, other) = (room_for(10), room_for(10));
        hub.add(subscription(1, "1", Filter::default(), &one));
        hub.add(subscription(2, "1", Filter::default(), &other));
        hub.add(subscription(3, "exit", filter(&["exit"], &[]).unwrap(), &other));
        hub.publish(&sample(&["entrance", "exit"]), Timestamp::UNIX_EPOCH);
        let told = one.take();
        assert_eq!(told[0], Event::Subscribed(1));
        assert_eq!(told.len(), 3);
        let mut seen = cameras(&other);
        seen.sort();
        let expected = [(2, "entrance"), (2, "exit"), (3, "exit")];
        assert_eq!(seen, expected.map(|(key, camera)| (key, camera.to_owned())));
        assert_eq!(hub.metrics.encoded.get(), 2, "two frames, whoever watches them");
    }

    #[test]
    fn a_batch_that_comes_again_is_shown_once() {
        let mut hub = hub();
        let outbox = room_for(10);
        hub.add(subscription(1, "1", Filter::default(), &outbox));
        let batch = sample(&["entrance"]);
        hub.publish(&batch, Timestamp::UNIX_EPOCH);
        hub.publish(&batch, Timestamp::UNIX_EPOCH);
        assert_eq!(cameras(&outbox).len(), 1);
    }

    #[test]
    fn a_full_queue_is_told_by_a_gap_and_others_get_everything() {
        let mut hub = hub();
        let (slow, fast) = (room_for(3), room_for(100));
        hub.add(subscription(1, "1", Filter::default(), &slow));
        hub.add(subscription(2, "1", Filter::default(), &fast));
        hub.publish(&sample(&["a", "b", "c", "d", "e"]), Timestamp::UNIX_EPOCH);
        assert_eq!(slow.take().back(), Some(&Event::Gap(1, 3)));
        assert_eq!(cameras(&fast).len(), 5);
        assert_eq!(hub.metrics.dropped.get(), 3);
        hub.publish(&sample(&["f"]), Timestamp::UNIX_EPOCH);
        assert_eq!(cameras(&slow), [(1, "f".to_owned())], "there is room again");
    }

    #[test]
    fn who_left_gets_nothing_and_leaves_nothing_behind() {
        let mut hub = hub();
        let outbox = room_for(10);
        let (one, other) = (
            subscription(1, "1", Filter::default(), &outbox),
            subscription(2, "2", Filter::default(), &outbox),
        );
        hub.add(Arc::clone(&one));
        hub.add(Arc::clone(&other));
        hub.remove(&one);
        hub.remove(&one);
        hub.publish(&sample(&["a"]), Timestamp::UNIX_EPOCH);
        assert_eq!(cameras(&outbox), [(2, "a".to_owned())]);
        hub.remove(&other);
        assert!(!hub.watches(&other.venue) && hub.venues.is_empty());
        assert_eq!(hub.metrics.subscriptions.get(), 0);
    }
}
