//! The answer as JSON, or as a table with a row for each series and bucket.

use std::{collections::BTreeMap, io};

use actix_web::{HttpRequest, HttpResponse};
use citytrack_common::Problem;
use citytrack_domain::{Bucket, Class, Slug, TrackSet};
use citytrack_storage::counts::Of;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::{
    measure::{Measure, Measured},
    question::Question,
};
use crate::{
    caching::Content,
    table::{Cell, Column, Format, Kind, TableWriter},
};

/// What was counted, and what it is compared with.
pub(super) struct Answer<'a> {
    question: &'a Question,
    measured: Vec<Measured>,
    /// For each of `measured`, in the same order, with a value for each of its buckets.
    compared: Option<Vec<Measured>>,
}

/// Counts by bucket.
#[derive(Serialize, ToSchema)]
#[schema(as = Counts)]
pub(super) struct Body<'a> {
    #[schema(value_type = Measure)]
    measure: &'static str,
    time_zone: &'a str,
    #[schema(value_type = Bucket)]
    bucket: &'static str,
    from: Timestamp,
    to: Timestamp,
    /// Bucket n is from edge n to edge n + 1.
    edges: &'a [Timestamp],
    series: Vec<SeriesBody<'a>>,
    compare: Option<ComparisonBody<'a>>,
    /// How far estimates may be off; null where there are none.
    error: Option<ErrorBody>,
    /// What one should know to read the values.
    notes: Vec<&'static str>,
}

/// The values of a group.
#[derive(Serialize, ToSchema)]
#[schema(as = CountsSeries)]
struct SeriesBody<'a> {
    #[serde(flatten)]
    of: OfBody<'a>,
    /// A value for each bucket; null where nobody looked.
    values: Vec<Option<Number>>,
    /// Of the whole range: the sum, the mean, the highest, or the different tracks of all buckets.
    total: Option<Number>,
}

/// What a series is of; null where it was not grouped by.
#[derive(Serialize, ToSchema)]
#[schema(as = CountsOf)]
struct OfBody<'a> {
    #[schema(value_type = Option<Slug>)]
    venue: Option<&'a str>,
    /// `node/camera`
    camera: Option<String>,
    #[schema(value_type = Option<Class>)]
    class: Option<&'a str>,
}

/// The range that was compared with.
#[derive(Serialize, ToSchema)]
#[schema(as = CountsComparison)]
struct ComparisonBody<'a> {
    /// How much earlier it begins, in days: `7d`.
    shift: String,
    from: Timestamp,
    to: Timestamp,
    series: Vec<ComparedBody<'a>>,
}

/// The values of a group in the other range, in the places of the buckets that they are compared with.
#[derive(Serialize, ToSchema)]
#[schema(as = CountsCompared)]
struct ComparedBody<'a> {
    #[serde(flatten)]
    series: SeriesBody<'a>,
    /// How much more there is now.
    difference: Vec<Option<Number>>,
    /// What there is now by what there was; null where that was zero.
    ratio: Vec<Option<Number>>,
    total_difference: Option<Number>,
    total_ratio: Option<Number>,
}

/// A number that is written as a whole one where it is, and otherwise to the fourth digit behind the point.
#[derive(Clone, Copy, ToSchema)]
#[schema(as = CountsNumber, value_type = f64)]
struct Number(f64);

impl Serialize for Number {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "only of whole numbers that a f64 holds exactly"
    )]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const EXACT: f64 = 9_007_199_254_740_992.0; // 2⁵³
        if self.0.fract() == 0.0 && self.0.abs() <= EXACT {
            serializer.serialize_i64(self.0 as i64)
        } else {
            serializer.serialize_f64((self.0 * 10_000.0).round() / 10_000.0)
        }
    }
}

fn numbers(values: impl Iterator<Item = Option<f64>>) -> Vec<Option<Number>> {
    values.map(|value| value.map(Number)).collect()
}

/// How far estimates may be off.
#[derive(Serialize, ToSchema)]
#[schema(as = CountsError)]
struct ErrorBody {
    /// The standard error of an estimate, relative to it.
    relative_standard_error: f64,
    /// Up to so many there is no error.
    exact_up_to: usize,
    /// Whether none of these values is estimated.
    exact: bool,
}

