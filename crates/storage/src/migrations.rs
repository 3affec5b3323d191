//! The schema, brought up to date by the services that write.

use crate::{Error, database::Client};

/// Any number that nothing else in this database uses for an advisory lock.
const LOCK: i64 = 0x6369_7479_0001;

#[allow(
    clippy::unwrap_used,
    clippy::pedantic,
    missing_docs,
    unreachable_pub,
    reason = "generated: the names of the files were checked when it was"
)]
mod embedded {
    refinery::embed_migrations!("migrations");
}

pub(crate) async fn run(client: &mut Client) -> Result<(), Error> {
    // Held until the connection closes; the others wait here and then find nothing left to do.
    client.execute("select pg_advisory_lock($1)", &[&LOCK]).await?;
    // A migration that only a newer build knows is no fault: changes are additive, and upgrades roll.
    let report = embedded::migrations::runner()
        .set_abort_missing(false)
        .run_async(&mut ***client)
        .await?;
    for applied in report.applied_migrations() {
        tracing::info!(migration = %applied, "schema changed");
    }
    Ok(())
}

pub(crate) async fn are_applied(client: &Client) -> Result<bool, Error> {
    let known = embedded::migrations::runner();
    let exists = client
        .query_one("select to_regclass('refinery_schema_history') is not null", &[])
        .await?;
    if !exists.get::<_, bool>(0) {
        return Ok(false);
    }
    let applied = client.query("select version from refinery_schema_history", &[]).await?;
    let applied: Vec<i32> = applied.iter().map(|row| row.get(0)).collect();
    Ok(known
        .get_migrations()
        .iter()
        .all(|migration| applied.contains(&migration.version())))
}
