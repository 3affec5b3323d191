//! One wish of one session.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use bytes::Bytes;
use citytrack_domain::Slug;

use crate::{
    encode,
    filter::{Filter, View},
    frame::LiveFrame,
    outbox::{Key, Outbox},
    position::Position,
    wire,
};

/// A subscription.
pub(crate) struct Subscription {
    pub(crate) key: Key,
    /// What the client calls it.
    pub(crate) id: String,
    pub(crate) venue: Slug,
    pub(crate) wish: Wish,
    /// Where the client stands, if it was here before.
    pub(crate) since: Option<Position>,
    pub(crate) form: Form,
    pub(crate) outbox: Arc<Outbox>,
}

/// What a subscription wants of a venue; those who want the same share the work.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) filter: Filter,
    /// Frames in which nothing matches, too.
    pub(crate) empty: bool,
    /// Frames that are much older than now, too.
    pub(crate) backlog: bool,
    /// Frames a second of each camera, at most.
    pub(crate) max_rate: Option<f64>,
}

impl Wish {
    /// What of the frame is to be shown; `None` when the frame is not.
    pub(crate) fn view<'a>(&'a self, frame: &LiveFrame) -> Option<View<'a>> {
        if frame.backlog && !self.backlog {
            return None;
        }
        let view = self.filter.at(&frame.batch().source.node, &frame.frame().camera);
        let wanted = match view {
            View::Nothing => false,
            _ => self.empty || encode::shows_any(frame, &view),
        };
        wanted.then_some(view)
    }
}

impl PartialEq for Wish {
    fn eq(&self, other: &Self) -> bool {
        let rate = |wish: &Self| wish.max_rate.map(f64::to_bits);
        self.filter == other.filter
            && (self.empty, self.backlog, rate(self)) == (other.empty, other.backlog, rate(other))
    }
}

impl Eq for Wish {}

impl Hash for Wish {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.filter.hash(state);
        (self.empty, self.backlog, self.max_rate.map(f64::to_bits)).hash(state);
    }
}

/// How messages are put on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Form {
    /// As WebSocket messages.
    WebSocket,
    /// As WebSocket messages, compressed where that was worth it.
    Compressed,
    /// As server-sent events.
    EventStream,
}

impl Form {
    /// A message that is not a frame. Those are not compressed: each goes to one client, once.
    pub(crate) fn message(self, event: &str, cursor: Option<&str>, text: &str) -> Bytes {
        match self {
            Self::WebSocket | Self::Compressed => wire::text(&[text.as_bytes()]),
            Self::EventStream => server_sent(event, cursor, &[text]),
        }
    }

    /// A frame, its text in parts; never compressed.
    pub(crate) fn frame(self, cursor: &str, parts: &[&str]) -> Bytes {
        match self {
            Self::WebSocket | Self::Compressed => {
                let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
                wire::text(&parts)
            }
            Self::EventStream => server_sent("frame", Some(cursor), parts),
        }
    }
}

/// One event of a stream (HTML Living Standard, 9.2). The text has no line breaks: JSON escapes them.
fn server_sent(event: &str, cursor: Option<&str>, parts: &[&str]) -> Bytes {
    let mut text = String::with_capacity(64 + parts.iter().map(|part| part.len()).sum::<usize>());
    text.push_str("event: ");
    text.push_str(event);
    if let Some(cursor) = cursor {
        text.push_str("\nid: ");
        text.push_str(cursor);
    }
    text.push_str("\ndata: ");
    text.extend(parts.iter().copied());
    text.push_str("\n\n");
    Bytes::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::everything;

    #[test]
    fn every_form_has_its_frames_around_the_same_text() {
        let (parts, text) = (["{\"a\":", "1}"], "{\"a\":1}");
        for form in [Form::WebSocket, Form::Compressed] {
            assert_eq!(form.frame("CURSOR", &parts), &b"\x81\x07{\"a\":1}"[..]);
            assert_eq!(form.message("pong", None, text), form.frame("CURSOR", &parts));
        }
        let event = "event: frame\nid: CURSOR\ndata: {\"a\":1}\n\n";
        assert_eq!(Form::EventStream.frame("CURSOR", &parts), event);
        let gap = "event: gap\ndata: {\"a\":1}\n\n";
        assert_eq!(Form::EventStream.message("gap", None, text), gap);
        let subscribed = "event: subscribed\nid: CURSOR\ndata: {\"a\":1}\n\n";
        assert_eq!(
            Form::EventStream.message("subscribed", Some("CURSOR"), text),
            subscribed
        );
    }

    #[test]
    fn those_who_want_the_same_are_equal() {
        let rate = |max_rate| Wish {
            max_rate,
            ..everything()
        };
        assert_eq!(rate(Some(5.0)), rate(Some(5.0)));
        assert_ne!(rate(Some(5.0)), rate(Some(2.5)));
        assert_ne!(rate(Some(5.0)), rate(None));
        assert_ne!(
            everything(),
            Wish {
                empty: false,
                ..everything()
            }
        );
        assert_ne!(
            everything(),
            Wish {
                backlog: false,
                ..everything()
            }
        );
    }
}
