//! Who sends a picture: a node with its key, or an operator with an upload token for a node.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use actix_web::HttpRequest;
use citytrack_access::UploadTokens;
use citytrack_common::http::bearer;
use citytrack_domain::NodeIdentity;
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    error::SubmitError,
    keys::{self, KeyRing, Node},
};

/// When operators send for more nodes without keys than this, what those have used is forgotten: a bound on memory.
const KEYLESS: usize = 1_000;

/// Everybody who may send.
pub(crate) struct Senders {
    ring: KeyRing,
    /// `None`: only keys are taken.
    tokens: Option<UploadTokens>,
    /// Nodes of upload tokens that have no key.
    keyless: Mutex<HashMap<Uuid, Arc<Node>>>,
}

impl Senders {
    pub(crate) fn new(ring: KeyRing, tokens: Option<UploadTokens>) -> Self {
        Self {
            ring,
            tokens,
            keyless: Mutex::default(),
        }
    }

    /// The node in whose name the request is.
    pub(crate) async fn identify(&self, http: &HttpRequest, now: Timestamp) -> Result<Arc<Node>, SubmitError> {
        let token = self.tokens.as_ref().zip(bearer(http));
        match token.map(|(tokens, token)| tokens.verify(token, now)) {
            Some(Ok(token)) => Ok(self.node(token.node)),
            _ => keys::identify(&self.ring, http).await,
        }
    }

    /// One that has keys, too, shares its allowances with them.
    fn node(&self, identity: NodeIdentity) -> Arc<Node> {
        if let Some(node) = self.ring.find(&identity) {
            return node;
        }
        let mut keyless = self.keyless.lock().unwrap_or_else(PoisonError::into_inner);
        if keyless.len() >= KEYLESS {
            keyless.clear();
        }
        let node = keyless
            .entry(identity.id)
            .or_insert_with(|| Arc::new(Node::new(identity)));
        Arc::clone(node)
    }
}
