//! How the rate grows with instances, sizes, venues and nodes.

use std::fmt::Write;

use anyhow::Result;
use serde_json::Value;

use super::cell::{NONE, cell};
use super::{cost_of, different};

/// Whose CPU time has a column.
const PROCESSES: [(&str, &str); 7] = [
    ("ingest-api", "ingest-api"),
    ("rabbitmq", "RabbitMQ"),
    ("worker", "worker"),
    ("journal", "journal"),
    ("postgres", "PostgreSQL"),
    ("realtime-ws", "realtime-ws"),
    ("gateway", "gateway"),
];

/// A row for each thing that was varied; empty without runs.
pub(super) fn table(runs: &[&Value]) -> Result<String> {
    let mut out = String::new();
    if runs.is_empty() {
        return Ok(out);
    }
    let names: Vec<_> = PROCESSES.iter().map(|(_, name)| *name).collect();
    writeln!(
        out,
        "\n### How it grows\n\nClosed loop in which a bounded number of batches is uncommitted; CPU in µs a detection.\n\n\
         | | frames × detections | requests/s | detections/s committed | POST p99, ms | CPU | {} | others' CPU s |\n|{}",
        names.join(" | "),
        " --- |".repeat(names.len() + 7)
    )?;
    let key = |run: &&Value| (text(run, "/label"), text(run, "/setup/batch"));
    for name in different(
        runs.iter()
            .map(|run| format!("{} | {}", key(run).0, key(run).1.replace('x', " × "))),
    ) {
        let of_name: Vec<_> = runs
            .iter()
            .filter(|run| format!("{} | {}", key(run).0, key(run).1.replace('x', " × ")) == name)
            .collect();
        let at = |place: &str| cell(of_name.iter().filter_map(|run| run.pointer(place)?.as_f64()).collect());
        let mut cells = vec![
            at("/posts/accepted_per_s"),
            at("/stored/detections_per_s"),
            at("/posts/latency_ms/p99"),
            at("/cost/us_per_detection"),
        ];
        cells.extend(PROCESSES.iter().map(|(process, _)| {
            let costs: Vec<_> = of_name.iter().filter_map(|run| cost_of(run, process)).collect();
            if costs.is_empty() { NONE.to_owned() } else { cell(costs) }
        }));
        cells.push(at("/cost/others_s"));
        writeln!(out, "| {name} | {} |", cells.join(" | "))?;
    }
    Ok(out)
}

fn text(run: &Value, place: &str) -> String {
    run.pointer(place)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn instances_of_a_service_are_added_up() {
        let run = |rate: f64| {
            json!({"label": "2 workers", "setup": {"batch": "10x10"}, "posts": {"accepted_per_s": rate},
                "cost": {"us_per_detection": 3.0, "processes": [
                    {"name": "worker-0", "us_per_detection": 1.0}, {"name": "worker-1", "us_per_detection": 1.5}]}})
        };
        let runs = [run(100.0), run(300.0)];
        let text = table(&runs.iter().collect::<Vec<_>>()).unwrap();
        assert!(
            text.contains("| 2 workers | 10 × 10 | 200 (100–300) | – | – | 3 | – | – | 2.50 |"),
            "{text}"
        );
        assert_eq!(table(&[]).unwrap(), "");
    }
}
