//! From one dead letter to the next.

use std::io::{IsTerminal, Write, stderr};

use citytrack_broker::{DeadLetter, Tray};
use citytrack_common::TaskError;

use super::entry::Entry;

/// Takes one letter after the other, and no more than there were at the beginning: one that comes back meanwhile is not met
/// twice. On a terminal it shows how far it is.
pub(super) struct Walk {
    taken: u32,
    all: u32,
    shown: bool,
}

impl Walk {
    /// Letters between two updates of the terminal.
    const STEP: u32 = 500;

    pub(super) async fn begin(tray: &Tray) -> Result<Self, TaskError> {
        Ok(Self {
            taken: 0,
            all: tray.length().await?,
            shown: stderr().is_terminal(),
        })
    }

    /// How many letters there were at the beginning.
    pub(super) fn all(&self) -> usize {
        usize::try_from(self.all).unwrap_or(usize::MAX)
    }

    /// The next letter, in hand until it is removed or the tray is closed.
    pub(super) async fn next(&mut self, tray: &Tray) -> Result<Option<(Entry, DeadLetter)>, TaskError> {
        if self.taken == self.all {
            return Ok(None);
        }
        let letter = tray.take().await?;
        self.taken += 1;
        if self.shown && self.taken.is_multiple_of(Self::STEP) {
            // A terminal that is gone is no reason to stop.
            let _ = write!(stderr(), "{} of {} looked at\r", self.taken, self.all);
        }
        Ok(letter.map(|letter| (Entry::of(&letter), letter)))
    }
}
