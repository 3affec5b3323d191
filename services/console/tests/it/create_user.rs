//! `console create-user`, the program itself.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use reqwest::StatusCode;
use serde_json::json;

use crate::console::Console;

/// Runs it with this standard input.
fn create_user(url: &str, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_console"))
        .arg("create-user")
        .args(arguments)
        .env("CITYTRACK_DATABASE__URL", url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have ended without reading.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn the_first_administrator_is_made_on_an_empty_database() {
    let test = citytrack_testkit::TestDatabase::create_empty().await;
    let made = create_user(
        test.url(),
        &["Admin", "--display-name", "The Admin", "--role", "admin"],
        "",
    );
    let said = text(&made.stdout);
    assert!(made.status.success(), "{said} {}", text(&made.stderr));
    let password = said
        .strip_prefix("created the user admin\npassword: ")
        .unwrap()
        .trim_end();

    let console = Console::start_on(test).await;
    let answer = console.try_sign_in("admin", password).await;
    let admin = console.browser(answer).await;
    assert_eq!(
        (&admin.session["user"]["display_name"], &admin.session["roles"]),
        (&json!("The Admin"), &json!([{"venue": null, "role": "admin"}]))
    );
}

#[tokio::test]
async fn a_password_may_come_by_the_standard_input() {
    let console = Console::start().await;
    let venue = json!({"slug": "demo", "name": "Demo", "time_zone": "UTC"});
    console.create("/api/v1/venues", venue).await;
    let arguments = ["olga", "--role", "operator", "--venue", "demo", "--password-stdin"];
    let made = create_user(console.test.url(), &arguments, "correct horse battery\n");
    assert_eq!(
        (text(&made.stdout), text(&made.stderr)),
        ("created the user olga\n", "")
    );
    let olga = console.sign_in("olga").await;
    assert_eq!(olga.session["roles"], json!([{"venue": "demo", "role": "operator"}]));
}

#[tokio::test]
async fn what_is_wrong_is_said_in_one_line() {
    let console = Console::start().await;
    console.user("anna", &[]).await;
    for (arguments, input, code, expected) in [
        (
            &["anna", "--role", "admin"][..],
            "",
            1,
            "error: there is a user \"anna\" already\n",
        ),
        (
            &["boris", "--role", "admin", "--venue", "nowhere"],
            "",
            1,
            "error: there is no venue nowhere\n",
        ),
        (
            &["boris", "--role", "admin", "--password-stdin"],
            "short\n",
            1,
            "error: the password must have at least 12 characters\n",
        ),
    ] {
        let refused = create_user(console.test.url(), arguments, input);
        let said = (refused.status.code(), text(&refused.stdout), text(&refused.stderr));
        assert_eq!(said, (Some(code), "", expected), "{arguments:?}");
    }
    for arguments in [
        &["boris"][..],
        &["--role", "admin"],
        &["b b", "--role", "admin"],
        &["boris", "--role", "king"],
    ] {
        let refused = create_user(console.test.url(), arguments, "");
        assert_eq!(
            (refused.status.code(), text(&refused.stdout)),
            (Some(2), ""),
            "{arguments:?}"
        );
        assert!(!refused.stderr.is_empty(), "{arguments:?}");
    }
    let away = create_user(
        "postgres://nobody@127.0.0.1:1/nothing",
        &["boris", "--role", "admin"],
        "",
    );
    assert_eq!(away.status.code(), Some(1));
    assert!(
        text(&away.stderr).starts_with("error: the database is not available"),
        "{}",
        text(&away.stderr)
    );
    let refused = console.try_sign_in("boris", "correct horse battery").await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
}
