//! `docs/configuration.md` is made from the settings types; this test fails when it differs from them.
//!
//! `UPDATE_DOCS=1 cargo test -p citytrack-e2e --test configuration` writes it.

#![allow(clippy::unwrap_used, reason = "tests")]

use citytrack_common::settings::reference;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");

const HEAD: &str = "# Configuration

<!-- Made from the settings types: UPDATE_DOCS=1 cargo test -p citytrack-e2e --test configuration -->

Every service is configured by environment variables; each has a flag of the same meaning (`--help` lists them). Durations
are written like `250ms`, `5s`, `2h 30m`, `7days`; sizes like `256KiB`, `4MiB`. A wrong value stops the service before it opens
a port, with exit code 2 and a line that names the variable. Secrets should come from the environment, not from flags, which
other users of the machine can see.

Limits on names, boxes and image sizes are part of the API, not settings; they are in [api.md](api.md). The limits of the
durable queues are part of the topology; they are in [messaging.md](messaging.md).
";

fn page() -> String {
    let services = [
        ("ingest-api", reference::<citytrack_ingest_api::Settings>()),
        ("worker", reference::<citytrack_worker::Settings>()),
        (
            "worker transform",
            reference::<citytrack_worker::pictures::TransformSettings>(),
        ),
        ("worker save", reference::<citytrack_worker::pictures::SaveSettings>()),
        (
            "worker journal",
            reference::<citytrack_worker::journal::JournalSettings>(),
        ),
        ("realtime-ws", reference::<citytrack_realtime_ws::Settings>()),
        ("stats", reference::<citytrack_stats::Settings>()),
        ("console", reference::<citytrack_console::Settings>()),
        ("gateway", reference::<citytrack_gateway::settings::Settings>()),
    ];
    let sections = services.map(|(service, table)| format!("\n## {service}\n\n{table}"));
    format!("{HEAD}{}", sections.concat())
}

#[test]
fn the_reference_of_settings_is_up_to_date() {
    #[expect(clippy::disallowed_methods, reason = "a switch of this test, not a setting")]
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, page()).unwrap();
    }
    let found = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        found == page(),
        "docs/configuration.md has drifted: UPDATE_DOCS=1 cargo test -p citytrack-e2e --test configuration"
    );
}
