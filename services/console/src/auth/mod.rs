//! Who is asking: an argument of a handler, so that a handler without one is visibly open to everybody.

pub(crate) mod cookie;
pub(crate) mod forgery;
pub(crate) mod identify;
pub(crate) mod passwords;

use std::{net::IpAddr, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use citytrack_access::{Right, Role, Roles, SessionHash, ViewerToken};
use citytrack_common::Problem;
use citytrack_domain::{CameraName, Slug};
use citytrack_storage::{
    Change, Database,
    api_tokens::ValidToken,
    audit::{Actor, ActorKind},
    users::User,
};
use jiff::Timestamp;

use crate::error::problem;

/// Somebody who asks, and what they may do.
#[derive(Debug)]
pub(crate) struct Principal {
    who: Who,
    roles: Roles,
    address: Option<IpAddr>,
}

/// What somebody showed.
#[derive(Debug)]
enum Who {
    /// The administrator token of the settings.
    AdministratorToken,
    /// The cookie of a session.
    User(Box<SignedIn>),
    /// An API token.
    ApiToken(ValidToken),
    /// A token that lets see some venues, and of these perhaps only some cameras.
    ViewerToken(ViewerToken),
}

/// A user with a session.
#[derive(Debug)]
pub(crate) struct SignedIn {
    pub(crate) user: User,
    pub(crate) session: SessionHash,
    pub(crate) csrf_token: String,
    /// When the session ends, unless it is used before that.
    pub(crate) expires_at: Timestamp,
}

impl Principal {
    /// Who sent `request`, as they are now.
    pub(crate) async fn of(request: &HttpRequest) -> Result<Self, Problem> {
        identify::identify(request).await
    }

    /// What they may do.
    pub(crate) fn roles(&self) -> &Roles {
        &self.roles
    }

    /// Refuses what they may not do in `venue`. Whether there is such a venue is not told.
    pub(crate) fn may(&self, right: Right, venue: &Slug) -> Result<(), Problem> {
        if self.roles.allow(right, venue) {
            Ok(())
        } else {
            Err(self.refusal(right, &format!("in the venue {venue}")))
        }
    }

    /// Refuses what they may not do in all venues, also in those that are still to come.
    pub(crate) fn may_everywhere(&self, right: Right) -> Result<(), Problem> {
        if self.roles.allow_everywhere(right) {
            Ok(())
        } else {
            Err(self.refusal(right, "for all venues"))
        }
    }

    /// Refuses what they may do in no venue at all.
    pub(crate) fn may_somewhere(&self, right: Right) -> Result<(), Problem> {
        if self.roles.allow_somewhere(right) {
            Ok(())
        } else {
            Err(self.refusal(right, "in a venue"))
        }
    }

    /// Whether the venue is one that they may see.
    pub(crate) fn sees(&self, venue: &Slug) -> bool {
        self.roles.allow(Right::SeeVenue, venue)
    }

    /// Whether the camera of `venue` is one that they may see.
    pub(crate) fn sees_camera(&self, venue: &Slug, node: &Slug, camera: &CameraName) -> bool {
        match &self.who {
            Who::ViewerToken(token) => token.allows_camera(venue, node, camera),
            Who::AdministratorToken | Who::User(_) | Who::ApiToken(_) => self.sees(venue),
        }
    }

    /// Who they are, for the audit log.
    pub(crate) fn actor(&self) -> Actor {
        let (kind, name, id) = match &self.who {
            Who::AdministratorToken => (ActorKind::AdministratorToken, "administrator token", None),
            Who::User(signed_in) => (ActorKind::User, signed_in.user.name.as_str(), Some(signed_in.user.id)),
            Who::ApiToken(token) => (ActorKind::ApiToken, token.name.as_str(), Some(token.id)),
            Who::ViewerToken(_) => (ActorKind::ViewerToken, "viewer token", None),
        };
        Actor {
            kind,
            name: name.to_owned(),
            id,
            address: self.address,
        }
    }

    /// Begins a change of theirs.
    pub(crate) async fn change(&self, database: &Database) -> Result<Change, Problem> {
        database.change(&self.actor()).await.map_err(problem)
    }

    /// The user, where it is one with a session.
    pub(crate) fn signed_in(&self) -> Option<&SignedIn> {
        match &self.who {
            Who::User(signed_in) => Some(signed_in),
            Who::AdministratorToken | Who::ApiToken(_) | Who::ViewerToken(_) => None,
        }
    }

    /// When the API token ends, where it is one.
    pub(crate) fn api_token_ends(&self) -> Option<Timestamp> {
        match &self.who {
            Who::ApiToken(token) => Some(token.expires_at),
            Who::AdministratorToken | Who::User(_) | Who::ViewerToken(_) => None,
        }
    }

    pub(crate) fn user(signed_in: SignedIn, address: Option<IpAddr>) -> Result<Self, Problem> {
        Ok(Self {
            roles: identify::roles(&signed_in.user.roles)?,
            who: Who::User(Box::new(signed_in)),
            address,
        })
    }

    fn api_token(token: ValidToken, address: Option<IpAddr>) -> Result<Self, Problem> {
        Ok(Self {
            roles: identify::roles(&token.roles)?,
            who: Who::ApiToken(token),
            address,
        })
    }

    fn administrator_token(address: Option<IpAddr>) -> Self {
        Self {
            who: Who::AdministratorToken,
            roles: Roles::everywhere(Role::Admin),
            address,
        }
    }

    fn viewer_token(token: ViewerToken, address: Option<IpAddr>) -> Self {
        Self {
            roles: token.roles(),
            who: Who::ViewerToken(token),
            address,
        }
    }

    fn refusal(&self, right: Right, place: &str) -> Problem {
        let role = right.least_role();
        Problem::forbidden(match &self.who {
            Who::ViewerToken(_) if right != Right::SeeVenue => {
                format!("this needs the role {role} {place}; a viewer token only lets see")
            }
            Who::ViewerToken(_) => format!("this viewer token does not let see what is {place}"),
            Who::AdministratorToken | Who::User(_) | Who::ApiToken(_) => format!("this needs the role {role} {place}"),
        })
    }
}

impl FromRequest for Principal {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Self::of(&request).await })
    }
}
