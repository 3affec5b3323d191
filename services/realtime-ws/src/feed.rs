//! The task between the broker and the sessions. It owns the hub, so that subscribing, publishing and leaving happen one
//! after the other and need no lock; and it owns the inbox, which takes only venues that somebody watches.

use std::{
    collections::HashMap,
    convert::Infallible,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use citytrack_broker::{Delivery, Inbox, Status};
use citytrack_common::Check;
use citytrack_domain::{Clock, Slug};
use citytrack_messages::{decode, routing_key};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use tracing::{info, warn};

use crate::{
    hub::{Hub, Subscription},
    metrics::{BatchOutcome, LiveMetrics},
    outbox::Key,
};

/// Commands that may wait for the feed; then sessions wait too.
const COMMANDS: usize = 1024;
/// Messages that are taken from the broker at once, between commands.
const DELIVERIES: usize = 64;

/// What sessions ask of the feed.
pub(crate) enum Command {
    /// Answered in the outbox, once it is certain that nothing will be missed.
    Subscribe(Arc<Subscription>),
    /// Also for a subscription that is not in force yet. Not answered.
    Unsubscribe(Arc<Subscription>),
}

/// The sessions' side of the feed. The feed ends when the last of these is gone.
#[derive(Clone)]
pub(crate) struct FeedHandle {
    commands: mpsc::Sender<Command>,
    last_key: Arc<AtomicU64>,
}

impl FeedHandle {
    /// A handle, and what the feed reads from it.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Command>) {
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let last_key = Arc::default();
        (Self { commands, last_key }, receiver)
    }

    /// A key for a new subscription.
    pub(crate) fn next_key(&self) -> Key {
        self.last_key.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Asks; false when the feed is gone, which happens only when the process ends.
    pub(crate) async fn send(&self, command: Command) -> bool {
        self.commands.send(command).await.is_ok()
    }
}

/// The feed and what it works with.
pub(crate) struct Feed {
    inbox: Inbox,
    status: watch::Receiver<Status>,
    commands: mpsc::Receiver<Command>,
    desk: Desk,
    check: Check,
    clock: Clock,
    metrics: LiveMetrics,
}

/// Something that needs the inbox, which is otherwise busy waiting for messages.
enum Step {
    Show(Vec<Delivery>),
    Bind,
    Unbind,
    End,
}

impl Feed {
    pub(crate) fn new(
        inbox: Inbox,
        commands: mpsc::Receiver<Command>,
        desk: Desk,
        check: Check,
        clock: Clock,
        metrics: LiveMetrics,
    ) -> Self {
        Self {
            status: inbox.status(),
            inbox,
            commands,
            desk,
            check,
            clock,
            metrics,
        }
    }

    /// Works until nobody can subscribe any more.
    pub(crate) async fn run(mut self) -> Result<(), Infallible> {
        loop {
            match self.next_step().await {
                Step::Show(deliveries) => self.show(&deliveries).await,
                Step::Bind => self.bind().await,
                Step::Unbind => self.unbind().await,
                Step::End => break,
            }
        }
        self.inbox.close().await;
        Ok(())
    }

    /// Waits for messages; meanwhile it answers what does not need the inbox. While the broker is away that is all: the
    /// inbox must not be disturbed while it connects.
    async fn next_step(&mut self) -> Step {
        let mut deliveries = pin!(self.inbox.next(DELIVERIES));
        loop {
            if self.desk.wants_binding() {
                return Step::Bind;
            }
            let unbind_at = self.desk.next_unbind();
            tokio::select! {
                biased;
                Ok(()) = self.status.changed() => {
                    let status = self.status.borrow_and_update().clone();
                    report(&self.check, &status);
                    self.desk.connection(status == Status::Up);
                }
                command = self.commands.recv() => match command {
                    Some(command) => self.desk.take(command),
                    None => return Step::End,
                },
                deliveries = &mut deliveries => return Step::Show(deliveries),
                () = sleep_until(unbind_at.unwrap_or_else(Instant::now)), if unbind_at.is_some() => return Step::Unbind,
            }
        }
    }

    async fn show(&mut self, deliveries: &[Delivery]) {
        for delivery in deliveries {
            match decode(&delivery.payload) {
                Ok(batches) => {
                    let now = self.clock.now();
                    for batch in &batches {
                        self.desk.hub.publish(batch, now);
                    }
                }
                // The workers get the same message and put it aside as a dead letter.
                Err(error) => {
                    self.metrics.batch(BatchOutcome::Unreadable);
                    warn!(broker.route = delivery.route, %error, "a message cannot be read and is not shown");
                }
            }
        }
        self.inbox.settle().await;
    }

    async fn bind(&mut self) {
        for venue in self.desk.unbound() {
            self.inbox.bind(&routing_key(&venue)).await;
            info!(venue = %venue, "taking a venue from the broker");
            // When the connection was lost just now, the inbox binds the route again before it is up.
            let up = *self.status.borrow() == Status::Up;
            self.desk.connection_is(up);
            self.desk.bound(venue);
        }
        self.metrics.venues.set(self.desk.venues());
    }

    async fn unbind(&mut self) {
        for venue in self.desk.unwatched(Instant::now()) {
            self.inbox.unbind(&routing_key(&venue)).await;
            info!(venue = %venue, "nobody watches a venue any more");
        }
        self.metrics.venues.set(self.desk.venues());
    }
}

fn report(check: &Check, status: &Status) {
    match status {
        Status::Up | Status::Blocked(_) => check.ok(),
        Status::Down(reason) => check.fail(reason),
    }
}

/// Who waits for what, without the broker itself.
pub(crate) struct Desk {
    hub: Hub,
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

    fn take(&mut self, command: Command) {
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
    fn connection(&mut self, up: bool) {
        self.connection_is(up);
        if up {
            self.hub.announce();
            self.admit();
        }
    }

    fn connection_is(&mut self, up: bool) {
        self.up = up;
    }

    fn wants_binding(&self) -> bool {
        self.up
            && self
                .waiting
                .iter()
                .any(|waiting| !self.bound.contains_key(&waiting.venue))
    }

    /// Venues that somebody waits for and that are not taken yet, each once.
    fn unbound(&self) -> Vec<Slug> {
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
    fn bound(&mut self, venue: Slug) {
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

    fn next_unbind(&self) -> Option<Instant> {
        let oldest = self.bound.values().flatten().min()?;
        self.up.then(|| *oldest + self.unbind_after)
    }

    /// Venues that nobody has watched for long enough; they are not taken any more.
    fn unwatched(&mut self, now: Instant) -> Vec<Slug> {
        let long_enough = |since: &mut Option<Instant>| since.is_some_and(|since| since + self.unbind_after <= now);
        self.bound
            .extract_if(|_, since| long_enough(since))
            .map(|(venue, _)| venue)
            .collect()
    }

    fn venues(&self) -> i64 {
        i64::try_from(self.bound.len()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        filter::Filter,
        hub::tests::{hub, subscription},
        outbox::{Event, Outbox},
    };

    fn desk() -> (Desk, Arc<Outbox>, Slug) {
        let desk = Desk::new(hub(), Duration::from_secs(30));
        (desk, Arc::new(Outbox::new(10)), Slug::new("demo").unwrap())
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
