//! The ways a socket ends.

use crate::wire::{CloseCode, CloseReason};

/// Why a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The client said goodbye or its connection broke.
    Client,
    /// The client does not answer any more.
    Dead,
    /// The client reads too slowly.
    Slow,
    /// The token's time is over.
    Expired,
    /// The client has shown no token in time.
    Unauthenticated,
    /// The client says too much.
    Flood,
    /// The client does not speak the protocol.
    Protocol(&'static str),
    /// This process ends.
    Shutdown,
}

impl Ending {
    /// Every ending, for metrics that exist from the start.
    pub(crate) const ALL: [Self; 8] = [
        Self::Client,
        Self::Dead,
        Self::Slow,
        Self::Expired,
        Self::Unauthenticated,
        Self::Flood,
        Self::Protocol(""),
        Self::Shutdown,
    ];

    /// The ending as a metric label.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Dead => "dead",
            Self::Slow => "slow",
            Self::Expired => "expired",
            Self::Unauthenticated => "unauthenticated",
            Self::Flood => "flood",
            Self::Protocol(_) => "protocol",
            Self::Shutdown => "shutdown",
        }
    }

    /// What the client is told; `None` when it is not there any more.
    pub(crate) fn close_reason(self) -> Option<CloseReason> {
        let (code, text) = match self {
            Self::Client => (CloseCode::Normal, ""),
            Self::Dead => return None,
            Self::Slow => (CloseCode::Other(4408), "too slow"),
            Self::Expired => (CloseCode::Other(4401), "token expired"),
            Self::Unauthenticated => (CloseCode::Other(4401), "no token was shown"),
            Self::Flood => (CloseCode::Other(4429), "too many messages"),
            Self::Protocol(what) => (CloseCode::Other(4400), what),
            Self::Shutdown => (CloseCode::Restart, "the server restarts"),
        };
        let description = Some(text.to_owned()).filter(|text| !text.is_empty());
        Some(CloseReason { code, description })
    }
}
