//! Where a batch stands among those of its node, so that one that never arrived leaves a gap that can be told.

use uuid::Uuid;

/// The place of a batch in a stream of its node. Within a stream numbers count up by one from 0, a number for each batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamPosition {
    /// Any UUID; a node takes a new one when it no longer knows how far it has counted.
    pub stream: Uuid,
    /// The number of the batch, from 0 to [`StreamPosition::LARGEST_SEQ`].
    pub seq: i64,
}

/// The number is none of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an integer from 0 to {}", StreamPosition::LARGEST_SEQ)]
pub struct InvalidSeq;

impl StreamPosition {
    /// The largest integer that every JSON reader keeps exactly (RFC 8259, 6), 2⁵³ − 1.
    pub const LARGEST_SEQ: i64 = (1 << 53) - 1;

    /// Checks the number.
    ///
    /// # Errors
    /// When it is negative or larger than [`StreamPosition::LARGEST_SEQ`].
    pub fn new(stream: Uuid, seq: i64) -> Result<Self, InvalidSeq> {
        if (0..=Self::LARGEST_SEQ).contains(&seq) {
            Ok(Self { stream, seq })
        } else {
            Err(InvalidSeq)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_that_json_keeps_exactly() {
        let position = |seq| StreamPosition::new(Uuid::nil(), seq);
        assert!(position(0).is_ok() && position(9_007_199_254_740_991).is_ok());
        assert_eq!(position(-1), Err(InvalidSeq));
        let error = position(9_007_199_254_740_992).unwrap_err();
        assert_eq!(error.to_string(), "must be an integer from 0 to 9007199254740991");
    }
}
