//! The written contract, `proto-schemas/live`, as something to check messages with.

use std::{collections::BTreeMap, fs, path::Path, sync::LazyLock};

use jsonschema::{Registry, Validator};
use serde_json::{Value, json};

/// What clients say; every other schema is of the server.
const OF_CLIENTS: [&str; 4] = ["authenticate", "ping", "subscribe", "unsubscribe"];
/// Where the schemas are, for references between them: nowhere.
const BASE: &str = "contract:///";

static SCHEMAS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(read);
static WRITTEN: LazyLock<BTreeMap<String, Validator>> = LazyLock::new(|| validators(&SCHEMAS));
static WITHOUT_MORE: LazyLock<BTreeMap<String, Validator>> = LazyLock::new(|| {
    let mut schemas = SCHEMAS.clone();
    for schema in schemas.values_mut() {
        schema["unevaluatedProperties"] = json!(false);
    }
    let definitions = schemas.get_mut("definitions").unwrap();
    definitions.as_object_mut().unwrap().remove("unevaluatedProperties");
    for object in ["detection", "snapshotFrame"] {
        definitions["$defs"][object]["unevaluatedProperties"] = json!(false);
    }
    validators(&schemas)
});

fn read() -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto-schemas/live");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let schemas = files.filter(|file| file.extension().is_some_and(|extension| extension == "json"));
    let named = |file: &Path| {
        let schema = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        (file.file_stem().unwrap().to_str().unwrap().to_owned(), schema)
    };
    schemas.map(|file| named(&file)).collect()
}

fn validators(schemas: &BTreeMap<String, Value>) -> BTreeMap<String, Validator> {
    let registry = schemas.iter().fold(Registry::new(), |registry, (name, schema)| {
        registry.add(format!("{BASE}{name}.json"), schema.clone()).unwrap()
    });
    let registry = registry.prepare().unwrap();
    let validator = |(name, schema): (&String, &Value)| {
        let options = jsonschema::options()
            .with_registry(&registry)
            .with_base_uri(format!("{BASE}{name}.json"))
            .should_validate_formats(true);
        (name.clone(), options.build(schema).unwrap())
    };
    schemas
        .iter()
        .filter(|(name, _)| *name != "definitions")
        .map(validator)
        .collect()
}

fn name(message: &Value) -> &str {
    message["type"].as_str().unwrap_or_default()
}

/// Fails unless a message of the server is as written, without a field that is not.
pub(crate) fn check(message: &Value) {
    assert!(
        !OF_CLIENTS.contains(&name(message)),
        "{message} is none of the server's"
    );
    for validators in [&WRITTEN, &WITHOUT_MORE] {
        let validator = validators
            .get(name(message))
            .unwrap_or_else(|| panic!("no schema for {message}"));
        let problems: Vec<String> = validator
            .iter_errors(message)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(problems.is_empty(), "{message}: {problems:?}");
    }
}

/// Whether a message of a client is as written.
pub(crate) fn allow(message: &Value) -> bool {
    OF_CLIENTS.contains(&name(message)) && WRITTEN[name(message)].is_valid(message)
}

/// Whether a message, of whichever side, is as written.
pub(crate) fn know(message: &Value) -> bool {
    WRITTEN
        .get(name(message))
        .is_some_and(|validator| validator.is_valid(message))
}

/// Everything that the server says.
pub(crate) fn server_messages() -> Vec<&'static str> {
    let names = WRITTEN.keys().map(String::as_str);
    names.filter(|name| !OF_CLIENTS.contains(name)).collect()
}

/// All messages.
pub(crate) fn messages() -> Vec<&'static str> {
    WRITTEN.keys().map(String::as_str).collect()
}

/// The values that a field of a message can have.
pub(crate) fn values(message: &str, field: &str) -> Vec<&'static str> {
    let values = SCHEMAS[message]["properties"][field]["enum"].as_array().unwrap();
    values.iter().map(|value| value.as_str().unwrap()).collect()
}
