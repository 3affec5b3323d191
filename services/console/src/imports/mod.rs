//! Reading files of counts: CSV of one of two layouts, line by line, with everything that is wrong noted.

mod body;
mod count;
mod header;
mod lines;
mod problems;
mod time;

use std::collections::BTreeSet;

use citytrack_domain::Class;
use citytrack_storage::imports::SameHour;
use jiff::{Timestamp, tz::TimeZone};

pub(crate) use self::{
    body::{Incoming, Patience, forward},
    lines::{Lines, Read, Unreadable},
    problems::{Action, Noted, Problems},
};

/// How a file is to be read.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// Of times without an offset.
    pub(crate) zone: TimeZone,
    /// Of lines that do not say what was counted.
    pub(crate) class: Class,
    pub(crate) step: Step,
    pub(crate) same_hour: SameHour,
    /// Columns that are left out.
    pub(crate) ignore: BTreeSet<String>,
    pub(crate) now: Timestamp,
    /// Problems that are told one by one, at most.
    pub(crate) most_problems: usize,
}

/// The time that each count is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    QuarterHour,
    HalfHour,
    Hour,
    Day,
}

impl std::str::FromStr for Step {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "15m" => Ok(Self::QuarterHour),
            "30m" => Ok(Self::HalfHour),
            "1h" => Ok(Self::Hour),
            "1d" => Ok(Self::Day),
            _ => Err("must be one of 15m, 30m, 1h and 1d"),
        }
    }
}
