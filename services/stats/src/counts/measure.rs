//! What is counted, and what the counts of several buckets come to.

use std::str::FromStr;

use citytrack_common::Problem;
use citytrack_domain::TrackSet;
use citytrack_storage::{
    Database,
    counts::{self, Count, CountsQuery, Of},
};
use utoipa::ToSchema;

use crate::error::problem;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(as = CountsMeasure, rename_all = "snake_case")]
pub(super) enum Measure {
    /// Detections in all frames, and counts that were imported.
    Detections,
    /// Frames, with or without detections.
    Frames,
    /// Detections by frames: how many there were at a time.
    MeanPerFrame,
    /// The most detections in one frame.
    Peak,
    /// Different tracks.
    Tracks,
}

/// The values of a group.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Measured {
    pub(super) of: Of,
    /// One for each bucket; `None` where nobody looked.
    pub(super) values: Vec<Option<f64>>,
    /// Of the whole range: the sum, the mean, the highest, or the different tracks of all buckets.
    pub(super) total: Option<f64>,
    /// Whether the values are exact, and not estimated.
    pub(super) exact: bool,
}

impl Measure {
    pub(super) const ALL: [Self; 5] = [
        Self::Detections,
        Self::Frames,
        Self::MeanPerFrame,
        Self::Peak,
        Self::Tracks,
    ];

    /// The name in queries and answers.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Detections => "detections",
            Self::Frames => "frames",
            Self::MeanPerFrame => "mean_per_frame",
            Self::Peak => "peak",
            Self::Tracks => "tracks",
        }
    }

    /// The standard error of estimates relative to them, if there may be any.
    pub(super) fn relative_standard_error(self) -> Option<f64> {
        (self == Self::Tracks).then_some(TrackSet::RELATIVE_STANDARD_ERROR)
    }

    /// Asks the database. `met` are the buckets that are in the totals, if not all are. In that of tracks all are: whoever
    /// was there in an hour that comes twice was there.
    pub(super) async fn ask(
        self,
        database: &Database,
        query: CountsQuery<'_>,
        met: Option<&[bool]>,
    ) -> Result<Vec<Measured>, Problem> {
        if self == Self::Tracks {
            let series = counts::tracks(database, query).await.map_err(problem)?;
            return Ok(series.into_iter().map(Measured::from).collect());
        }
        let series = counts::query(database, query).await.map_err(problem)?;
        let measured = series.into_iter().map(|series| {
            let mut total = Count::default();
            for (place, count) in series.counts.iter().enumerate() {
                if met.is_none_or(|met| met.get(place).copied().unwrap_or_default()) {
                    total.add(count);
                }
            }
            Measured {
                of: series.of,
                values: series.counts.iter().map(|count| self.value(count)).collect(),
                total: self.value(&total),
                exact: true,
            }
        });
        Ok(measured.collect())
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2⁵³")]
    fn value(self, count: &Count) -> Option<f64> {
        let looked = count.frames > 0;
        match self {
            Self::Detections => count.seen().map(|seen| seen as f64),
            Self::Frames => looked.then_some(count.frames as f64),
            Self::MeanPerFrame => looked.then(|| count.detections as f64 / count.frames as f64),
            Self::Peak => looked.then(|| count.peak.into()),
            Self::Tracks => None,
        }
    }
}

impl From<counts::TrackSeries> for Measured {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2⁵³")]
    fn from(series: counts::TrackSeries) -> Self {
        let looked = series.tracks.iter().any(Option::is_some);
        Self {
            of: series.of,
            values: series
                .tracks
                .iter()
                .map(|tracks| tracks.map(|tracks| tracks as f64))
                .collect(),
            total: looked.then_some(series.total as f64),
            exact: series.exact,
        }
    }
}

impl FromStr for Measure {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|measure| measure.as_str() == text)
            .ok_or("must be one of detections, frames, mean_per_frame, peak and tracks")
    }
}
