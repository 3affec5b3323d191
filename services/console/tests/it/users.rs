//! Users: created, changed, disabled, and by whom.

use reqwest::{Method, StatusCode, header::LOCATION};
use serde_json::{Value, json};

use crate::{
    browser::{PASSWORD, as_sent},
    console::{ADMINISTRATOR, Console, answer},
};

const USERS: &str = "/api/v1/users";
const SESSION: &str = "/api/v1/session";

fn path(user: &Value) -> String {
    format!("{USERS}/{}", user["id"].as_str().unwrap())
}

async fn venues(console: &Console) {
    for slug in ["demo", "hall"] {
        let venue = json!({"slug": slug, "name": slug, "time_zone": "UTC"});
        console.create("/api/v1/venues", venue).await;
    }
}

#[tokio::test]
async fn a_user_from_creation_to_end() {
    let console = Console::start().await;
    venues(&console).await;
    let admin = console.signed_in("admin", &[("*", "admin")]).await;
    let roles = as_sent(&[("hall", "viewer"), ("demo", "operator")]);
    let new = json!({"name": "Olga@City.example", "display_name": "Olga", "password": PASSWORD, "roles": roles});
    let answered = admin.request(Method::POST, USERS).json(&new).send().await.unwrap();
    assert_eq!(answered.status(), StatusCode::CREATED);
    let location = answered.headers()[LOCATION].to_str().unwrap().to_owned();
    let user: Value = answered.json().await.unwrap();
    assert_eq!(location, path(&user));
    let expected = json!({
        "id": user["id"], "name": "olga@city.example", "display_name": "Olga",
        "roles": as_sent(&[("demo", "operator"), ("hall", "viewer")]),
        "created_at": user["created_at"], "last_seen_at": null, "disabled_at": null,
    });
    assert_eq!(user, expected);
    assert_eq!(admin.get(&location).await, (StatusCode::OK, expected.clone()));

    let olga = console.sign_in("OLGA@city.example").await;
    assert_eq!(olga.get("/api/v1/venues/demo/nodes").await.0, StatusCode::OK);
    let (_, listed) = admin.get(USERS).await;
    let names: Vec<_> = listed["users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| &user["name"])
        .collect();
    assert_eq!(names, ["admin", "olga@city.example"]);
    assert_eq!(listed["users"][1]["last_seen_at"], "2026-11-22T10:00:00Z");

    // Another role is in force at once, in the session that goes on.
    let change = json!({"roles": as_sent(&[("demo", "viewer")]), "display_name": "Olga O."});
    let (status, changed) = admin.ask(Method::PATCH, &location, change).await;
    assert_eq!(
        (status, &changed["roles"], &changed["display_name"]),
        (StatusCode::OK, &as_sent(&[("demo", "viewer")]), &json!("Olga O."))
    );
    assert_eq!(olga.get("/api/v1/venues/demo/nodes").await.0, StatusCode::FORBIDDEN);
    assert_eq!(olga.get("/api/v1/venues/hall").await.0, StatusCode::FORBIDDEN);
    assert_eq!(olga.get("/api/v1/venues/demo").await.0, StatusCode::OK);

    // Another password ends the sessions.
    let change = json!({"password": "another horse battery"});
    assert_eq!(admin.ask(Method::PATCH, &location, change).await.0, StatusCode::OK);
    assert_eq!(olga.get(SESSION).await.0, StatusCode::UNAUTHORIZED);
    let answer = console.try_sign_in("olga@city.example", "another horse battery").await;
    let olga = console.browser(answer).await;

    for _ in 0..2 {
        let (status, disabled) = admin.ask(Method::PATCH, &location, json!({"disabled": true})).await;
        assert_eq!(status, StatusCode::OK);
        assert!(disabled["disabled_at"].is_string());
    }
    assert!(admin.get(&location).await.1["disabled_at"].is_string());
    assert_eq!(olga.get(SESSION).await.0, StatusCode::UNAUTHORIZED);
    let refused = console.try_sign_in("olga@city.example", "another horse battery").await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let (status, enabled) = admin.ask(Method::PATCH, &location, json!({"disabled": false})).await;
    assert_eq!((status, &enabled["disabled_at"]), (StatusCode::OK, &Value::Null));
    let answer = console.try_sign_in("olga@city.example", "another horse battery").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(
        olga.get(SESSION).await.0,
        StatusCode::UNAUTHORIZED,
        "what has ended stays so"
    );
}

#[tokio::test]
async fn what_cannot_be_a_user_is_refused() {
    let console = Console::start().await;
    let user = console.user("anna", &[]).await;
    let good = json!({"name": "boris", "display_name": "Boris", "password": PASSWORD, "roles": []});
    for (field, value, pointer) in [
        ("name", json!(null), "/name"),
        ("name", json!(""), "/name"),
        ("name", json!("b b"), "/name"),
        ("name", json!("-b"), "/name"),
        ("name", json!("bоris"), "/name"),
        ("name", json!("b".repeat(65)), "/name"),
        ("display_name", json!(" "), "/display_name"),
        ("password", json!("short"), "/password"),
        ("password", json!("boris boris 1"), "/password"),
        ("password", json!("x".repeat(1025)), "/password"),
        ("roles", json!("admin"), "/roles"),
        ("roles", json!(["admin"]), "/roles/0"),
        ("roles", json!([{"role": "admin"}]), "/roles/0"),
        ("roles", json!([{"venue": null, "role": "king"}]), "/roles/0"),
        ("roles", json!([{"venue": "*", "role": "viewer"}]), "/roles/0"),
        (
            "roles",
            json!([{"venue": null, "role": "viewer", "more": 1}]),
            "/roles/0",
        ),
        ("roles", as_sent(&[("*", "viewer"), ("*", "admin")]), "/roles"),
        ("surname", json!("x"), "/surname"),
    ] {
        let mut sent = good.clone();
        sent[field] = value.clone();
        let (status, problem) = console.admin(Method::POST, USERS, Some(sent)).await;
        assert_eq!(
            (status, &problem["violations"][0]["pointer"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!(pointer)),
            "{field} {value}"
        );
        assert!(!problem.to_string().contains(PASSWORD), "{problem}");
    }
    let mut unknown = good.clone();
    unknown["roles"] = as_sent(&[("nowhere", "viewer")]);
    assert_eq!(
        console.admin(Method::POST, USERS, Some(unknown)).await.0,
        StatusCode::NOT_FOUND
    );
    let mut taken = good;
    taken["name"] = json!("ANNA");
    assert_eq!(
        console.admin(Method::POST, USERS, Some(taken)).await.0,
        StatusCode::CONFLICT
    );
    for (method, body) in [(Method::GET, None), (Method::PATCH, Some(json!({})))] {
        let nobody = "/api/v1/users/0197a1f0-0000-7000-8000-000000000000";
        assert_eq!(
            console.admin(method.clone(), nobody, body.clone()).await.0,
            StatusCode::NOT_FOUND
        );
        assert_eq!(
            console.admin(method, "/api/v1/users/x", body).await.0,
            StatusCode::NOT_FOUND
        );
    }
    assert_eq!(console.get(USERS).await.1["users"].as_array().unwrap().len(), 1);
    assert_eq!(
        console
            .admin(Method::PATCH, &path(&user), Some(json!({"disabled": 1})))
            .await
            .0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

#[tokio::test]
async fn an_admin_of_a_venue_says_who_is_what_there_and_nothing_else() {
    let console = Console::start().await;
    venues(&console).await;
    let admin = console
        .signed_in("demo-admin", &[("demo", "admin"), ("hall", "operator")])
        .await;
    let user = console.user("olga", &[("hall", "viewer"), ("demo", "viewer")]).await;
    let olga = path(&user);
    let change = async |change: Value| admin.ask(Method::PATCH, &olga, change).await;

    let (status, listed) = admin.get(USERS).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        listed["users"][1]["roles"],
        as_sent(&[("demo", "viewer")]),
        "roles elsewhere are not their business"
    );

    let (status, changed) = change(json!({"roles": as_sent(&[("demo", "operator")])})).await;
    assert_eq!(
        (status, &changed["roles"]),
        (StatusCode::OK, &as_sent(&[("demo", "operator")]))
    );
    let all = console.get(&olga).await.1;
    assert_eq!(
        all["roles"],
        as_sent(&[("demo", "operator"), ("hall", "viewer")]),
        "the role elsewhere stays"
    );
    assert_eq!(change(json!({"roles": []})).await.0, StatusCode::OK);
    assert_eq!(console.get(&olga).await.1["roles"], as_sent(&[("hall", "viewer")]));

    for refused in [
        json!({"roles": as_sent(&[("hall", "operator")])}),
        json!({"roles": as_sent(&[("*", "viewer")])}),
        json!({"roles": as_sent(&[("demo", "viewer"), ("nowhere", "viewer")])}),
        json!({"display_name": "x"}),
        json!({"password": "another horse battery"}),
        json!({"disabled": true}),
    ] {
        assert_eq!(change(refused.clone()).await.0, StatusCode::FORBIDDEN, "{refused}");
    }
    let new = json!({"name": "new", "password": PASSWORD, "roles": as_sent(&[("demo", "viewer")])});
    assert_eq!(admin.ask(Method::POST, USERS, new).await.0, StatusCode::FORBIDDEN);
    assert_eq!(
        console.get(&olga).await.1["roles"],
        as_sent(&[("hall", "viewer")]),
        "nothing has changed"
    );
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let console = Console::start().await;
    let admin = console.signed_in("admin", &[("*", "admin")]).await;
    let me = format!("{USERS}/{}", admin.id());
    let takes_away = [
        json!({"roles": as_sent(&[("*", "operator")])}),
        json!({"disabled": true}),
    ];
    for body in &takes_away {
        let (status, problem) = admin.ask(Method::PATCH, &me, body.clone()).await;
        assert_eq!(status, StatusCode::CONFLICT, "{problem}");
        let request = console.request(Method::PATCH, &me).bearer_auth(ADMINISTRATOR);
        let (status, problem) = answer(request.json(body)).await;
        assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    }
    let own = admin
        .ask(Method::PATCH, &me, json!({"password": "another horse battery"}))
        .await;
    assert_eq!(own.0, StatusCode::CONFLICT, "one's own password takes the present one");

    // With a second one, the first may be taken away, but not by itself.
    let second = console.signed_in("second", &[("*", "admin")]).await;
    for body in &takes_away {
        assert_eq!(
            admin.ask(Method::PATCH, &me, body.clone()).await.0,
            StatusCode::CONFLICT
        );
    }
    let demoted = second
        .ask(Method::PATCH, &me, json!({"roles": as_sent(&[("*", "operator")])}))
        .await;
    assert_eq!(demoted.0, StatusCode::OK);
    assert_eq!(admin.get(USERS).await.0, StatusCode::FORBIDDEN, "at once");
}

#[tokio::test]
async fn of_two_administrators_who_take_each_other_away_one_stays() {
    let console = Console::start().await;
    let one = console.signed_in("one", &[("*", "admin")]).await;
    let other = console.signed_in("other", &[("*", "admin")]).await;
    let (of_one, of_other) = (format!("{USERS}/{}", one.id()), format!("{USERS}/{}", other.id()));
    let (first, second) = tokio::join!(
        one.ask(Method::PATCH, &of_other, json!({"disabled": true})),
        other.ask(Method::PATCH, &of_one, json!({"disabled": true})),
    );
    let gone = [first.0, second.0]
        .into_iter()
        .filter(|status| *status == StatusCode::OK)
        .count();
    assert_eq!(gone, 1, "{first:?} {second:?}");
}

#[tokio::test]
async fn no_answer_and_no_table_holds_a_password() {
    let console = Console::start().await;
    let admin = console.signed_in("admin", &[("*", "admin")]).await;
    let new = json!({"name": "olga", "password": "a very secret sentence", "roles": []});
    let mut told = admin.ask(Method::POST, USERS, new).await.1.to_string();
    for path in [USERS, SESSION, "/api/v1/audit", &format!("{USERS}/{}", admin.id())] {
        told += &admin.get(path).await.1.to_string();
    }
    let secret = admin.cookie.split_once('=').unwrap().1;
    for hidden in ["argon2", "a very secret sentence", PASSWORD, secret] {
        assert!(!told.contains(hidden), "{hidden}: {told}");
    }
    let client = console.test.database.client().await.unwrap();
    let dump = "select string_agg(t.row, ' ') from (
                    select to_jsonb(user_account)::text as row from user_account
                    union all select to_jsonb(session)::text from session
                    union all select to_jsonb(sign_in_throttle)::text from sign_in_throttle
                    union all select to_jsonb(audit_entry)::text from audit_entry) as t";
    let stored: String = client.query_one(dump, &[]).await.unwrap().get(0);
    assert!(stored.contains("$argon2id$"));
    for hidden in ["a very secret sentence", PASSWORD, secret, admin.csrf_token.as_str()] {
        assert!(!stored.contains(hidden), "{hidden}: {stored}");
    }
    let audited = "select count(*) from audit_entry where to_jsonb(audit_entry)::text like '%argon2%'";
    assert_eq!(client.query_one(audited, &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test]
async fn roles_of_several_admins_are_not_too_many_together() {
    let console = Console::start().await;
    let venues =
        "insert into venue (slug, name, time_zone) select 'v' || n, 'V', 'UTC' from generate_series(0, 100) as n";
    console
        .test
        .database
        .client()
        .await
        .unwrap()
        .execute(venues, &[])
        .await
        .unwrap();
    let slugs: Vec<_> = (1..=100).map(|number| format!("v{number}")).collect();
    let roles: Vec<_> = slugs.iter().map(|slug| (slug.as_str(), "viewer")).collect();
    let user = console.user("boris", &roles).await;
    let anna = console.signed_in("anna", &[("v0", "admin")]).await;
    let path = format!("/api/v1/users/{}", user["id"].as_str().unwrap());
    let one_more = json!({"roles": [{"venue": "v0", "role": "viewer"}]});
    let (status, problem) = anna.ask(Method::PATCH, &path, one_more).await;
    assert_eq!(
        (status, &problem["violations"][0]["pointer"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("/roles"))
    );
}
