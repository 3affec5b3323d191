//! What a session has to write, in order.

use std::{collections::VecDeque, io::IoSlice, sync::Arc, vec};

use bytes::{Buf, Bytes};
use prometheus::IntCounter;

use crate::{encode, frame::LiveFrame, outbox::Key, position::Position, subscription::Subscription};

/// Pieces that are written at once; the system takes up to 1,024.
pub(crate) const PIECES: usize = 64;
/// Frames of a replay that are made ready at once.
const AT_ONCE: usize = 32;
/// An empty queue keeps room for so many pieces.
const SPARE: usize = 16;

enum Piece {
    Ready { bytes: Bytes, is_frame: bool },
    Replay(Box<Replay>),
}

/// Frames that a viewer missed, made ready when their turn comes: each with a cursor that fits what this viewer has seen.
pub(crate) struct Replay {
    pub(crate) subscription: Arc<Subscription>,
    pub(crate) position: Position,
    pub(crate) missed: vec::IntoIter<Arc<LiveFrame>>,
    pub(crate) encoded: IntCounter,
}

impl Iterator for Replay {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        for frame in self.missed.by_ref() {
            self.position.advance(frame.stamp, frame.place, frame.last);
            let Subscription {
                id, venue, wish, form, ..
            } = &*self.subscription;
            let Some(view) = wish.view(&frame) else { continue };
            let cursor = self.position.cursor(venue);
            let body = encode::body(&frame, &view, &self.encoded);
            let parts = [
                &encode::opening(id),
                &cursor,
                &encode::after_cursor(venue.as_str()),
                &*body,
            ];
            return Some(form.frame(&cursor, &parts));
        }
        None
    }
}

/// The queue of what is to be written.
#[derive(Default)]
pub(crate) struct Output {
    pieces: VecDeque<Piece>,
    /// In the pieces that are ready.
    bytes: usize,
    /// Whether a part of the first piece was written.
    begun: bool,
}

impl Output {
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.pieces.len()
    }

    pub(crate) fn push(&mut self, bytes: Bytes, is_frame: bool) {
        self.bytes += bytes.len();
        self.pieces.push_back(Piece::Ready { bytes, is_frame });
    }

    pub(crate) fn push_replay(&mut self, replay: Replay) {
        self.pieces.push_back(Piece::Replay(Box::new(replay)));
    }

    /// Makes frames of a replay ready when it is its turn. What is left at the front is ready, or nothing is left.
    fn unfold(&mut self) {
        while let Some(Piece::Replay(_)) = self.pieces.front() {
            let Some(Piece::Replay(mut replay)) = self.pieces.pop_front() else {
                return;
            };
            let ready: Vec<Bytes> = replay.by_ref().take(AT_ONCE).collect();
            if ready.len() == AT_ONCE {
                self.pieces.push_front(Piece::Replay(replay));
            }
            for bytes in ready.into_iter().rev() {
                self.bytes += bytes.len();
                self.pieces.push_front(Piece::Ready { bytes, is_frame: true });
            }
        }
    }

    /// Drops the replays of a subscription that has ended.
    pub(crate) fn forget(&mut self, key: Key) {
        let of = |piece: &Piece| matches!(piece, Piece::Replay(replay) if replay.subscription.key == key);
        self.pieces.retain(|piece| !of(piece));
    }

    /// Bytes that are ready.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The next pieces to write; none when there is nothing.
    pub(crate) fn slices<'a>(&'a mut self, slices: &mut [IoSlice<'a>; PIECES]) -> usize {
        self.unfold();
        let ready = self.pieces.iter().map_while(|piece| match piece {
            Piece::Ready { bytes, .. } => Some(bytes),
            Piece::Replay(_) => None,
        });
        let mut count = 0;
        for (slice, bytes) in slices.iter_mut().zip(ready) {
            *slice = IoSlice::new(bytes);
            count += 1;
        }
        count
    }

    /// Removes what was written, and returns how many frames were completed by that.
    pub(crate) fn written(&mut self, mut length: usize) -> u64 {
        let mut frames = 0;
        self.bytes -= length;
        while let Some(Piece::Ready { bytes, is_frame }) = self.pieces.front_mut() {
            if bytes.len() > length {
                bytes.advance(length);
                self.begun |= length > 0;
                break;
            }
            length -= bytes.len();
            self.begun = false;
            frames += u64::from(*is_frame);
            self.pieces.pop_front();
            if length == 0 {
                break;
            }
        }
        if self.pieces.is_empty() && self.pieces.capacity() > SPARE {
            self.pieces = VecDeque::new();
        }
        frames
    }

    /// Takes what is left of a piece of which a part was written: nothing else may be written before.
    pub(crate) fn take_begun(&mut self) -> Option<Bytes> {
        self.begun.then(|| self.pop().map(|(bytes, _)| bytes)).flatten()
    }

    /// Takes the next piece if it is ready.
    pub(crate) fn pop_ready(&mut self) -> Option<Bytes> {
        let is_ready = matches!(self.pieces.front(), Some(Piece::Ready { .. }));
        is_ready.then(|| self.pop()).flatten().map(|(bytes, _)| bytes)
    }

    /// Takes the next piece.
    pub(crate) fn pop(&mut self) -> Option<(Bytes, bool)> {
        self.unfold();
        match self.pieces.pop_front()? {
            Piece::Ready { bytes, is_frame } => {
                self.bytes -= bytes.len();
                self.begun = false;
                Some((bytes, is_frame))
            }
            Piece::Replay(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
