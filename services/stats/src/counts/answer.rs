//! The counts as JSON or CSV.

use std::cmp::Reverse;

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        StatusCode,
        header::{self, Accept, Header, Quality},
    },
};
use citytrack_common::Problem;
use citytrack_domain::{Bucket, Class, Slug, VenueTimeZone};
use citytrack_storage::counts::Count;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::parameters::Parameters;

/// What the answer is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Csv,
}

/// Counts and what they are of.
pub(super) struct Answer<'a> {
    pub(super) venue: &'a Slug,
    pub(super) zone: &'a VenueTimeZone,
    pub(super) parameters: &'a Parameters,
    /// One more than there are counts.
    pub(super) edges: &'a [Timestamp],
    pub(super) counts: &'a [Count],
    pub(super) now: Timestamp,
}

/// The counts of a venue.
#[derive(Serialize, ToSchema)]
#[schema(as = VenueCounts)]
pub(super) struct Body<'a> {
    #[schema(value_type = Slug)]
    venue: &'a str,
    /// The zone that hours and days are of.
    time_zone: &'a str,
    #[schema(value_type = Bucket)]
    bucket: &'a str,
    /// Where the first bucket begins.
    from: Option<Timestamp>,
    /// Where the last bucket ends.
    to: Option<Timestamp>,
    /// The cameras that were asked for, between commas; null: all.
    camera: Option<String>,
    #[schema(value_type = Option<Class>)]
    class: Option<&'a str>,
    buckets: Vec<BucketBody>,
}

/// A bucket of time. Also a line of the CSV; its header is made from the names.
#[derive(Serialize, ToSchema)]
#[schema(as = VenueCountsBucket)]
pub(super) struct BucketBody {
    start: Timestamp,
    end: Timestamp,
    /// How many frames came; 0: nothing is known of this time.
    #[schema(minimum = 0)]
    frames: i64,
    /// How many detections were in them; null when no frame came.
    #[schema(minimum = 0)]
    detections: Option<i64>,
    /// The most detections in one frame; null when no frame came.
    #[schema(minimum = 0)]
    peak: Option<i32>,
}

impl BucketBody {
    fn new(edges: [Timestamp; 2], count: &Count) -> Self {
        let seen = count.seen();
        Self {
            start: edges[0],
            end: edges[1],
            frames: count.frames,
            detections: seen,
            peak: seen.map(|_| count.peak),
        }
    }
}

impl Format {
    /// What `Accept` likes best of the two.
    pub(super) fn negotiate(request: &HttpRequest) -> Result<Self, Problem> {
        let Some(accept) = Accept::parse(request).ok().filter(|accept| !accept.is_empty()) else {
            return Ok(Self::Json);
        };
        let mut wanted: Vec<_> = accept.iter().filter(|wanted| wanted.quality > Quality::ZERO).collect();
        wanted.sort_by_key(|wanted| Reverse(wanted.quality));
        wanted
            .iter()
            .find_map(
                |wanted| match (wanted.item.type_().as_str(), wanted.item.subtype().as_str()) {
                    ("*", "*") | ("application", "*" | "json") => Some(Self::Json),
                    ("text", "*" | "csv") => Some(Self::Csv),
                    _ => None,
                },
            )
            .ok_or_else(|| {
                let detail = "counts come as application/json or text/csv";
                Problem::new(StatusCode::NOT_ACCEPTABLE, "not-acceptable", "Not acceptable", detail)
            })
    }
}

impl Answer<'_> {
    /// Writes the answer.
    pub(super) fn respond(&self, format: Format) -> Result<HttpResponse, Problem> {
        let mut answer = HttpResponse::Ok();
        answer
            .insert_header((header::CACHE_CONTROL, self.caching()))
            .insert_header((header::VARY, "accept, authorization"));
        match format {
            Format::Json => Ok(answer.json(self.body())),
            Format::Csv => self.csv(answer).map_err(|error| {
                tracing::error!(%error, "cannot write CSV");
                Problem::internal()
            }),
        }
    }

    /// Late frames may still correct the past, but seldom.
    fn caching(&self) -> &'static str {
        match self.edges.last() {
            Some(end) if *end < self.now => "private, max-age=60",
            _ => "private, max-age=5",
        }
    }

    fn body(&self) -> Body<'_> {
        Body {
            venue: self.venue.as_str(),
            time_zone: self.zone.name(),
            bucket: self.parameters.bucket.as_str(),
            from: self.edges.first().copied(),
            to: self.edges.last().copied(),
            camera: self.parameters.camera(),
            class: self.parameters.class.as_ref().map(Class::as_str),
            buckets: self.buckets().collect(),
        }
    }

    fn buckets(&self) -> impl Iterator<Item = BucketBody> {
        let pairs = self.edges.array_windows().zip(self.counts);
        pairs.map(|(edges, count)| BucketBody::new(*edges, count))
    }

    fn csv(&self, mut answer: HttpResponseBuilder) -> Result<HttpResponse, csv::Error> {
        let mut lines = csv::Writer::from_writer(Vec::new());
        for bucket in self.buckets() {
            lines.serialize(bucket)?;
        }
        let text = lines.into_inner().map_err(csv::IntoInnerError::into_error)?;
        let name = format!(
            "attachment; filename=\"counts-{}-{}.csv\"",
            self.venue, self.parameters.bucket
        );
        Ok(answer
            .insert_header((header::CONTENT_DISPOSITION, name))
            .content_type("text/csv; charset=utf-8")
            .body(text))
    }
}
