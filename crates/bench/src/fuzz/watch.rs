//! The processes of the system, while uploads are sent to it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, ensure};

use crate::processes::{Root, of_pid_files, peak};

/// Those that pictures pass through, by the beginnings of their names.
const NAMES: &[&str] = &["ingest-api", "transform", "save", "journal", "worker"];

/// They must stay what they are.
pub(super) struct Processes {
    roots: Vec<Root>,
    most: u64,
}

impl Processes {
    /// Those of these pid files; none may ever have more than `most_memory` megabytes.
    pub(super) fn of(pids: &Path, most_memory: u64) -> Result<Self> {
        let mut roots = of_pid_files(pids)?;
        roots.retain(|root| NAMES.iter().any(|name| root.name.starts_with(name)));
        ensure!(
            roots.len() > 2,
            "no ingest-api, transform and save in {}",
            pids.display()
        );
        Ok(Self {
            roots,
            most: most_memory * 1_000_000,
        })
    }

    /// Which of them have ended, and which are too large.
    pub(super) fn faults(&self) -> Vec<String> {
        let peaks = self.roots.iter().map(|root| (&root.name, peak(root.pid)));
        let fault = |(name, peak): (&String, u64)| match peak {
            0 => Some(format!("{name} has ended")),
            peak if peak > self.most => Some(format!("{name} took more than {} MB", self.most / 1_000_000)),
            _ => None,
        };
        peaks.filter_map(fault).collect()
    }

    /// The most memory that each ever had.
    pub(super) fn peaks_mb(&self) -> BTreeMap<String, f64> {
        let peaks = self.roots.iter();
        peaks
            .map(|root| (root.name.clone(), peak(root.pid) as f64 / 1e6))
            .collect()
    }
}
