//! What is noted about a message.

use citytrack_broker::Delivery;
use citytrack_common::trace::{TRACEPARENT, TraceParent};
use citytrack_domain::Slug;
use citytrack_messages::images::{IMAGE_ID, VENUE};
use citytrack_storage::journal::Note;
use jiff::Timestamp;

/// Routing keys that end with the slug of a venue.
const OF_A_VENUE: [&str; 3] = ["detections.", "images.uploaded.", "images.transformed."];

/// Everything about the message but its body.
pub(super) fn note(delivery: &Delivery, at: Timestamp) -> Note {
    let header = |name| delivery.headers.get(name).map(String::as_str);
    Note {
        at,
        exchange: storable(&delivery.exchange),
        routing_key: storable(&delivery.route),
        kind: delivery.kind.as_deref().map(storable),
        message_id: delivery.id.as_deref().map(storable),
        image: header(IMAGE_ID).and_then(|id| id.parse().ok()),
        size: delivery.payload.len() as u64,
        trace_id: header(TRACEPARENT)
            .and_then(TraceParent::parse)
            .map(TraceParent::trace_id),
        venue: venue(&delivery.route).or_else(|| Slug::new(header(VENUE)?).ok()),
    }
}

/// PostgreSQL takes every text but one with a NUL.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn venue(route: &str) -> Option<Slug> {
    let end = OF_A_VENUE.iter().find_map(|prefix| route.strip_prefix(prefix))?;
    Slug::new(end).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn delivery(route: &str, headers: &[(&str, &str)]) -> Delivery {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Delivery {
            payload: b"a picture of somebody".to_vec(),
            exchange: "citytrack.images".to_owned(),
            route: route.to_owned(),
            kind: Some("citytrack.images.upload.v1".to_owned()),
            id: Some("9f86d081884c7d65-42".to_owned()),
            stamp: None,
            redelivered: false,
            returned: 0,
            tag: 1,
            headers: headers.collect::<BTreeMap<_, _>>(),
        }
    }

    #[test]
    fn a_message_about_a_picture_names_it_and_its_trace() {
        let id = "0197a1f0-0000-7000-8000-000000000000";
        let headers = [
            (IMAGE_ID, id),
            (TRACEPARENT, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ];
        let at = Timestamp::UNIX_EPOCH;
        let seen = note(&delivery("images.uploaded.demo", &headers), at);
        let expected = Note {
            at,
            exchange: "citytrack.images".to_owned(),
            routing_key: "images.uploaded.demo".to_owned(),
            kind: Some("citytrack.images.upload.v1".to_owned()),
            message_id: Some("9f86d081884c7d65-42".to_owned()),
            image: id.parse().ok(),
            size: 21,
            trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
            venue: Some(Slug::new("demo").unwrap()),
        };
        assert_eq!(seen, expected);
    }

    #[test]
    fn an_answer_is_about_the_venue_that_its_header_names() {
        let venue = |route, named| note(&delivery(route, &[(VENUE, named)]), Timestamp::UNIX_EPOCH).venue;
        assert_eq!(venue("images.answered.ingest-api-1", "demo"), Slug::new("demo").ok());
        // Who may see a message is what its routing key says, where it says anything.
        assert_eq!(venue("images.uploaded.demo", "other"), Slug::new("demo").ok());
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        let headers = [(IMAGE_ID, "7"), (TRACEPARENT, "nonsense"), (VENUE, "no slug")];
        let seen = note(
            &delivery("images.answered.ingest-api\0", &headers),
            Timestamp::UNIX_EPOCH,
        );
        assert_eq!((seen.image, seen.trace_id, seen.venue), (None, None, None));
        assert_eq!(seen.routing_key, "images.answered.ingest-api\u{fffd}");
        assert_eq!(venue("detections.not a slug"), None);
        assert_eq!(venue("live.presence"), None);
    }
}
