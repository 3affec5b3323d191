//! The node keys: a copy of those in the database, compared with it all the time, so that no request asks the database.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use actix_web::HttpRequest;
use citytrack_access::{KeyHash, NodeKey};
use citytrack_common::{Check, TaskError, http::bearer, lifecycle::chain};
use citytrack_domain::NodeIdentity;
use citytrack_storage::{Database, Error, keys};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use uuid::Uuid;

use crate::{error::SubmitError, rate::Allowances, room::Share};

/// An unknown key asks for a comparison at once, but not more often than this.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
/// How long an unknown key waits for the comparisons that decide about it.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

type Nodes = HashMap<KeyHash, Arc<Node>>;

/// A node that may send, and what it has used of what it may. All its keys lead here.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) identity: NodeIdentity,
    pub(crate) allowances: Arc<Allowances>,
    /// Of the room for batches.
    pub(crate) share: Arc<Share>,
    /// Of the room for pictures.
    pub(crate) image_share: Arc<Share>,
}

impl Node {
    /// One that has used nothing yet.
    pub(crate) fn new(identity: NodeIdentity) -> Self {
        Self {
            identity,
            allowances: Arc::default(),
            share: Arc::default(),
            image_share: Arc::default(),
        }
    }
}

/// The usable keys. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct KeyRing {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    nodes: RwLock<Arc<Nodes>>,
    /// Wakes the refresh task before its time.
    wanted: Notify,
    /// Comparisons with the database that ended, and whether the last one worked.
    comparisons: watch::Sender<Comparisons>,
}

#[derive(Clone, Copy, Default)]
struct Comparisons {
    ended: u64,
    last_worked: bool,
}

/// Why a key is not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum KeyError {
    /// No usable key of the database has this hash.
    Unknown,
    /// It is not among the keys known here, and the database cannot be asked.
    CannotTell,
}

/// The node whose key a request has.
pub(crate) async fn identify(ring: &KeyRing, http: &HttpRequest) -> Result<Arc<Node>, SubmitError> {
    let presented = bearer(http).ok_or(SubmitError::NoKey)?;
    let key = NodeKey::parse(presented).map_err(|_| SubmitError::UnknownKey)?;
    ring.identify(&key).await.map_err(|error| match error {
        KeyError::Unknown => SubmitError::UnknownKey,
        KeyError::CannotTell => SubmitError::CannotCheckKey,
    })
}

impl KeyRing {
    /// The node that a key belongs to.
    pub(crate) async fn identify(&self, key: &NodeKey) -> Result<Arc<Node>, KeyError> {
        let hash = key.hash();
        if let Some(node) = self.get(&hash) {
            return Ok(node);
        }
        // It may have been made a moment ago. The comparison under way may have missed it; the next one cannot.
        let mut comparisons = self.inner.comparisons.subscribe();
        let before = comparisons.borrow_and_update().ended;
        self.inner.wanted.notify_one();
        let two_more = comparisons.wait_for(|now| {
            if now.ended == before + 1 {
                self.inner.wanted.notify_one();
            }
            now.ended >= before + 2
        });
        let last_worked = tokio::time::timeout(LONGEST_WAIT, two_more).await;
        match (self.get(&hash), last_worked) {
            (Some(node), _) => Ok(node),
            (None, Ok(Ok(comparisons))) if comparisons.last_worked => Err(KeyError::Unknown),
            (None, _) => Err(KeyError::CannotTell),
        }
    }

    /// The node with this identity, if it has a key.
    pub(crate) fn find(&self, identity: &NodeIdentity) -> Option<Arc<Node>> {
        let nodes = Arc::clone(&self.inner.nodes.read().unwrap_or_else(PoisonError::into_inner));
        nodes.values().find(|node| node.identity == *identity).cloned()
    }

    fn get(&self, hash: &KeyHash) -> Option<Arc<Node>> {
        self.inner
            .nodes
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(hash)
            .cloned()
    }

    /// Takes over what the database says. Nodes that stay keep what they have used; those that are gone are forgotten.
    fn replace(&self, keys: Vec<(KeyHash, NodeIdentity)>) {
        let before = Arc::clone(&self.inner.nodes.read().unwrap_or_else(PoisonError::into_inner));
        let mut nodes: HashMap<Uuid, Arc<Node>> = before
            .values()
            .map(|node| (node.identity.id, Arc::clone(node)))
            .collect();
        let mut known = |identity: NodeIdentity| {
            let known = nodes.get(&identity.id).filter(|node| node.identity == identity);
            known.cloned().unwrap_or_else(|| {
                let node = Arc::new(Node::new(identity));
                nodes.insert(node.identity.id, Arc::clone(&node));
                node
            })
        };
        let keys: Nodes = keys
            .into_iter()
            .map(|(hash, identity)| (hash, known(identity)))
            .collect();
        *self.inner.nodes.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }
}

/// Keeps the ring like the database, until the process stops. Before the first comparison worked, the check is not fine;
/// later a database that is away leaves the keys as they were.
pub(crate) async fn refresh(
    ring: KeyRing,
    database: Database,
    interval: Duration,
    check: Check,
    stop: CancellationToken,
) -> Result<(), TaskError> {
    let mut known = None;
    loop {
        let compared = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            compared = compare(&ring, &database, known) => compared,
        };
        let last_worked = compared.is_ok();
        match compared {
            Ok(revision) => {
                known = Some(revision);
                check.ok();
            }
            Err(error) => {
                warn!(error = %chain(&error), "cannot compare the node keys with the database");
                if known.is_none() {
                    check.fail(format!("the node keys are not known yet: {}", chain(&error)));
                }
            }
        }
        ring.inner.comparisons.send_modify(|comparisons| {
            comparisons.ended += 1;
            comparisons.last_worked = last_worked;
        });
        tokio::time::sleep(SHORTEST_INTERVAL.min(interval)).await;
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = ring.inner.wanted.notified() => {}
            () = tokio::time::sleep(interval.saturating_sub(SHORTEST_INTERVAL)) => {}
        }
    }
}

/// Reads the keys again if anything has changed; returns the revision that the ring now has.
async fn compare(ring: &KeyRing, database: &Database, known: Option<i64>) -> Result<i64, Error> {
    if known == Some(keys::revision(database).await?) {
        return Ok(known.unwrap_or_default());
    }
    let snapshot = keys::snapshot(database).await?;
    info!(
        keys = snapshot.keys.len(),
        revision = snapshot.revision,
        "node keys read"
    );
    ring.replace(snapshot.keys);
    Ok(snapshot.revision)
}
