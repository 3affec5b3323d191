//! Request bodies as the OpenAPI document shows them. They are read by `body::Fields`, which names everything that is wrong at
//! once; the stage "API against its documents" of `scripts/test` holds the two together.

#![expect(dead_code, reason = "describes what is read by `Fields`")]

use std::{borrow::Cow, collections::BTreeMap};

use citytrack_domain::{CameraPattern, Class, Slug, VenueTimeZone};
use serde::Deserialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ArrayBuilder, ObjectBuilder, Ref, RefOr, Schema, SchemaFormat, schema::Type},
};

use crate::routes::roles::RoleBody;

/// A name for people, see `body::display_name`.
#[derive(Deserialize)]
pub(crate) struct DisplayName;

/// How long something is valid.
#[derive(Deserialize)]
pub(crate) struct Ttl;

impl PartialSchema for DisplayName {
    fn schema() -> RefOr<Schema> {
        const PATTERN: &str =
            r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$";
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A name for people: not only spaces, and no control characters."))
            .pattern(Some(PATTERN))
            .max_length(Some(200))
            .examples(["Main hall"])
            .into()
    }
}

impl ToSchema for DisplayName {
    fn name() -> Cow<'static, str> {
        "DisplayName".into()
    }
}

impl PartialSchema for Ttl {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A duration such as `8h`, `30m` or `90d`."))
            .format(Some(SchemaFormat::Custom("ttl".to_owned())))
            .examples(["8h"])
            .into()
    }
}

impl ToSchema for Ttl {
    fn name() -> Cow<'static, str> {
        "Ttl".into()
    }
}

/// At least one.
#[derive(Deserialize)]
pub(crate) struct SomeCameras;

impl PartialSchema for SomeCameras {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new()
            .items(Ref::from_schema_name(CameraPattern::name()))
            .min_items(Some(1))
            .into()
    }
}

impl ToSchema for SomeCameras {
    fn name() -> Cow<'static, str> {
        "SomeCameras".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((CameraPattern::name().into(), CameraPattern::schema()));
    }
}

/// A venue that is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewVenue {
    #[schema(value_type = Slug)]
    slug: String,
    name: DisplayName,
    #[schema(value_type = VenueTimeZone)]
    time_zone: String,
}

/// What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VenueChange {
    #[schema(nullable = false)]
    name: Option<DisplayName>,
    #[schema(value_type = Option<VenueTimeZone>, nullable = false)]
    time_zone: Option<String>,
    #[schema(nullable = false)]
    images: Option<ImageSettingsChange>,
}

/// New settings of pictures; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImageSettingsChange {
    /// From `1h` to 10 years.
    #[schema(nullable = false)]
    retention: Option<Ttl>,
    /// `0d`: not at all; at most a year.
    #[schema(nullable = false)]
    originals: Option<Ttl>,
    #[schema(nullable = false, min_items = 1, max_items = 4)]
    variants: Option<Vec<VariantName>>,
    /// At least one: no class would let see everybody.
    #[schema(value_type = Option<Vec<Class>>, nullable = false, min_items = 1, max_items = 50)]
    classes: Option<Vec<String>>,
}

/// What is made of a picture.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum VariantName {
    Thumbnail,
    Annotated,
    Anonymised,
}

/// A node that is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewNode {
    #[schema(value_type = Slug)]
    slug: String,
    /// Else the slug.
    #[schema(nullable = false)]
    name: Option<DisplayName>,
}

/// What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NodeChange {
    #[schema(nullable = false)]
    name: Option<DisplayName>,
}

/// A new title.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CameraChange {
    /// Null: none.
    #[schema(required)]
    title: Option<DisplayName>,
}

/// A node key that is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKey {
    /// Where it is used.
    #[schema(nullable = false)]
    label: Option<DisplayName>,
}

/// A viewer token that is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewViewerToken {
    #[schema(value_type = Vec<Slug>, min_items = 1, max_items = 100)]
    venues: Vec<String>,
    /// Of some of the venues only these cameras; at least one each, and at most 100 in all.
    #[schema(value_type = Option<BTreeMap<Slug, SomeCameras>>, nullable = false)]
    #[expect(clippy::zero_sized_map_values, reason = "read for its rules, not for what is in it")]
    cameras: Option<BTreeMap<String, SomeCameras>>,
    /// Else 8 hours, or the longest that the settings allow.
    #[schema(nullable = false)]
    ttl: Option<Ttl>,
}

/// Who wants to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    #[schema(example = "admin")]
    name: String,
    #[schema(format = Password)]
    password: String,
}

/// One's own password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    #[schema(format = Password)]
    current: String,
    /// At most 1,024 bytes, with more than four different characters, and not like the name. How long it has to be is a setting.
    #[schema(format = Password, min_length = 12, max_length = 1024)]
    new: String,
}

/// A user that is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    /// What they type to sign in; capitals do not count.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$", example = "erika")]
    name: String,
    /// Else the name.
    #[schema(nullable = false)]
    display_name: Option<DisplayName>,
    /// At most 1,024 bytes, with more than four different characters, and not like the name. How long it has to be is a setting.
    #[schema(format = Password, min_length = 12, max_length = 1024)]
    password: String,
    /// Each venue, and null, at most once; else none.
    #[schema(max_items = 100, nullable = false)]
    roles: Option<Vec<RoleBody>>,
}

/// What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserChange {
    #[schema(nullable = false)]
    display_name: Option<DisplayName>,
    /// As in a new user.
    #[schema(format = Password, min_length = 12, max_length = 1024, nullable = false)]
    password: Option<String>,
    /// Ends all sessions of the user.
    #[schema(nullable = false)]
    disabled: Option<bool>,
    /// Each venue, and null, at most once. Those that are not for you to give stay as they are.
    #[schema(max_items = 100, nullable = false)]
    roles: Option<Vec<RoleBody>>,
}

/// An API token that is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewApiToken {
    /// What it is for.
    name: DisplayName,
    /// Each venue, and null, at most once.
    #[schema(min_items = 1, max_items = 100)]
    roles: Vec<RoleBody>,
    /// Else 90 days; at most a year.
    #[schema(nullable = false)]
    ttl: Option<Ttl>,
}
