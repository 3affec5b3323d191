//! Putting sums where they belong, one by one as they come: what is held is never more than an answer may have.

use std::collections::BTreeMap;

use citytrack_domain::Class;

use super::{
    Count, CountsQuery, Of, Series,
    scope::{Group, Resolved},
};
use crate::Error;

/// More series than anybody can tell apart, and few enough to hold in memory with all their buckets.
const MOST_SERIES: usize = 1_000;
const MOST_VALUES: usize = 1_000_000;

/// A sum over a bucket of a group: of all frames, or of a class in them.
pub(super) struct Sum {
    pub(super) group: usize,
    pub(super) class: Option<i32>,
    pub(super) place: usize,
    pub(super) count: Count,
}

/// The counts of all groups.
pub(super) struct Tally<'a> {
    resolved: &'a Resolved,
    classes: &'a BTreeMap<i32, Class>,
    buckets: usize,
    /// Whether detections are those of all classes, and not of some or of each.
    of_all_classes: bool,
    each_class: bool,
    /// A count for each bucket of the first group, then of the second, and so on. Where each class is counted apart, only
    /// frames.
    all: Vec<Count>,
    /// The same of each class that was asked for or seen, if each is counted apart.
    by_class: BTreeMap<i32, Vec<Count>>,
}

impl<'a> Tally<'a> {
    /// Nothing yet, of the classes that were asked for.
    ///
    /// # Errors
    /// [`Error::TooMuch`]
    pub(super) fn new(
        query: &CountsQuery<'_>,
        resolved: &'a Resolved,
        classes: &'a BTreeMap<i32, Class>,
    ) -> Result<Self, Error> {
        let buckets = query.edges.len().saturating_sub(1);
        check_size(resolved.groups.len(), buckets)?;
        let mut tally = Self {
            resolved,
            classes,
            buckets,
            of_all_classes: query.classes.is_empty() && !query.grouping.class,
            each_class: query.grouping.class,
            all: vec![Count::default(); resolved.groups.len() * buckets],
            by_class: BTreeMap::new(),
        };
        if query.grouping.class && !query.classes.is_empty() {
            for class in classes.keys() {
                tally.of_class(*class)?;
            }
        }
        Ok(tally)
    }

    /// Adds a sum. Frames are those of the camera, whatever class is asked for. What was imported says only of its own class
    /// that somebody looked: who counted bicycles elsewhere did not look for cars.
    pub(super) fn add(&mut self, sum: &Sum) -> Result<(), Error> {
        if sum.group >= self.resolved.groups.len() || sum.place >= self.buckets {
            let (buckets, place, group) = (self.buckets, sum.place, sum.group);
            return Err(Error::Corrupt(format!("bucket {place} of {buckets}, group {group}")));
        }
        let place = sum.group * self.buckets + sum.place;
        match sum.class {
            None if self.of_all_classes => self.all[place].add(&sum.count),
            None => self.all[place].frames += sum.count.frames,
            Some(class) => {
                let counts = if self.each_class {
                    self.of_class(class)?
                } else {
                    &mut self.all
                };
                counts[place].add(&Count { frames: 0, ..sum.count });
            }
        }
        Ok(())
    }

    fn of_class(&mut self, class: i32) -> Result<&mut Vec<Count>, Error> {
        let groups = self.resolved.groups.len();
        if !self.by_class.contains_key(&class) {
            check_size(groups * (self.by_class.len() + 1), self.buckets)?;
        }
        let nothing = || vec![Count::default(); groups * self.buckets];
        Ok(self.by_class.entry(class).or_insert_with(nothing))
    }

    /// A series for each group, and of it for each class if these are counted apart; ordered by names, and not by the
    /// numbers that they happen to have.
    pub(super) fn finish(self) -> Vec<Series> {
        let mut series = Vec::new();
        if self.each_class {
            for (class, counts) in &self.by_class {
                let class = self.classes.get(class);
                for (number, group) in self.resolved.groups.iter().enumerate() {
                    let [all, counts] = [&self.all, counts].map(|counts| self.of_group(counts, number));
                    let with_frames = all.iter().zip(counts).map(|(all, count)| Count {
                        frames: all.frames,
                        ..*count
                    });
                    series.push(Series {
                        of: of(group, class.cloned()),
                        counts: with_frames.collect(),
                    });
                }
            }
        } else {
            for (number, group) in self.resolved.groups.iter().enumerate() {
                series.push(Series {
                    of: of(group, None),
                    counts: self.of_group(&self.all, number).to_vec(),
                });
            }
        }
        series.sort_by(|one, other| one.of.cmp(&other.of));
        series
    }

    fn of_group<'b>(&self, counts: &'b [Count], number: usize) -> &'b [Count] {
        counts
            .get(number * self.buckets..(number + 1) * self.buckets)
            .unwrap_or_default()
    }
}

/// What the series of a group is of.
pub(super) fn of(group: &Group, class: Option<Class>) -> Of {
    Of {
        venue: group.venue.clone(),
        camera: group.camera.clone(),
        class,
    }
}

fn check_size(series: usize, buckets: usize) -> Result<(), Error> {
    if series > MOST_SERIES || series * buckets > MOST_VALUES {
        return Err(Error::TooMuch(format!(
            "these are at least {series} series of {buckets} buckets; at most {MOST_SERIES} series and {MOST_VALUES} values come at once"
        )));
    }
    Ok(())
}