impl<'a> Answer<'a> {
    pub(super) fn new(question: &'a Question, measured: Vec<Measured>, compared: Option<Vec<Measured>>) -> Self {
        let (measured, compared) = match (compared, &question.comparison) {
            (Some(compared), Some(comparison)) => {
                let buckets = [question.edges.len() - 1, comparison.edges.len() - 1];
                let (measured, mut compared) = paired(measured, compared, buckets);
                for series in &mut compared {
                    let place =
                        |place: &Option<usize>| place.and_then(|place| series.values.get(place).copied().flatten());
                    series.values = comparison.places.iter().map(place).collect();
                }
                (measured, Some(compared))
            }
            _ => (measured, None),
        };
        Self {
            question,
            measured,
            compared,
        }
    }

    /// Writes the answer.
    pub(super) fn respond(&self, request: &HttpRequest, now: Timestamp) -> Result<HttpResponse, Problem> {
        let [from, to] = ends(&self.question.edges);
        let content = match self.question.format.table() {
            None => Content::json(&self.body())?,
            Some(format) => Content {
                bytes: self.table(format).map_err(|error| Content::unwritable(&error))?,
                kind: format.content_type(),
                file: Some(format!(
                    "counts-{}-{}.{}",
                    self.question.measure.as_str(),
                    from.strftime("%Y-%m-%dT%H-%MZ"),
                    format.extension()
                )),
            },
        };
        // The other range may be a later one.
        let compared = self
            .question
            .comparison
            .iter()
            .map(|comparison| ends(&comparison.edges)[1]);
        Ok(content.respond(request, compared.chain([to]).max(), now))
    }

    fn body(&self) -> Body<'_> {
        let [from, to] = ends(&self.question.edges);
        Body {
            measure: self.question.measure.as_str(),
            time_zone: self.question.places.zone.name(),
            bucket: self.question.bucket.as_str(),
            from,
            to,
            edges: &self.question.edges,
            series: self.measured.iter().map(SeriesBody::from).collect(),
            compare: self.comparison(),
            error: self.error(),
            notes: self.notes(),
        }
    }

    fn comparison(&self) -> Option<ComparisonBody<'_>> {
        let (comparison, compared) = (self.question.comparison.as_ref()?, self.compared.as_ref()?);
        let [from, to] = ends(&comparison.edges);
        let series = self.measured.iter().zip(compared).map(|(now, then)| {
            let values = || now.values.iter().zip(&then.values);
            ComparedBody {
                series: SeriesBody::from(then),
                difference: numbers(values().map(|(now, then)| difference(*now, *then))),
                ratio: numbers(values().map(|(now, then)| ratio(*now, *then))),
                total_difference: difference(now.total, then.total).map(Number),
                total_ratio: ratio(now.total, then.total).map(Number),
            }
        });
        Some(ComparisonBody {
            shift: format!("{}d", comparison.days),
            from,
            to,
            series: series.collect(),
        })
    }

    fn error(&self) -> Option<ErrorBody> {
        let relative_standard_error = self.question.measure.relative_standard_error()?;
        let compared = self.compared.iter().flatten();
        Some(ErrorBody {
            relative_standard_error,
            exact_up_to: TrackSet::EXACT_UP_TO,
            exact: self.measured.iter().chain(compared).all(|series| series.exact),
        })
    }

    fn notes(&self) -> Vec<&'static str> {
        let mut notes = Vec::new();
        let totals = || self.measured.iter().map(|series| series.total);
        if self.question.measure == Measure::Tracks && totals().any(|total| total == Some(0.0)) {
            notes.push(
                "Nodes that send no track ids have no tracks, and neither have frames that were stored before CityTrack kept tracks.",
            );
        }
        if self.question.measure == Measure::Peak {
            notes.push("A peak is of a single frame of one camera, and of one class where several were asked for.");
        }
        notes
    }

    fn table(&self, format: Format) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let columns = if self.compared.is_some() {
            &COLUMNS[..]
        } else {
            &COLUMNS[..6]
        };
        let mut writer = TableWriter::new(format, columns, &mut bytes)?;
        for (number, series) in self.measured.iter().enumerate() {
            let of = OfBody::from(&series.of);
            let camera = of.camera.as_deref().map_or(Cell::Null, Cell::Text);
            let then = self.compared.as_ref().and_then(|compared| compared.get(number));
            for (place, (edges, now)) in self.question.edges.array_windows().zip(&series.values).enumerate() {
                let [start, end] = *edges;
                let then = then.and_then(|series| series.values.get(place).copied().flatten());
                let cells = [
                    Cell::Timestamp(start),
                    Cell::Timestamp(end),
                    series
                        .of
                        .venue
                        .as_ref()
                        .map_or(Cell::Null, |venue| Cell::Text(venue.as_str())),
                    camera,
                    series
                        .of
                        .class
                        .as_ref()
                        .map_or(Cell::Null, |class| Cell::Text(class.as_str())),
                    number_cell(*now),
                    number_cell(then),
                    number_cell(difference(*now, then)),
                    number_cell(ratio(*now, then)),
                ];
                writer.row(&cells[..columns.len()])?;
            }
        }
        writer.finish()?;
        Ok(bytes)
    }
}

