//! Bytes → domain.

use bytes::Bytes;
use citytrack_domain::{
    Agent, Batch, BatchId, BoundingBox, CameraName, Class, Confidence, Detection, Frame, ImageSize, NodeIdentity, Slug,
    StreamPosition,
};
use jiff::Timestamp;
use prost::Message;
use uuid::Uuid;

use crate::wire;

/// Why a message cannot be read. It will not be readable later either: it is poison.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The AMQP message type says that it is of another schema.
    #[error("message type {found:?} is not {schema}", schema = crate::SCHEMA)]
    Kind {
        /// The type, empty when there is none.
        found: String,
    },
    /// Not protobuf, or not this schema.
    #[error("not a message of the schema {schema}", schema = crate::SCHEMA)]
    Protobuf(#[from] prost::DecodeError),
    /// Readable, but it breaks a rule of the schema.
    #[error("batch {batch}: {what}")]
    Invalid {
        /// Place of the batch in the message, from 0.
        batch: usize,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// Reads the batches of one message.
///
/// # Errors
/// When the bytes are not of this schema or break one of its rules; then nothing of the message is used.
pub fn decode(bytes: &[u8]) -> Result<Vec<Batch>, DecodeError> {
    let message = wire::Batches::decode(bytes)?;
    message
        .batches
        .into_iter()
        .enumerate()
        .map(|(place, batch)| read_batch(batch).map_err(|what| DecodeError::Invalid { batch: place, what }))
        .collect()
}

/// A message, or one batch of it, that will never be readable.
#[derive(Debug)]
pub struct Unreadable {
    /// The message as it came, or the batch alone, as a message of its own.
    pub payload: Bytes,
    /// Why it cannot be read.
    pub error: DecodeError,
}

/// Reads the batches of one message each for itself, so that one which cannot be read leaves the others alone. Slower than
/// [`decode`]: for messages that it refuses.
///
/// # Errors
/// When the bytes cannot be told apart into batches; then nothing of the message can be used.
pub fn decode_each(bytes: &[u8]) -> Result<Vec<Result<Batch, Unreadable>>, DecodeError> {
    let envelope = Envelope::decode(bytes)?;
    let read = |(place, batch): (usize, Vec<u8>)| {
        let read = wire::Batch::decode(batch.as_slice())
            .map_err(DecodeError::from)
            .and_then(|batch| read_batch(batch).map_err(|what| DecodeError::Invalid { batch: place, what }));
        read.map_err(|error| Unreadable {
            payload: Envelope { batches: vec![batch] }.encode_to_vec().into(),
            error,
        })
    };
    Ok(envelope.batches.into_iter().enumerate().map(read).collect())
}

/// The batches of a message of this AMQP type, and what of it cannot be read: the bad batches of a joined message alone, or all
/// of it when its batches cannot be told apart.
pub fn read(kind: Option<&str>, payload: &[u8]) -> (Vec<Batch>, Vec<Unreadable>) {
    let whole = |error| {
        let payload = Bytes::copy_from_slice(payload);
        (Vec::new(), vec![Unreadable { payload, error }])
    };
    if kind != Some(crate::SCHEMA) {
        let found = kind.unwrap_or_default().to_owned();
        return whole(DecodeError::Kind { found });
    }
    match decode(payload) {
        Ok(batches) => (batches, Vec::new()),
        Err(error) => decode_each(payload).map_or_else(|_| whole(error), apart),
    }
}

fn apart(read: Vec<Result<Batch, Unreadable>>) -> (Vec<Batch>, Vec<Unreadable>) {
    let (mut batches, mut unreadable) = (Vec::new(), Vec::new());
    for read in read {
        match read {
            Ok(batch) => batches.push(batch),
            Err(bad) => unreadable.push(bad),
        }
    }
    (batches, unreadable)
}

/// `wire::Batches` whose batches are left as they are.
#[derive(Clone, PartialEq, Message)]
struct Envelope {
    #[prost(bytes = "vec", repeated, tag = "1")]
    batches: Vec<Vec<u8>>,
}

fn read_batch(batch: wire::Batch) -> Result<Batch, &'static str> {
    let id = Uuid::from_slice(&batch.id).map_err(|_| "id is not 16 bytes")?;
    let cameras = read_names(&batch.cameras, CameraName::new, "cameras has a bad name")?;
    let classes = read_names(&batch.classes, Class::new, "classes has a bad name")?;
    let frames = batch
        .frames
        .into_iter()
        .map(|frame| read_frame(&frame, &cameras, &classes))
        .collect::<Result<_, _>>()?;
    Ok(Batch {
        id: BatchId::from_uuid(id).map_err(|_| "id is not a UUIDv7")?,
        source: NodeIdentity {
            id: Uuid::from_slice(&batch.node_id).map_err(|_| "node_id is not 16 bytes")?,
            node: Slug::new(&batch.node).map_err(|_| "node is no short name")?,
            venue: Slug::new(&batch.venue).map_err(|_| "venue is no short name")?,
        },
        received_at: read_time(batch.received_at)?,
        position: read_position(&batch.stream, batch.seq)?,
        agent: Agent::read(&batch.agent),
        frames,
    })
}

/// Messages of nodes that do not count their batches, and older ones, have neither.
fn read_position(stream: &[u8], seq: Option<i64>) -> Result<Option<StreamPosition>, &'static str> {
    match (stream, seq) {
        ([], None) => Ok(None),
        (stream, Some(seq)) => {
            let stream = Uuid::from_slice(stream).map_err(|_| "stream is not 16 bytes")?;
            let position = StreamPosition::new(stream, seq).map_err(|_| "seq is out of range")?;
            Ok(Some(position))
        }
        (_, None) => Err("stream comes without seq"),
    }
}

