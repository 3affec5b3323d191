//! The audit log: each change made by way of the API has one entry, by whoever made it, without secrets.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    browser::{Browser, PASSWORD},
    console::{Console, answer},
};

const AUDIT: &str = "/api/v1/audit";

/// The entries, newest first.
async fn entries(console: &Console, query: &str) -> Vec<Value> {
    let (status, mut page) = console.get(&format!("{AUDIT}{query}")).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    serde_json::from_value(page["entries"].take()).unwrap()
}

/// Makes changes as somebody and looks at the entries that come of each.
struct Auditor<'a> {
    console: &'a Console,
    browser: Browser<'a>,
    last: i64,
}

impl<'a> Auditor<'a> {
    async fn new(console: &'a Console) -> Self {
        let browser = console.signed_in("anna", &[("*", "admin")]).await;
        let last = entries(console, "").await[0]["id"].as_i64().unwrap();
        Self { console, browser, last }
    }

    /// The entries that came since the last time, as action and subject.
    async fn new_entries(&mut self) -> Vec<(String, String)> {
        let mut new = entries(self.console, "").await;
        new.retain(|entry| entry["id"].as_i64().unwrap() > self.last);
        new.reverse();
        self.last = new.last().map_or(self.last, |entry| entry["id"].as_i64().unwrap());
        let anna = json!({"kind": "user", "name": "anna"});
        let told = |entry: &Value| {
            assert_eq!(
                (&entry["actor"], &entry["address"]),
                (&anna, &json!("127.0.0.1")),
                "{entry}"
            );
            let text = |name: &str| entry[name].as_str().unwrap().to_owned();
            (text("action"), text("subject"))
        };
        new.iter().map(told).collect()
    }

    /// A change and the only entries that may come of it.
    async fn change(&mut self, method: Method, path: &str, body: Value, expected: &[(&str, &str)]) -> Value {
        let (status, answer) = self.browser.ask(method.clone(), path, body).await;
        assert!(status.is_success(), "{method} {path}: {answer}");
        let told = self.new_entries().await;
        let told: Vec<_> = told
            .iter()
            .map(|(action, subject)| (action.as_str(), subject.as_str()))
            .collect();
        assert_eq!(told, expected, "{method} {path}");
        answer
    }
}

