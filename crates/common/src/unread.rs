//! Requests that are answered before all of their body has come.
//!
//! When nobody holds the payload any more, actix reads what is left of a body in chunks to its end, for however long that takes: a
//! client that sends nothing more would keep its connection for ever. While somebody holds it, the connection is closed behind the
//! answer, as with a body of known length (`should_close_for_unread_payload` in actix-http). So the answer holds it.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_web::{
    Error, HttpMessage as _,
    body::{BodySize, BoxBody, EitherBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::header::TRANSFER_ENCODING,
    middleware::Next,
    web::Bytes,
};
use futures_util::{StreamExt as _, stream::poll_fn};

/// An answer that holds the payload of its request until it has been sent.
pub(crate) struct Holding {
    body: BoxBody,
    _payload: Rc<RefCell<Payload>>,
}

/// Lets the answer hold the payload, when that comes in chunks.
pub(crate) async fn hold<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, Holding>>, Error> {
    if !request.headers().contains_key(TRANSFER_ENCODING) {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    let payload = Rc::new(RefCell::new(request.take_payload()));
    let shared = Rc::clone(&payload);
    let pieces = poll_fn(move |context| shared.borrow_mut().poll_next_unpin(context));
    request.set_payload(Payload::Stream {
        payload: Box::pin(pieces),
    });
    let response = next.call(request).await?;
    Ok(response.map_body(|_, body| {
        EitherBody::right(Holding {
            body: BoxBody::new(body),
            _payload: payload,
        })
    }))
}

impl MessageBody for Holding {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
