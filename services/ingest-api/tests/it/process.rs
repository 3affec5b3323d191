//! The program itself.

use std::process::Command;

#[test]
fn settings_that_do_not_fit_each_other_are_refused_by_name() {
    let output = Command::new(env!("CARGO_BIN_EXE_ingest-api"))
        .env("CITYTRACK_DATABASE__URL", "postgres://x")
        .env("CITYTRACK_BROKER__URL", "amqp://x")
        .env("CITYTRACK_PUBLISH__MAX_WAITING_BYTES", "1MiB")
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("CITYTRACK_PUBLISH__MAX_WAITING_BYTES"), "{message}");
    assert!(message.contains("CITYTRACK_INGEST__MAX_BODY"), "{message}");
}
