//! Examples; `properties` has the rules.

use citytrack_domain::{BoundingBox, Class, Confidence};
use serde_json::json;

use super::*;

const LIMITS: FilterLimits = FilterLimits {
    depth: 4,
    nodes: 8,
    cameras: 3,
    classes: 3,
};

/// Only these cameras and only these classes; an empty list is all of them.
pub(crate) fn filter(cameras: &[&str], classes: &[&str]) -> Result<Filter, InvalidFilter> {
    let wishes = [("camera", cameras), ("class", classes)];
    let parts = wishes.iter().filter(|(_, names)| !names.is_empty());
    let mut parts = parts.map(|(key, names)| Filter::parse(&json!({*key: {"in": names}}), LIMITS));
    parts.try_fold(Filter::default(), |filter, part| Ok(filter.and(part?)))
}

fn parse(value: &Value) -> Filter {
    Filter::parse(value, LIMITS).unwrap()
}

pub(super) fn detection(class: &str, confidence: f64) -> Detection {
    Detection {
        class: Class::new(class).unwrap(),
        confidence: Confidence::new(confidence).unwrap(),
        bounding_box: BoundingBox::new([0.5, 0.25, 0.125, 0.5]).unwrap(),
        track_id: None,
    }
}

pub(super) fn view<'a>(filter: &'a Filter, node: &str, camera: &str) -> View<'a> {
    filter.at(&Slug::new(node).unwrap(), &CameraName::new(camera).unwrap())
}

/// Whether the filter wants a detection of north/entrance.
fn wants(filter: &Filter, class: &str, confidence: f64) -> bool {
    match view(filter, "north", "entrance") {
        View::Nothing => false,
        View::Everything => true,
        View::Part(rest) => rest.wants(&detection(class, confidence)),
    }
}

#[test]
fn without_conditions_everything_is_wanted() {
    assert!(matches!(
        view(&Filter::default(), "north", "entrance"),
        View::Everything
    ));
    assert_eq!(parse(&json!({"confidence": {"min": 0}})), Filter::default());
}

#[test]
fn cameras_match_by_name_or_by_node_and_name() {
    let filter = parse(&json!({"camera": {"in": ["entrance", "north/exit"]}}));
    for (node, camera) in [("north", "entrance"), ("south", "entrance"), ("north", "exit")] {
        assert!(
            matches!(view(&filter, node, camera), View::Everything),
            "{node}/{camera}"
        );
    }
    for (node, camera) in [("south", "exit"), ("north", "yard"), ("entrance", "north")] {
        assert!(matches!(view(&filter, node, camera), View::Nothing), "{node}/{camera}");
    }
}

#[test]
fn the_cameras_of_a_token_limit_every_filter() {
    let pattern = |text: &str| text.parse().unwrap();
    let limit = Filter::of_cameras(&[pattern("north/entrance"), pattern("yard")]);
    assert_eq!(limit, filter(&["yard", "north/entrance"], &[]).unwrap());
    let other = parse(&json!({"not": {"camera": {"in": ["entrance"]}}})).and(limit);
    assert!(matches!(view(&other, "north", "entrance"), View::Nothing));
    assert!(matches!(view(&other, "south", "yard"), View::Everything));
    assert!(matches!(view(&other, "south", "exit"), View::Nothing));
}

#[test]
fn what_cameras_do_not_decide_is_left_to_the_detections() {
    let filter = parse(&json!({"or": [
        {"and": [{"camera": {"in": ["entrance"]}}, {"class": {"in": ["person"]}}]},
        {"and": [{"not": {"camera": {"in": ["north/entrance", "yard"]}}}, {"confidence": {"min": 0.5}}]},
    ]}));
    assert!(matches!(view(&filter, "north", "yard"), View::Nothing));
    assert!(wants(&filter, "person", 0.1) && !wants(&filter, "car", 0.9));
    let View::Part(south) = view(&filter, "south", "entrance") else {
        panic!("class and confidence decide")
    };
    assert!(south.wants(&detection("person", 0.1)) && south.wants(&detection("car", 0.5)));
    assert!(!south.wants(&detection("car", 0.4)));
}

#[test]
fn a_minimum_compares_as_detections_are_kept() {
    let filter = parse(&json!({"confidence": {"min": 0.9}}));
    assert!(wants(&filter, "person", 0.9) && !wants(&filter, "person", 0.899));
}

