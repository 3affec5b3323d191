//! Who may do what: roles, each for one venue or for all, and the rights that come with them.

use std::{collections::BTreeMap, fmt, str::FromStr};

use citytrack_domain::Slug;

/// What somebody is in a venue, or in all of them. Each role may do what the one before it may, and more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Sees the venue: its cameras, its statistics, and it live.
    Viewer,
    /// Also looks after nodes, keys and cameras, and passes views on.
    Operator,
    /// Also changes the venue and its nodes, and says who is what in it.
    Admin,
}

/// What somebody wants to do in a venue, or, where it belongs to none, everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// See the venue, its cameras, its statistics, and it live.
    SeeVenue,
    /// See nodes, their keys (never the key itself) and their ledgers.
    SeeNodes,
    /// Create nodes.
    CreateNodes,
    /// Make and revoke the keys of nodes.
    ManageKeys,
    /// Give cameras their titles.
    TitleCameras,
    /// Issue viewer tokens.
    IssueViewerTokens,
    /// Bring in counts from elsewhere.
    Import,
    /// Send pictures in the name of a node.
    UploadImages,
    /// See pictures as they were uploaded, where they are kept: people can be recognised.
    SeeOriginals,
    /// See how the system is. It belongs to no venue: whoever has the right in any may.
    SeeSystem,
    /// Change and retire the venue.
    ChangeVenue,
    /// Rename and retire nodes.
    ChangeNodes,
    /// Read the audit log, as far as it is about the venue.
    SeeAudit,
    /// Say who is what in the venue, and make API tokens for it.
    GrantRoles,
    /// Create venues. It belongs to no venue, and takes the role for all of them.
    CreateVenues,
    /// Create, change and disable users. It belongs to no venue, and takes the role for all of them.
    ManageUsers,
}

/// All rights, for tables and tests.
pub const ALL_RIGHTS: [Right; 16] = [
    Right::SeeVenue,
    Right::SeeNodes,
    Right::CreateNodes,
    Right::ManageKeys,
    Right::TitleCameras,
    Right::IssueViewerTokens,
    Right::Import,
    Right::UploadImages,
    Right::SeeOriginals,
    Right::SeeSystem,
    Right::ChangeVenue,
    Right::ChangeNodes,
    Right::SeeAudit,
    Right::GrantRoles,
    Right::CreateVenues,
    Right::ManageUsers,
];

/// The roles of somebody: at most one for all venues, and at most one in each venue. The higher of the two counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    everywhere: Option<Role>,
    venues: BTreeMap<Slug, Role>,
}

/// One role: in a venue, or in all of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// The venue; `None`: all of them, also those that are still to come.
    pub venue: Option<Slug>,
    /// What somebody is there.
    pub role: Role,
}

/// The name is of no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be viewer, operator or admin")]
pub struct UnknownRole;

impl Right {
    /// The least role that has this right.
    pub fn least_role(self) -> Role {
        match self {
            Self::SeeVenue => Role::Viewer,
            Self::SeeNodes
            | Self::CreateNodes
            | Self::ManageKeys
            | Self::TitleCameras
            | Self::IssueViewerTokens
            | Self::Import
            | Self::UploadImages
            | Self::SeeOriginals
            | Self::SeeSystem => Role::Operator,
            Self::ChangeVenue
            | Self::ChangeNodes
            | Self::SeeAudit
            | Self::GrantRoles
            | Self::CreateVenues
            | Self::ManageUsers => Role::Admin,
        }
    }
}

impl Role {
    /// Whether the role comes with the right.
    pub fn has(self, right: Right) -> bool {
        self >= right.least_role()
    }

    /// Its name in the API and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl Roles {
    /// One role for all venues.
    pub fn everywhere(role: Role) -> Self {
        Self {
            everywhere: Some(role),
            venues: BTreeMap::new(),
        }
    }

    /// The role in `venue`, if there is one.
    pub fn in_venue(&self, venue: &Slug) -> Option<Role> {
        self.everywhere.max(self.venues.get(venue).copied())
    }

    /// Whether they come with the right in `venue`.
    pub fn allow(&self, right: Right, venue: &Slug) -> bool {
        self.in_venue(venue).is_some_and(|role| role.has(right))
    }

    /// Whether they come with the right in all venues, also those that are still to come.
    pub fn allow_everywhere(&self, right: Right) -> bool {
        self.everywhere.is_some_and(|role| role.has(right))
    }

    /// Whether they come with the right in at least one venue.
    pub fn allow_somewhere(&self, right: Right) -> bool {
        self.everywhere
            .max(self.venues.values().max().copied())
            .is_some_and(|role| role.has(right))
    }

    /// Whether somebody with these roles may give `grant` to others: nobody grants more than they have, and only who may
    /// grant at all.
    pub fn may_grant(&self, grant: &Grant) -> bool {
        match &grant.venue {
            None => self.allow_everywhere(Right::GrantRoles),
            Some(venue) => self.allow(Right::GrantRoles, venue),
        }
    }

    /// The roles one by one: the one for all venues first, then by venue.
    pub fn grants(&self) -> impl Iterator<Item = Grant> {
        let everywhere = self.everywhere.map(|role| Grant { venue: None, role });
        let venues = self.venues.iter().map(|(venue, role)| Grant {
            venue: Some(venue.clone()),
            role: *role,
        });
        everywhere.into_iter().chain(venues)
    }
}

