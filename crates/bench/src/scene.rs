//! What the cameras see: boxes of a recording, or of people who walk about.

use std::path::Path;

use anyhow::{Context, Result, ensure};

/// An object as a detector reports it; the box in parts of the image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Observed {
    pub(crate) class: &'static str,
    pub(crate) confidence: f64,
    /// Left, top, width, height.
    pub(crate) area: [f64; 4],
    pub(crate) track: u64,
}

/// A long row of observations from which frames of any size are cut, over and over.
#[derive(Debug)]
pub(crate) struct Scene(Vec<Observed>);

const WALKERS: u64 = 40;
const STEPS: u64 = 250;

impl Scene {
    /// Forty walkers who cross the image at their own pace, seen for ten seconds at 25 frames a second.
    pub(crate) fn walk() -> Self {
        let seen = (0..STEPS).flat_map(|step| (0..WALKERS).map(move |walker| walking(walker, step)));
        Self(seen.collect())
    }

    /// The boxes of a MOT text file (`frame,id,left,top,width,height,confidence,…` in pixels).
    pub(crate) fn recording(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let rows = text.lines().filter(|line| !line.trim().is_empty()).enumerate();
        let rows = rows.map(|(n, line)| mot_row(line).with_context(|| format!("{}:{}", path.display(), n + 1)));
        Self::of_pixels(&rows.collect::<Result<Vec<_>>>()?)
    }

    /// MOT files do not say how large their images are: the furthest edges of all boxes stand for it.
    fn of_pixels(rows: &[[f64; 7]]) -> Result<Self> {
        ensure!(!rows.is_empty(), "an empty recording");
        let edge = |at: usize, size: usize| rows.iter().map(|row| row[at] + row[size]).fold(1.0, f64::max);
        let (width, height) = (edge(2, 4), edge(3, 5));
        let seen = (1..).zip(rows).map(|(place, row)| {
            let (left, top) = ((row[2] / width).clamp(0.0, 0.99), (row[3] / height).clamp(0.0, 0.99));
            Observed {
                class: "person",
                confidence: row[6].clamp(0.0, 1.0),
                area: [
                    left,
                    top,
                    (row[4] / width).min(1.0 - left),
                    (row[5] / height).min(1.0 - top),
                ],
                track: place % 50 + 1,
            }
        });
        Ok(Self(seen.collect()))
    }

    /// The next `count` observations from `from` on; starts anew at the end.
    pub(crate) fn cut(&self, from: usize, count: usize) -> impl Iterator<Item = &Observed> {
        (from..from + count).map(|place| &self.0[place % self.0.len()])
    }
}

fn walking(walker: u64, step: u64) -> Observed {
    // A fixed mix of speeds, heights and lanes: the run is the same each time.
    let wave = |a: u64, b: u64| ((walker * a + step * b) % 1000) as f64 / 1000.0;
    let height = 0.12 + 0.2 * wave(389, 0);
    Observed {
        class: if walker % 5 == 4 { "bicycle" } else { "person" },
        confidence: 0.5 + 0.49 * wave(613, 37),
        area: [
            0.85 * wave(271, 3 + walker % 5),
            0.6 * wave(733, 1),
            0.4 * height,
            height,
        ],
        track: walker + 1,
    }
}

fn mot_row(line: &str) -> Result<[f64; 7]> {
    let mut row = [0.0; 7];
    let mut fields = line.split(',');
    for value in &mut row {
        let field = fields.next().context("wanted at least 7 fields")?;
        *value = field.trim().parse().with_context(|| format!("not a number: {field}"))?;
    }
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_sound(seen: &Observed) -> bool {
        let [left, top, width, height] = seen.area;
        let within = |value: f64| (0.0..=1.0).contains(&value);
        within(left) && within(top) && within(left + width) && within(top + height) && within(seen.confidence)
    }

    #[test]
    fn walkers_stay_in_the_image() {
        let scene = Scene::walk();
        assert!(scene.0.iter().all(is_sound));
        let (first, again) = (scene.cut(0, 3), scene.cut(scene.0.len(), 3));
        assert!(first.eq(again));
        assert_eq!(scene.cut(scene.0.len() - 1, 5).count(), 5);
    }

    #[test]
    fn recordings_are_converted() {
        let rows = ["1,-1,100,50,20,50,0.9,-1,-1,-1", "2, 3, 180, 0, 20, 100, 2, 0"].map(|line| mot_row(line).unwrap());
        let scene = Scene::of_pixels(&rows).unwrap();
        let wanted = [0.5, 0.5, 0.1, 0.5];
        assert!(
            scene.0[0]
                .area
                .iter()
                .zip(wanted)
                .all(|(found, wanted)| (found - wanted).abs() < 1e-9)
        );
        assert!(scene.0.iter().all(is_sound));
        assert!(mot_row("1,2,3").is_err() && mot_row("1,2,3,x,5,6,7").is_err() && Scene::of_pixels(&[]).is_err());
    }
}
