//! What is true of every parameter outside a body.

use utoipa::openapi::{
    RefOr, Schema,
    path::Parameter,
    schema::{OneOf, SchemaType, Type},
};

/// An address or a header has no word for null: what is optional is left out. And a list between commas is never empty, since
/// nothing between commas is one empty text.
pub(super) fn tidy(parameter: &mut RefOr<Parameter>) {
    let RefOr::T(parameter) = parameter else {
        return;
    };
    let Some(schema) = parameter.schema.take() else {
        return;
    };
    parameter.schema = Some(match schema {
        RefOr::T(Schema::OneOf(choices)) => without_null(choices),
        RefOr::T(Schema::Object(mut object)) => {
            if let SchemaType::Array(types) = &mut object.schema_type {
                types.retain(|kind| *kind != Type::Null);
                if let [only] = &types[..] {
                    object.schema_type = SchemaType::Type(only.clone());
                }
            }
            RefOr::T(Schema::Object(object))
        }
        RefOr::T(Schema::Array(mut list)) => {
            list.schema_type = SchemaType::Type(Type::Array);
            list.min_items = list.min_items.or(Some(1));
            RefOr::T(Schema::Array(list))
        }
        other => other,
    });
}

fn without_null(mut choices: OneOf) -> RefOr<Schema> {
    choices.items.retain(|choice| {
        !matches!(choice, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null))
    });
    if choices.items.len() == 1
        && let Some(only) = choices.items.pop()
    {
        return only;
    }
    RefOr::T(Schema::OneOf(choices))
}
