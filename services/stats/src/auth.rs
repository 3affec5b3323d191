//! Who is asking: the bearer of a viewer token or of an API token.

use std::pin::Pin;

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use citytrack_access::{ApiToken, ViewerToken, ViewerTokens};
use citytrack_common::{Problem, http};
use citytrack_domain::{CameraPattern, Clock, ImageDetails, Slug};

use crate::api_tokens::ApiTokens;

/// Somebody who may see some venues, and of these perhaps only some cameras.
#[derive(Debug)]
pub(crate) struct Viewer(ViewerToken);

impl Viewer {
    /// Refuses a venue that the token does not name. Whether there is such a venue is not told.
    pub(crate) fn check(&self, venue: &Slug) -> Result<(), Problem> {
        if self.0.allows(venue) {
            Ok(())
        } else {
            Err(Problem::forbidden(format!(
                "this token does not let see the venue {venue}"
            )))
        }
    }

    /// The cameras that are `asked` for, as far as the token allows them; none: all. Refuses a camera of which nothing is
    /// left. Whether there is such a camera is not told.
    pub(crate) fn allowed(&self, venue: &Slug, asked: Vec<CameraPattern>) -> Result<Vec<CameraPattern>, Problem> {
        let Some(limits) = self.0.cameras(venue) else {
            return Ok(asked);
        };
        if asked.is_empty() {
            return Ok(limits.to_vec());
        }
        let mut allowed = Vec::new();
        for camera in &asked {
            let before = allowed.len();
            allowed.extend(limits.iter().filter_map(|limit| limit.intersection(camera)));
            if allowed.len() == before {
                return Err(Problem::forbidden(format!(
                    "this token does not let see the camera {camera} of {venue}"
                )));
            }
        }
        Ok(allowed)
    }

    /// Whether the picture is one that the token lets see. One of which nobody said the camera is only for those who may see all.
    pub(crate) fn sees_picture(&self, image: &ImageDetails) -> bool {
        let (venue, node) = (&image.source.venue, &image.source.node);
        match &image.camera {
            Some(camera) => self.0.allows_camera(venue, node, camera),
            None => self.0.allows(venue) && self.0.cameras(venue).is_none(),
        }
    }

    async fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let dependencies = (
            request.app_data::<web::Data<ViewerTokens>>(),
            request.app_data::<web::Data<ApiTokens>>(),
            request.app_data::<web::Data<Clock>>(),
        );
        let (Some(viewers), Some(api_tokens), Some(clock)) = dependencies else {
            return Err(Problem::internal());
        };
        let token = http::bearer(request)
            .ok_or_else(|| Problem::unauthorized("send a viewer token or an API token as `Authorization: Bearer …`"))?;
        let now = clock.now();
        if let Ok(token) = ApiToken::parse(token) {
            return api_tokens.verify(&token, now).await.map(Self);
        }
        let verified = viewers.verify(token, now);
        verified
            .map(Self)
            .map_err(|error| Problem::unauthorized(error.to_string()))
    }
}

impl FromRequest for Viewer {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Self::of(&request).await })
    }
}
