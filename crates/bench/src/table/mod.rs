//! `citytrack-bench table`: JSON lines of many runs as Markdown, medians with their spread.

mod beside;
mod cell;
mod figures;
mod growth;
mod images;
mod live;
mod loads;
mod parts;

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

/// The runs to put side by side
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Files of JSON lines that the other commands printed
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// Prints the figures with their targets, then what they are taken from.
#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut runs = Vec::new();
    for path in &args.files {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            runs.push(serde_json::from_str(line).with_context(|| format!("not a report in {}", path.display()))?);
        }
    }
    print!("{}", tables(&runs)?);
    Ok(())
}

fn tables(runs: &[Value]) -> Result<String> {
    let (growth, loads): (Vec<_>, Vec<_>) = of_kind(runs, "ingest").partition(|run| run["section"] == "growth");
    // Its batches only fill the database.
    let loads: Vec<_> = loads.into_iter().filter(|run| run["section"] != "disk").collect();
    let text = [
        figures::table(runs)?,
        live::tables(runs)?,
        images::table(runs)?,
        growth::table(&growth)?,
        parts::tables(runs)?,
        loads::tables(&loads)?,
        faults(runs)?,
    ];
    Ok(text.concat())
}

/// The lines of a command.
fn of_kind<'a>(runs: &'a [Value], kind: &str) -> impl Iterator<Item = &'a Value> {
    runs.iter().filter(move |run| run["kind"] == kind)
}

/// Each run in which something was that must not be.
fn faults(runs: &[Value]) -> Result<String> {
    let mut out = String::new();
    for run in runs {
        let faults: Vec<_> = run["faults"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        if !faults.is_empty() {
            let name = run["label"].as_str().or(run["kind"].as_str()).unwrap_or_default();
            writeln!(out, "- {name} {}: {}", load_of(run), faults.join("; "))?;
        }
    }
    Ok(if out.is_empty() {
        out
    } else {
        format!("\nRuns with faults:\n\n{out}")
    })
}

/// What was sent, and to how many.
fn load_of(run: &Value) -> String {
    let batch = run.pointer("/setup/batch").and_then(Value::as_str).unwrap_or_default();
    if run["kind"] != "live-flow" {
        return batch.to_owned();
    }
    let setup = &run["setup"];
    format!("{batch}, {}/s to {} viewers", setup["rate"], setup["viewers"])
}

fn different(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut found = Vec::new();
    for name in names {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// The CPU time a detection of the processes whose name begins so: of all instances of a service.
fn cost_of(run: &Value, name: &str) -> Option<f64> {
    let processes = run["cost"]["processes"].as_array()?.iter();
    let named = processes.filter(|process| process["name"].as_str().is_some_and(|found| found.starts_with(name)));
    let costs: Vec<_> = named
        .filter_map(|process| process["us_per_detection"].as_f64())
        .collect();
    (!costs.is_empty()).then(|| costs.iter().sum())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn faults_are_named() {
        let run = |faults: Value| json!({"kind": "ingest", "label": "CityTrack", "setup": {"batch": "1x1"}, "faults": faults});
        let runs = [run(json!([])), run(json!(["batches missing in the database: 3"]))];
        let text = faults(&runs).unwrap();
        assert_eq!(
            text,
            "\nRuns with faults:\n\n- CityTrack 1x1: batches missing in the database: 3\n"
        );
        assert_eq!(faults(&runs[..1]).unwrap(), "");
    }
}