#[tokio::test]
async fn each_change_has_one_entry_by_who_made_it_and_no_secret() {
    let console = Console::start().await;
    let mut auditor = Auditor::new(&console).await;
    let [post, patch, delete] = [Method::POST, Method::PATCH, Method::DELETE];
    let venue = json!({"slug": "demo", "name": "Demo", "time_zone": "UTC"});
    auditor
        .change(post.clone(), "/api/v1/venues", venue, &[("venue.created", "demo")])
        .await;
    let demo = "/api/v1/venues/demo";
    auditor
        .change(
            patch.clone(),
            demo,
            json!({"name": "Fair"}),
            &[("venue.updated", "demo")],
        )
        .await;
    auditor.change(patch.clone(), demo, json!({"name": "Fair"}), &[]).await;
    let nodes = "/api/v1/venues/demo/nodes";
    let node = auditor
        .change(
            post.clone(),
            nodes,
            json!({"slug": "north"}),
            &[("node.created", "demo/north")],
        )
        .await;
    let node = format!("/api/v1/nodes/{}", node["id"].as_str().unwrap());
    auditor
        .change(
            patch.clone(),
            &node,
            json!({"name": "Gate"}),
            &[("node.updated", "demo/north")],
        )
        .await;
    let (status, key) = auditor
        .browser
        .ask(post.clone(), &format!("{node}/keys"), json!({}))
        .await;
    assert_eq!(status, StatusCode::CREATED);
    let named = format!("demo/north {}", key["prefix"].as_str().unwrap());
    assert_eq!(
        auditor.new_entries().await,
        [("node-key.created".to_owned(), named.clone())]
    );
    let key_path = format!("{node}/keys/{}", key["id"].as_str().unwrap());
    auditor
        .change(delete.clone(), &key_path, json!({}), &[("node-key.revoked", &named)])
        .await;
    let viewers = auditor
        .change(
            post.clone(),
            "/api/v1/viewer-tokens",
            json!({"venues": ["demo"]}),
            &[("viewer-token.created", "demo")],
        )
        .await;

    let roles = json!([{"venue": "demo", "role": "viewer"}]);
    let bob = json!({"name": "bob", "password": PASSWORD, "roles": roles});
    let made = [("user.created", "bob"), ("user-role.created", "bob")];
    let bob = auditor.change(post.clone(), "/api/v1/users", bob, &made).await;
    let bob = format!("/api/v1/users/{}", bob["id"].as_str().unwrap());
    let operator = json!({"roles": [{"venue": "demo", "role": "operator"}]});
    auditor
        .change(patch.clone(), &bob, operator, &[("user-role.updated", "bob")])
        .await;
    let password = json!({"password": "another secret phrase"});
    auditor
        .change(patch.clone(), &bob, password, &[("user.updated", "bob")])
        .await;
    auditor
        .change(
            patch.clone(),
            &bob,
            json!({"disabled": true}),
            &[("user.disabled", "bob")],
        )
        .await;

    let token = json!({"name": "reports", "roles": roles});
    let (status, token) = auditor.browser.ask(post, "/api/v1/api-tokens", token).await;
    assert_eq!(status, StatusCode::CREATED, "{token}");
    let named = format!("reports {}", token["prefix"].as_str().unwrap());
    let expected = ["api-token.created", "api-token-role.created"].map(|action| (action.to_owned(), named.clone()));
    assert_eq!(auditor.new_entries().await, expected);
    let token_path = format!("/api/v1/api-tokens/{}", token["id"].as_str().unwrap());
    auditor
        .change(delete.clone(), &token_path, json!({}), &[("api-token.revoked", &named)])
        .await;
    auditor
        .change(delete.clone(), &node, json!({}), &[("node.retired", "demo/north")])
        .await;
    auditor
        .change(delete, demo, json!({}), &[("venue.retired", "demo")])
        .await;

    let cookie = auditor.browser.cookie.split_once('=').unwrap().1.to_owned();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut secrets = vec![cookie, auditor.browser.csrf_token.clone(), PASSWORD.to_owned()];
    secrets.extend([text(&key["key"]), text(&token["token"]), text(&viewers["token"])]);
    secrets.extend(["another secret phrase", "argon2"].map(str::to_owned));
    let hashes = "select encode(key_hash, 'hex') from node_key union all select encode(token_hash, 'hex') from api_token
                  union all select encode(secret_hash, 'hex') from session union all select password_hash from user_account";
    let client = console.test.database.client().await.unwrap();
    secrets.extend(
        client
            .query(hashes, &[])
            .await
            .unwrap()
            .iter()
            .map(|row| row.get::<_, String>(0)),
    );
    assert!(secrets.len() >= 13, "{}", secrets.len());
    let log = Value::from(entries(&console, "?limit=500").await).to_string();
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret} is in the audit log");
    }
}

