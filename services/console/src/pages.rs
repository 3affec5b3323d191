//! The web pages, embedded as Vite built them into `web/dist`.

use std::borrow::Cow;

use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, ETag, EntityTag, Header, HeaderValue, IfNoneMatch},
    },
    middleware::{DefaultHeaders, Next},
};
use citytrack_common::Problem;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::auth::cookie;

#[derive(RustEmbed)]
#[folder = "web/dist"]
struct Pages;

const HOME: &str = "index.html";
/// The OpenAPI documents, to look at.
const API_DOCS: &str = "api-docs.html";
/// The client of the live feed, which pages of other origins may load, too.
const LIVE_CLIENT: &str = "live-client.js";
const NOT_BUILT: &str = include_str!("not-built.html");

/// Everything the pages need comes from here, and nobody may frame them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
                      font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";

pub(crate) fn security_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((header::CONTENT_SECURITY_POLICY, POLICY))
        .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((header::REFERRER_POLICY, "no-referrer"))
}

/// A browser that has come over TLS once never comes without it again, for a year.
pub(crate) async fn transport_security(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let is_secure = cookie::is_secure(request.request())?;
    let mut answer = next.call(request).await?;
    if is_secure {
        let policy = HeaderValue::from_static("max-age=31536000");
        answer.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, policy);
    }
    Ok(answer)
}

/// A file of the pages. Any other address is one that the pages themselves understand, and gets the home page.
pub(crate) async fn serve(request: HttpRequest) -> Result<HttpResponse, Problem> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Problem::method_not_allowed("GET, HEAD"));
    }
    let path = request.path().trim_start_matches('/');
    if let Some(file) = Pages::get(match path {
        "" => HOME,
        "api-docs" => API_DOCS,
        _ => path,
    }) {
        let mut answer = answer(&request, file, path.starts_with("assets/"));
        if path == LIVE_CLIENT {
            let everybody = HeaderValue::from_static("*");
            answer
                .headers_mut()
                .insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, everybody);
        }
        return Ok(answer);
    }
    let last = path.rsplit('/').next().unwrap_or_default();
    if path.starts_with("assets/") || last.contains('.') {
        return Err(Problem::not_found(format!("there is nothing at {}", request.path())));
    }
    Ok(match Pages::get(HOME) {
        Some(home) => answer(&request, home, false),
        None => HttpResponse::ServiceUnavailable()
            .content_type("text/html; charset=utf-8")
            .body(NOT_BUILT),
    })
}

/// Assets have their content's hash in their name, so they never change; everything else is asked for again each time.
fn answer(request: &HttpRequest, file: EmbeddedFile, immutable: bool) -> HttpResponse {
    let hash = file
        .metadata
        .sha256_hash()
        .first_chunk()
        .map_or(0, |part| u128::from_be_bytes(*part));
    // Weak, as the same file may go out compressed.
    let tag = EntityTag::new_weak(format!("{hash:032x}"));
    let known = IfNoneMatch::parse(request).is_ok_and(|given| match given {
        IfNoneMatch::Any => true,
        IfNoneMatch::Items(tags) => tags.iter().any(|given| given.weak_eq(&tag)),
    });
    let caching = if immutable {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let mut answer = if known {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    answer
        .insert_header((header::CACHE_CONTROL, caching))
        .insert_header(ETag(tag));
    if known {
        return answer.finish();
    }
    answer.content_type(content_type(file.metadata.mimetype()));
    match file.data {
        Cow::Borrowed(embedded) => answer.body(embedded),
        Cow::Owned(read) => answer.body(read),
    }
}

fn content_type(guessed: &str) -> String {
    if guessed.starts_with("text/") {
        format!("{guessed}; charset=utf-8")
    } else {
        guessed.to_owned()
    }
}
