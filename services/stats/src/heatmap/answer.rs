//! A heatmap as JSON or PNG.

use actix_web::{HttpRequest, HttpResponse};
use citytrack_common::Problem;
use citytrack_domain::{CameraPattern, Class, Heatmap, Slug};
use citytrack_storage::heatmap::Place;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::picture;
use crate::{caching::Content, table::Offer};

/// What the answer is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Png,
}

impl Format {
    /// Both, as `negotiate` takes them.
    pub(super) const OFFERS: [Offer<Self>; 2] = [
        Offer::new("json", "application/json", Self::Json),
        Offer::new("png", "image/png", Self::Png),
    ];
}

/// A heatmap and what it is of.
pub(super) struct Answer<'a> {
    pub(super) venue: &'a str,
    pub(super) place: &'a Place,
    pub(super) classes: &'a [Class],
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) heatmap: &'a Heatmap,
}

/// Where on the image of a camera detections stood.
#[derive(Serialize, ToSchema)]
#[schema(as = Heatmap)]
pub(super) struct Body<'a> {
    #[schema(value_type = Slug)]
    venue: &'a str,
    #[schema(value_type = CameraPattern)]
    camera: String,
    /// As they were asked for, between commas; null: all.
    class: Option<String>,
    /// The range, widened to full hours of UTC.
    from: Timestamp,
    to: Timestamp,
    /// Cells from the left of the image to the right.
    columns: usize,
    /// Cells from the top of the image to the bottom.
    rows: usize,
    /// How many stood in each cell, row by row.
    #[schema(min_items = 576, max_items = 576)]
    cells: &'a [u32],
    /// The highest of the cells.
    max: u32,
    /// All cells together.
    total: u64,
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
            Format::Png => Content {
                bytes: picture::png(self.heatmap).map_err(|error| Content::unwritable(&error))?,
                kind: "image/png",
                file: Some(self.file_name()),
            },
        };
        Ok(content.respond(request, Some(self.to), now))
    }

    fn body(&self) -> Body<'_> {
        let names: Vec<&str> = self.classes.iter().map(Class::as_str).collect();
        let cells = self.heatmap.cells();
        Body {
            venue: self.venue,
            camera: name(self.place),
            class: (!names.is_empty()).then(|| names.join(",")),
            from: self.from,
            to: self.to,
            columns: Heatmap::COLUMNS,
            rows: Heatmap::ROWS,
            cells,
            max: cells.iter().copied().max().unwrap_or_default(),
            total: cells.iter().map(|count| u64::from(*count)).sum(),
        }
    }

    /// Such as `heatmap-demo-north-entrance-20261122T10.png`.
    fn file_name(&self) -> String {
        let from = self.from.strftime("%Y%m%dT%H");
        format!(
            "heatmap-{}-{}-{}-{from}.png",
            self.venue, self.place.node, self.place.camera
        )
    }
}

/// `north/entrance`
pub(super) fn name(place: &Place) -> String {
    format!("{}/{}", place.node, place.camera)
}
