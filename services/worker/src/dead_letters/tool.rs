//! `worker dead-letters`: the commands.

use std::{
    io::{ErrorKind, Write, stderr, stdout},
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use citytrack_broker::{
    Options, Tray,
    topology::{DETECTIONS, IMAGES},
};
use citytrack_common::{TaskError, settings::BrokerSettings};
use clap::{Args, Subcommand, ValueEnum};
use secrecy::ExposeSecret;

use super::{
    entry::Entry,
    render::{letters, table},
    settle::{self, Selection},
    show::Shown,
    walk::Walk,
};

/// `worker dead-letters`.
#[derive(Args)]
pub struct Tool {
    /// RabbitMQ.
    #[command(flatten)]
    broker: BrokerSettings,
    /// The dead letters of pictures (`citytrack.images.dead`) instead of those of detections. They hold originals, so nothing of the
    /// pictures themselves is shown or written
    #[arg(long, global = true)]
    pictures: bool,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Lists dead letters, oldest first, with the reason of each
    List {
        /// List so many at most
        #[arg(long, value_name = "COUNT", default_value = "100")]
        limit: NonZeroUsize,
        /// A table, or one JSON object a line
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Shows one dead letter as JSON: headers, reason, and its batches, or its first bytes where they cannot be read
    Show {
        /// Its id, as `list` shows it
        id: String,
        /// Write the body of the message into this file, too, which must not exist yet; `-` writes the body alone, to the
        /// standard output
        #[arg(long, value_name = "FILE")]
        raw: Option<PathBuf>,
    },
    /// Hands dead letters to the workers again, once the cause is gone
    ///
    /// They go to the workers alone: live viewers do not see old detections as new ones. A batch that is stored already is
    /// recognised and left out, so that a replay may be repeated and may be interrupted. A letter that still cannot be stored
    /// comes back under the same id.
    Replay {
        #[command(flatten)]
        selection: Selection,
    },
    /// Throws dead letters away for good, and says which
    Drop {
        #[command(flatten)]
        selection: Selection,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Tool {
    /// Does what the command line says.
    ///
    /// # Errors
    /// When RabbitMQ is away, a letter is not there, or the output cannot be written; a `clap::Error` when the command line
    /// does not say enough.
    pub async fn act(self) -> Result<(), TaskError> {
        let options = Options {
            url: self.broker.url.expose_secret().to_owned(),
            name: "citytrack worker: dead-letters".to_owned(),
            heartbeat: self.broker.heartbeat.into(),
            topology: if self.pictures { IMAGES } else { DETECTIONS },
        };
        if self.pictures && matches!(self.action, Action::Show { raw: Some(_), .. }) {
            let usage = "dead letters of pictures hold originals: --raw is for detections\n";
            return Err(clap::Error::raw(clap::error::ErrorKind::ArgumentConflict, usage).into());
        }
        options
            .check()
            .map_err(|error| format!("CITYTRACK_BROKER__URL: {error}"))?;
        let tray = Tray::open(&options).await?;
        match self.action {
            Action::List { limit, format } => list(tray, limit.get(), format).await,
            Action::Show { id, raw } => show(tray, &id, raw, self.pictures).await,
            Action::Replay { selection } => settle::replay(tray, &selection).await,
            Action::Drop { selection, yes } => settle::drop(tray, &selection, yes).await,
        }
    }
}

/// Everything goes back before the first line is written, since whoever reads the lines may take their time.
async fn list(tray: Tray, limit: usize, format: Format) -> Result<(), TaskError> {
    let mut walk = Walk::begin(&tray).await?;
    let mut entries = Vec::new();
    while entries.len() < limit
        && let Some((entry, _)) = walk.next(&tray).await?
    {
        entries.push(entry);
    }
    tray.close().await?;
    let text = match format {
        Format::Text if entries.is_empty() => String::new(),
        Format::Text => table(&entries),
        Format::Json => lines(&entries)?,
    };
    print(text)?;
    let more = if walk.all() > entries.len() && entries.len() == limit {
        format!("; {} are listed, --limit lists more", entries.len())
    } else {
        String::new()
    };
    writeln!(stderr(), "{}{more}.", letters(walk.all()))?;
    Ok(())
}

fn lines(entries: &[Entry]) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    for entry in entries {
        text.push_str(&serde_json::to_string(entry)?);
        text.push('\n');
    }
    Ok(text)
}

async fn show(tray: Tray, id: &str, raw: Option<PathBuf>, pictures: bool) -> Result<(), TaskError> {
    let mut walk = Walk::begin(&tray).await?;
    let mut found = None;
    while found.is_none()
        && let Some((entry, letter)) = walk.next(&tray).await?
    {
        found = (entry.id == id).then_some(letter);
    }
    tray.close().await?;
    let letter = found.ok_or_else(|| format!("there is no dead letter {id}"))?;
    if raw.as_deref() == Some(Path::new("-")) {
        return print(&letter.payload);
    }
    if let Some(path) = raw {
        let written = std::fs::File::create_new(&path).and_then(|mut file| file.write_all(&letter.payload));
        written.map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let shown = if pictures {
        Shown::of_picture(&letter)
    } else {
        Shown::of(&letter)
    };
    print(serde_json::to_string_pretty(&shown)? + "\n")
}

/// Writes to standard output; that nobody reads any more is no failure (`… | head`).
pub(super) fn print(bytes: impl AsRef<[u8]>) -> Result<(), TaskError> {
    match stdout().write_all(bytes.as_ref()).and_then(|()| stdout().flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}
