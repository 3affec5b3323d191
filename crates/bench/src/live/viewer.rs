//! What one viewer saw, and what its messages mean.

use std::time::Instant;

use anyhow::{Context, Result};
use memchr::memmem::Finder;
use serde::Deserialize;

use super::feed::System;
use super::mqtt::{self, Packet};
use super::websocket::Frame;
use crate::plan::Plan;
use crate::watch::{Marks, Matcher, Message};

/// What one viewer saw.
#[derive(Default)]
pub(super) struct Viewer {
    /// Messages come: since when.
    pub(super) open: Option<Instant>,
    pub(super) was_open: bool,
    pub(super) seen: Marks,
    pub(super) doubled: u64,
    /// Frames that the server left out, by its own account.
    pub(super) left_out: u64,
    /// The server said that it left something out, but not how much.
    pub(super) unknown_gaps: u64,
    /// The connection ended before the run did.
    pub(super) cut_off: u64,
    /// Where to go on after a cut; kept by those who come back.
    pub(super) cursor: Option<String>,
    pub(super) returns: Vec<Return>,
}

/// A way back after a cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Return {
    pub(super) cut: Instant,
    pub(super) attempts: u32,
    /// When the server said that it goes on, and whether it does so where it stopped.
    pub(super) subscribed: Option<(Instant, bool)>,
    /// When a frame came that was sent after that.
    pub(super) current: Option<Instant>,
}

/// What a message tells.
#[derive(Debug, PartialEq)]
pub(super) enum Told {
    Part(u64),
    Stranger,
    Gap(Option<u64>),
    Subscribed { cursor: Option<String>, recovered: bool },
    Refused(String),
    Malformed,
    Other,
}

/// Reads messages: of a frame only what identifies it.
pub(super) struct Reader {
    system: System,
    matcher: Matcher,
    cursor: Finder<'static>,
}

impl Reader {
    pub(super) fn new(system: System, plan: Plan) -> Self {
        Self {
            system,
            matcher: Matcher::new(plan),
            cursor: Finder::new(r#""cursor":""#),
        }
    }

    /// What a message tells; one of MQTT may hold several packets.
    pub(super) fn read(&self, message: Frame<'_>, mut found: impl FnMut(Told)) -> Result<()> {
        let mut bytes = message.payload;
        if self.system != System::Mqtt {
            found(self.text(bytes));
            return Ok(());
        }
        while !bytes.is_empty() {
            let (packet, rest) = mqtt::split(bytes)?;
            bytes = rest;
            found(match packet {
                Packet::Published(text) => self.text(text),
                Packet::Subscribed => Told::Subscribed {
                    cursor: None,
                    recovered: false,
                },
                Packet::Accepted | Packet::Other => Told::Other,
            });
        }
        Ok(())
    }

    fn text(&self, text: &[u8]) -> Told {
        match self.matcher.glance(text) {
            Some(Message::Part(part)) => Told::Part(part),
            Some(Message::Stranger) => Told::Stranger,
            Some(_) => Told::Malformed,
            None => answer(text),
        }
    }

    /// Keeps the cursor of a frame.
    pub(super) fn keep_cursor(&self, text: &[u8], cursor: &mut Option<String>) -> Result<()> {
        let Some(at) = self.cursor.find(text) else {
            return Ok(());
        };
        let value = text.get(at + self.cursor.needle().len()..).unwrap_or_default();
        let end = memchr::memchr(b'"', value).context("a cursor without an end")?;
        let kept = cursor.get_or_insert_default();
        kept.clear();
        kept.push_str(std::str::from_utf8(&value[..end])?);
        Ok(())
    }
}

/// What CityTrack says besides frames.
fn answer(text: &[u8]) -> Told {
    #[derive(Deserialize)]
    #[serde(tag = "type", rename_all = "lowercase")]
    enum Answer {
        Subscribed {
            cursor: Option<String>,
            recovered: bool,
        },
        Gap {
            dropped: Option<u64>,
        },
        Error {
            code: String,
            message: String,
        },
        #[serde(other)]
        Other,
    }
    match serde_json::from_slice(text) {
        Ok(Answer::Subscribed { cursor, recovered }) => Told::Subscribed { cursor, recovered },
        Ok(Answer::Gap { dropped }) => Told::Gap(dropped),
        Ok(Answer::Error { code, message }) => Told::Refused(format!("{code}: {message}")),
        Ok(Answer::Other) => Told::Other,
        Err(_) => Told::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::super::websocket::{BINARY, TEXT};
    use super::*;

    fn told(system: System, opcode: u8, payload: &[u8]) -> Vec<Told> {
        let plan = system.plan("1x1".parse().unwrap(), 100).unwrap();
        let mut found = Vec::new();
        let message = Frame { opcode, payload };
        Reader::new(system, plan)
            .read(message, |told| found.push(told))
            .unwrap();
        found
    }

    #[test]
    fn answers_are_told_from_frames() {
        let text = |text: &str| told(System::Citytrack, TEXT, text.as_bytes()).remove(0);
        assert_eq!(
            text(r#"{"type":"subscribed","id":"1","cursor":"abc","recovered":true,"snapshot":[{"frame":1}],"new":1}"#),
            Told::Subscribed {
                cursor: Some("abc".to_owned()),
                recovered: true
            }
        );
        assert_eq!(
            text(r#"{"type":"gap","id":"1","dropped":null,"cameras":[]}"#),
            Told::Gap(None)
        );
        assert_eq!(text(r#"{"type":"gap","id":"1","dropped":3}"#), Told::Gap(Some(3)));
        assert_eq!(text(r#"{"type":"expiring","expires_at":"x"}"#), Told::Other);
        assert_eq!(
            text(r#"{"type":"error","code":"c","message":"m"}"#),
            Told::Refused("c: m".to_owned())
        );
        assert_eq!(text(r#"{"type":"frame","id":"1","frame":7}"#), Told::Stranger);
        assert_eq!(text("nonsense"), Told::Malformed);
    }

    #[test]
    fn a_message_of_mqtt_may_hold_several() {
        let frame = br#"{"type":"frame","id":"1","frame":7}"#;
        let bytes = [
            mqtt::publish(mqtt::TOPIC, frame).unwrap(),
            mqtt::publish(mqtt::TOPIC, b"?").unwrap(),
        ];
        assert_eq!(
            told(System::Mqtt, BINARY, &bytes.concat()),
            [Told::Stranger, Told::Malformed]
        );
    }

    #[test]
    fn the_latest_cursor_is_kept() {
        let plan = System::Citytrack.plan("1x1".parse().unwrap(), 100).unwrap();
        let reader = Reader::new(System::Citytrack, plan);
        let mut cursor = None;
        for (text, wanted) in [
            (r#"{"type":"frame","cursor":"a1","x":1}"#, "a1"),
            (r#"{"type":"frame","cursor":"b","x":1}"#, "b"),
            (r#"{"type":"frame"}"#, "b"),
        ] {
            reader.keep_cursor(text.as_bytes(), &mut cursor).unwrap();
            assert_eq!(cursor.as_deref(), Some(wanted));
        }
        assert!(reader.keep_cursor(br#"{"cursor":"b"#, &mut cursor).is_err());
    }
}
