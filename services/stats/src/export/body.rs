//! The body of the answer. It is read from PostgreSQL as fast as the client takes it, and dropped when the client goes
//! away: the connection to PostgreSQL and the place among the exports with it.

use std::io;

use actix_web::{error::BlockingError, web};
use bytes::Bytes;
use citytrack_common::{Problem, lifecycle::chain};
use citytrack_domain::Slug;
use citytrack_storage::frames::{FrameReader, StoredFrame};
use futures_util::{Stream, stream::try_unfold};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout_at},
};
use tracing::error;

use super::table::Detections;
use crate::table::Format;

pub(super) struct Body {
    venue: Slug,
    reader: FrameReader,
    /// `None` when the file is complete.
    detections: Option<Detections>,
    deadline: Instant,
    _place: OwnedSemaphorePermit,
}

/// Why an export broke off. The client sees that its answer has no end.
#[derive(Debug, thiserror::Error)]
pub(super) enum BrokenOff {
    #[error("the time for an export is over")]
    Late,
    #[error("the detections cannot be read")]
    Read(#[from] citytrack_storage::Error),
    #[error("the file cannot be written")]
    Write(#[from] io::Error),
    #[error("the thread that writes has ended")]
    Gone(#[from] BlockingError),
}

impl Body {
    pub(super) fn new(
        venue: Slug,
        reader: FrameReader,
        format: Format,
        deadline: Instant,
        place: OwnedSemaphorePermit,
    ) -> Result<Self, Problem> {
        let detections = Detections::new(venue.clone(), format).map_err(|error| {
            error!(%error, "a table cannot be begun");
            Problem::internal()
        })?;
        Ok(Self {
            venue,
            reader,
            detections: Some(detections),
            deadline,
            _place: place,
        })
    }

    /// The pieces of the file. An error breaks the answer off, so that nobody takes what came for everything.
    pub(super) fn stream(self) -> impl Stream<Item = Result<Bytes, BrokenOff>> {
        try_unfold(self, async |mut body| {
            let piece = body.next().await.inspect_err(|error| {
                error!(venue = body.venue.as_str(), error = chain(error), "an export broke off");
            })?;
            Ok(piece.map(|piece| (piece, body)))
        })
    }

    /// The next piece, never empty; `None` when the file is complete.
    async fn next(&mut self) -> Result<Option<Bytes>, BrokenOff> {
        while let Some(detections) = self.detections.take() {
            let frames = timeout_at(self.deadline, self.reader.next()).await;
            let frames = frames.map_err(|_| BrokenOff::Late)??;
            // Writing takes milliseconds, compressing more: not on the thread that serves everybody.
            let (rest, piece) = web::block(move || write(detections, frames)).await??;
            self.detections = rest;
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }
}

/// Writes the frames, or without any the end of the file.
fn write(mut detections: Detections, frames: Option<Vec<StoredFrame>>) -> io::Result<(Option<Detections>, Bytes)> {
    match frames {
        Some(frames) => {
            let piece = detections.add(&frames)?;
            Ok((Some(detections), piece))
        }
        None => Ok((None, detections.finish()?)),
    }
}
