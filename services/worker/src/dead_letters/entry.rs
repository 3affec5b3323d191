//! A dead letter as an operator sees it.

use std::fmt::Write as _;

use citytrack_broker::{DeadLetter, Death};
use citytrack_messages::{SCHEMA, decode_each};
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{REASON, SINCE, TYPE};

/// What a list says about a dead letter.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Entry {
    /// The same for the same message, whenever it is put aside.
    pub(crate) id: String,
    /// When it was put aside; letters of older workers do not say.
    pub(crate) since: Option<Timestamp>,
    pub(crate) route: String,
    /// The message type that it had before it was put aside.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) bytes: usize,
    /// How many batches it holds, readable or not; `None` when they cannot be told apart.
    pub(crate) batches: Option<usize>,
    pub(crate) reason: String,
}

impl Entry {
    pub(crate) fn of(letter: &DeadLetter) -> Self {
        let kind = original_kind(letter);
        let batches = (kind == SCHEMA).then(|| decode_each(&letter.payload).ok()).flatten();
        Self {
            id: id(&letter.route, kind, &letter.payload),
            since: since(letter),
            route: letter.route.clone(),
            kind: kind.to_owned(),
            bytes: letter.payload.len(),
            batches: batches.map(|batches| batches.len()),
            reason: reason(letter),
        }
    }
}

/// The type that the message had: a worker keeps it in a header, the broker leaves it where it was.
pub(crate) fn original_kind(letter: &DeadLetter) -> &str {
    letter
        .headers
        .get(TYPE)
        .or(letter.kind.as_ref())
        .map(String::as_str)
        .unwrap_or_default()
}

/// Twelve hex digits of a digest: a hundred thousand letters share one by chance once in 60,000 times.
fn id(route: &str, kind: &str, payload: &[u8]) -> String {
    let mut digest = Sha256::new();
    for part in [route.as_bytes(), kind.as_bytes()] {
        digest.update(part);
        digest.update([0]);
    }
    digest.update(payload);
    let mut digits = String::new();
    for byte in digest.finalize().iter().take(6) {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

fn since(letter: &DeadLetter) -> Option<Timestamp> {
    match letter.headers.get(SINCE) {
        Some(text) => text.parse().ok(),
        None => Timestamp::from_second(i64::try_from(letter.death.as_ref()?.at?).ok()?).ok(),
    }
}

fn reason(letter: &DeadLetter) -> String {
    match (letter.headers.get(REASON), &letter.death) {
        (Some(reason), _) => reason.clone(),
        (None, Some(Death { reason, queue, .. })) if reason == "delivery_limit" => {
            format!("RabbitMQ: it came back to {queue} too often, workers died holding it (delivery_limit)")
        }
        (None, Some(Death { reason, queue, .. })) => format!("RabbitMQ took it out of {queue} ({reason})"),
        (None, None) => "unknown".to_owned(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use citytrack_broker::Tag;

    use super::*;

    /// A letter without headers.
    pub(crate) fn dead_letter(kind: &str, payload: &[u8]) -> DeadLetter {
        DeadLetter {
            tag: Tag::default(),
            payload: payload.to_vec(),
            route: "detections.demo".to_owned(),
            kind: Some(kind.to_owned()),
            headers: std::collections::BTreeMap::new(),
            death: None,
        }
    }

    #[test]
    fn the_id_is_that_of_the_message_whoever_put_it_aside() {
        let by_the_broker = dead_letter("citytrack.detections.v2", b"body");
        let mut by_a_worker = dead_letter("citytrack.dead-letter.v1", b"body");
        by_a_worker
            .headers
            .insert(TYPE.to_owned(), "citytrack.detections.v2".to_owned());
        let id = Entry::of(&by_the_broker).id;
        // printf 'detections.demo\0citytrack.detections.v2\0body' | sha256sum
        assert_eq!(id, "37c3091391c9");
        assert_eq!(Entry::of(&by_a_worker).id, id);
        assert_ne!(Entry::of(&dead_letter("citytrack.detections.v2", b"bodies")).id, id);
        assert_ne!(Entry::of(&dead_letter("citytrack.detections.v1", b"body")).id, id);
    }

    #[test]
    fn what_a_worker_says_about_it() {
        let mut letter = dead_letter("citytrack.dead-letter.v1", b"not protobuf");
        for (name, value) in [
            (REASON, "not a message"),
            (TYPE, SCHEMA),
            (SINCE, "2026-11-22T10:00:00.5Z"),
        ] {
            letter.headers.insert(name.to_owned(), value.to_owned());
        }
        let entry = Entry::of(&letter);
        assert_eq!(entry.reason, "not a message");
        assert_eq!(entry.kind, SCHEMA);
        assert_eq!(entry.since, Some("2026-11-22T10:00:00.5Z".parse().unwrap()));
        assert_eq!(entry.batches, None);
    }

    #[test]
    fn what_the_broker_says_about_it() {
        let mut letter = dead_letter(SCHEMA, b"");
        letter.death = Some(Death {
            reason: "delivery_limit".to_owned(),
            queue: "citytrack.persist".to_owned(),
            at: Some(1_763_805_600),
        });
        let entry = Entry::of(&letter);
        assert!(entry.reason.contains("came back to citytrack.persist too often"));
        assert_eq!(entry.since, Some("2025-11-22T10:00:00Z".parse().unwrap()));
        assert_eq!(entry.batches, Some(0));
    }

    #[test]
    fn nothing_said_is_unknown() {
        let entry = Entry::of(&dead_letter("", b"x"));
        assert_eq!((entry.reason.as_str(), entry.since), ("unknown", None));
    }
}
