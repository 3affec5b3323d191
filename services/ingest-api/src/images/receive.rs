//! Receiving a picture: looked at while it comes, so that what is no picture is refused with its first bytes.

use std::{cell::Cell, future::poll_fn, rc::Rc};

use actix_multipart::{Field, Multipart};
use actix_web::{
    error::PayloadError,
    http::header::HeaderMap,
    web::{Bytes, BytesMut, Payload},
};
use citytrack_images::{Header, Limits, Refused, inspect};
use futures_util::{Stream, StreamExt as _};

use super::{
    details::{NAMES, Said},
    error::ImageError,
};
use crate::{
    error::SubmitError,
    gate::{Entry, Gate},
    keys::Node,
};

/// The part of a form that is the picture.
const PICTURE: &str = "picture";
/// Of one other part; five hundred boxes take some 50 kB.
const LARGEST_TEXT: usize = 256 * 1024;
/// Of a form: what is around its parts, their heads among it.
const LARGEST_FRAMING: usize = 64 * 1024;
/// The head of a picture lies within its first bytes, unless there is a lot of metadata. It is looked for again when so many bytes
/// have come, and then whenever twice as many have, so that looking takes no longer than receiving.
const LOOK_AGAIN: usize = 16 * 1024;

/// A picture that is being received.
pub(crate) struct Incoming<'g> {
    gate: &'g Gate,
    node: &'g Node,
    entry: Entry,
    limits: Limits,
    bytes: BytesMut,
    /// Bytes of the body, whatever they are.
    came: Rc<Cell<usize>>,
    header: Option<Header>,
    /// From so many bytes on the header is looked for again.
    look_at: usize,
}

/// Most bytes of a form with a picture of so many.
pub(crate) fn largest_form(picture: usize) -> usize {
    picture + NAMES.len() * LARGEST_TEXT + LARGEST_FRAMING
}

/// A picture that has come.
pub(crate) struct Received {
    pub(crate) picture: Bytes,
    pub(crate) header: Header,
    /// Its room and its charge, until it is handed on.
    _entry: Entry,
}

impl<'g> Incoming<'g> {
    /// For a body that announces so many bytes.
    pub(crate) fn new(gate: &'g Gate, node: &'g Node, entry: Entry, limits: Limits, announced: usize) -> Self {
        Self {
            gate,
            node,
            entry,
            limits,
            bytes: BytesMut::with_capacity(announced),
            came: Rc::default(),
            header: None,
            look_at: 0,
        }
    }

    /// A body that is the picture.
    pub(crate) async fn raw(mut self, payload: Payload) -> Result<Received, ImageError> {
        let mut payload = self.counted(payload);
        while let Some(piece) = self.next(&mut payload).await? {
            let piece = piece.map_err(|error| SubmitError::BrokenBody(error.to_string()))?;
            self.add(&piece)?;
        }
        self.finish()
    }

    /// A form (`multipart/form-data`) with the picture as one of its parts; what the others say goes to `said`.
    pub(crate) async fn form(
        mut self,
        headers: &HeaderMap,
        payload: Payload,
        said: &mut Said,
    ) -> Result<Received, ImageError> {
        let mut parts = Multipart::new(headers, self.counted(payload));
        let mut seen = false;
        while let Some(part) = self.next(&mut parts).await? {
            let part = part.map_err(|error| ImageError::Form(error.to_string()))?;
            let name = part.name().unwrap_or_default().to_owned();
            if name != PICTURE {
                let text = self.text(part, &name).await?;
                said.add(&name, text).map_err(ImageError::Form)?;
            } else if std::mem::replace(&mut seen, true) {
                return Err(ImageError::Form(format!("the part {PICTURE} is there twice")));
            } else {
                self.part(part).await?;
            }
        }
        if !seen {
            return Err(ImageError::Form(format!("there is no part {PICTURE}")));
        }
        self.finish()
    }

    async fn part(&mut self, mut part: Field) -> Result<(), ImageError> {
        while let Some(piece) = self.next(&mut part).await? {
            self.add(&piece.map_err(|error| ImageError::Form(error.to_string()))?)?;
        }
        Ok(())
    }

    async fn text(&mut self, mut part: Field, name: &str) -> Result<String, ImageError> {
        let mut text = Vec::new();
        while let Some(piece) = self.next(&mut part).await? {
            let piece = piece.map_err(|error| ImageError::Form(error.to_string()))?;
            if text.len() + piece.len() > LARGEST_TEXT {
                return Err(ImageError::Form(format!(
                    "the part {name:?} has more than {LARGEST_TEXT} bytes"
                )));
            }
            text.extend_from_slice(&piece);
        }
        String::from_utf8(text).map_err(|_| ImageError::Form(format!("the part {name:?} is no UTF-8")))
    }

    fn add(&mut self, piece: &[u8]) -> Result<(), ImageError> {
        let limit = self.gate.body_limits.bytes;
        if self.bytes.len() + piece.len() > limit {
            return Err(ImageError::TooLarge(limit));
        }
        self.bytes.extend_from_slice(piece);
        if self.header.is_none() && self.bytes.len() >= self.look_at {
            self.header = self.look()?;
            self.look_at = (2 * self.bytes.len()).max(LOOK_AGAIN);
        }
        Ok(())
    }

    /// The header, if it has come.
    fn look(&self) -> Result<Option<Header>, ImageError> {
        match inspect(&self.bytes, self.limits) {
            Ok(header) => Ok(Some(header)),
            Err(Refused::Incomplete) => Ok(None),
            Err(refused) => Err(ImageError::Refused(refused)),
        }
    }

    /// The body, its bytes counted as they come.
    fn counted(&self, payload: Payload) -> impl Stream<Item = Result<Bytes, PayloadError>> + Unpin + use<> {
        let came = Rc::clone(&self.came);
        payload.inspect(move |piece| came.set(came.get() + piece.as_ref().map_or(0, Bytes::len)))
    }

    /// The next of what is made of the body. Whatever came of it meanwhile is charged, also what is around the parts of a form, of
    /// which nothing is seen here.
    async fn next<S: Stream + Unpin>(&mut self, stream: &mut S) -> Result<Option<S::Item>, ImageError> {
        poll_fn(|task| {
            let next = stream.poll_next_unpin(task);
            self.arrived()?;
            next.map(Ok)
        })
        .await
    }

    fn arrived(&mut self) -> Result<(), ImageError> {
        let (came, most) = (self.came.get(), largest_form(self.gate.body_limits.bytes));
        if came > most {
            return Err(ImageError::Form(format!("it has more than {most} bytes")));
        }
        Ok(self.gate.arrived(self.node, &mut self.entry, came)?)
    }

    fn finish(self) -> Result<Received, ImageError> {
        let header = match self.header {
            Some(header) => header,
            None => self.look()?.ok_or(ImageError::Refused(Refused::Incomplete))?,
        };
        Ok(Received {
            picture: self.bytes.freeze(),
            header,
            _entry: self.entry,
        })
    }
}
