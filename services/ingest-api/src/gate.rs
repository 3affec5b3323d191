//! Lets batches in: within the allowances of their node, and as long as there is room for their bodies.

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
    room::{NoPlace, Place, Room},
};

/// For a node that sends too many bodies at once; one of them is read soon.
const UNTIL_A_BODY_IS_READ: Duration = Duration::from_secs(1);

/// Everything that a batch must pass before it is looked at.
pub(crate) struct Gate {
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) room: Room,
    pub(crate) body_limits: BodyLimits,
}

/// A body, what its node was charged for it, and the room that it takes: none of them outlives the others, also when the client
/// goes away while it is unpacked.
pub(crate) struct Received {
    pub(crate) body: Bytes,
    admission: Admission,
    place: Place,
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
        let no_place = |reason| self.no_place(node, reason);
        let mut place = self.room.take(&node.share, announced as u64).map_err(no_place)?;
        let kind = id.map(|id| self.limiter.kind(id, now));
        let mut admission = self
            .limiter
            .admit(&node.allowances, kind, announced as u64, self.limiter.moment())
            .map_err(|refused| self.refuse(node, refused))?;
        let packing = body::form(request)?;
        let arrived = |bytes: usize| {
            admission.used(bytes as u64, self.limiter.moment());
            place.grow(bytes as u64).map_err(no_place)
        };
        let body = body::receive(payload, announced, &self.body_limits, arrived).await?;
        let received = Received { body, admission, place };
        match packing {
            None => Ok(received),
            Some(packing) => self.unpack(received, packing, node).await,
        }
    }

    async fn unpack(&self, mut received: Received, packing: Packing, node: &Node) -> Result<Received, SubmitError> {
        let turn = self.room.take_unpacked(&mut received.place).await;
        turn.map_err(|reason| self.no_place(node, reason))?;
        // It was let in for its few bytes; what came before it may have unpacked to many.
        let now = self.limiter.moment();
        let allowed = received.admission.check(now);
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
            fields: self.limiter.fields().clone(),
        }
    }
}

impl Received {
    /// Unpacks the body, and charges what it has become.
    fn unpack(mut self, packing: Packing, limit: usize, now: Moment) -> Result<Self, SubmitError> {
        let unpacked = body::unpack(&self.body, packing, limit);
        self.admission.used(unpacked.bytes as u64, now);
        self.place.unpacked(unpacked.bytes);
        self.body = unpacked.body?;
        Ok(self)
    }
}
