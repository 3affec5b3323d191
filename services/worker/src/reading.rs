//! Message → batches.

use bytes::Bytes;
use citytrack_broker::Delivery;
use citytrack_common::lifecycle::chain;
use citytrack_domain::Batch;
use citytrack_messages::{SCHEMA, decode, decode_each};

/// A message, or one batch of it, that will never be readable for this worker.
pub(crate) struct Unreadable {
    pub(crate) payload: Bytes,
    pub(crate) reason: String,
}

/// The batches of a delivery, and what of it cannot be read: the bad batches of a joined message alone, or all of it when its
/// batches cannot be told apart.
pub(crate) fn read(delivery: &Delivery) -> (Vec<Batch>, Vec<Unreadable>) {
    let whole = |reason| {
        let payload = Bytes::copy_from_slice(&delivery.payload);
        (Vec::new(), vec![Unreadable { payload, reason }])
    };
    match delivery.kind.as_deref() {
        Some(SCHEMA) => {}
        other => return whole(format!("message type {:?} is not {SCHEMA}", other.unwrap_or_default())),
    }
    match decode(&delivery.payload) {
        // Nobody sends that; bytes of another kind may be read so.
        Ok(batches) if batches.is_empty() => whole("it holds no batch".to_owned()),
        Ok(batches) => (batches, Vec::new()),
        Err(error) => read_each(&delivery.payload).unwrap_or_else(|| whole(chain(&error))),
    }
}

fn read_each(message: &[u8]) -> Option<(Vec<Batch>, Vec<Unreadable>)> {
    let (mut batches, mut unreadable) = (Vec::new(), Vec::new());
    for read in decode_each(message).ok()? {
        match read {
            Ok(batch) => batches.push(batch),
            Err(bad) => unreadable.push(Unreadable {
                payload: bad.payload,
                reason: chain(&bad.error),
            }),
        }
    }
    Some((batches, unreadable))
}
