//! Uploads that wait for their pictures. Each instance has a queue of its own, which is gone with its connection; a message of an
//! upload names it when somebody waits there.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use citytrack_broker::{Inbox, Status};
use citytrack_common::TaskError;
use citytrack_domain::ImageId;
use citytrack_messages::images::{Answer, answered_key, decode_answer};
use tokio::{
    sync::{oneshot, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::warn;
use uuid::Uuid;

/// Answers taken from the queue at once.
const AT_ONCE: usize = 16;

/// Everybody who waits here.
#[derive(Clone)]
pub(crate) struct Answers {
    /// Where answers for this instance are sent.
    instance: String,
    most: usize,
    waiting: Waiting,
    status: watch::Receiver<Status>,
    stop: CancellationToken,
}

/// A picture, and the node that sent it: nodes choose ids themselves, and one must not get what another's picture has become.
type Whose = (Uuid, ImageId);
type Waiting = Arc<Mutex<HashMap<Whose, Vec<oneshot::Sender<Answer>>>>>;

/// Somebody who waits for a picture.
pub(crate) struct Expected {
    whose: Whose,
    answer: oneshot::Receiver<Answer>,
    waiting: Waiting,
}

impl Answers {
    /// A place for at most so many, and the task that tells them.
    pub(crate) fn new(
        instance: String,
        most: usize,
        inbox: Inbox,
        stop: CancellationToken,
    ) -> (Self, impl Future<Output = Result<(), TaskError>>) {
        let waiting = Waiting::default();
        let answers = Self {
            instance,
            most,
            waiting: Arc::clone(&waiting),
            status: inbox.status(),
            stop: stop.clone(),
        };
        let route = answered_key(&answers.instance);
        (answers, tell(inbox, route, waiting, stop))
    }

    /// Whom the worker should answer.
    pub(crate) fn instance(&self) -> &str {
        &self.instance
    }

    /// From now on the answer about a picture of a node is kept; `None` when none would come here, or too many wait.
    pub(crate) fn expect(&self, node: Uuid, id: ImageId) -> Option<Expected> {
        if *self.status.borrow() != Status::Up {
            return None;
        }
        let mut waiting = lock(&self.waiting);
        if self.stop.is_cancelled() || waiting.len() >= self.most {
            return None;
        }
        let (tell, answer) = oneshot::channel();
        let whose = (node, id);
        waiting.entry(whose).or_default().push(tell);
        Some(Expected {
            whose,
            answer,
            waiting: Arc::clone(&self.waiting),
        })
    }
}

impl Expected {
    /// The answer, if it comes in time.
    pub(crate) async fn answer(mut self, patience: Duration) -> Option<Answer> {
        timeout(patience, &mut self.answer).await.ok()?.ok()
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.answer.close();
        let mut waiting = lock(&self.waiting);
        if let Some(others) = waiting.get_mut(&self.whose) {
            others.retain(|tell| !tell.is_closed());
            if others.is_empty() {
                waiting.remove(&self.whose);
            }
        }
    }
}

/// Tells those who wait until the process stops; then nobody needs to wait any longer.
async fn tell(mut inbox: Inbox, route: String, waiting: Waiting, stop: CancellationToken) -> Result<(), TaskError> {
    inbox.bind(&route).await;
    while let Some(deliveries) = stop.run_until_cancelled(inbox.next(AT_ONCE, usize::MAX)).await {
        for delivery in deliveries {
            match decode_answer(delivery.payload) {
                Ok(answer) => {
                    let whose = answer.node.map(|node| (node, answer.id));
                    let all = whose
                        .and_then(|whose| lock(&waiting).remove(&whose))
                        .unwrap_or_default();
                    for tell in all {
                        // Fails when that one has given up.
                        let _ = tell.send(answer.clone());
                    }
                }
                Err(error) => warn!(%error, "an answer about a picture cannot be read"),
            }
        }
        inbox.settle().await;
    }
    lock(&waiting).clear();
    inbox.close().await;
    Ok(())
}

fn lock(waiting: &Waiting) -> MutexGuard<'_, HashMap<Whose, Vec<oneshot::Sender<Answer>>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}
