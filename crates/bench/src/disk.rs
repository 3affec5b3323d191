//! `citytrack-bench disk`: what the stored detections take on disk, with everything that is kept besides them.

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::watch::Database;

/// Which database to look at
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The database; nothing may write to it meanwhile
    #[arg(long, env = "CITYTRACK_DATABASE__URL", hide_env_values = true)]
    database_url: String,
}

#[derive(Debug, Serialize)]
struct Outcome {
    kind: &'static str,
    detections: i64,
    frames: i64,
    batches: i64,
    /// Every table and index of the schema, its empty partitions included.
    bytes_per_detection: f64,
    parts: Vec<Part>,
}

/// A table, all its partitions together, or one of its indexes.
#[derive(Debug, Serialize)]
struct Part {
    name: String,
    bytes: i64,
    bytes_per_detection: f64,
}

/// Every relation of the schema with storage of its own, under the name of the table or index that it is a partition of. The map of
/// free space and the visibility map belong to it, and so does what is stored out of line.
const PARTS: &str = "
    SELECT coalesce(pg_partition_root(relation.oid), relation.oid)::regclass::text AS name,
           sum(CASE WHEN relation.relkind = 'i' THEN pg_relation_size(relation.oid) ELSE pg_table_size(relation.oid) END)::int8
    FROM pg_class AS relation
    WHERE relation.relnamespace = 'public'::regnamespace AND relation.relkind IN ('r', 'i', 'm')
    GROUP BY 1 ORDER BY 2 DESC";

const COUNTS: &str =
    "SELECT coalesce(sum(cardinality(classes)), 0)::int8, count(*), (SELECT count(*) FROM batch) FROM frame";

/// Writes everything out and prints one JSON line.
#[expect(clippy::print_stdout, reason = "the figure is what the program is for")]
pub(crate) fn run(args: &Args) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(measure(args))?;
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

async fn measure(args: &Args) -> Result<Outcome> {
    let client = Database::connect(&args.database_url).await?;
    let client = &client.client;
    client.batch_execute("CHECKPOINT").await?;
    let counts = client.query_one(COUNTS, &[]).await?;
    let detections: i64 = counts.get(0);
    ensure!(detections > 0, "there are no detections in the database");
    let each = |bytes: i64| bytes as f64 / detections as f64;
    let rows = client.query(PARTS, &[]).await?;
    let parts: Vec<_> = rows
        .iter()
        .map(|row| Part {
            name: row.get(0),
            bytes: row.get(1),
            bytes_per_detection: each(row.get(1)),
        })
        .collect();
    Ok(Outcome {
        kind: "disk",
        detections,
        frames: counts.get(1),
        batches: counts.get(2),
        bytes_per_detection: parts.iter().map(|part| part.bytes_per_detection).sum(),
        parts,
    })
}
