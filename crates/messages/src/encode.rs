//! Domain → bytes.

use std::collections::HashMap;

use bytes::Bytes;
use citytrack_domain::{Batch, Frame};
use prost::Message;

use crate::wire;

/// Encodes one batch as a message of its own. Such encodings may be joined by writing one after the other.
pub fn encode(batch: &Batch) -> Bytes {
    let mut cameras = Places::default();
    let mut classes = Places::default();
    let frames = batch
        .frames
        .iter()
        .map(|frame| encode_frame(frame, &mut cameras, &mut classes))
        .collect();
    let batch = wire::Batch {
        id: batch.id.uuid().as_bytes().to_vec(),
        node_id: batch.source.id.as_bytes().to_vec(),
        node: batch.source.node.to_string(),
        venue: batch.source.venue.to_string(),
        received_at: batch.received_at.as_microsecond(),
        cameras: cameras.names,
        classes: classes.names,
        frames,
        stream: batch
            .position
            .map(|position| position.stream.as_bytes().to_vec())
            .unwrap_or_default(),
        seq: batch.position.map(|position| position.seq),
        agent: batch
            .agent
            .as_ref()
            .map_or_else(String::new, |agent| agent.as_str().to_owned()),
    };
    wire::Batches { batches: vec![batch] }.encode_to_vec().into()
}

fn encode_frame<'a>(frame: &'a Frame, cameras: &mut Places<'a>, classes: &mut Places<'a>) -> wire::Frame {
    let detections = &frame.detections;
    let tracked = detections.iter().any(|detection| detection.track_id.is_some());
    let mut encoded = wire::Frame {
        camera: cameras.place(frame.camera.as_str()),
        captured_at: frame.captured_at.as_microsecond(),
        number: frame.number,
        width: frame.size.map(|size| size.width),
        height: frame.size.map(|size| size.height),
        classes: Vec::with_capacity(detections.len()),
        confidences: Vec::with_capacity(detections.len()),
        boxes: Vec::with_capacity(4 * detections.len()),
        track_ids: Vec::with_capacity(if tracked { detections.len() } else { 0 }),
        untracked: Vec::new(),
    };
    for (place, detection) in (0_u32..).zip(detections) {
        encoded.classes.push(classes.place(detection.class.as_str()));
        encoded.confidences.push(detection.confidence.value());
        encoded.boxes.extend(detection.bounding_box.parts());
        if tracked {
            encoded.track_ids.push(detection.track_id.unwrap_or_default());
            if detection.track_id.is_none() {
                encoded.untracked.push(place);
            }
        }
    }
    encoded
}

/// Names in the order they were first met.
#[derive(Default)]
struct Places<'a> {
    names: Vec<String>,
    known: HashMap<&'a str, u32>,
    /// Most frames repeat the name before.
    last: Option<(&'a str, u32)>,
}

impl<'a> Places<'a> {
    fn place(&mut self, name: &'a str) -> u32 {
        if let Some((last, place)) = self.last
            && last == name
        {
            return place;
        }
        let next = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let place = *self.known.entry(name).or_insert_with(|| {
            self.names.push(name.to_owned());
            next
        });
        self.last = Some((name, place));
        place
    }
}