const COLUMNS: [Column; 9] = [
    Column::new("start", Kind::Timestamp),
    Column::new("end", Kind::Timestamp),
    Column::nullable("venue", Kind::Text),
    Column::nullable("camera", Kind::Text),
    Column::nullable("class", Kind::Text),
    Column::nullable("value", Kind::Double),
    Column::nullable("compared", Kind::Double),
    Column::nullable("difference", Kind::Double),
    Column::nullable("ratio", Kind::Double),
];

/// Both in the same order and of the same groups: a camera that is new while the two ranges are asked for is in one of them.
fn paired(now: Vec<Measured>, then: Vec<Measured>, buckets: [usize; 2]) -> (Vec<Measured>, Vec<Measured>) {
    let mut of: Vec<Of> = now.iter().chain(&then).map(|series| series.of.clone()).collect();
    of.sort();
    of.dedup();
    let complete = |series: Vec<Measured>, buckets: usize| {
        let mut known: BTreeMap<Of, Measured> = series.into_iter().map(|series| (series.of.clone(), series)).collect();
        let series = of
            .iter()
            .map(|of| known.remove(of).unwrap_or_else(|| Measured::nothing(of, buckets)));
        series.collect::<Vec<_>>()
    };
    (complete(now, buckets[0]), complete(then, buckets[1]))
}

impl Measured {
    fn nothing(of: &Of, buckets: usize) -> Self {
        Self {
            of: of.clone(),
            values: vec![None; buckets],
            total: None,
            exact: true,
        }
    }
}

impl<'a> From<&'a Measured> for SeriesBody<'a> {
    fn from(measured: &'a Measured) -> Self {
        Self {
            of: OfBody::from(&measured.of),
            values: numbers(measured.values.iter().copied()),
            total: measured.total.map(Number),
        }
    }
}

impl<'a> From<&'a Of> for OfBody<'a> {
    fn from(of: &'a Of) -> Self {
        Self {
            venue: of.venue.as_ref().map(Slug::as_str),
            camera: of.camera.as_ref().map(|(node, camera)| format!("{node}/{camera}")),
            class: of.class.as_ref().map(Class::as_str),
        }
    }
}

fn number_cell(number: Option<f64>) -> Cell<'static> {
    number.map_or(Cell::Null, Cell::Double)
}

fn difference(now: Option<f64>, then: Option<f64>) -> Option<f64> {
    Some(now? - then?)
}

fn ratio(now: Option<f64>, then: Option<f64>) -> Option<f64> {
    Some(now? / then.filter(|then| *then > 0.0)?)
}

/// Edges are at least two.
fn ends(edges: &[Timestamp]) -> [Timestamp; 2] {
    [edges.first(), edges.last()].map(|edge| edge.copied().unwrap_or_default())
}
