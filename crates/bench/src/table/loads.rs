//! A table for each kind of load: every figure of the runs, system beside system.

use std::fmt::Write;

use anyhow::Result;
use serde_json::Value;

use super::cell::{NONE, cell};
use super::different;

/// A row: its title, and where its figure is in a run's report.
const ROWS: [(&str, &str); 22] = [
    ("requests/s accepted", "/posts/accepted_per_s"),
    ("detections/s accepted", "/posts/detections_per_s"),
    ("detections/s committed", "/stored/detections_per_s"),
    ("POST p50, ms", "/posts/latency_ms/p50"),
    ("POST p90, ms", "/posts/latency_ms/p90"),
    ("POST p99, ms", "/posts/latency_ms/p99"),
    ("POST max, ms", "/posts/latency_ms/max"),
    ("POST → WebSocket p50, ms", "/live/latency_ms/p50"),
    ("POST → WebSocket p99, ms", "/live/latency_ms/p99"),
    ("POST → committed row p50, ms", "/stored/visible_ms/p50"),
    ("POST → committed row p99, ms", "/stored/visible_ms/p99"),
    ("last row after the load, s", "/stored/behind_s"),
    ("CPU µs a detection", "/cost/us_per_detection"),
    ("memory of the system, MB", MEMORY),
    ("generator's CPU s", "/cost/generator_s"),
    ("others' CPU s", "/cost/others_s"),
    ("messages lost", "/live/lost"),
    ("messages left out, said so", "/live/dropped"),
    ("messages doubled", "/live/doubled"),
    ("batches missing", "/stored/missing"),
    ("batches stored wrongly", "/stored/wrong"),
    ("requests not accepted", NOT_ACCEPTED),
];

/// Figures that are sums.
const MEMORY: &str = "memory";
const NOT_ACCEPTED: &str = "not accepted";

/// A table for each kind of load, a column for each system.
pub(super) fn tables(runs: &[&Value]) -> Result<String> {
    let mut out = String::new();
    for load in different(runs.iter().map(|run| load(run))) {
        let of_load: Vec<_> = runs.iter().filter(|run| self::load(run) == load).collect();
        let systems = different(of_load.iter().map(|run| name(run)));
        writeln!(
            out,
            "\n### {load}\n\n| | {} |\n|{}",
            systems.join(" | "),
            " --- |".repeat(systems.len() + 1)
        )?;
        let processes = different(of_load.iter().flat_map(|run| processes(run)).map(|(name, _)| name));
        let processes = processes
            .iter()
            .map(|name| (format!("CPU µs a detection: {name}"), Figure::Process(name)));
        let rows = ROWS
            .iter()
            .map(|(title, place)| ((*title).to_owned(), Figure::At(place)));
        for (title, which) in rows.chain(processes) {
            let cells: Vec<_> = systems
                .iter()
                .map(|system| {
                    let runs = of_load.iter().filter(|run| name(run) == *system);
                    cell(runs.filter_map(|run| figure(run, &which)).collect())
                })
                .collect();
            if cells.iter().any(|cell| cell != NONE) {
                writeln!(out, "| {title} | {} |", cells.join(" | "))?;
            }
        }
    }
    Ok(out)
}

/// How the load of a run is called.
fn load(run: &Value) -> String {
    let setup = &run["setup"];
    let batch = setup["batch"].as_str().unwrap_or_default();
    let (frames, per_frame) = batch.split_once('x').unwrap_or_default();
    let detections = frames.parse().unwrap_or(0) * per_frame.parse().unwrap_or(0);
    let pace = match (setup["rate"].as_f64(), setup["max_behind"].as_u64()) {
        (Some(rate), _) => format!("open loop at {rate}/s"),
        (None, Some(most)) => format!("closed loop with at most {most} batches uncommitted"),
        (None, None) => "closed loop".to_owned(),
    };
    format!(
        "Batches of {detections}, {pace}, {} connections, {} nodes, {} subscriber(s), {} s after {} s of warm-up",
        setup["connections"], setup["nodes"], setup["subscribers"], setup["duration_s"], setup["warmup_s"]
    )
}

/// A column: the system, and how the batch is laid out where frames hold several detections.
fn name(run: &Value) -> String {
    let label = run["label"].as_str().unwrap_or("run");
    match run
        .pointer("/setup/batch")
        .and_then(Value::as_str)
        .and_then(|batch| batch.split_once('x'))
    {
        Some((frames, per_frame)) if run["setup"]["dialect"] == "citytrack" => {
            format!("{label}, {frames} × {per_frame}")
        }
        _ => label.to_owned(),
    }
}

/// Which figure of a report.
enum Figure<'a> {
    At(&'a str),
    /// What a process cost.
    Process(&'a str),
}

fn figure(run: &Value, which: &Figure<'_>) -> Option<f64> {
    match which {
        Figure::At(NOT_ACCEPTED) => {
            let posts = &run["posts"];
            Some(posts["requests"].as_f64()? - posts["accepted"].as_f64()?)
        }
        Figure::At(MEMORY) => {
            let each = run["cost"]["processes"].as_array()?.iter();
            Some(each.filter_map(|process| process["pss_mb"].as_f64()).sum()).filter(|sum| *sum > 0.0)
        }
        Figure::At(place) => run.pointer(place)?.as_f64(),
        Figure::Process(name) => processes(run).find(|(found, _)| found == name).map(|(_, cost)| cost),
    }
}

/// The processes of a run's system, with what each cost.
fn processes(run: &Value) -> impl Iterator<Item = (String, f64)> {
    let each = run["cost"]["processes"].as_array().into_iter().flatten();
    each.filter_map(|process| {
        Some((
            process["name"].as_str()?.to_owned(),
            process["us_per_detection"].as_f64()?,
        ))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_process_has_a_row() {
        let run = json!({"label": "a", "setup": {"batch": "1x1"}, "cost": {"processes": [
            {"name": "worker-0", "us_per_detection": 1.5, "pss_mb": 10.0}, {"name": "postgres", "us_per_detection": 2.5, "pss_mb": 20.0}]}});
        let text = tables(&[&run]).unwrap();
        assert!(
            text.contains("| CPU µs a detection: worker-0 | 1.50 |\n| CPU µs a detection: postgres | 2.50 |"),
            "{text}"
        );
        assert!(text.contains("| memory of the system, MB | 30 |"), "{text}");
    }

    #[test]
    fn systems_stand_side_by_side() {
        let run = |label: &str, dialect: &str, batch: &str, rate: f64| {
            json!({"label": label, "setup": {"dialect": dialect, "batch": batch, "rate": null, "connections": 16,
                "nodes": 16, "subscribers": 1, "warmup_s": 3.0, "duration_s": 15.0},
                "posts": {"accepted_per_s": rate, "requests": 10, "accepted": 9}})
        };
        let runs = [
            run("citytrack", "citytrack", "10x10", 5.0),
            run("django", "peer", "100x1", 2.0),
            run("citytrack", "citytrack", "10x10", 7.0),
            run("citytrack", "citytrack", "1x1", 9.0),
        ];
        let text = tables(&runs.iter().collect::<Vec<_>>()).unwrap();
        assert!(
            text.contains("| | citytrack, 10 × 10 | django |\n| --- | --- | --- |"),
            "{text}"
        );
        assert!(text.contains("| requests/s accepted | 6 (5–7) | 2 |"), "{text}");
        assert!(text.contains("| requests not accepted | 1 | 1 |"), "{text}");
        assert!(!text.contains("committed"), "a row without figures is left out: {text}");
        assert_eq!(text.matches("Batches of").count(), 2);
    }
}
