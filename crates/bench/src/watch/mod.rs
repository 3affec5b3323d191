//! The watching side: subscribers of the live feed, the database while the run goes on, and the audit after it.

mod audit;
mod database;
mod live;
mod marks;
mod matching;
mod seen;

pub(crate) use audit::{Audit, audit, count};
pub(crate) use database::{Database, Visibility, Watcher};
pub(crate) use live::{Feed, Subscribers, subscribe};
pub(crate) use marks::Marks;
pub(crate) use matching::{Matcher, Message};
pub(crate) use seen::{Account, Seen};
