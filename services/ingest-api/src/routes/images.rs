//! `POST /api/v1/images`

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, LOCATION},
    web,
};
use citytrack_common::openapi::ProblemSchema;
use citytrack_domain::ImageId;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::images::{ImageError, Images, Picture};

/// What is said of a picture that was accepted.
#[derive(Serialize, ToSchema)]
#[schema(as = AcceptedImage)]
struct Answer {
    /// The id that was sent, or a new one.
    id: Uuid,
    /// `received`: it is on its way.
    status: &'static str,
}

/// A form with a picture.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what is read by hand")]
pub(crate) struct ImageForm {
    /// The picture: JPEG, PNG or WebP.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    picture: Vec<u8>,
    /// As in the query, likewise the following.
    camera: Option<String>,
    captured_at: Option<String>,
    frame: Option<i64>,
    boxes: Option<String>,
    id: Option<Uuid>,
}

/// Takes a picture in
///
/// The body is the picture itself (JPEG, PNG or WebP; told by its bytes, not by `Content-Type`), or a form with the picture as
/// the part `picture`. The answer comes when the broker has it safely; with `wait`, when people on it have been made
/// unrecognisable, and is then that picture. Without `boxes`, those detections are used that the camera has for `captured_at`; if
/// there are none, the whole picture is pixelated. After 408, 429, every 5xx and a connection that breaks, send it again with the
/// same id: it is stored once. A picture may have 8 MiB and 50 million pixels; these are settings, shown here with their defaults.
#[utoipa::path(
    post,
    path = "/api/v1/images",
    operation_id = "post_image",
    tag = "images",
    params(
        ("camera" = Option<String>, Query, description = "The camera that took it."),
        ("captured_at" = Option<String>, Query, description = "When it was taken (RFC 3339), at most 7 days back and 5 minutes ahead; the time it comes in, if absent."),
        ("frame" = Option<i64>, Query, description = "The node's own number of the frame.", minimum = 0),
        ("boxes" = Option<String>, Query, description = "What a detector saw on it, as JSON: `[{\"class\": \"person\", \"confidence\": 0.9, \"box\": [left, top, width, height]}]`, in parts of the upright picture. `[]`: nobody."),
        ("id" = Option<Uuid>, Query, description = "A UUID of version 7, whose time is of the same window; may be in the header instead."),
        ("wait" = Option<String>, Query, description = "How long the result may take, such as `5s`; at most 30s. Then the answer is 202 after all."),
        ("Idempotency-Key" = Option<Uuid>, Header, description = "The id of the picture."),
    ),
    request_body(content((Vec<u8> = "image/*"), (ImageForm = "multipart/form-data"))),
    responses(
        (status = 200, description = "The picture that was waited for: anonymised; where the venue makes no such, annotated, else the thumbnail.", content((Vec<u8> = "image/jpeg")), headers(("Location" = String))),
        (status = 202, description = "The picture is safe.", body = Answer, headers(
            ("Location" = String, description = "Where it will be."),
            ("RateLimit-Policy" = String, description = "The limits of the node (draft-ietf-httpapi-ratelimit-headers)."),
            ("RateLimit" = String, description = "What is left of those that the picture used."),
        )),
        (status = 429, description = "The node sends more than it may; `violated-policies` names the limit.", headers(
            ("Retry-After" = u32, description = "After how many seconds to try again."),
        ), content((ProblemSchema = "application/problem+json"))),
    ),
)]
pub(crate) async fn upload(
    http: HttpRequest,
    payload: web::Payload,
    images: web::Data<Images>,
) -> Result<HttpResponse, ImageError> {
    let node = images.authenticate(&http).await?;
    let accepted = images.take(&http, payload, &node).await?;
    let id = accepted.id;
    let mut answer = match images.result(accepted).await? {
        Some(picture) => ready(id, picture),
        None => received(id),
    };
    images.tell(&node, answer.headers_mut());
    Ok(answer)
}

fn received(id: ImageId) -> HttpResponse {
    let answer = Answer {
        id: id.uuid(),
        status: "received",
    };
    HttpResponse::Accepted()
        .insert_header((LOCATION, location(id)))
        .json(answer)
}

/// Shown to whoever sent the picture, and to nobody else out of a cache.
fn ready(id: ImageId, picture: Picture) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((LOCATION, location(id)))
        .insert_header((CACHE_CONTROL, "no-store"))
        .content_type(picture.media_type)
        .body(picture.bytes)
}

fn location(id: ImageId) -> String {
    format!("/api/v1/images/{}", id.uuid())
}
