//! The counts as JSON or CSV.

use actix_web::{HttpRequest, HttpResponse};
use citytrack_common::Problem;
use citytrack_domain::{Bucket, CameraPattern, Class, Slug, VenueTimeZone};
use citytrack_storage::counts::Count;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{caching::Content, table::Offer};

/// What the answer is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Csv,
}

impl Format {
    pub(super) const OFFERS: [Offer<Self>; 2] = [
        Offer::new("json", "application/json", Self::Json),
        Offer::new("csv", "text/csv", Self::Csv),
    ];
}

/// Counts and what they are of.
pub(super) struct Answer<'a> {
    pub(super) venue: &'a Slug,
    pub(super) zone: &'a VenueTimeZone,
    /// Empty: all of them.
    pub(super) cameras: Vec<&'a CameraPattern>,
    pub(super) class: Option<&'a Class>,
    pub(super) bucket: Bucket,
    /// One more than there are counts.
    pub(super) edges: &'a [Timestamp],
    pub(super) counts: &'a [Count],
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
    /// How many frames came; 0: nothing is known of this time but what was imported.
    #[schema(minimum = 0)]
    frames: i64,
    /// How many detections were in them, and how many were imported; null when neither frames nor imported counts came.
    #[schema(minimum = 0)]
    detections: Option<i64>,
    /// The most detections in one frame; null when no frame came.
    #[schema(minimum = 0)]
    peak: Option<i32>,
}

impl BucketBody {
    fn new(edges: [Timestamp; 2], count: &Count) -> Self {
        Self {
            start: edges[0],
            end: edges[1],
            frames: count.frames,
            detections: count.seen(),
            peak: (count.frames > 0).then_some(count.peak),
        }
    }
}

impl Answer<'_> {
    /// Writes the answer.
    pub(super) fn respond(
        &self,
        request: &HttpRequest,
        format: Format,
        now: Timestamp,
    ) -> Result<HttpResponse, Problem> {
        let content = match format {
            Format::Json => Content::json(&self.body())?,
            Format::Csv => Content {
                bytes: self.csv().map_err(|error| Content::unwritable(&error))?,
                kind: "text/csv; charset=utf-8",
                file: Some(format!("counts-{}-{}.csv", self.venue, self.bucket)),
            },
        };
        Ok(content.respond(request, self.edges.last().copied(), now))
    }

    fn body(&self) -> Body<'_> {
        let cameras: Vec<_> = self.cameras.iter().map(ToString::to_string).collect();
        Body {
            venue: self.venue.as_str(),
            time_zone: self.zone.name(),
            bucket: self.bucket.as_str(),
            from: self.edges.first().copied(),
            to: self.edges.last().copied(),
            camera: (!cameras.is_empty()).then(|| cameras.join(",")),
            class: self.class.map(Class::as_str),
            buckets: self.buckets().collect(),
        }
    }

    fn buckets(&self) -> impl Iterator<Item = BucketBody> {
        let pairs = self.edges.array_windows().zip(self.counts);
        pairs.map(|(edges, count)| BucketBody::new(*edges, count))
    }

    fn csv(&self) -> Result<Vec<u8>, csv::Error> {
        let mut lines = csv::Writer::from_writer(Vec::new());
        for bucket in self.buckets() {
            lines.serialize(bucket)?;
        }
        lines.into_inner().map_err(|error| error.into_error().into())
    }
}
