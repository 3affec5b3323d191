//! What a viewer has been told, written down.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// The subscription that is written down.
pub(crate) const ID: &str = "1";

/// A message of the feed, as far as most tests look at it. Members that it does not have are empty.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Told {
    /// `frame`, `subscribed`, `gap` …
    #[serde(rename = "type")]
    pub kind: String,
    /// The subscription.
    pub id: String,
    /// Where to go on after this message.
    pub cursor: Option<String>,
    /// Of a frame: its node.
    pub node: String,
    /// Of a frame: its camera.
    pub camera: String,
    /// Of a frame: its number.
    pub frame: Option<i64>,
    /// Of a frame: whether it comes late.
    pub backlog: bool,
    /// Of `subscribed`: whether everything since the cursor follows.
    pub recovered: bool,
    /// Of `subscribed`: the latest frame of each camera.
    pub snapshot: Vec<Self>,
    /// Of a frame of a snapshot: seconds since it was taken.
    pub age: Option<f64>,
    /// Of a gap: how many frames were left out.
    pub dropped: Option<usize>,
    /// Of a gap: of which cameras.
    pub cameras: Vec<String>,
    /// Of a gap: why.
    pub reason: String,
    /// Of an error: what it is.
    pub code: String,
    /// Of an error: the same for people.
    pub message: String,
}

impl Told {
    /// The camera of a frame with its node: `north/entrance`.
    pub fn source(&self) -> String {
        format!("{}/{}", self.node, self.camera)
    }
}

/// What a viewer has been shown of its subscription, over all its sockets.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The numbers of the frames of each camera (`north/entrance`) in the order in which they came.
    pub frames: BTreeMap<String, Vec<i64>>,
    /// How many frames were marked as late.
    pub backlog: usize,
    /// The last snapshot: the number of the latest frame of each camera.
    pub snapshot: BTreeMap<String, i64>,
    /// `recovered` of each `subscribed`.
    pub recovered: Vec<bool>,
    /// Every gap.
    pub gaps: Vec<Told>,
    /// How each socket was closed; none for one that broke off.
    pub closed: Vec<Option<u16>>,
    /// Where to go on.
    pub cursor: Option<String>,
}

impl Seen {
    pub(crate) fn note(&mut self, told: &Told) {
        if told.id != ID {
            return;
        }
        match told.kind.as_str() {
            "frame" => {
                self.backlog += usize::from(told.backlog);
                let number = told.frame.expect("frames are numbered");
                self.frames.entry(told.source()).or_default().push(number);
            }
            "subscribed" => {
                self.recovered.push(told.recovered);
                let latest = told.snapshot.iter().map(|frame| (frame.source(), frame.frame.unwrap()));
                self.snapshot = latest.collect();
            }
            "gap" => self.gaps.push(told.clone()),
            _ => return,
        }
        if told.cursor.is_some() {
            self.cursor.clone_from(&told.cursor);
        }
    }

    /// How many frames came.
    pub fn count(&self) -> usize {
        self.frames.values().map(Vec::len).sum()
    }

    /// How many frames came, and how many it was told it did not get.
    pub fn accounted(&self) -> usize {
        let told = self.gaps.iter().map(|gap| gap.dropped.expect("the server counts"));
        self.count() + told.sum::<usize>()
    }

    /// How many frames came again.
    pub fn doubles(&self) -> usize {
        let distinct = |numbers: &Vec<i64>| numbers.iter().collect::<BTreeSet<_>>().len();
        self.count() - self.frames.values().map(distinct).sum::<usize>()
    }

    /// Every frame from the snapshot on came once and in order, without a word about a gap.
    pub fn assert_contiguous(&self) {
        assert!(self.gaps.is_empty(), "{:?}", self.gaps);
        for (camera, numbers) in &self.frames {
            let first = self.snapshot.get(camera).map_or(numbers[0], |latest| latest + 1);
            let expected: Vec<i64> = (first..).take(numbers.len()).collect();
            assert_eq!(*numbers, expected, "{camera}");
        }
    }
}
