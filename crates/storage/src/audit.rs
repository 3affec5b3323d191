//! Who changes something. (A minimal beginning by ACCOUNTS: AUDIT goes on here, and owns this file.)

use std::{fmt, net::IpAddr};

use uuid::Uuid;

/// Somebody who changes something, for the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// What it is.
    pub kind: ActorKind,
    /// Its name for people: a user's name, a token's name.
    pub name: String,
    /// Its id, where it has one.
    pub id: Option<Uuid>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
}

/// What somebody is who changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorKind {
    /// A user who is signed in.
    User,
    /// A program with an API token.
    ApiToken,
    /// Whoever has the administrator token of the settings.
    AdministratorToken,
    /// Whoever has a viewer token; it changes nothing.
    ViewerToken,
    /// A command on the machine itself, such as `console create-user`.
    Command,
}

impl ActorKind {
    /// Its name in the API and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::ApiToken => "api-token",
            Self::AdministratorToken => "administrator-token",
            Self::ViewerToken => "viewer-token",
            Self::Command => "command",
        }
    }
}

impl fmt::Display for ActorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
