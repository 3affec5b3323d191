//! Roles on the wire: `{"venue": "demo", "role": "admin"}`; `null` in the place of the venue: all of them.

use std::collections::BTreeSet;

use citytrack_access::{Grant, Role, Roles};
use citytrack_common::Problem;
use citytrack_domain::Slug;
use citytrack_storage::users::StoredRole;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    auth::Principal,
    body::{Fields, Refused, invalid, violation},
};

/// More would make a viewer token that is too long for the head of a request.
const MOST_ROLES: usize = 100;

/// One role.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = Role)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleBody {
    /// Null: all venues.
    #[schema(value_type = Option<Slug>, required)]
    venue: Option<String>,
    #[schema(pattern = "^(viewer|operator|admin)$", example = "viewer")]
    role: String,
}

impl From<Grant> for RoleBody {
    fn from(grant: Grant) -> Self {
        Self {
            venue: grant.venue.map(|venue| venue.to_string()),
            role: grant.role.to_string(),
        }
    }
}

/// The field `roles`; at most one role in each venue, and one for all of them.
pub(super) fn roles_of(fields: &mut Fields) -> Result<Option<Roles>, Refused> {
    let Some(grants) = fields.optional_list("roles", parse)? else {
        return Ok(None);
    };
    let venues: BTreeSet<_> = grants.iter().map(|grant| &grant.venue).collect();
    if venues.len() < grants.len() {
        return Err(fields.refuse("roles", "must name each venue, and null, at most once"));
    }
    if grants.len() > MOST_ROLES {
        return Err(fields.refuse("roles", &format!("must be at most {MOST_ROLES}")));
    }
    Ok(Some(grants.into_iter().collect()))
}

fn parse(value: &Value) -> Result<Grant, String> {
    const FORM: &str =
        "must look like {\"venue\": \"demo\", \"role\": \"viewer\"}; null in the place of the venue: all of them";
    let body = RoleBody::deserialize(value).map_err(|_| FORM.to_owned())?;
    if value.get("venue").is_none() {
        return Err(FORM.to_owned());
    }
    let role: Role = body.role.parse().map_err(|error| format!("the role {error}"))?;
    let venue = body.venue.map(|venue| Slug::new(&venue)).transpose();
    let venue = venue.map_err(|error| format!("the venue {error}"))?;
    Ok(Grant { venue, role })
}

/// Refuses roles that `principal` may not give to others: nobody grants more than they have.
pub(super) fn check_grants(principal: &Principal, roles: &Roles) -> Result<(), Problem> {
    match roles.grants().find(|grant| !principal.roles().may_grant(grant)) {
        None => Ok(()),
        Some(Grant { venue, role }) => {
            let place = venue.map_or_else(|| "for all venues".to_owned(), |venue| format!("in the venue {venue}"));
            Err(Problem::forbidden(format!(
                "only an admin there can make somebody {role} {place}"
            )))
        }
    }
}

/// Refuses more roles than somebody may have, those that others gave included.
pub(super) fn check_number(roles: &Roles) -> Result<(), Problem> {
    if roles.grants().count() <= MOST_ROLES {
        return Ok(());
    }
    let message = format!("must be at most {MOST_ROLES}, with those elsewhere");
    Err(invalid(vec![violation("/roles", &message)]))
}

/// As they are stored.
pub(crate) fn stored(roles: &Roles) -> Vec<StoredRole> {
    let stored = |grant: Grant| StoredRole {
        venue: grant.venue,
        role: grant.role.to_string(),
    };
    roles.grants().map(stored).collect()
}
