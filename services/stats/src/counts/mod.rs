//! `GET /api/v1/counts`

mod answer;
mod comparison;
mod measure;
mod question;

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse, web};
use citytrack_common::{Problem, openapi::ProblemSchema};
use citytrack_domain::{Bucket, CameraPattern, Class, Clock, Slug, VenueTimeZone};
use citytrack_storage::Database;

use self::{
    answer::Answer,
    measure::{Measure, Measured},
    question::Question,
};
use crate::{auth::Viewer, settings::Limits};

/// Counts of venues, cameras and classes
///
/// One series for each group, with a value for each bucket; null where nobody looked: no frame came. With `compare`, the
/// same for an earlier range, bucket by bucket at the same time of day, with difference and ratio. Unique tracks are exact
/// up to 256, and beyond that estimated by HyperLogLog with the error that the answer states.
#[utoipa::path(
    get,
    path = "/api/v1/counts",
    operation_id = "counts",
    tag = "counts",
    params(
        ("venue" = Vec<Slug>, Query, explode = false, description = "One or more, between commas."),
        ("from" = Option<String>, Query, format = "local-time-or-instant", description = "Where the range begins: an instant, or a date or time by the clocks of the time zone; else 24 hours before `to`.", example = "2026-11-22"),
        ("to" = Option<String>, Query, format = "local-time-or-instant", description = "Where it ends; else now.", example = "2026-11-23"),
        ("bucket" = Option<Bucket>, Query, description = "How long a bucket is; else `1h`. A range holds at most so many as the service allows, 10,000 by default."),
        ("time_zone" = Option<VenueTimeZone>, Query, description = "The zone of hours and days; else that of the venues."),
        ("camera" = Option<Vec<CameraPattern>>, Query, explode = false, description = "Only these, between commas."),
        ("class" = Option<Vec<Class>>, Query, explode = false, description = "Only these, between commas."),
        ("min_confidence" = Option<f32>, Query, minimum = 0, maximum = 1, description = "Only detections of which the detector was so sure. Counted from the frames, which takes longer, and reaches back only as far as they are kept."),
        ("group" = inline(Option<Vec<question::Group>>), Query, explode = false, description = "What has a series of its own, between commas; else all is one."),
        ("measure" = Option<Measure>, Query, description = "What is counted; else `detections`."),
        ("compare" = Option<String>, Query, format = "time-shift", description = "How much earlier the range to compare with is (`1d`, `7d`, `52w`, `1y`), or where it begins.", example = "7d"),
        ("align" = inline(Option<comparison::Align>), Query, description = "Shift by whole weeks, so that weekdays meet."),
        ("format" = inline(Option<question::Format>), Query, description = "Else what `Accept` likes best."),
    ),
    responses(
        (status = 200, content(
            (answer::Body = "application/json"),
            (String = "text/csv"),
            (String = "application/x-ndjson"),
            (Vec<u8> = "application/vnd.apache.parquet"),
        )),
        (status = 304, description = "What the client has is what there is."),
        (status = 406, description = "None of these will do.", content((ProblemSchema = "application/problem+json"))),
    ),
)]
pub(crate) async fn get(
    viewer: Viewer,
    request: HttpRequest,
    database: web::Data<Database>,
    clock: web::Data<Clock>,
    limits: web::Data<Limits>,
) -> Result<HttpResponse, Problem> {
    let now = clock.now();
    let question = Question::read(&request, &viewer, &database, *limits.get_ref(), now).await?;
    let (mut measured, mut compared) = ask(&question, &database, &question.classes).await?;
    // A class that was seen in one of the ranges only was zero in the other, where somebody looked: it is asked for by name.
    let of_both = compared.as_deref().and_then(|compared| of_both(&measured, compared));
    if let Some(classes) = of_both {
        (measured, compared) = ask(&question, &database, &classes).await?;
    }
    Answer::new(&question, measured, compared).respond(&request, now)
}

/// Asks for the range, and for the one it is compared with.
async fn ask(
    question: &Question,
    database: &Database,
    classes: &[Class],
) -> Result<(Vec<Measured>, Option<Vec<Measured>>), Problem> {
    let measure = question.measure;
    let measured = measure.ask(database, question.query(&question.edges, classes), None);
    let Some(comparison) = &question.comparison else {
        return Ok((measured.await?, None));
    };
    let met = comparison.met();
    let compared = measure.ask(database, question.query(&comparison.edges, classes), Some(&met));
    let (measured, compared) = futures_util::try_join!(measured, compared)?;
    Ok((measured, Some(compared)))
}

/// The classes that were seen in either range; `None` where they are the same.
fn of_both(measured: &[Measured], compared: &[Measured]) -> Option<Vec<Class>> {
    let classes = |measured: &[Measured]| -> BTreeSet<Class> {
        let classes = measured.iter().filter_map(|series| series.of.class.clone());
        classes.collect()
    };
    let (ours, theirs) = (classes(measured), classes(compared));
    (ours != theirs).then(|| ours.union(&theirs).cloned().collect())
}
