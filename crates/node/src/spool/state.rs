//! The small file beside the segments: what was lost, how the spool was used last, and which replay feeds it.

use std::fs;
use std::io;
use std::path::Path;

use clap::ValueEnum;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::segment::write_whole;
use crate::totals::Count;

const FILE: &str = "state.json";
/// A random id that Linux makes at every start of the machine.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// When what was written is brought to the disk itself, and so survives a power cut. Killing the program loses nothing either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum SyncPolicy {
    /// Before a batch is sent: a power cut loses no batch and doubles none
    Always,
    /// Every second: a power cut may lose the last second
    Interval,
    /// When the system finds it convenient (Linux: within about 30 seconds)
    Never,
}

/// A replay that feeds the spool: where it began, so that it can go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayMark {
    /// Tells one replay from another.
    pub fingerprint: String,
    /// The spool's progress when this replay began.
    pub origin: u64,
    /// The date of the first frame of a replay without a pace of its own.
    pub start: Timestamp,
}

/// What was found lost over the whole life of a spool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Losses {
    /// Made room for newer ones, or were given up.
    pub dropped: Count,
    /// The server found something wrong with them.
    pub refused: Count,
    /// Came too late: the server takes ids for some days only.
    pub expired: Count,
}

/// The last process that had the spool open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Session {
    sync: SyncPolicy,
    boot: String,
    clean: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    /// Segments with lower numbers were dropped: what is still there of them is deleted and not counted again.
    pub(super) first_segment: u64,
    pub(super) losses: Losses,
    pub(super) replay: Option<ReplayMark>,
    session: Option<Session>,
}

impl State {
    pub(super) fn read(folder: &Path) -> io::Result<Self> {
        match fs::read(folder.join(FILE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            read => Ok(serde_json::from_slice(&read?)?),
        }
    }

    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        write_whole(&folder.join(FILE), &serde_json::to_vec_pretty(self)?)
    }

    /// Whether every batch that may have been sent is certainly in the spool. It is not after a power cut, if batches were sent
    /// before they were on the disk: then a number could be given a second time.
    pub(super) fn is_complete(&self) -> bool {
        self.session.as_ref().is_none_or(|session| {
            let same_boot = boot().is_some_and(|boot| boot == session.boot);
            session.clean || session.sync == SyncPolicy::Always || same_boot
        })
    }

    pub(super) fn begin(&mut self, sync: SyncPolicy) {
        let boot = boot().unwrap_or_default();
        self.session = Some(Session {
            sync,
            boot,
            clean: false,
        });
    }

    pub(super) fn end(&mut self) {
        if let Some(session) = &mut self.session {
            session.clean = true;
        }
    }
}

/// Puts the file away that cannot be read, for a person to look at.
pub(super) fn set_aside(folder: &Path) -> io::Result<()> {
    let path = folder.join(FILE);
    match fs::rename(&path, path.with_extension("damaged")) {
        // The attempt before did it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        renamed => renamed,
    }
}

fn boot() -> Option<String> {
    Some(fs::read_to_string(BOOT_ID).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_power_cut_only_synced_spools_are_complete() {
        let mut state = State::default();
        assert!(state.is_complete(), "a new one");
        for (sync, complete) in [
            (SyncPolicy::Always, true),
            (SyncPolicy::Interval, false),
            (SyncPolicy::Never, false),
        ] {
            state.begin(sync);
            assert!(state.is_complete(), "only the process was killed");
            state.session.as_mut().unwrap().boot = "another".to_owned();
            assert_eq!(state.is_complete(), complete);
            state.end();
            assert!(state.is_complete(), "it was closed well");
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(State::read(folder.path()).unwrap(), State::default());
        let mut state = State::default();
        state.begin(SyncPolicy::Interval);
        state.first_segment = 7;
        state.write(folder.path()).unwrap();
        assert_eq!(State::read(folder.path()).unwrap(), state);
    }
}
