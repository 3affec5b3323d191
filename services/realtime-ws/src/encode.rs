//! A frame as JSON text. Everything but the subscription's id is the same for all who share a filter, so it is encoded once
//! (`body`); the text for an id (`with_id`) is a copy of that with another beginning, shared by all who chose the same id.

use bytestring::ByteString;
use citytrack_domain::{Batch, Detection, Frame};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::filter::Filter;

/// The beginning of every frame message of a subscription.
pub(crate) fn opening(id: &str) -> String {
    let id = serde_json::to_string(id).unwrap_or_default();
    format!(r#"{{"type":"frame","id":{id},"#)
}

/// A frame of `batch` as `filter` wants it: the message without its opening.
pub(crate) fn body(batch: &Batch, frame: &Frame, filter: &Filter) -> String {
    let wire = FrameBody {
        venue: batch.source.venue.as_str(),
        node: batch.source.node.as_str(),
        camera: frame.camera.as_str(),
        frame: frame.number,
        captured_at: frame.captured_at,
        received_at: batch.received_at,
        width: frame.size.map(|size| size.width),
        height: frame.size.map(|size| size.height),
        detections: Detections {
            all: &frame.detections,
            filter,
        },
    };
    // Strings and numbers always serialise.
    let mut text = serde_json::to_string(&wire).unwrap_or_default();
    text.remove(0);
    text
}

/// The whole message.
pub(crate) fn with_id(opening: &str, body: &str) -> ByteString {
    [opening, body].concat().into()
}

#[derive(Serialize)]
struct FrameBody<'a> {
    venue: &'a str,
    node: &'a str,
    camera: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame: Option<i64>,
    captured_at: Timestamp,
    received_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
    detections: Detections<'a>,
}

struct Detections<'a> {
    all: &'a [Detection],
    filter: &'a Filter,
}

impl Serialize for Detections<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let wanted = self.all.iter().filter(|detection| self.filter.wants(&detection.class));
        serializer.collect_seq(wanted.map(|detection| DetectionBody {
            class: detection.class.as_str(),
            confidence: detection.confidence.value(),
            bounding_box: detection.bounding_box.parts(),
            track_id: detection.track_id,
        }))
    }
}

#[derive(Serialize)]
struct DetectionBody<'a> {
    class: &'a str,
    confidence: f32,
    #[serde(rename = "box")]
    bounding_box: [f32; 4],
    #[serde(skip_serializing_if = "Option::is_none")]
    track_id: Option<i64>,
}

#[cfg(test)]
mod tests {
    use citytrack_testkit::{batch, frame, identity, person};

    use super::*;
    use crate::filter::tests::filter;

    #[test]
    fn a_frame_has_the_documented_form() {
        let at: Timestamp = "2026-11-22T10:00:00.04Z".parse().unwrap();
        let source = identity("demo", uuid::Uuid::nil());
        let mut sample = batch(&source, at, vec![frame("entrance", at, vec![person(0.5, Some(17))])]);
        sample.frames[0].number = Some(1042);
        let text = with_id(&opening("a\"b"), &body(&sample, &sample.frames[0], &Filter::default()));
        assert_eq!(
            text,
            r#"{"type":"frame","id":"a\"b","venue":"demo","node":"north","camera":"entrance","frame":1042,"captured_at":"2026-11-22T10:00:00.04Z","received_at":"2026-11-22T10:00:00.04Z","width":640,"height":480,"detections":[{"class":"person","confidence":0.9,"box":[0.5,0.25,0.125,0.5],"track_id":17}]}"#
        );
    }

    #[test]
    fn what_is_unknown_is_left_out_and_what_is_not_wanted_too() {
        let at = Timestamp::UNIX_EPOCH;
        let source = identity("demo", uuid::Uuid::nil());
        let mut sample = batch(&source, at, vec![frame("entrance", at, vec![person(0.5, None)])]);
        sample.frames[0].size = None;
        let cars = filter(&[], &["car"]).unwrap();
        let text = with_id(&opening("1"), &body(&sample, &sample.frames[0], &cars));
        assert_eq!(
            text,
            r#"{"type":"frame","id":"1","venue":"demo","node":"north","camera":"entrance","captured_at":"1970-01-01T00:00:00Z","received_at":"1970-01-01T00:00:00Z","detections":[]}"#
        );
        let people = filter(&[], &["person"]).unwrap();
        assert!(!body(&sample, &sample.frames[0], &people).contains("track_id"));
    }
}
