//! How the values look in the OpenAPI documents: the rules of their constructors once more, as JSON Schema.

use std::borrow::Cow;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, SchemaFormat, schema::Type},
};

use crate::{Bucket, CameraName, CameraPattern, Class, Slug, VenueTimeZone};

/// What JSON Schema has no words for is a format by name, which tells people, and test generators that know it.
enum Rule {
    Pattern(&'static str),
    Format(&'static str),
}

macro_rules! text {
    ($type:ty, $name:literal, $rule:expr, $example:literal, $description:literal) => {
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                let text = ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some($description))
                    .examples([$example]);
                let text = match $rule {
                    Rule::Pattern(pattern) => text.pattern(Some(pattern)),
                    Rule::Format(format) => text.format(Some(SchemaFormat::Custom(format.to_owned()))),
                };
                text.into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }
        }
    };
}

text!(
    Slug,
    "Slug",
    Rule::Pattern("^[a-z0-9-]{1,40}$"),
    "demo",
    "The short name of a venue, or of a node within its venue."
);
text!(
    CameraName,
    "CameraName",
    Rule::Pattern("^[A-Za-z0-9_.-]{1,64}$"),
    "entrance",
    "The name of a camera, unique within its node."
);
text!(
    CameraPattern,
    "CameraPattern",
    Rule::Pattern("^([a-z0-9-]{1,40}/)?[A-Za-z0-9_.-]{1,64}$"),
    "north/entrance",
    "The cameras of this name: `entrance`, of whichever node, or `north/entrance`, of the node `north`."
);
text!(
    Class,
    "Class",
    Rule::Pattern("^[a-z0-9_.-]{1,64}$"),
    "person",
    "What kind of object a detection is."
);
text!(
    VenueTimeZone,
    "TimeZone",
    Rule::Format("iana-time-zone"),
    "Europe/Berlin",
    "The name of a time zone in the IANA database."
);

text!(
    Bucket,
    "Bucket",
    Rule::Pattern("^(1m|5m|15m|30m|1h|1d|1w|1mo)$"),
    "1h",
    "How long a bucket is; from hours on they are those of the time zone, weeks begin on Monday."
);

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use jsonschema::validator_for;
    use proptest::prelude::*;

    use super::*;

    fn agree<T: ToSchema + FromStr>(text: &str) {
        let schema = serde_json::to_value(T::schema()).unwrap();
        let is_valid = validator_for(&schema).unwrap().is_valid(&text.into());
        assert_eq!(is_valid, text.parse::<T>().is_ok(), "{} {text:?}", T::name());
    }

    fn all_agree(text: &str) {
        agree::<Slug>(text);
        agree::<CameraName>(text);
        agree::<CameraPattern>(text);
        agree::<Class>(text);
    }

    #[test]
    fn schemas_know_the_limits() {
        for length in [0, 1, 40, 41, 64, 65] {
            all_agree(&"a".repeat(length));
            all_agree(&format!("{}/{}", "a".repeat(length), "b".repeat(length)));
        }
        for text in ["a/b/c", "a/", "/a", "demo\n", "é", "A/b", "a/B"] {
            all_agree(text);
        }
        for text in [
            "1m", "5m", "15m", "30m", "1h", "1d", "1w", "1mo", "1y", "2m", "11m", "1m1h", "",
        ] {
            agree::<Bucket>(text);
        }
    }

    proptest! {
        #[test]
        fn schemas_are_the_rules_of_the_constructors(text in "[a-cA-C0-9_./ -]{0,6}|.{0,6}") {
            all_agree(&text);
        }
    }
}
