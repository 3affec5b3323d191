//! What an operator decides about dead letters: process them again, or throw them away.

use std::{
    collections::BTreeSet,
    io::{IsTerminal, Write, stderr, stdin},
};

use citytrack_broker::{Error, PublishError, Tag, Tray};
use citytrack_common::TaskError;
use clap::{Args, error::ErrorKind};

use super::{
    entry::{Entry, original_kind},
    render::{letters, table},
    tool::print,
    walk::Walk,
};

/// Entries that are listed before a question.
const LISTED: usize = 20;

/// Which dead letters; one of the three.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct Selection {
    /// Ids of dead letters, as `list` shows them
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// All that are there when the command begins
    #[arg(long)]
    all: bool,
    /// Those whose reason contains this text, in whatever case
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Selection {
    fn takes(&self, entry: &Entry) -> bool {
        match &self.reason {
            Some(text) => entry.reason.to_lowercase().contains(&text.to_lowercase()),
            None => self.all || self.ids.contains(&entry.id),
        }
    }

    /// An error that names the ids which were asked for and not met.
    fn all_met(&self, met: &BTreeSet<String>) -> Result<(), TaskError> {
        let missing: Vec<_> = self.ids.iter().filter(|id| !met.contains(*id)).cloned().collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(format!("there is no dead letter {}", missing.join(", ")).into())
    }
}

/// Hands the selected letters to the workers again, each with the route and the type that it had.
pub(crate) async fn replay(mut tray: Tray, selection: &Selection) -> Result<(), TaskError> {
    let (mut met, mut replayed, mut unroutable) = (BTreeSet::new(), 0, Vec::new());
    let mut walk = Walk::begin(&tray).await?;
    while let Some((entry, letter)) = walk.next(&tray).await? {
        if !selection.takes(&entry) {
            continue;
        }
        // In this order: ended in between, the letter is there twice, and a batch that comes again is recognised.
        match tray.replay(&letter, original_kind(&letter)).await {
            Ok(()) => tray.remove(letter.tag).await?,
            // One that never was for the workers; the others are.
            Err(Error::Publish(PublishError::Unroutable)) => {
                unroutable.push(entry.id);
                continue;
            }
            Err(error) => return Err(format!("{}: {error} ({} replayed before)", entry.id, letters(replayed)).into()),
        }
        replayed += 1;
        met.insert(entry.id);
    }
    tray.close().await?;
    print(format!("{} handed to the workers again.\n", letters(replayed)))?;
    if !unroutable.is_empty() {
        return Err(format!("no worker takes messages with the route of {}", unroutable.join(", ")).into());
    }
    selection.all_met(&met)
}

/// Throws the selected letters away, after a question.
pub(crate) async fn drop(mut tray: Tray, selection: &Selection, yes: bool) -> Result<(), TaskError> {
    if !yes && !stdin().is_terminal() {
        let usage = "dropping cannot be undone, and there is no terminal to ask on: add --yes\n";
        return Err(clap::Error::raw(ErrorKind::MissingRequiredArgument, usage).into());
    }
    let (entries, tags) = select(&tray, selection).await?;
    if !entries.is_empty() && !yes && !agreed(&entries)? {
        tray.close().await?;
        return Err("nothing was dropped".into());
    }
    for tag in tags {
        tray.remove(tag).await?;
    }
    // What is printed has happened.
    tray.close().await?;
    if !entries.is_empty() {
        print(table(&entries))?;
    }
    print(format!("{} dropped.\n", letters(entries.len())))?;
    selection.all_met(&entries.into_iter().map(|entry| entry.id).collect())
}

/// Takes everything in hand and says which of it is selected.
async fn select(tray: &Tray, selection: &Selection) -> Result<(Vec<Entry>, Vec<Tag>), TaskError> {
    let (mut entries, mut tags) = (Vec::new(), Vec::new());
    let mut walk = Walk::begin(tray).await?;
    while let Some((entry, letter)) = walk.next(tray).await? {
        if selection.takes(&entry) {
            entries.push(entry);
            tags.push(letter.tag);
        }
    }
    Ok((entries, tags))
}

/// Asks on the terminal.
fn agreed(entries: &[Entry]) -> Result<bool, TaskError> {
    let shown = entries.get(..LISTED).unwrap_or(entries);
    let mut terminal = stderr();
    write!(terminal, "{}", table(shown))?;
    if entries.len() > shown.len() {
        writeln!(terminal, "… and {} more", entries.len() - shown.len())?;
    }
    write!(terminal, "Drop {} for good? [y/N] ", letters(entries.len()))?;
    terminal.flush()?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
