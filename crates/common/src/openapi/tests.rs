use serde_json::{Value, json};
use utoipa::OpenApi;

use super::*;

#[utoipa::path(get, path = "/things/{thing}", params(
    ("thing" = String, Path),
    ("class" = Option<String>, Query),
    ("at" = Option<Inner>, Query),
    ("names" = Option<Vec<String>>, Query),
), responses((status = 200)))]
#[expect(dead_code, reason = "only described")]
fn see() {}

#[utoipa::path(post, path = "/things", request_body = String, responses((status = 201), (status = 422, description = "Ours.")))]
#[expect(dead_code, reason = "only described")]
fn make() {}

#[utoipa::path(get, path = "/open", security(()), responses((status = 200)))]
#[expect(dead_code, reason = "only described")]
fn open() {}

#[derive(utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "only described")]
enum Inner {
    One,
    Two,
}

#[derive(OpenApi)]
#[openapi(paths(see, make, open), components(schemas(Inner)))]
struct Things;

fn document(access: Access) -> Value {
    serde_json::to_value(complete(Things::openapi(), access)).unwrap()
}

fn statuses(document: &Value, path: &str, method: &str) -> Vec<String> {
    let answers = document["paths"][path][method]["responses"].as_object().unwrap();
    answers.keys().cloned().collect()
}

#[test]
fn answers_follow_from_the_form() {
    let document = document(Access::Token("a token"));
    let always = ["400", "408", "431", "500", "502", "503", "504"];
    let with = |more: &[&str]| {
        let mut all: Vec<String> = always.iter().chain(more).map(ToString::to_string).collect();
        all.sort();
        all
    };
    assert_eq!(
        statuses(&document, "/things/{thing}", "get"),
        with(&["200", "401", "403", "404"])
    );
    assert_eq!(
        statuses(&document, "/things", "post"),
        with(&["201", "401", "403", "413", "415", "422"])
    );
    assert_eq!(statuses(&document, "/open", "get"), with(&["200"]));
    assert_eq!(
        document["paths"]["/things"]["post"]["responses"]["422"]["description"], "Ours.",
        "what the author says stays"
    );
    assert!(document["paths"]["/readyz"]["get"]["responses"]["503"]["content"]["application/json"].is_object());
}

#[test]
fn changes_of_a_session_need_the_token_against_forgery() {
    let document = document(Access::TokenOrSession("a token"));
    let security = |path: &str, method: &str| document["paths"][path][method]["security"].clone();
    assert_eq!(
        security("/things/{thing}", "get"),
        json!([{"token": []}, {"session": []}])
    );
    assert_eq!(
        security("/things", "post"),
        json!([{"token": []}, {"session": [], "csrf": []}])
    );
    assert_eq!(security("/open", "get"), json!([{}]));
}

#[test]
fn parameters_are_never_null_and_lists_never_empty() {
    let document = document(Access::Token("a token"));
    let parameters = &document["paths"]["/things/{thing}"]["get"]["parameters"];
    assert_eq!(parameters[1]["schema"], json!({"type": "string"}));
    assert_eq!(parameters[2]["schema"], json!({"$ref": "#/components/schemas/Inner"}));
    assert_eq!(
        parameters[3]["schema"],
        json!({"type": "array", "items": {"type": "string"}, "minItems": 1})
    );
}
