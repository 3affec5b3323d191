//! Lets batches in: within the allowances of their node, and as long as there is room for their bodies.

use std::time::Duration;

use actix_web::{
    HttpRequest,
    http::header::HeaderMap,
    web::{Bytes, Payload},
};
use citytrack_domain::BatchId;
use jiff::Timestamp;
use tracing::warn;

use crate::{
    body::{self, BodyLimits},
    error::SubmitError,
    keys::Node,
    rate::{Admission, Kind, Limiter, Policy, Refused},
    room::{NoPlace, Place, Room},
};

/// For a node that sends too many bodies at once; one of them is read soon.
const UNTIL_A_BODY_IS_READ: Duration = Duration::from_secs(1);

/// Everything that a batch must pass before it is looked at.
pub(crate) struct Gate {
    pub(crate) limiter: Limiter,
    pub(crate) room: Room,
    pub(crate) body_limits: BodyLimits,
}

/// A body that was read, and the room that it takes.
pub(crate) struct Received<'g> {
    pub(crate) body: Bytes,
    admission: Admission,
    _place: Place<'g>,
}

impl Gate {
    /// Receives the body of a batch, unless its node sends too much. `id` is that of the header, if there is one.
    pub(crate) async fn receive<'g>(
        &'g self,
        request: &HttpRequest,
        payload: Payload,
        node: &'g Node,
        id: Option<BatchId>,
        now: Timestamp,
    ) -> Result<Received<'g>, SubmitError> {
        let expected = body::expected(request, &self.body_limits) as u64;
        let place = self.room.take(&node.share, expected).map_err(|reason| match reason {
            NoPlace::Full => SubmitError::NoRoom,
            NoPlace::ShareTaken => self.refuse(
                node,
                Refused {
                    policy: Policy::Bodies,
                    wait: UNTIL_A_BODY_IS_READ,
                },
            ),
        })?;
        let kind = id.map(|id| self.limiter.kind(id, now));
        let mut admission = self
            .limiter
            .admit(&node.allowances, kind, expected, self.limiter.moment())
            .map_err(|refused| self.refuse(node, refused))?;
        let body = body::read(request, payload, &self.body_limits).await?;
        self.limiter.settle(
            &node.allowances,
            &mut admission,
            body.len() as u64,
            self.limiter.moment(),
        );
        Ok(Received {
            body,
            admission,
            _place: place,
        })
    }

    /// Charges the batch to the allowance that its id belongs to; `id` is the one in the body or the header.
    pub(crate) fn assign(
        &self,
        node: &Node,
        received: &Received<'_>,
        id: Option<BatchId>,
        now: Timestamp,
    ) -> Result<Kind, SubmitError> {
        let kind = id.map_or(Kind::Live, |id| self.limiter.kind(id, now));
        self.limiter
            .assign(&node.allowances, &received.admission, kind, self.limiter.moment())
            .map_err(|refused| self.refuse(node, refused))
    }

    /// Tells a node what is left of its allowance.
    pub(crate) fn tell(&self, node: &Node, kind: Kind, headers: &mut HeaderMap) {
        self.limiter
            .tell(&node.allowances, kind, self.limiter.moment(), headers);
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
