//! Where payloads gather until their route's next message leaves.

use std::{
    collections::HashMap,
    ops::Add,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::Message;
use crate::{error::PublishError, metrics::PublisherMetrics};

/// Payloads of one route on their way from which on it is worth waiting for company, if one message can take them all.
const SIBLINGS: usize = 5;

/// Where payloads gather. Shared by the task and those who publish, so that joining a message that has not left yet wakes
/// nobody.
#[derive(Default)]
pub(super) struct Gate {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whether there is a connection.
    open: bool,
    /// Those that are not idle.
    routes: HashMap<String, Route>,
}

/// A route with a message on its way or about to leave.
struct Route {
    gathering: Vec<Waiting>,
    /// While the route waits for company: how many payloads are enough, and whom to tell then.
    enough: Option<(usize, oneshot::Sender<()>)>,
}

/// A payload on its way, and who waits for it.
pub(super) struct Waiting {
    pub(super) message: Message,
    pub(super) reply: oneshot::Sender<Result<(), PublishError>>,
    pub(super) slot: Slot,
}

/// How much a group is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) payloads: usize,
    pub(super) bytes: usize,
}

impl Add for Size {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            payloads: self.payloads + other.payloads,
            bytes: self.bytes + other.bytes,
        }
    }
}

/// What a route does next.
pub(super) enum Next {
    /// It waits shortly for company; the receiver tells when there is enough.
    Wait(oneshot::Receiver<()>),
    /// It sends these.
    Send(Vec<Waiting>),
    /// Nothing: nobody publishes there.
    Idle,
}

/// Keeps the gate open; when it is dropped, so is all that waits, which tells its senders.
pub(super) struct Opened<'g>(&'g Gate);

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        *self.0.lock() = State::default();
    }
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets payloads in.
    pub(super) fn open(&self) -> Opened<'_> {
        self.lock().open = true;
        Opened(self)
    }

    /// A payload for a busy route joins the next message. For an idle one, `started` tells the task to send it.
    pub(super) fn enter(&self, waiting: Waiting, started: &mpsc::Sender<String>) -> Result<(), PublishError> {
        let mut state = self.lock();
        if !state.open {
            return Err(PublishError::Unavailable);
        }
        if let Some(route) = state.routes.get_mut(&waiting.message.route) {
            route.gathering.push(waiting);
            if let Some((_, tell)) = route.enough.take_if(|(enough, _)| route.gathering.len() >= *enough) {
                let _ = tell.send(());
            }
            return Ok(());
        }
        let name = waiting.message.route.clone();
        started.try_send(name.clone()).map_err(|_| PublishError::Busy)?;
        let route = Route {
            gathering: vec![waiting],
            enough: None,
        };
        state.routes.insert(name, route);
        Ok(())
    }

    /// What the route does after a message with the payloads `answered` has come to its end, if one has: only then it may wait
    /// for company.
    pub(super) fn next(&self, name: &str, answered: Option<Size>, max_bytes: usize) -> Next {
        let mut state = self.lock();
        let Some(route) = state.routes.get_mut(name) else {
            return Next::Idle;
        };
        route.enough = None;
        if let Some(answered) = answered {
            let on_their_way = answered + size(&route.gathering);
            if on_their_way.payloads >= SIBLINGS && on_their_way.bytes <= max_bytes {
                let (tell, enough) = oneshot::channel();
                route.enough = Some((on_their_way.payloads, tell));
                return Next::Wait(enough);
            }
        }
        let group = take_group(&mut route.gathering, max_bytes);
        if group.is_empty() {
            state.routes.remove(name);
            return Next::Idle;
        }
        Next::Send(group)
    }
}

/// How much there is in a group.
pub(super) fn size(group: &[Waiting]) -> Size {
    Size {
        payloads: group.len(),
        bytes: group.iter().map(|waiting| waiting.message.payload.len()).sum(),
    }
}

/// The next group: what has gathered, in order, up to the limit of bytes.
fn take_group(gathering: &mut Vec<Waiting>, max_bytes: usize) -> Vec<Waiting> {
    // Nobody waits any more for those that timed out; they will be sent again by their node.
    gathering.retain(|waiting| !waiting.reply.is_closed());
    let Some(first) = gathering.first() else {
        return Vec::new();
    };
    let travels_alone = |waiting: &Waiting| !waiting.message.headers.is_empty();
    let mut bytes = first.message.payload.len();
    let others = gathering.iter().skip(1).take_while(|waiting| {
        bytes += waiting.message.payload.len();
        !travels_alone(first) && !travels_alone(waiting) && bytes <= max_bytes
    });
    let count = 1 + others.count();
    gathering.drain(..count).collect()
}

/// One of the `max_waiting` places and its share of the bytes, free again when dropped.
pub(super) struct Slot {
    _permits: (OwnedSemaphorePermit, OwnedSemaphorePermit),
    metrics: PublisherMetrics,
}

impl Slot {
    pub(super) fn new(permits: (OwnedSemaphorePermit, OwnedSemaphorePermit), metrics: PublisherMetrics) -> Self {
        metrics.waiting.inc();
        Self {
            _permits: permits,
            metrics,
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.metrics.waiting.dec();
    }
}
