//! The live feeds that are measured: how a viewer asks each of them for its messages. What CityTrack's own protocol looks like is said
//! here and in `answer`, and nowhere else.

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use serde::Serialize;
use serde_json::json;

use super::websocket::{BINARY, TEXT, frame};
use super::{Reach, mqtt};
use crate::plan::{Dialect, Layout, Plan};
use crate::target::Target;

/// Whose live feed it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum System {
    /// `realtime-ws`, fed by `ingest-api`
    Citytrack,
    /// The peer on Django Channels, fed by its own API
    Django,
    /// nginx with the module nchan, fed by POST
    Nchan,
    /// RabbitMQ's Web-MQTT plugin, fed by MQTT
    Mqtt,
}

impl System {
    /// What a message is known by: all but Django show CityTrack's frames.
    pub(super) fn dialect(self) -> Dialect {
        match self {
            Self::Django => Dialect::Peer,
            Self::Citytrack | Self::Nchan | Self::Mqtt => Dialect::Citytrack,
        }
    }

    /// Frames numbered through; at Django one detection is a message, so a frame has one.
    pub(super) fn plan(self, layout: Layout, most_requests: u32) -> Result<Plan> {
        ensure!(
            self != Self::Django || layout.detections() == 1,
            "Django sends a message for each detection: --batch 1x1"
        );
        ensure!(
            matches!(self, Self::Citytrack | Self::Django) || layout.frames == 1,
            "a publication is one frame: --batch 1xN"
        );
        Plan::new(self.dialect(), layout, most_requests, rand::random())
    }
}

/// Where viewers connect, and what they ask for.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    pub(super) system: System,
    pub(super) target: Target,
    venue: String,
    token: Option<String>,
    account: mqtt::Account,
}

impl Feed {
    pub(super) fn new(reach: &Reach) -> Result<Self> {
        let fleet = reach.fleet()?;
        ensure!(
            fleet.venues == 1,
            "a viewer watches one venue: a fleet of several cannot be used"
        );
        Ok(Self {
            system: reach.system,
            target: Target::parse(&reach.live_url)?,
            venue: fleet.venue,
            token: fleet.viewer_token,
            account: reach.account.clone(),
        })
    }

    /// The request that makes an HTTP connection a WebSocket.
    pub(super) fn handshake(&self) -> String {
        let Target { host, path, .. } = &self.target;
        let more = match (self.system, &self.token) {
            (System::Citytrack, Some(token)) => {
                format!("Sec-WebSocket-Protocol: citytrack.v1\r\nAuthorization: Bearer {token}\r\n")
            }
            (System::Mqtt, _) => "Sec-WebSocket-Protocol: mqtt\r\n".to_owned(),
            _ => String::new(),
        };
        // The key shows that an answer belongs to a request, to caches that are not here: any will do.
        format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: Y2l0eXRyYWNrLWJlbmNoIQ==\r\n{more}\r\n"
        )
    }

    /// What a viewer says first; nothing where opening the socket is all that it takes.
    pub(super) fn subscribe(&self, filtered: bool, since: Option<&str>) -> Result<Vec<u8>> {
        Ok(match self.system {
            System::Citytrack => {
                let mut message = json!({"type": "subscribe", "id": "1", "venue": self.venue});
                if filtered {
                    message["filter"] = json!({"class": {"in": ["person"]}});
                }
                if let Some(cursor) = since {
                    message["since"] = cursor.into();
                }
                frame(TEXT, message.to_string().as_bytes())
            }
            System::Mqtt => {
                let packets = [mqtt::connect(&self.account)?, mqtt::subscribe(mqtt::TOPIC)?];
                packets.iter().flat_map(|packet| frame(BINARY, packet)).collect()
            }
            System::Django | System::Nchan => Vec::new(),
        })
    }

    /// Whether an answer says from when on messages come; without one they come once the socket is open.
    pub(super) fn confirms(&self) -> bool {
        matches!(self.system, System::Citytrack | System::Mqtt)
    }

    /// The venue, as messages made for the others name it.
    pub(super) fn venue(&self) -> &str {
        if self.venue.is_empty() { "demo" } else { &self.venue }
    }

    pub(super) fn account(&self) -> &mqtt::Account {
        &self.account
    }
}

/// Whether an HTTP answer accepts the upgrade; what it says instead if not.
pub(super) fn accepted(head: &[u8]) -> Result<()> {
    let text = String::from_utf8_lossy(head);
    let line = text.lines().next().context("an empty answer")?;
    ensure!(line.contains(" 101"), "the socket was refused: {line}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told() {
        assert!(accepted(b"HTTP/1.1 101 Switching Protocols\r\n").is_ok());
        let refused = accepted(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\n").unwrap_err();
        assert!(refused.to_string().contains("429"), "{refused}");
    }

    #[test]
    fn layouts_that_a_system_cannot_show_are_refused() {
        let layout = |text: &str| text.parse::<Layout>().unwrap();
        assert!(System::Django.plan(layout("1x5"), 10).is_err());
        assert!(System::Nchan.plan(layout("10x5"), 10).is_err());
        assert!(System::Citytrack.plan(layout("10x5"), 10).is_ok());
    }
}
