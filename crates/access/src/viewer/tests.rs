use jiff::SignedDuration;
use serde_json::{Value, json};

use super::*;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn tokens() -> ViewerTokens {
    ViewerTokens::new(&SECRET.into())
}

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn limits(cameras: &[(&str, &[&str])]) -> CameraLimits {
    let patterns = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
    let limit = |(venue, names): &(&str, &[&str])| (Slug::new(venue).unwrap(), patterns(names));
    cameras.iter().map(limit).collect()
}

fn claims() -> Value {
    json!({"iss": "citytrack", "sub": "viewer", "iat": 1_795_341_600, "exp": 1_795_345_200, "venues": ["demo"]})
}

fn signed(header: &Header, claims: &Value, secret: &str) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

#[test]
fn a_token_says_what_was_issued() {
    let venues = [Slug::new("demo").unwrap(), Slug::new("main-hall").unwrap()];
    let expires_at = now() + SignedDuration::from_hours(8);
    let cameras = limits(&[("demo", &["entrance", "north/exit"])]);
    let token = tokens().issue(&venues, &cameras, expires_at, now()).unwrap();
    let viewer = tokens().verify(&token, now()).unwrap();
    assert_eq!(
        (&viewer.venues, viewer.expires_at),
        (&Venues::Named(venues.to_vec()), expires_at)
    );
    assert_eq!(viewer.cameras, cameras);
    assert_eq!(viewer.cameras(&venues[0]), Some(cameras[&venues[0]].as_slice()));
    assert_eq!(viewer.cameras(&venues[1]), None);
    assert!(viewer.allows(&venues[0]) && viewer.allows(&venues[1]) && !viewer.allows(&Slug::new("other").unwrap()));
}

#[test]
fn only_the_cameras_that_are_named_may_be_seen() {
    let venues = ["demo", "main-hall"].map(|venue| Slug::new(venue).unwrap());
    let cameras = limits(&[("demo", &["entrance", "north/exit"])]);
    let token = tokens().issue(&venues, &cameras, now() + HOUR, now()).unwrap();
    let viewer = tokens().verify(&token, now()).unwrap();
    for (venue, node, camera, allowed) in [
        ("demo", "south", "entrance", true),
        ("demo", "north", "exit", true),
        ("demo", "south", "exit", false),
        ("demo", "north", "yard", false),
        ("main-hall", "north", "yard", true),
        ("other", "north", "entrance", false),
    ] {
        let (venue, node) = (Slug::new(venue).unwrap(), Slug::new(node).unwrap());
        let name = CameraName::new(camera).unwrap();
        assert_eq!(
            viewer.allows_camera(&venue, &node, &name),
            allowed,
            "{venue} {node}/{camera}"
        );
    }
}

#[test]
fn a_limit_that_cannot_be_meant_is_not_issued() {
    let venues = [Slug::new("demo").unwrap()];
    for wrong in [limits(&[("other", &["entrance"])]), limits(&[("demo", &[])])] {
        let issued = tokens().issue(&venues, &wrong, now() + HOUR, now());
        assert_eq!(issued, Err(TokenError::Invalid), "{wrong:?}");
    }
}

#[test]
fn every_token_has_its_own_fingerprint() {
    let issue = || tokens().issue(&[], &CameraLimits::new(), now() + HOUR, now()).unwrap();
    let fingerprint = |token: &str| tokens().verify(token, now()).unwrap().fingerprint;
    let token = issue();
    assert_eq!(fingerprint(&token), fingerprint(&token));
    assert_ne!(
        fingerprint(&token),
        fingerprint(&issue()),
        "issued for the same in the same second"
    );
}

#[test]
fn a_token_expires_at_the_second_it_names() {
    let token = tokens()
        .issue(&[], &CameraLimits::new(), now() + SignedDuration::from_secs(60), now())
        .unwrap();
    assert!(
        tokens()
            .verify(&token, now() + SignedDuration::from_millis(59_999))
            .is_ok()
    );
    assert_eq!(
        tokens().verify(&token, now() + SignedDuration::from_secs(60)),
        Err(TokenError::Expired)
    );
}

