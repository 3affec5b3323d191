//! Batch ids of one run: UUIDv7 that say which request they belong to, so that a batch is known again wherever it shows up.
//!
//! ```text
//! 48 bits milliseconds · version 7 · 12 bits nonce · variant · 30 bits nonce · 32 bits request number
//! ```

use uuid::Uuid;

/// Makes and reads the ids of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchIds {
    nonce: u64,
}

const NONCE_BITS: u32 = 42;

impl BatchIds {
    pub(crate) fn new(random: u64) -> Self {
        Self {
            nonce: random & ((1 << NONCE_BITS) - 1),
        }
    }

    /// The id of request `number`, sent at `millis` since 1970.
    pub(crate) fn id(self, number: u32, millis: i64) -> Uuid {
        let (high, low) = (self.nonce >> 30, self.nonce & 0x3fff_ffff);
        let millis = u64::try_from(millis).unwrap_or(0);
        Uuid::from_u64_pair(millis << 16 | 0x7000 | high, 0b10 << 62 | low << 32 | u64::from(number))
    }

    /// The lowest id that a batch sent at `millis` can have: where a range of ids starts or ends.
    pub(crate) fn floor(millis: i64) -> Uuid {
        Uuid::from_u64_pair(u64::try_from(millis).unwrap_or(0) << 16, 0)
    }

    /// The request that an id belongs to; none for the id of another run.
    pub(crate) fn number(self, id: Uuid) -> Option<u32> {
        let (first, second) = id.as_u64_pair();
        let nonce = (first & 0xfff) << 30 | second >> 32 & 0x3fff_ffff;
        let ours = nonce == self.nonce && first >> 12 & 0xf == 7 && second >> 62 == 0b10;
        ours.then(|| u32::try_from(second & 0xffff_ffff).ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_uuid_v7_that_leads_back_to_its_request() {
        let ids = BatchIds::new(0x1234_5678_9abc_def0);
        for number in [0, 1, 77, u32::MAX] {
            let id = ids.id(number, 1_790_000_000_123);
            assert_eq!(id.get_version_num(), 7);
            assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
            assert_eq!(
                id.get_timestamp().map(|t| t.to_unix()),
                Some((1_790_000_000, 123_000_000))
            );
            assert_eq!(ids.number(id), Some(number));
            assert_eq!(BatchIds::new(7).number(id), None);
            assert!(BatchIds::floor(1_790_000_000_123) < id && id < BatchIds::floor(1_790_000_000_124));
        }
        assert_eq!(ids.number(Uuid::nil()), None);
    }
}
