//! Rules that hold for every filter, against the plain reading of its JSON.

use citytrack_domain::{CameraPattern, Class};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::json;

use super::{
    tests::{detection, view},
    *,
};

/// None.
const LIMITS: FilterLimits = FilterLimits {
    depth: usize::MAX,
    nodes: usize::MAX,
    cameras: usize::MAX,
    classes: usize::MAX,
};
const NODES: [&str; 2] = ["north", "south"];
const CAMERAS: [&str; 3] = ["a", "b", "c"];
const CLASSES: [&str; 3] = ["car", "dog", "person"];
const CONFIDENCES: [f64; 4] = [0.0, 0.3, 0.5, 1.0];

/// What the documents say that a filter means.
fn plain(tree: &Value, (node, camera): (&str, &str), (class, confidence): (&str, f64)) -> bool {
    let (key, value) = tree.as_object().unwrap().iter().next().unwrap();
    let part = |part: &Value| plain(part, (node, camera), (class, confidence));
    let names = |name: &str| value["in"].as_array().unwrap().contains(&json!(name));
    match key.as_str() {
        "and" => value.as_array().unwrap().iter().all(part),
        "or" => value.as_array().unwrap().iter().any(part),
        "not" => !part(value),
        "camera" => names(camera) || names(&format!("{node}/{camera}")),
        "class" => names(class),
        "confidence" => confidence >= value["min"].as_f64().unwrap(),
        other => panic!("{other}"),
    }
}

fn cameras() -> impl Strategy<Value = Value> {
    let names = select(vec!["a", "b", "north/a", "north/b", "south/a", "south/c"]);
    vec(names, 1..4).prop_map(|names| json!({"camera": {"in": names}}))
}

fn leaves() -> impl Strategy<Value = Value> {
    prop_oneof![
        cameras(),
        vec(select(&CLASSES[..]), 1..4).prop_map(|names| json!({"class": {"in": names}})),
        select(&CONFIDENCES[..]).prop_map(|min| json!({"confidence": {"min": min}})),
    ]
}

fn trees_of(leaves: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    leaves.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..4).prop_map(|parts| json!({ "and": parts })),
            vec(inner.clone(), 1..4).prop_map(|parts| json!({ "or": parts })),
            inner.prop_map(|inner| json!({ "not": inner })),
        ]
    })
}

/// JSON of any form, made of the words of filters among others.
fn anything() -> impl Strategy<Value = Value> {
    let words = || {
        let words = [
            "and",
            "or",
            "not",
            "camera",
            "class",
            "confidence",
            "in",
            "min",
            "north/a",
            "ü",
        ];
        select(words.map(str::to_owned).to_vec())
    };
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<f64>().prop_map(|number| json!(number)),
        words().prop_map(Value::from)
    ];
    leaf.prop_recursive(5, 30, 3, move |inner| {
        let members = vec((words(), inner.clone()), 0..3);
        let objects = members.prop_map(|members| Value::Object(members.into_iter().collect()));
        prop_oneof![3 => objects, 1 => vec(inner, 0..3).prop_map(Value::from)]
    })
}

/// The same wish in other words.
fn disguise(tree: &Value) -> Value {
    let (key, value) = tree.as_object().unwrap().iter().next().unwrap();
    let twice = |list: &Value, other: fn(&Value) -> Value| {
        let list = list.as_array().unwrap();
        list.iter().rev().chain(list).map(other).collect::<Vec<_>>()
    };
    let other = match key.as_str() {
        "and" | "or" => {
            let parts = twice(value, disguise);
            let (start, end) = parts.split_at(1);
            json!({key: [{key: end}, {"not": {"not": start[0]}}]})
        }
        "not" => json!({"not": {"and": [disguise(value)]}}),
        "confidence" => tree.clone(),
        _ => json!({key: {"in": twice(&value["in"], Value::clone)}}),
    };
    json!({"or": [other]})
}

/// The canonical form as a client could have written it.
fn written(tree: &Tree) -> Value {
    match tree {
        Tree::Everything => json!({"confidence": {"min": 0}}),
        Tree::Nothing => json!({"not": {"confidence": {"min": 0}}}),
        Tree::Camera(patterns) => {
            json!({"camera": {"in": patterns.iter().map(CameraPattern::to_string).collect::<Vec<_>>()}})
        }
        Tree::Confidence(threshold) => json!({"confidence": {"min": threshold.value()}}),
        Tree::Class(classes) => json!({"class": {"in": classes.iter().map(Class::as_str).collect::<Vec<_>>()}}),
        Tree::Not(inner) => json!({"not": written(inner)}),
        Tree::And(parts) => json!({"and": parts.iter().map(written).collect::<Vec<_>>()}),
        Tree::Or(parts) => json!({"or": parts.iter().map(written).collect::<Vec<_>>()}),
    }
}

fn parse(tree: &Value) -> Filter {
    Filter::parse(tree, LIMITS).unwrap()
}

fn wants(view: &View<'_>, detection: &Detection) -> bool {
    match view {
        View::Nothing => false,
        View::Everything => true,
        View::Part(rest) => rest.wants(detection),
    }
}

/// Every camera and every kind of detection there is here.
fn places() -> impl Iterator<Item = (&'static str, &'static str)> {
    NODES.into_iter().flat_map(|node| CAMERAS.map(|camera| (node, camera)))
}

fn detections() -> impl Iterator<Item = (&'static str, f64)> {
    let classes = CLASSES.into_iter().chain(["tram"]);
    classes.flat_map(|class| CONFIDENCES.map(|confidence| (class, confidence)))
}

proptest! {
    #[test]
    fn a_filter_wants_what_its_json_says(tree in trees_of(leaves())) {
        let filter = parse(&tree);
        for place in places() {
            let view = view(&filter, place.0, place.1);
            for seen in detections() {
                prop_assert_eq!(
                    wants(&view, &detection(seen.0, seen.1)), plain(&tree, place, seen), "{:?} {:?}", place, seen
                );
            }
        }
    }

    #[test]
    fn cameras_alone_always_decide(tree in trees_of(cameras())) {
        let filter = parse(&tree);
        for (node, camera) in places() {
            prop_assert!(!matches!(view(&filter, node, camera), View::Part(_)), "{}/{}", node, camera);
        }
    }

    #[test]
    fn other_words_for_a_wish_are_the_same_filter(tree in trees_of(leaves())) {
        prop_assert_eq!(parse(&tree), parse(&disguise(&tree)));
    }

    #[test]
    fn the_canonical_form_stays_as_it_is(tree in trees_of(leaves())) {
        let filter = parse(&tree);
        prop_assert_eq!(parse(&written(&filter.0)), filter);
    }

    #[test]
    fn both_are_wanted(one in trees_of(leaves()), other in trees_of(leaves())) {
        prop_assert_eq!(parse(&one).and(parse(&other)), parse(&json!({"and": [other, one]})));
    }

    #[test]
    fn what_is_accepted_has_the_documented_form(tree in anything()) {
        if Filter::parse(&tree, LIMITS).is_ok() {
            plain(&tree, ("north", "a"), ("person", 0.5));
        }
    }
}