#[test]
fn the_payload_is_the_documented_one() {
    let token = signed(&Header::new(Algorithm::HS256), &claims(), SECRET);
    let viewer = tokens().verify(&token, now()).unwrap();
    assert!(viewer.cameras.is_empty());
    let mut claims = claims();
    claims["cameras"] = json!({"demo": ["entrance", "north/exit"]});
    let token = signed(&Header::new(Algorithm::HS256), &claims, SECRET);
    let viewer = tokens().verify(&token, now()).unwrap();
    assert_eq!(viewer.cameras, limits(&[("demo", &["entrance", "north/exit"])]));
}

#[test]
fn whoever_else_signed_it_is_refused() {
    let other_secret = signed(
        &Header::new(Algorithm::HS256),
        &claims(),
        "another secret of the same length",
    );
    let other_algorithm = signed(&Header::new(Algorithm::HS512), &claims(), SECRET);
    let unsigned = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJjaXR5dHJhY2siLCJzdWIiOiJ2aWV3ZXIiLCJpYXQiOjAsImV4cCI6OTk5OTk5OTk5OSwidmVudWVzIjpbXX0.";
    for token in [other_secret.as_str(), &other_algorithm, unsigned, "", "a.b.c"] {
        assert_eq!(tokens().verify(token, now()), Err(TokenError::Invalid), "{token}");
    }
}

#[test]
fn a_token_with_missing_or_wrong_claims_is_refused() {
    for (claim, value) in [
        ("iss", json!("somebody")),
        ("iss", Value::Null),
        ("sub", json!("node")),
        ("exp", Value::Null),
        ("exp", json!("tomorrow")),
        ("venues", Value::Null),
        ("venues", json!(["Not A Slug"])),
        ("cameras", Value::Null),
        ("cameras", json!(["entrance"])),
        ("cameras", json!({"demo": []})),
        ("cameras", json!({"demo": "entrance"})),
        ("cameras", json!({"demo": ["entrance", "a/b/c"]})),
        ("cameras", json!({"other": ["entrance"]})),
        ("cameras", json!({"Not A Slug": ["entrance"]})),
    ] {
        let mut claims = claims();
        claims[claim] = value.clone();
        let token = signed(&Header::new(Algorithm::HS256), &claims, SECRET);
        assert_eq!(
            tokens().verify(&token, now()),
            Err(TokenError::Invalid),
            "{claim} {value}"
        );
    }
}

#[test]
fn a_token_for_all_venues_opens_each_of_them() {
    let (demo, lab) = (Slug::new("demo").unwrap(), Slug::new("lab").unwrap());
    let token = tokens().issue_for(&Venues::All, &limits(&[("demo", &["door"])]), now() + HOUR, now());
    let viewer = tokens().verify(&token.unwrap(), now()).unwrap();
    assert_eq!(viewer.venues.texts().collect::<Vec<_>>(), ["*"]);
    assert!(viewer.allows(&demo) && viewer.allows(&lab));
    assert_eq!(viewer.roles(), Roles::everywhere(Role::Viewer));
    let camera = |venue, name| viewer.allows_camera(venue, &lab, &CameraName::new(name).unwrap());
    assert!(camera(&demo, "door") && !camera(&demo, "yard") && camera(&lab, "yard"));
}

#[test]
fn every_venue_is_meant_by_nothing_but_a_lonely_star() {
    for venues in [json!(["*", "demo"]), json!(["*", "*"]), json!(["de*"]), json!("*")] {
        let mut claims = claims();
        claims["venues"] = venues;
        let token = signed(&Header::new(Algorithm::HS256), &claims, SECRET);
        assert_eq!(tokens().verify(&token, now()), Err(TokenError::Invalid), "{claims}");
    }
    let none = tokens().issue(&[], &CameraLimits::new(), now() + HOUR, now()).unwrap();
    assert!(
        !tokens()
            .verify(&none, now())
            .unwrap()
            .allows(&Slug::new("demo").unwrap())
    );
}