fn read_names<T, E>(
    names: &[String],
    read: fn(&str) -> Result<T, E>,
    what: &'static str,
) -> Result<Vec<T>, &'static str> {
    names.iter().map(|name| read(name).map_err(|_| what)).collect()
}

fn read_time(micros: i64) -> Result<Timestamp, &'static str> {
    Timestamp::from_microsecond(micros).map_err(|_| "a time is out of range")
}

fn read_frame(frame: &wire::Frame, cameras: &[CameraName], classes: &[Class]) -> Result<Frame, &'static str> {
    let count = frame.classes.len();
    if frame.confidences.len() != count || frame.boxes.len() != 4 * count {
        return Err("columns of a frame differ in length");
    }
    let mut tracks = read_tracks(frame)?.into_iter();
    let detections = frame
        .classes
        .iter()
        .zip(&frame.confidences)
        .zip(frame.boxes.as_chunks::<4>().0)
        .map(|((class, confidence), parts)| {
            Ok(Detection {
                class: at(classes, *class).ok_or("a class is not listed")?.clone(),
                confidence: Confidence::from_checked(*confidence),
                bounding_box: BoundingBox::from_checked(*parts),
                track_id: tracks.next().flatten(),
            })
        })
        .collect::<Result<_, &'static str>>()?;
    Ok(Frame {
        camera: at(cameras, frame.camera).ok_or("a camera is not listed")?.clone(),
        captured_at: read_time(frame.captured_at)?,
        number: frame.number,
        size: frame
            .width
            .zip(frame.height)
            .map(|(width, height)| ImageSize { width, height }),
        detections,
    })
}

/// The track of each detection; empty when none has one.
fn read_tracks(frame: &wire::Frame) -> Result<Vec<Option<i64>>, &'static str> {
    if !frame.track_ids.is_empty() && frame.track_ids.len() != frame.classes.len() {
        return Err("columns of a frame differ in length");
    }
    let mut tracks: Vec<_> = frame.track_ids.iter().copied().map(Some).collect();
    for place in &frame.untracked {
        let track = usize::try_from(*place).ok().and_then(|place| tracks.get_mut(place));
        *track.ok_or("untracked names no detection")? = None;
    }
    Ok(tracks)
}

fn at<T>(list: &[T], place: u32) -> Option<&T> {
    list.get(usize::try_from(place).ok()?)
}
