//! Receiving a picture: looked at while it comes, so that what is no picture is refused with its first bytes.

use actix_multipart::{Field, Multipart};
use actix_web::{
    http::header::HeaderMap,
    web::{Bytes, BytesMut, Payload},
};
use citytrack_images::{Header, Limits, Refused, inspect};
use futures_util::StreamExt as _;

use super::{details::Said, error::ImageError};
use crate::{
    error::SubmitError,
    gate::{Entry, Gate},
    keys::Node,
};

/// The part of a form that is the picture.
const PICTURE: &str = "picture";
/// Of one other part; five hundred boxes take some 50 kB.
const LARGEST_TEXT: usize = 256 * 1024;
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
    /// Bytes of the other parts of a form.
    texts: usize,
    header: Option<Header>,
    /// From so many bytes on the header is looked for again.
    look_at: usize,
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
            texts: 0,
            header: None,
            look_at: 0,
        }
    }

    /// A body that is the picture.
    pub(crate) async fn raw(mut self, mut payload: Payload) -> Result<Received, ImageError> {
        while let Some(piece) = payload.next().await {
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
        let mut parts = Multipart::new(headers, payload);
        let mut seen = false;
        while let Some(part) = parts.next().await {
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
        while let Some(piece) = part.next().await {
            self.add(&piece.map_err(|error| ImageError::Form(error.to_string()))?)?;
        }
        Ok(())
    }

    async fn text(&mut self, mut part: Field, name: &str) -> Result<String, ImageError> {
        let mut text = Vec::new();
        while let Some(piece) = part.next().await {
            let piece = piece.map_err(|error| ImageError::Form(error.to_string()))?;
            if text.len() + piece.len() > LARGEST_TEXT {
                return Err(ImageError::Form(format!(
                    "the part {name:?} has more than {LARGEST_TEXT} bytes"
                )));
            }
            text.extend_from_slice(&piece);
            self.texts += piece.len();
            self.arrived()?;
        }
        String::from_utf8(text).map_err(|_| ImageError::Form(format!("the part {name:?} is no UTF-8")))
    }

    fn add(&mut self, piece: &[u8]) -> Result<(), ImageError> {
        let limit = self.gate.body_limits.bytes;
        if self.bytes.len() + piece.len() > limit {
            return Err(ImageError::TooLarge(limit));
        }
        self.bytes.extend_from_slice(piece);
        self.arrived()?;
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

    fn arrived(&mut self) -> Result<(), SubmitError> {
        let bytes = self.bytes.len() + self.texts;
        self.gate.arrived(self.node, &mut self.entry, bytes)
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