#[test]
fn equal_wishes_are_equal_values() {
    let one = parse(&json!({"and": [
        {"class": {"in": ["person", "car", "person"]}},
        {"and": [{"camera": {"in": ["north/exit", "exit", "exit"]}}]},
    ]}));
    assert_eq!(one, filter(&["exit"], &["car", "person"]).unwrap());
    let narrower = parse(&json!({"camera": {"in": ["north/exit", "south/exit"]}}));
    assert_ne!(narrower, filter(&["exit"], &[]).unwrap());
}

#[test]
fn filters_that_differ_in_their_cameras_leave_the_same() {
    let (one, other) = (filter(&["exit"], &["car"]), filter(&["north/exit", "yard"], &["car"]));
    let (one, other) = (one.unwrap(), other.unwrap());
    let (View::Part(one), View::Part(other)) = (view(&one, "north", "exit"), view(&other, "north", "exit")) else {
        panic!("classes decide")
    };
    assert_eq!(one, other);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let one_of = "exactly one of `and`, `or`, `not`, `camera`, `class`, `confidence`";
    let class = "which must be 1 to 64 characters of a-z, 0-9, _, . and -";
    for (value, message) in [
        (json!(null), format!("the filter: must be an object with {one_of}")),
        (json!({}), format!("the filter: must be an object with {one_of}")),
        (
            json!({"class": {"in": ["a"]}, "camera": {"in": ["a"]}}),
            format!("the filter: must be an object with {one_of}"),
        ),
        (
            json!({"classes": ["a"]}),
            format!("the filter: has \"classes\"; it must have {one_of}"),
        ),
        (json!({"and": []}), "/and: must be a list of at least one".to_owned()),
        (json!({"or": {}}), "/or: must be a list of at least one".to_owned()),
        (json!({"not": []}), format!("/not: must be an object with {one_of}")),
        (
            json!({"class": ["a"]}),
            "/class: must be an object with `in` and nothing else".to_owned(),
        ),
        (
            json!({"camera": {"in": []}}),
            "/camera/in: must be a list of at least one".to_owned(),
        ),
        (
            json!({"camera": {"in": [1]}}),
            "/camera/in/0: must be a string".to_owned(),
        ),
        (
            json!({"and": [{"not": {"class": {"in": ["a"]}}}, {"class": {"in": ["a", "Person"]}}]}),
            format!("/and/1/class/in/1: \"Person\" is no class, {class}"),
        ),
        (
            json!({"confidence": {"min": 0.5, "max": 1}}),
            "/confidence: must be an object with `min` and nothing else".to_owned(),
        ),
    ] {
        let error = Filter::parse(&value, LIMITS).unwrap_err();
        assert_eq!(error.to_string(), message, "{value}");
    }
}

#[test]
fn names_and_numbers_that_cannot_be_are_refused() {
    for name in ["", "/entrance", "north/", "a/b/c", "North/entrance", "über", "a b"] {
        let error = filter(&["entrance", name], &[]).unwrap_err();
        let message = format!("/camera/in/1: {name:?} is neither a camera's name nor node/name");
        assert_eq!(error.to_string(), message);
    }
    let error = filter(&[], &[""]).unwrap_err();
    assert!(error.to_string().starts_with("/class/in/0: \"\" is no class"));
    for min in [json!(-0.1), json!(1.01), json!("0.5"), json!(null), json!(1e300)] {
        let error = Filter::parse(&json!({"confidence": {"min": min}}), LIMITS).unwrap_err();
        assert_eq!(error.to_string(), "/confidence/min: must be a number from 0 to 1");
    }
}

#[test]
fn more_than_the_limits_is_refused() {
    let class = json!({"class": {"in": ["a"]}});
    let not = |inner| json!({ "not": inner });
    let deepest = not(not(not(class.clone())));
    assert!(Filter::parse(&deepest, LIMITS).is_ok());
    let wide = |parts| json!({"or": vec![json!({"confidence": {"min": 0.5}}); parts]});
    assert!(Filter::parse(&wide(7), LIMITS).is_ok());
    let two = json!({"and": [{"class": {"in": ["a", "a"]}}, {"class": {"in": ["a", "b"]}}]});
    for (value, message) in [
        (not(deepest), "/not/not/not/not: nested deeper than 4 conditions"),
        (wide(8), "/or/7: more than 8 conditions"),
        (two, "/and/1/class/in/1: more than 3 classes"),
        (
            json!({"camera": {"in": ["a", "b", "c", "d"]}}),
            "/camera/in/3: more than 3 cameras",
        ),
    ] {
        assert_eq!(Filter::parse(&value, LIMITS).unwrap_err().to_string(), message);
    }
    let siblings = json!({"or": [not(not(class.clone())), not(not(class))]});
    assert!(Filter::parse(&siblings, LIMITS).is_ok(), "depth is not added up");
}
