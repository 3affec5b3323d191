//! Messages from a client, bounded. The library checks the size of a frame when it is complete and keeps what has come
//! until then, so somebody who announces a huge one could fill the memory; here the bytes since the last whole message are
//! counted before it gets them.

use std::{
    cell::Cell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_web::{dev::Payload, error::PayloadError};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, MessageStream, ProtocolError};
use bytes::Bytes;
use futures_util::Stream;

/// One read may bring many small messages at once: as much as the HTTP server buffers.
const READ_AHEAD: usize = 256 * 1024;

/// Bytes that came since the last whole message.
#[derive(Clone, Default)]
pub(crate) struct Unfinished(Rc<Cell<usize>>);

/// Counts the bytes of `payload`; it breaks when there are too many for a message of `message_size`.
pub(crate) fn limited(payload: Payload, unfinished: &Unfinished, message_size: usize) -> Payload {
    Payload::Stream {
        payload: Box::pin(LimitedPayload {
            payload,
            unfinished: unfinished.clone(),
            limit: message_size + READ_AHEAD,
        }),
    }
}

struct LimitedPayload {
    payload: Payload,
    unfinished: Unfinished,
    limit: usize,
}

impl Stream for LimitedPayload {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(Pin::new(&mut self.payload).poll_next(context));
        if let Some(Ok(bytes)) = &next {
            let unfinished = self.unfinished.0.get() + bytes.len();
            self.unfinished.0.set(unfinished);
            if unfinished > self.limit {
                return Poll::Ready(Some(Err(PayloadError::Overflow)));
            }
        }
        Poll::Ready(next)
    }
}

/// Whole messages, however they were cut into frames.
pub(crate) struct Incoming {
    messages: AggregatedMessageStream,
    unfinished: Unfinished,
}

impl Incoming {
    pub(crate) fn new(stream: MessageStream, unfinished: Unfinished, message_size: usize) -> Self {
        let messages = stream
            .max_frame_size(message_size)
            .aggregate_continuations()
            .max_continuation_size(message_size);
        Self { messages, unfinished }
    }
}

impl Stream for Incoming {
    type Item = Result<AggregatedMessage, ProtocolError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(Pin::new(&mut self.messages).poll_next(context));
        self.unfinished.0.set(0);
        Poll::Ready(next)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};

    use super::*;

    #[tokio::test]
    async fn a_message_that_never_ends_is_cut_off() {
        let chunk = || Ok::<_, PayloadError>(Bytes::from(vec![b'x'; 64 * 1024]));
        let endless: Payload = Payload::Stream {
            payload: Box::pin(stream::repeat_with(chunk)),
        };
        let unfinished = Unfinished::default();
        let mut payload = limited(endless, &unfinished, 1024);
        for _ in 0..4 {
            assert!(matches!(payload.next().await, Some(Ok(_))));
        }
        unfinished.0.set(0); // a message was complete
        for _ in 0..4 {
            assert!(matches!(payload.next().await, Some(Ok(_))));
        }
        assert!(matches!(payload.next().await, Some(Err(PayloadError::Overflow))));
    }
}
