//! The task between the broker and the sessions. It owns the hub, so that subscribing, showing and leaving happen one after
//! the other and need no lock; and it owns the inbox, which takes only venues that somebody watches.

use std::{
    convert::Infallible,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use citytrack_broker::{Delivery, Inbox, Live, Status};
use citytrack_common::{Check, lifecycle::chain};
use citytrack_domain::{Clock, Slug};
use citytrack_messages::{read, routing_key, venue_of};
use futures_util::FutureExt;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use tracing::{info, warn};

use crate::{
    desk::Desk,
    metrics::{BatchOutcome, LiveMetrics},
    outbox::Key,
    presence,
    subscription::Subscription,
    venue::Moment,
};

/// Commands that may wait for the feed; then sessions wait too.
const COMMANDS: usize = 1024;
/// Commands that are taken at once, between messages.
const COMMANDS_AT_ONCE: usize = 256;
/// Messages that are taken from the broker at once, between commands.
const DELIVERIES: usize = 64;
/// And this many bytes, roughly.
const BYTES: usize = 4 << 20;
/// How often the feed looks who watches what.
const LOOK_AROUND: Duration = Duration::from_millis(250);

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
    look_around_at: Instant,
    check: Check,
    clock: Clock,
    metrics: LiveMetrics,
}

/// Something that needs the inbox, which is otherwise busy waiting for messages.
enum Step {
    Take(Live),
    Rebind,
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
            look_around_at: Instant::now(),
            check,
            clock,
            metrics,
        }
    }

    /// Works until nobody can subscribe any more.
    pub(crate) async fn run(mut self) -> Result<(), Infallible> {
        self.inbox.bind(presence::ROUTE).await;
        loop {
            match self.next_step().await {
                Step::Take(Live::Messages(deliveries)) => self.show(deliveries).await,
                Step::Take(Live::Connected { anew }) => {
                    self.check.ok();
                    let at = self.moment();
                    self.desk.connected(anew, at);
                }
                Step::Rebind => self.rebind().await,
                Step::End => break,
            }
        }
        self.inbox.close().await;
        Ok(())
    }

    /// Waits for messages; meanwhile it answers what does not need the inbox. While the broker is away that is all: the
    /// inbox must not be disturbed while it connects.
    async fn next_step(&mut self) -> Step {
        let clock = self.clock.clone();
        let moment = || Moment {
            now: Instant::now(),
            clock: clock.now(),
        };
        let mut live = pin!(self.inbox.next_live(DELIVERIES, BYTES));
        let mut commands = Vec::new();
        loop {
            if self.desk.wants_binding() {
                return Step::Rebind;
            }
            let due = self.desk.hub.next_due();
            tokio::select! {
                biased;
                Ok(()) = self.status.changed() => {
                    if let Status::Down(reason) = &*self.status.borrow_and_update() {
                        self.check.fail(reason);
                        self.desk.disconnected();
                    }
                }
                // Before what may always be ready.
                () = sleep_until(self.look_around_at) => {
                    self.look_around_at = Instant::now() + LOOK_AROUND;
                    for (venue, watching) in self.desk.look_around(Instant::now()) {
                        self.metrics.watching(venue.as_str(), Some(watching));
                    }
                    // While the broker is away, this would only disturb the inbox, which connects.
                    if self.desk.is_up() {
                        return Step::Rebind;
                    }
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.desk.hub.tick(moment()),
                taken = self.commands.recv_many(&mut commands, COMMANDS_AT_ONCE) => {
                    if taken == 0 {
                        return Step::End;
                    }
                    let at = moment();
                    commands.drain(..).for_each(|command| self.desk.take(command, at));
                    // However many come, messages have their turn.
                    if let Some(live) = (&mut live).now_or_never() {
                        return Step::Take(live);
                    }
                }
                live = &mut live => return Step::Take(live),
            }
        }
    }

    fn moment(&self) -> Moment {
        Moment {
            now: Instant::now(),
            clock: self.clock.now(),
        }
    }

    async fn show(&mut self, deliveries: Vec<Delivery>) {
        for delivery in deliveries {
            if delivery.route == presence::ROUTE {
                if !self.desk.presence.hear(&delivery.payload, Instant::now()) {
                    warn!("another instance says something that cannot be understood; is it of another version?");
                }
            } else if let Some(venue) = venue_of(&delivery.route) {
                self.show_message(&venue, &delivery).await;
            }
        }
        self.inbox.settle().await;
    }

    async fn show_message(&mut self, venue: &Slug, delivery: &Delivery) {
        let (batches, unreadable) = read(delivery.kind.as_deref(), &delivery.payload);
        // The workers get the same message and put aside what cannot be read.
        for bad in unreadable {
            self.metrics.batch(BatchOutcome::Unreadable);
            let reason = chain(&bad.error);
            warn!(
                broker.route = delivery.route,
                reason, "a batch cannot be read and is not shown"
            );
        }
        if self.desk.is_unknown(venue) {
            // The queue has the binding of an earlier life; this makes sure of it.
            self.bind(venue).await;
        }
        if delivery.redelivered
            && let Some(batch) = batches.first()
        {
            self.desk.hub.reach_back(venue, batch.received_at);
        }
        let at = self.moment();
        self.desk.hub.show(venue, delivery.stamp, batches, at);
    }

    /// Takes a venue. When the connection is lost over that, the venue is taken with the next one.
    async fn bind(&mut self, venue: &Slug) {
        if self.inbox.bind(&routing_key(venue)).await {
            let at = self.moment();
            self.desk.bound(venue.clone(), at);
        } else {
            self.desk.disconnected();
        }
    }

    /// Takes the venues that are watched, and no others.
    async fn rebind(&mut self) {
        for venue in self.desk.unbound() {
            info!(venue = %venue, "taking a venue from the broker");
            self.bind(&venue).await;
        }
        for venue in self.desk.unwatched(Instant::now()) {
            self.inbox.unbind(&routing_key(&venue)).await;
            self.metrics.watching(venue.as_str(), None);
            info!(venue = %venue, "nobody watches a venue any more");
        }
        self.metrics.venues.set(self.desk.venues());
    }
}
