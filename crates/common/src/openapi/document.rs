//! A document as it is served.

use actix_web::{
    HttpRequest, HttpResponse,
    dev::HttpServiceFactory,
    http::header::{CACHE_CONTROL, ETag, EntityTag, Header, IfNoneMatch},
    middleware::Compress,
    web,
};
use utoipa::openapi::OpenApi;

use crate::http;

/// The OpenAPI document of a service, as text.
#[derive(Clone, Debug)]
pub struct Document {
    path: String,
    text: web::Bytes,
    tag: EntityTag,
}

impl Document {
    /// The document of `service`.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn new(service: &str, document: &OpenApi) -> Result<Self, serde_json::Error> {
        let text = document.to_pretty_json()?;
        Ok(Self {
            path: format!("/api/v1/openapi/{service}.json"),
            // Weak, as the same document may go out compressed.
            tag: EntityTag::new_weak(format!(
                "{}-{:08x}",
                document.info.version,
                crc32fast::hash(text.as_bytes())
            )),
            text: text.into(),
        })
    }

    /// Where it is served, open to everybody.
    pub fn resource(&self) -> impl HttpServiceFactory + use<> {
        let document = self.clone();
        web::resource(self.path.as_str())
            .wrap(Compress::default())
            .route(http::get().to(move |request: HttpRequest| std::future::ready(document.answer(&request))))
            .default_service(http::only("GET, HEAD"))
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let is_known = IfNoneMatch::parse(request).is_ok_and(|given| match given {
            IfNoneMatch::Any => true,
            IfNoneMatch::Items(tags) => tags.iter().any(|tag| tag.weak_eq(&self.tag)),
        });
        let mut answer = if is_known {
            HttpResponse::NotModified()
        } else {
            HttpResponse::Ok()
        };
        answer
            .insert_header((CACHE_CONTROL, "no-cache"))
            .insert_header(ETag(self.tag.clone()));
        if is_known {
            return answer.finish();
        }
        answer.content_type("application/json").body(self.text.clone())
    }
}
