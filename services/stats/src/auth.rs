//! Who is asking: the bearer of a viewer token.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use citytrack_access::{ViewerToken, ViewerTokens};
use citytrack_common::{Problem, http};
use citytrack_domain::{CameraPattern, Clock, Slug};

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
                "this viewer token does not name the venue {venue}"
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
                    "this viewer token does not allow the camera {camera} of {venue}"
                )));
            }
        }
        Ok(allowed)
    }

    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let dependencies = (
            request.app_data::<web::Data<ViewerTokens>>(),
            request.app_data::<web::Data<Clock>>(),
        );
        let (Some(viewers), Some(clock)) = dependencies else {
            return Err(Problem::internal());
        };
        let token = http::bearer(request)
            .ok_or_else(|| Problem::unauthorized("send a viewer token as `Authorization: Bearer …`"))?;
        viewers
            .verify(token, clock.now())
            .map(Self)
            .map_err(|error| Problem::unauthorized(error.to_string()))
    }
}

impl FromRequest for Viewer {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}
