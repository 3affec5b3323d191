//! What is asked for.

use std::str::FromStr;

use actix_web::HttpRequest;
use citytrack_common::Problem;
use citytrack_domain::{Bucket, Class, Confidence};
use citytrack_storage::{
    Database,
    counts::{CountsQuery, Grouping},
};
use jiff::Timestamp;
use utoipa::ToSchema;

use super::{
    comparison::{Comparison, Shift},
    measure::Measure,
};
use crate::{
    auth::Viewer,
    query::{Places, Query, edges, invalid},
    settings::Limits,
    table::{self, Offer, negotiate},
};

/// A question that can be answered.
pub(super) struct Question {
    pub(super) places: Places,
    pub(super) bucket: Bucket,
    /// One more than there are buckets.
    pub(super) edges: Vec<Timestamp>,
    pub(super) classes: Vec<Class>,
    pub(super) grouping: Grouping,
    pub(super) measure: Measure,
    pub(super) comparison: Option<Comparison>,
    pub(super) format: Format,
    min_confidence: Option<Confidence>,
}

/// What the answer is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(as = CountsFormat, rename_all = "lowercase")]
pub(super) enum Format {
    Json,
    Csv,
    Ndjson,
    Parquet,
}

/// What has a series of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(as = CountsGroup, rename_all = "lowercase")]
pub(super) enum Group {
    Venue,
    Camera,
    Class,
}

const KNOWN: &[&str] = &[
    "venue",
    "from",
    "to",
    "bucket",
    "time_zone",
    "camera",
    "class",
    "min_confidence",
    "group",
    "measure",
    "compare",
    "align",
    "format",
];

impl Question {
    /// Reads the query string of a request, and looks up what it names.
    pub(super) async fn read(
        request: &HttpRequest,
        viewer: &Viewer,
        database: &Database,
        limits: Limits,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let query = Query::read(request.query_string(), KNOWN)?;
        let format = negotiate(request, query.text("format")?, &Format::OFFERS)?;
        let bucket = query.one("bucket")?.unwrap_or(Bucket::Hour);
        let measure = query.one("measure")?.unwrap_or(Measure::Detections);
        let groups: Vec<Group> = query.many("group")?;
        let places = Places::asked(&query, viewer, database).await?;
        let zone = places.zone.zone();
        let edges = edges(bucket, query.range(zone, now)?, zone, limits.buckets)?;
        let comparison = Shift::asked(&query, zone)?
            .map(|shift| Comparison::new(shift, bucket, &edges, zone, limits.buckets))
            .transpose()?;
        let grouping = Grouping {
            venue: groups.contains(&Group::Venue),
            camera: groups.contains(&Group::Camera),
            class: groups.contains(&Group::Class),
        };
        Ok(Self {
            places,
            bucket,
            edges,
            classes: query.many("class")?,
            grouping,
            measure,
            comparison,
            format,
            min_confidence: min_confidence(&query, measure)?,
        })
    }

    /// The question for some range and classes.
    pub(super) fn query<'a>(&'a self, edges: &'a [Timestamp], classes: &'a [Class]) -> CountsQuery<'a> {
        CountsQuery {
            selections: &self.places.selections,
            edges,
            classes,
            grouping: self.grouping,
            min_confidence: self.min_confidence.map(Confidence::value),
        }
    }
}

fn min_confidence(query: &Query, measure: Measure) -> Result<Option<Confidence>, Problem> {
    let Some(least) = query.one::<f64>("min_confidence")? else {
        return Ok(None);
    };
    if measure == Measure::Tracks {
        let detail = "unique tracks are kept without confidences: leave min_confidence out";
        return Err(invalid("min_confidence", detail));
    }
    let least = Confidence::new(least);
    least
        .map(Some)
        .map_err(|error| invalid("min_confidence", &format!("min_confidence {error}")))
}

impl Format {
    const OFFERS: [Offer<Self>; 4] = [
        Offer::new("json", "application/json", Self::Json),
        Offer::new("csv", "text/csv", Self::Csv),
        Offer::new("ndjson", "application/x-ndjson", Self::Ndjson),
        Offer::new("parquet", "application/vnd.apache.parquet", Self::Parquet),
    ];

    /// The form of table; `None`: JSON, which is none.
    pub(super) fn table(self) -> Option<table::Format> {
        match self {
            Self::Json => None,
            Self::Csv => Some(table::Format::Csv),
            Self::Ndjson => Some(table::Format::Ndjson),
            Self::Parquet => Some(table::Format::Parquet),
        }
    }
}

impl FromStr for Group {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "venue" => Ok(Self::Venue),
            "camera" => Ok(Self::Camera),
            "class" => Ok(Self::Class),
            _ => Err("must be venue, camera or class"),
        }
    }
}
