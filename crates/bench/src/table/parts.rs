//! What figures consist of: bytes by table and index, memory by step, CPU time of catching up by process.

use std::fmt::Write;

use anyhow::Result;
use serde_json::Value;

use super::cell::cell;
use super::{different, of_kind};

/// Tables for what was measured; empty without.
pub(super) fn tables(runs: &[Value]) -> Result<String> {
    let disk = named(
        &of_kind(runs, "disk").collect::<Vec<_>>(),
        "Bytes on disk a detection",
        ("/parts", "bytes_per_detection"),
        // What is next to nothing is in the sum all the same.
        0.005,
    )?;
    let backlog = named(
        &of_kind(runs, "backlog").collect::<Vec<_>>(),
        "Catching up a backlog: CPU µs a detection",
        ("/cost/processes", "us_per_detection"),
        0.0,
    )?;
    Ok([disk, idle(&of_kind(runs, "idle").collect::<Vec<_>>())?, backlog].concat())
}

/// A row for each name in a list that every run has.
fn named(runs: &[&Value], title: &str, (list, field): (&str, &str), least: f64) -> Result<String> {
    let mut out = String::new();
    if runs.is_empty() {
        return Ok(out);
    }
    writeln!(out, "\n### {title}\n\n| | |\n| --- | --- |")?;
    let parts = || runs.iter().filter_map(|run| run.pointer(list)?.as_array()).flatten();
    for name in different(parts().filter_map(|part| Some(part["name"].as_str()?.to_owned()))) {
        let ours = parts().filter(|part| part["name"] == name.as_str());
        let figures: Vec<_> = ours.filter_map(|part| part[field].as_f64()).collect();
        if figures.iter().any(|figure| *figure > least) {
            writeln!(out, "| {name} | {} |", cell(figures))?;
        }
    }
    Ok(out)
}

fn idle(runs: &[&Value]) -> Result<String> {
    let mut out = String::new();
    if runs.is_empty() {
        return Ok(out);
    }
    writeln!(
        out,
        "\n### Memory of ingest-api with 1,000 idle connections, MB\n\n| | |\n| --- | --- |"
    )?;
    for (title, field) in [
        ("started, one request served", "before_mb"),
        ("1,000 connections open", "open_mb"),
        ("each has served one batch of 10", "served_mb"),
    ] {
        let figures = runs.iter().filter_map(|run| run[field].as_f64()).collect();
        writeln!(out, "| {title} | {} |", cell(figures))?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parts_are_listed_by_name() {
        let disk = |frame: f64| {
            json!({"kind": "disk", "parts": [{"name": "frame", "bytes_per_detection": frame},
                {"name": "venue", "bytes_per_detection": 0.001}]})
        };
        let idle = json!({"kind": "idle", "before_mb": 20.5, "open_mb": 21.5, "served_mb": 25.5});
        let text = tables(&[disk(40.0), idle, disk(42.0)]).unwrap();
        assert!(text.contains("| frame | 41 (40–42) |\n\n"), "{text}");
        assert!(text.contains("| 1,000 connections open | 21.5 |"), "{text}");
        assert!(!text.contains("venue"), "{text}");
    }
}
