//! `citytrack-node spool status`

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;

use crate::cli::StatusArgs;
use crate::spool::Status;

pub(super) fn run(args: &StatusArgs) -> anyhow::Result<ExitCode> {
    let status = Status::read(&args.folder).with_context(|| format!("the spool {}", args.folder.display()))?;
    let text = if args.json {
        serde_json::to_string(&status)? + "\n"
    } else {
        status.to_string()
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
