//! What is made of a picture, and what is said of it.

use bytes::Bytes;
use citytrack_common::trace::TRACEPARENT;
use citytrack_domain::{BoxesFrom, Clock, Detection, ImageFailure, ImageSettings, ImageVariant, Variant};
use citytrack_images::{Encoded, Limits, Marks, Objects, Wanted};
use citytrack_messages::images::{IMAGE_ID, Transformed, Upload, VENUE};
use citytrack_storage::venues::Venue;
use jiff::tz::TimeZone;

/// Width and height, and the forms.
pub(super) type Made = ((u32, u32), Vec<ImageVariant<Bytes>>);

/// Everything that the venue wants.
pub(super) fn variants(
    picture: &[u8],
    boxes: Option<&[Detection]>,
    stamp: &[String],
    settings: &ImageSettings,
    limits: Limits,
) -> Result<Made, ImageFailure> {
    let wants = |variant| settings.variants.contains(&variant);
    let marks = Marks {
        objects: boxes.map_or(Objects::Unknown, Objects::Known),
        hidden: &settings.classes,
        stamp,
    };
    let wanted = Wanted {
        thumbnail: wants(Variant::Thumbnail),
        annotated: wants(Variant::Annotated),
        anonymised: wants(Variant::Anonymised),
    };
    let made = citytrack_images::transform(picture, &marks, wanted, limits);
    let made = made.map_err(|error| failure(error.code(), &error.to_string()))?;
    let forms = [
        (Variant::Thumbnail, made.thumbnail),
        (Variant::Annotated, made.annotated),
        (Variant::Anonymised, made.anonymised),
    ];
    let forms = forms
        .into_iter()
        .filter_map(|(variant, made)| Some(form(variant, made?)));
    Ok(((made.width, made.height), forms.collect()))
}

fn form(variant: Variant, Encoded { width, height, jpeg }: Encoded) -> ImageVariant<Bytes> {
    ImageVariant {
        variant,
        media_type: "image/jpeg".to_owned(),
        width,
        height,
        bytes: jpeg.into(),
    }
}

/// What is told of an upload that nothing was made of.
pub(super) fn failed(upload: &Upload, failure: ImageFailure) -> Transformed {
    Transformed {
        image: upload.image.clone(),
        size: None,
        boxes: upload.boxes.clone(),
        boxes_from: upload.boxes.as_ref().map_or(BoxesFrom::None, |_| BoxesFrom::Upload),
        transformed_at: Clock::System.now(),
        outcome: Err(failure),
    }
}

pub(super) fn failure(code: &str, detail: &str) -> ImageFailure {
    ImageFailure {
        code: code.to_owned(),
        detail: detail.to_owned(),
    }
}

/// Which picture a message is about, whose it is, and the request that sent it.
pub(super) fn headers(done: &Transformed, trace: Option<String>) -> Vec<(&'static str, String)> {
    let trace = trace.map(|trace| (TRACEPARENT, trace));
    let image = &done.image;
    [
        (IMAGE_ID, image.id.to_string()),
        (VENUE, image.source.venue.to_string()),
    ]
    .into_iter()
    .chain(trace)
    .collect()
}

/// Time and place, as people there know them.
pub(super) fn stamp(upload: &Upload, venue: &Venue) -> Vec<String> {
    let zone = TimeZone::get(&venue.time_zone).unwrap_or(TimeZone::UTC);
    let time = upload
        .image
        .captured_at
        .to_zoned(zone)
        .strftime("%Y-%m-%d %H:%M:%S %Z")
        .to_string();
    let camera = upload.image.camera.as_ref().map(ToString::to_string);
    let place = [Some(venue.name.clone()), camera].into_iter().flatten();
    vec![time, place.collect::<Vec<_>>().join(" · ")]
}