#[tokio::test]
async fn signing_in_and_out_has_entries_and_what_was_typed_is_in_none() {
    let console = Console::start().await;
    let anna = console.signed_in("anna", &[("*", "admin")]).await;
    for (name, password) in [("anna", "not her password"), ("typed in the wrong field", PASSWORD)] {
        let refused = console.try_sign_in(name, password).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(
        anna.ask(Method::DELETE, "/api/v1/session", json!({})).await.0,
        StatusCode::NO_CONTENT
    );
    let entries = entries(&console, "").await;
    let told: Vec<_> = entries[..4]
        .iter()
        .map(|entry| ["action", "subject", "address"].map(|part| entry[part].as_str().unwrap()))
        .collect();
    let expected = [
        ("user.signed-out", "anna"),
        ("user.sign-in-failed", "(no such user)"),
        ("user.sign-in-failed", "anna"),
        ("user.signed-in", "anna"),
    ];
    assert_eq!(told, expected.map(|(action, subject)| [action, subject, "127.0.0.1"]));
    let log = Value::from(entries).to_string();
    assert!(!log.contains("typed in") && !log.contains("not her password"), "{log}");
}

#[tokio::test]
async fn what_is_refused_has_no_entry() {
    let console = Console::start().await;
    let mut auditor = Auditor::new(&console).await;
    let venue = json!({"slug": "demo", "name": "Demo", "time_zone": "UTC"});
    let path = "/api/v1/venues";
    auditor
        .change(Method::POST, path, venue.clone(), &[("venue.created", "demo")])
        .await;
    for (body, expected) in [
        (venue, StatusCode::CONFLICT),
        (json!({"slug": "other"}), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        assert_eq!(auditor.browser.ask(Method::POST, path, body).await.0, expected);
        assert_eq!(auditor.new_entries().await, []);
    }
    let roles = json!([{"venue": "nowhere", "role": "viewer"}]);
    let carl = json!({"name": "carl", "password": PASSWORD, "roles": roles});
    let (status, _) = auditor.browser.ask(Method::POST, "/api/v1/users", carl).await;
    assert!(status.is_client_error());
    assert_eq!(auditor.new_entries().await, []);
}

#[tokio::test]
async fn an_admin_of_a_venue_sees_what_is_about_it_and_others_see_nothing() {
    let console = Console::start().await;
    for slug in ["demo", "other"] {
        let venue = json!({"slug": slug, "name": slug, "time_zone": "UTC"});
        console.create("/api/v1/venues", venue).await;
    }
    let admin = console
        .signed_in("dora", &[("demo", "admin"), ("other", "operator")])
        .await;
    let (status, page) = admin.get(AUDIT).await;
    assert_eq!(status, StatusCode::OK);
    let seen: Vec<_> = page["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["venue"].as_str())
        .collect();
    assert_eq!(seen, [Some("demo"), Some("demo")], "its creation and the admin's role");
    assert_eq!(admin.get(&format!("{AUDIT}?venue=demo")).await.1, page);
    assert_eq!(
        admin.get(&format!("{AUDIT}?venue=other")).await.0,
        StatusCode::FORBIDDEN
    );
    let operator = console.signed_in("emil", &[("*", "operator")]).await;
    assert_eq!(operator.get(AUDIT).await.0, StatusCode::FORBIDDEN);
    assert!(entries(&console, "").await.len() > 4);
}

#[tokio::test]
async fn entries_are_filtered_and_come_in_pages() {
    let console = Console::start().await;
    for slug in ["one", "two", "three"] {
        let venue = json!({"slug": slug, "name": slug, "time_zone": "UTC"});
        console.create("/api/v1/venues", venue).await;
    }
    console
        .admin(Method::PATCH, "/api/v1/venues/one", Some(json!({"name": "First"})))
        .await;
    let all = entries(&console, "").await;
    let subjects = |entries: &[Value]| -> Vec<String> {
        entries
            .iter()
            .map(|entry| entry["subject"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(subjects(&all), ["one", "three", "two", "one"]);
    assert_eq!(
        (&all[0]["before"], &all[0]["after"], &all[0]["actor"]["kind"]),
        (
            &json!({"name": "one"}),
            &json!({"name": "First"}),
            &json!("administrator-token")
        )
    );
    assert_eq!(entries(&console, "?venue=one&action=venue.updated").await, all[..1]);
    assert_eq!(
        entries(&console, "?action=venue.created&actor=administrator%20token").await,
        all[1..]
    );
    assert_eq!(entries(&console, "?actor=nobody").await, [Value::Null; 0]);
    let at = all[1]["at"].as_str().unwrap();
    assert_eq!(entries(&console, &format!("?from={at}")).await, all[..2]);
    assert_eq!(entries(&console, &format!("?to={at}")).await, all[2..]);
    let (_, first) = console.get(&format!("{AUDIT}?limit=3")).await;
    assert_eq!((&first["entries"], &first["next"]), (&json!(all[..3]), &all[2]["id"]));
    let (_, second) = console.get(&format!("{AUDIT}?limit=3&before={}", first["next"])).await;
    assert_eq!(second, json!({"entries": all[3..], "next": null}));
    for wrong in ["?limit=0", "?limit=501", "?venue=A", "?from=yesterday", "?who=me"] {
        let (status, problem) = console.get(&format!("{AUDIT}{wrong}")).await;
        assert_eq!(
            (status, &problem["type"]),
            (StatusCode::BAD_REQUEST, &json!("/problems/invalid-query")),
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn the_log_cannot_be_changed_by_way_of_the_api() {
    let console = Console::start().await;
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let request = console
            .request(method.clone(), AUDIT)
            .bearer_auth(crate::console::ADMINISTRATOR);
        assert_eq!(
            answer(request.json(&json!({}))).await.0,
            StatusCode::METHOD_NOT_ALLOWED,
            "{method}"
        );
    }
}
