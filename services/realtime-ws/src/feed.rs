//! The task between the broker and the sessions. It owns the hub, so that subscribing, publishing and leaving happen one
//! after the other and need no lock; and it owns the inbox, which takes only venues that somebody watches.

use std::{
    convert::Infallible,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use citytrack_broker::{Delivery, Inbox, Status};
use citytrack_common::{Check, lifecycle::chain};
use citytrack_domain::Clock;
use citytrack_messages::{read, routing_key};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use tracing::{info, warn};

use crate::{
    desk::Desk,
    hub::Subscription,
    metrics::{BatchOutcome, LiveMetrics},
    outbox::Key,
};

/// Commands that may wait for the feed; then sessions wait too.
const COMMANDS: usize = 1024;
/// Messages that are taken from the broker at once, between commands.
const DELIVERIES: usize = 64;
/// And this many bytes, roughly.
const BYTES: usize = 4 << 20;

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
        let mut deliveries = pin!(self.inbox.next(DELIVERIES, BYTES));
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
            let (batches, unreadable) = read(delivery.kind.as_deref(), &delivery.payload);
            let now = self.clock.now();
            for batch in &batches {
                self.desk.hub.publish(batch, now);
            }
            // The workers get the same message and put aside what cannot be read.
            for bad in unreadable {
                self.metrics.batch(BatchOutcome::Unreadable);
                let reason = chain(&bad.error);
                warn!(
                    broker.route = delivery.route,
                    reason, "a batch cannot be read and is not shown"
                );
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
            self.desk.set_up(up);
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