impl FromIterator<Grant> for Roles {
    /// Of several roles in the same venue the highest counts.
    fn from_iter<T: IntoIterator<Item = Grant>>(grants: T) -> Self {
        let mut roles = Self::default();
        for grant in grants {
            match grant.venue {
                None => roles.everywhere = roles.everywhere.max(Some(grant.role)),
                Some(venue) => {
                    let role = roles.venues.entry(venue).or_insert(grant.role);
                    *role = grant.role.max(*role);
                }
            }
        }
        roles
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Self, UnknownRole> {
        let all = [Self::Viewer, Self::Operator, Self::Admin];
        all.into_iter().find(|role| role.as_str() == name).ok_or(UnknownRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn venue(slug: &str) -> Slug {
        Slug::new(slug).unwrap()
    }

    fn roles(grants: &[(Option<&str>, Role)]) -> Roles {
        let grant = |(slug, role): &(Option<&str>, Role)| Grant {
            venue: slug.map(venue),
            role: *role,
        };
        grants.iter().map(grant).collect()
    }

    /// What viewers, operators and admins may, written out: a change of the rules has to change this table.
    const TABLE: [(Right, [bool; 3]); 16] = [
        (Right::SeeVenue, [true, true, true]),
        (Right::SeeNodes, [false, true, true]),
        (Right::CreateNodes, [false, true, true]),
        (Right::ManageKeys, [false, true, true]),
        (Right::TitleCameras, [false, true, true]),
        (Right::IssueViewerTokens, [false, true, true]),
        (Right::Import, [false, true, true]),
        (Right::UploadImages, [false, true, true]),
        (Right::SeeOriginals, [false, true, true]),
        (Right::SeeSystem, [false, true, true]),
        (Right::ChangeVenue, [false, false, true]),
        (Right::ChangeNodes, [false, false, true]),
        (Right::SeeAudit, [false, false, true]),
        (Right::GrantRoles, [false, false, true]),
        (Right::CreateVenues, [false, false, true]),
        (Right::ManageUsers, [false, false, true]),
    ];

    #[test]
    fn every_role_has_its_rights_and_no_other() {
        assert_eq!(TABLE.map(|(right, _)| right), ALL_RIGHTS);
        let demo = venue("demo");
        for (right, expected) in TABLE {
            for (role, expected) in [Role::Viewer, Role::Operator, Role::Admin].into_iter().zip(expected) {
                assert_eq!(role.has(right), expected, "{role} {right:?}");
                let everywhere = Roles::everywhere(role);
                assert_eq!(everywhere.allow(right, &demo), expected, "{role} {right:?}");
                assert_eq!(everywhere.allow_everywhere(right), expected, "{role} {right:?}");
                assert_eq!(everywhere.allow_somewhere(right), expected, "{role} {right:?}");
                let there = roles(&[(Some("demo"), role)]);
                assert_eq!(there.allow(right, &demo), expected, "{role} {right:?}");
                assert_eq!(there.allow_somewhere(right), expected, "{role} {right:?}");
                assert!(!there.allow(right, &venue("other")), "{role} {right:?}");
                assert!(!there.allow_everywhere(right), "{role} {right:?}");
            }
            let nobody = Roles::default();
            assert!(
                !nobody.allow(right, &demo) && !nobody.allow_somewhere(right),
                "{right:?}"
            );
        }
    }

    #[test]
    fn the_higher_role_counts() {
        let both = roles(&[
            (None, Role::Viewer),
            (Some("demo"), Role::Admin),
            (Some("mall"), Role::Viewer),
        ]);
        assert_eq!(both.in_venue(&venue("demo")), Some(Role::Admin));
        assert_eq!(both.in_venue(&venue("elsewhere")), Some(Role::Viewer));
        assert!(both.allow_somewhere(Right::ChangeVenue) && !both.allow_everywhere(Right::ChangeVenue));
        let operator = roles(&[(None, Role::Operator), (Some("demo"), Role::Viewer)]);
        assert_eq!(operator.in_venue(&venue("demo")), Some(Role::Operator));
        let twice = roles(&[(Some("demo"), Role::Admin), (Some("demo"), Role::Viewer)]);
        assert_eq!(twice, roles(&[(Some("demo"), Role::Admin)]));
    }

    #[test]
    fn nobody_grants_more_than_they_have() {
        let grant = |slug: Option<&str>, role| Grant {
            venue: slug.map(venue),
            role,
        };
        let admin_of_demo = roles(&[(None, Role::Operator), (Some("demo"), Role::Admin)]);
        assert!(admin_of_demo.may_grant(&grant(Some("demo"), Role::Admin)));
        assert!(!admin_of_demo.may_grant(&grant(Some("other"), Role::Viewer)));
        assert!(!admin_of_demo.may_grant(&grant(None, Role::Viewer)));
        assert!(Roles::everywhere(Role::Admin).may_grant(&grant(None, Role::Admin)));
        assert!(!Roles::everywhere(Role::Operator).may_grant(&grant(Some("demo"), Role::Viewer)));
    }

    #[test]
    fn grants_are_what_was_granted() {
        let granted = roles(&[
            (Some("b"), Role::Viewer),
            (None, Role::Operator),
            (Some("a"), Role::Admin),
        ]);
        let told: Vec<_> = granted
            .grants()
            .map(|grant| (grant.venue.map(|slug| slug.to_string()), grant.role))
            .collect();
        let expected = [
            (None, Role::Operator),
            (Some("a".to_owned()), Role::Admin),
            (Some("b".to_owned()), Role::Viewer),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn names_are_read_again() {
        for role in [Role::Viewer, Role::Operator, Role::Admin] {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert_eq!("Admin".parse::<Role>(), Err(UnknownRole));
    }
}
