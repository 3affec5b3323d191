//! Lets bodies in: within the allowances of their node, and as long as there is room for them.

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpRequest,
    http::header::HeaderMap,
    web::{self, Bytes, Payload},
};
use citytrack_domain::BatchId;
use jiff::Timestamp;
use tracing::warn;

use crate::{
    body::{self, BodyLimits, Packing},
    error::SubmitError,
    keys::Node,
    rate::{Admission, Kind, Limiter, Moment, Policy, Refused},
    room::{NoPlace, Place, Room, Share},
};

/// For a node that sends too many bodies at once; one of them is read soon.
const UNTIL_A_BODY_IS_READ: Duration = Duration::from_secs(1);

/// Everything that a body must pass before it is looked at. Batches and pictures have one each, with room of their own.
pub(crate) struct Gate {
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) room: Room,
    pub(crate) body_limits: BodyLimits,
}

/// What a node is charged for a body that was let in, and the room that it takes.
#[must_use]
pub(crate) struct Entry {
    admission: Admission,
    place: Place,
}

/// A body and its entry: neither outlives the other, also when the client goes away while it is unpacked.
pub(crate) struct Received {
    pub(crate) body: Bytes,
    entry: Entry,
}

impl Gate {
    /// Receives the body of a batch, unless its node sends too much. `id` is that of the header, if there is one.
    pub(crate) async fn receive(
        &self,
        request: &HttpRequest,
        payload: Payload,
        node: &Node,
        id: Option<BatchId>,
        now: Timestamp,
    ) -> Result<Received, SubmitError> {
        let announced = body::announced(request, &self.body_limits);
        let kind = id.map(|id| self.limiter.kind(id, now));
        let mut entry = self.enter(node, &node.share, kind, announced)?;
        let packing = body::form(request)?;
        let arrived = |bytes| self.arrived(node, &mut entry, bytes);
        let body = body::receive(payload, announced, &self.body_limits, arrived).await?;
        let received = Received { body, entry };
        match packing {
            None => Ok(received),
            Some(packing) => self.unpack(received, packing, node).await,
        }
    }

    /// Lets a body in that announces so many bytes; `share` is what its node has of the room.
    pub(crate) fn enter(
        &self,
        node: &Node,
        share: &Arc<Share>,
        kind: Option<Kind>,
        announced: usize,
    ) -> Result<Entry, SubmitError> {
        let place = self.room.take(share, announced as u64);
        let place = place.map_err(|reason| self.no_place(node, reason))?;
        let (allowances, now) = (&node.allowances, self.limiter.moment());
        let admission = self.limiter.admit(allowances, kind, announced as u64, now);
        let admission = admission.map_err(|refused| self.refuse(node, refused))?;
        Ok(Entry { admission, place })
    }

    /// Charges for so many bytes in all, which have come, and makes room for them.
    pub(crate) fn arrived(&self, node: &Node, entry: &mut Entry, bytes: usize) -> Result<(), SubmitError> {
        entry.admission.used(bytes as u64, self.limiter.moment());
        let grown = entry.place.grow(bytes as u64);
        grown.map_err(|reason| self.no_place(node, reason))
    }

    async fn unpack(&self, mut received: Received, packing: Packing, node: &Node) -> Result<Received, SubmitError> {
        let turn = self.room.take_unpacked(&mut received.entry.place).await;
        turn.map_err(|reason| self.no_place(node, reason))?;
        // It was let in for its few bytes; what came before it may have unpacked to many.
        let now = self.limiter.moment();
        let allowed = received.entry.admission.check(now);
        allowed.map_err(|refused| self.refuse(node, refused))?;
        let limit = self.body_limits.bytes;
        // Off the workers that serve requests: a large body takes milliseconds.
        let unpacked = web::block(move || received.unpack(packing, limit, now)).await;
        unpacked.map_err(|error| SubmitError::UnreadableBody(error.to_string()))?
    }

    /// Charges the batch to the allowance that its id belongs to; `id` is the one in the body or the header.
    pub(crate) fn assign(
        &self,
        node: &Node,
        received: &mut Received,
        id: Option<BatchId>,
        now: Timestamp,
    ) -> Result<Kind, SubmitError> {
        let kind = id.map_or(Kind::Live, |id| self.limiter.kind(id, now));
        received
            .entry
            .admission
            .assign(kind, self.limiter.moment())
            .map_err(|refused| self.refuse(node, refused))
    }

    /// Tells a node what is left of its allowance.
    pub(crate) fn tell(&self, node: &Node, kind: Kind, headers: &mut HeaderMap) {
        self.limiter
            .tell(&node.allowances, kind, self.limiter.moment(), headers);
    }

    fn no_place(&self, node: &Node, reason: NoPlace) -> SubmitError {
        match reason {
            NoPlace::Full => SubmitError::NoRoom,
            NoPlace::ShareTaken => self.refuse(
                node,
                Refused {
                    policy: Policy::Bodies,
                    wait: UNTIL_A_BODY_IS_READ,
                },
            ),
        }
    }

    fn refuse(&self, node: &Node, refused: Refused) -> SubmitError {
        if node.allowances.should_be_logged(self.limiter.moment()) {
            warn!(
                node.id = %node.identity.id,
                node.slug = %node.identity.node,
                venue = %node.identity.venue,
                policy = refused.policy.name(),
                "a node sends more than it may"
            );
        }
        SubmitError::TooMany {
            refused,
            fields: self.limiter.fields(refused.policy.kind()).clone(),
        }
    }
}

impl Received {
    /// Unpacks the body, and charges what it has become.
    fn unpack(mut self, packing: Packing, limit: usize, now: Moment) -> Result<Self, SubmitError> {
        let unpacked = body::unpack(&self.body, packing, limit);
        self.entry.admission.used(unpacked.bytes as u64, now);
        self.entry.place.unpacked(unpacked.bytes);
        self.body = unpacked.body?;
        Ok(self)
    }
}
