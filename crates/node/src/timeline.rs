//! Several recordings side by side, each as often as it is to be played.

use std::time::Duration;

use crate::recording::{RecordedFrame, Recording};

/// How often each recording is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loops {
    /// So many times.
    Times(u32),
    /// Until somebody stops it.
    Forever,
}

impl Loops {
    fn includes(self, round: u32) -> bool {
        match self {
            Self::Times(times) => round < times,
            Self::Forever => true,
        }
    }
}

/// All frames in the order of their time since the start, at the speed of the recording.
///
/// Each recording loops by itself: a short one does not wait for a long one.
#[derive(Debug)]
pub struct Timeline<'a> {
    tracks: Vec<Track<'a>>,
    loops: Loops,
}

#[derive(Debug)]
struct Track<'a> {
    recording: &'a Recording,
    round: u32,
    next: usize,
}

impl<'a> Timeline<'a> {
    /// All of these recordings, begun in the same moment.
    pub fn new(recordings: &'a [Recording], loops: Loops) -> Self {
        let tracks = recordings
            .iter()
            .map(|recording| Track {
                recording,
                round: 0,
                next: 0,
            })
            .collect();
        Self { tracks, loops }
    }
}

impl<'a> Track<'a> {
    fn upcoming(&self, loops: Loops) -> Option<(Duration, &'a RecordedFrame)> {
        let frame = self
            .recording
            .frames
            .get(self.next)
            .filter(|_| loops.includes(self.round))?;
        Some((self.recording.length.saturating_mul(self.round) + frame.at, frame))
    }

    fn advance(&mut self) {
        self.next += 1;
        if self.next == self.recording.frames.len() {
            self.next = 0;
            self.round += 1;
        }
    }
}

impl<'a> Iterator for Timeline<'a> {
    type Item = (Duration, &'a RecordedFrame);

    fn next(&mut self) -> Option<Self::Item> {
        let loops = self.loops;
        let (earliest, item) = self
            .tracks
            .iter()
            .enumerate()
            .filter_map(|(index, track)| Some((index, track.upcoming(loops)?)))
            .min_by_key(|(_, (at, _))| *at)?;
        self.tracks.get_mut(earliest)?.advance();
        Some(item)
    }
}

/// The time that all of it takes, at the speed of the recording. `None`: it never ends.
pub fn length(recordings: &[Recording], loops: Loops) -> Option<Duration> {
    match loops {
        Loops::Times(times) => Some(
            recordings
                .iter()
                .map(|r| r.length.saturating_mul(times))
                .max()
                .unwrap_or_default(),
        ),
        Loops::Forever => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Notes;

    fn recording(camera: &str, frames: u64, step_ms: u64) -> Recording {
        let frame = |number: u64| RecordedFrame {
            at: Duration::from_millis(number * step_ms),
            camera: camera.to_owned(),
            number: Some(number),
            width: None,
            height: None,
            detections: vec![],
        };
        Recording {
            frames: (0..frames).map(frame).collect(),
            length: Duration::from_millis(frames * step_ms),
            notes: Notes::default(),
        }
    }

    fn play(recordings: &[Recording], loops: Loops, most: usize) -> Vec<(u128, String)> {
        Timeline::new(recordings, loops)
            .take(most)
            .map(|(at, frame)| (at.as_millis(), frame.camera.clone()))
            .collect()
    }

    #[test]
    fn recordings_play_side_by_side() {
        let recordings = [recording("a", 3, 40), recording("b", 2, 50)];
        let expected = [(0, "a"), (0, "b"), (40, "a"), (50, "b"), (80, "a")].map(|(at, c)| (at, c.to_owned()));
        assert_eq!(play(&recordings, Loops::Times(1), 99), expected);
        assert_eq!(length(&recordings, Loops::Times(2)), Some(Duration::from_millis(240)));
        assert_eq!(length(&recordings, Loops::Forever), None);
    }

    #[test]
    fn each_recording_loops_by_itself() {
        let recordings = [recording("a", 1, 40), recording("b", 2, 50)];
        assert_eq!(play(&recordings, Loops::Times(2), 99).len(), 6);
        let rounds = play(&recordings, Loops::Forever, 1000);
        assert_eq!(rounds.len(), 1000);
        assert!(rounds.is_sorted_by_key(|(at, _)| *at));
    }
}
