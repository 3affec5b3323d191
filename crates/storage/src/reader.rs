//! The read-only role, for services that only read: it may read what statistics need, and nothing else.

use std::collections::BTreeSet;

use crate::{Error, database::Client};

/// The role. Whoever sets PostgreSQL up makes it and gives it a password; where it is missing, nothing is granted.
const ROLE: &str = "citytrack_reader";

/// What it may read as a whole. Partitions are read through their parents, which needs no grant of its own.
const TABLES: [&str; 22] = [
    "refinery_schema_history",
    "venue",
    "node",
    "camera",
    "class",
    "frame",
    "detection",
    "camera_minute",
    "class_minute",
    "rollup_delta",
    "venue_rollup",
    "camera_hour",
    "camera_day",
    "class_hour",
    "class_day",
    "track_minute",
    "track_hour",
    "track_day",
    "heat_hour",
    "imported_count",
    "image",
    "image_picture",
];

/// What it may read in part. The hash of an API token has to be looked up; whoever has read it has nothing yet, as the
/// token itself is 256 random bits.
const COLUMNS: [(&str, &[&str]); 2] = [
    ("api_token", &["id", "name", "token_hash", "expires_at", "revoked_at"]),
    ("api_token_role", &["token_id", "venue", "role"]),
];

/// A privilege: of what kind, on which table, and on which column or on all of them.
type Privilege = (String, String, Option<String>);

/// Makes the privileges of the role in this schema what they should be, if there is such a role. Tables that are right
/// are not touched, so that this meets nobody who makes partitions. The caller holds the lock of the migrations.
pub(crate) async fn grant(client: &mut Client) -> Result<(), Error> {
    let Some(granted) = granted(client).await? else {
        return Ok(());
    };
    if granted == wanted() {
        return Ok(());
    }
    let transaction = client.transaction().await?;
    let schema: String = transaction
        .query_one("select quote_ident(current_schema())", &[])
        .await?
        .try_get(0)?;
    let tables: BTreeSet<&str> = granted.iter().map(|(_, table, _)| table.as_str()).collect();
    for table in tables {
        transaction
            .batch_execute(&format!("revoke all on \"{table}\" from {ROLE}"))
            .await?;
    }
    let mut grants = vec![
        format!("grant usage on schema {schema} to {ROLE}"),
        format!("grant select on {} to {ROLE}", TABLES.join(", ")),
    ];
    grants
        .extend(COLUMNS.map(|(table, columns)| format!("grant select ({}) on {table} to {ROLE}", columns.join(", "))));
    transaction.batch_execute(&grants.join("; ")).await?;
    transaction.commit().await?;
    tracing::info!(role = ROLE, "the privileges of the read-only role have changed");
    Ok(())
}

fn wanted() -> BTreeSet<Privilege> {
    let select = |table: &str, column: Option<&str>| ("SELECT".to_owned(), table.to_owned(), column.map(str::to_owned));
    let tables = TABLES.into_iter().map(|table| select(table, None));
    let columns = COLUMNS
        .into_iter()
        .flat_map(|(table, columns)| columns.iter().map(move |column| select(table, Some(column))));
    tables.chain(columns).collect()
}

/// What was granted to the role in this schema; `None`: there is no such role.
async fn granted(client: &Client) -> Result<Option<BTreeSet<Privilege>>, Error> {
    let role = client
        .query_opt("select oid from pg_roles where rolname = $1", &[&ROLE])
        .await?;
    let Some(role) = role else {
        return Ok(None);
    };
    let role: u32 = role.try_get(0)?;
    let question = "
        with relation as (select oid, relname, relacl from pg_class where relnamespace = current_schema()::regnamespace)
        select privilege_type, relname::text, null as attname
        from relation cross join aclexplode(relacl) where grantee = $1
        union all
        select privilege_type, relname::text, attname::text
        from relation join pg_attribute on attrelid = relation.oid cross join aclexplode(attacl) where grantee = $1";
    let rows = client.query(question, &[&role]).await?;
    let granted = rows
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)))
        .collect::<Result<_, Error>>()?;
    Ok(Some(granted))
}
