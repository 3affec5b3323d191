//! Batches that the server refused for good, for a person to look at.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use jiff::Timestamp;
use serde_json::json;

use crate::sealed::Sealed;

const FILE: &str = "refused.jsonl";
const BEFORE: &str = "refused.1.jsonl";
/// A file that has grown beyond this becomes the one before, and the one before that is forgotten.
const LARGE: u64 = 1024 * 1024;

/// Adds a line: when, which batch, why, and the batch itself.
pub(super) fn append(folder: &Path, sealed: &Sealed, reason: &str, now: Timestamp) -> io::Result<()> {
    let path = folder.join(FILE);
    if fs::metadata(&path).is_ok_and(|file| file.len() > LARGE) {
        fs::rename(&path, folder.join(BEFORE))?;
    }
    let batch: serde_json::Value = serde_json::from_slice(&sealed.json()?)?;
    let line = json!({ "at": now, "batch_id": sealed.id, "reason": reason, "batch": batch });
    let mut file = File::options().create(true).append(true).open(path)?;
    file.write_all(format!("{line}\n").as_bytes())
}
