//! A batch made ready to be sent: its JSON is written, and will not change any more.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use uuid::Uuid;

use crate::batch::Batch;
use crate::totals::Count;

/// The body of a request and what there is to know about it. Every attempt sends these very bytes, also after a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The id of the batch.
    pub id: Uuid,
    /// What is in it.
    pub count: Count,
    /// Whether the body is compressed.
    pub gzip: bool,
    /// The JSON, or what gzip made of it.
    pub body: Vec<u8>,
}

impl Sealed {
    /// Writes the JSON of a batch. Above so many bytes it is compressed.
    pub fn new(batch: &Batch, gzip_above: usize) -> Self {
        // Cannot fail: the structs hold no maps, and numbers that JSON does not have are written as null.
        let json = serde_json::to_vec(batch).unwrap_or_default();
        let small = (json.len() > gzip_above).then(|| gzip(&json)).flatten();
        Self {
            id: batch.batch_id,
            count: Count::of(batch),
            gzip: small.is_some(),
            body: small.unwrap_or(json),
        }
    }

    /// Seals a part of this batch, compressed if this one is.
    #[must_use]
    pub fn reseal(&self, part: &Batch) -> Self {
        Self::new(part, if self.gzip { 0 } else { usize::MAX })
    }

    /// The JSON again.
    ///
    /// # Errors
    /// What is in the body is not gzip, although it should be.
    pub fn json(&self) -> std::io::Result<Vec<u8>> {
        let mut json = Vec::new();
        if self.gzip {
            GzDecoder::new(&*self.body).read_to_end(&mut json)?;
        } else {
            json.extend(&self.body);
        }
        Ok(json)
    }

    /// The batch again, to send it in parts. `None`: the body is not one of ours.
    pub fn open(&self) -> Option<Batch> {
        serde_json::from_slice(&self.json().ok()?).ok()
    }
}

fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Position;

    #[test]
    fn what_was_sealed_can_be_opened() {
        let mut batch = Batch::new(vec![]);
        batch.position = Some(Position {
            stream: Uuid::now_v7(),
            seq: 7,
        });
        for gzip_above in [0, 10_000] {
            let sealed = Sealed::new(&batch, gzip_above);
            assert_eq!((sealed.gzip, sealed.id), (gzip_above == 0, batch.batch_id));
            assert_eq!(sealed.open(), Some(batch.clone()));
        }
    }
}
