//! `proto-schemas/openapi` holds the OpenAPI documents, made from the handlers; this test fails when they differ.
//!
//! `UPDATE_DOCS=1 cargo test -p citytrack-e2e --test openapi` writes them.

#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::Value;
use utoipa::openapi::OpenApi;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto-schemas/openapi");

fn documents() -> [(&'static str, OpenApi); 4] {
    [
        ("ingest-api", citytrack_ingest_api::openapi()),
        ("realtime-ws", citytrack_realtime_ws::openapi()),
        ("stats", citytrack_stats::openapi()),
        ("console", citytrack_console::openapi()),
    ]
}

#[test]
fn the_documents_are_up_to_date() {
    let mut drifted = Vec::new();
    for (service, document) in documents() {
        let (path, wanted) = (
            format!("{FOLDER}/{service}.json"),
            document.to_pretty_json().unwrap() + "\n",
        );
        #[expect(clippy::disallowed_methods, reason = "a switch of this test, not a setting")]
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, &wanted).unwrap();
        }
        if std::fs::read_to_string(&path).unwrap_or_default() != wanted {
            drifted.push(service);
        }
    }
    assert!(
        drifted.is_empty(),
        "{drifted:?} have drifted: UPDATE_DOCS=1 cargo test -p citytrack-e2e --test openapi"
    );
}

#[test]
fn the_documents_are_complete() {
    for (service, document) in documents() {
        let document = serde_json::to_value(document).unwrap();
        let mut dangling = Vec::new();
        references(&document, &mut |target| {
            let pointer = target.strip_prefix('#').unwrap_or_default();
            if document.pointer(pointer).is_none() {
                dangling.push(target.to_owned());
            }
        });
        assert!(dangling.is_empty(), "{service}: {dangling:?} are not in the document");
        assert_eq!(document["openapi"], "3.1.0");
    }
}

fn references(value: &Value, found: &mut dyn FnMut(&str)) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get("$ref") {
                found(target);
            }
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(elements) => elements.iter().for_each(|element| references(element, found)),
        _ => {}
    }
}
