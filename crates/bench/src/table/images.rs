//! Pictures: how many a second, and how soon they are ready.

use std::fmt::Write;

use anyhow::Result;
use serde_json::Value;

use super::cell::{NONE, cell, median};
use super::{different, of_kind};

/// A row for each system and number of workers; empty without.
pub(super) fn table(runs: &[Value]) -> Result<String> {
    let mut out = String::new();
    let runs: Vec<_> = of_kind(runs, "images").collect();
    let Some(first) = runs.first() else { return Ok(out) };
    writeln!(
        out,
        "\n### Pictures of 1920 × 1080 → three variants, {} under way at once\n\n\
         | | workers | pictures/s | ready after, ms: p50 | p99 | CPU a picture, ms: servers | database and broker | times the other's rate |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |",
        first["in_flight"]
    )?;
    let name = |run: &Value| format!("{} | {}", run["label"].as_str().unwrap_or_default(), run["workers"]);
    for row in different(runs.iter().map(|run| name(run))) {
        let of = |pointer: &str| -> Vec<f64> {
            let same = runs.iter().filter(|run| name(run) == row);
            same.filter_map(|run| run.pointer(pointer)?.as_f64()).collect()
        };
        let rate = "/pictures_per_s";
        let (label, workers) = row.split_once(" | ").unwrap_or_default();
        let workers: u64 = workers.parse().unwrap_or_default();
        let others = runs
            .iter()
            .filter(|run| run["label"] != label && run["workers"] == workers);
        let others = median(others.filter_map(|run| run.pointer(rate)?.as_f64()).collect());
        let ratio = median(of(rate))
            .zip(others)
            .map_or(NONE.to_owned(), |(own, other)| format!("{:.2}", own / other));
        writeln!(
            out,
            "| {row} | {} | {} | {} | {} | {} | {ratio} |",
            cell(of(rate)),
            cell(of("/latency_ms/p50")),
            cell(of("/latency_ms/p99")),
            cell(of("/cpu_ms")),
            cell(of("/stores_cpu_ms")),
        )?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn systems_stand_beside_each_other_for_the_same_number_of_workers() {
        let run = |label: &str, workers: u32, rate: f64| {
            json!({"kind": "images", "label": label, "workers": workers, "in_flight": 8, "pictures_per_s": rate,
                "latency_ms": {"p50": 80.0, "p99": 120.0}, "cpu_ms": 25.0, "stores_cpu_ms": 9.0})
        };
        let runs = [
            run("CityTrack", 1, 40.0),
            run("Celery", 1, 10.0),
            run("CityTrack", 2, 70.0),
        ];
        let text = table(&runs).unwrap();
        assert!(
            text.contains("| CityTrack | 1 | 40 | 80 | 120 | 25 | 9 | 4.00 |\n"),
            "{text}"
        );
        assert!(
            text.contains("| Celery | 1 | 10 | 80 | 120 | 25 | 9 | 0.25 |\n"),
            "{text}"
        );
        assert!(
            text.contains("| CityTrack | 2 | 70 | 80 | 120 | 25 | 9 | – |\n"),
            "{text}"
        );
        assert_eq!(table(&[]).unwrap(), "");
    }
}
