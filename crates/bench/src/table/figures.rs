//! The figures that the path from node to database is judged by, each with its target.

use std::fmt::Write;

use anyhow::Result;
use serde_json::Value;

use super::cell::{cell, median};
use super::{cost_of, of_kind};

/// A row: what was measured in each run, and what it must reach.
pub(super) struct Row {
    title: String,
    figures: Vec<f64>,
    target: Option<Target>,
}

#[derive(Clone, Copy)]
pub(super) enum Target {
    AtLeast(f64),
    MoreThan(f64),
    AtMost(f64),
}
use Target::{AtLeast, AtMost, MoreThan};

impl Target {
    fn is_reached(self, figure: f64) -> bool {
        match self {
            AtLeast(bound) => figure >= bound,
            MoreThan(bound) => figure > bound,
            AtMost(bound) => figure <= bound,
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AtLeast(bound) => write!(f, "≥ {bound}"),
            MoreThan(bound) => write!(f, "> {bound}"),
            AtMost(bound) => write!(f, "≤ {bound}"),
        }
    }
}

/// A kind of run.
#[derive(Clone, Copy)]
struct Load {
    label: &'static str,
    batch: &'static str,
    rate: Option<f64>,
    section: &'static str,
}

const SINGLE: Load = Load {
    label: "CityTrack",
    batch: "1x1",
    rate: None,
    section: "path",
};
const FLAT: Load = Load {
    batch: "100x1",
    ..SINGLE
};
const FRAMES: Load = Load {
    batch: "10x10",
    ..SINGLE
};
const STEADY: Load = Load {
    batch: "1x10",
    rate: Some(1000.0),
    ..SINGLE
};
const SUSTAINED: Load = Load {
    batch: "100x10",
    section: "sustained",
    ..SINGLE
};
const STUB: Load = Load {
    label: "ingest-api, publishing stubbed",
    ..SINGLE
};
const PEERS: [(&str, &str); 2] = [("django", "Django"), ("fastapi", "FastAPI")];
const SERVICES: [&str; 6] = ["ingest-api", "worker", "realtime-ws", "stats", "console", "gateway"];

/// Every figure that the runs tell; those that they do not are left out.
pub(super) fn table(runs: &[Value]) -> Result<String> {
    let runs = Runs(runs);
    let rows = [
        runs.single(),
        runs.hundred(),
        runs.thousand(),
        runs.share(),
        runs.footprint(),
    ];
    print(rows.into_iter().flatten())
}

/// A line for each figure that was measured.
pub(super) fn print(rows: impl IntoIterator<Item = Row>) -> Result<String> {
    let mut out = String::new();
    for row in rows {
        let Some(middle) = median(row.figures.clone()) else {
            continue;
        };
        let target = row.target.map_or_else(String::new, |target| target.to_string());
        let reached = row
            .target
            .map_or("", |target| if target.is_reached(middle) { "yes" } else { "**no**" });
        writeln!(out, "| {} | {} | {target} | {reached} |", row.title, cell(row.figures))?;
    }
    if out.is_empty() {
        return Ok(out);
    }
    Ok(format!(
        "\n| figure | measured | must reach | reached |\n| --- | --- | --- | --- |\n{out}"
    ))
}

struct Runs<'a>(&'a [Value]);

impl Runs<'_> {
    fn of(&self, load: Load) -> impl Iterator<Item = &Value> {
        of_kind(self.0, "ingest").filter(move |run| {
            run["label"] == load.label
                && run["section"] == load.section
                && run["setup"]["batch"] == load.batch
                && run["setup"]["rate"].as_f64() == load.rate
        })
    }

    fn at(&self, load: Load, place: &str) -> Vec<f64> {
        self.of(load).filter_map(|run| run.pointer(place)?.as_f64()).collect()
    }

    /// Detections a second that were committed within the measured time, of those accepted in it: what a worker stores that lags
    /// behind may have been accepted during the warm-up.
    fn committed(&self, load: Load) -> Vec<f64> {
        let accepted = self.at(load, "/posts/detections_per_s");
        let stored = self.at(load, "/stored/detections_per_s");
        accepted
            .iter()
            .zip(stored)
            .map(|(accepted, stored)| accepted.min(stored))
            .collect()
    }

    fn of_kind(&self, kind: &str, field: &str) -> Vec<f64> {
        of_kind(self.0, kind).filter_map(|run| run[field].as_f64()).collect()
    }

    /// How many times what the peers reach, with what they commit: they answer after their commit.
    fn beside_peers(
        &self,
        what: &str,
        figures: &[f64],
        batch: &'static str,
        place: &str,
        targets: [f64; 2],
    ) -> Vec<Row> {
        let row = |((label, name), target): ((&'static str, &str), f64)| {
            let peer = Load { label, batch, ..SINGLE };
            row(
                &format!("{what}, × {name}"),
                ratios(figures, &self.at(peer, place)),
                Some(AtLeast(target)),
            )
        };
        PEERS.into_iter().zip(targets).map(row).collect()
    }

    fn single(&self) -> Vec<Row> {
        let (what, place) = ("batches of 1: requests/s", "/posts/accepted_per_s");
        let figures = self.at(SINGLE, place);
        let mut rows = self.beside_peers(what, &figures, SINGLE.batch, place, [20.0, 8.0]);
        rows.insert(0, row(what, figures, None));
        rows.push(row(
            "batches of 1: CPU µs a detection",
            self.at(SINGLE, COST),
            Some(AtMost(80.0)),
        ));
        rows
    }

    fn hundred(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for (load, how, most) in [
            (FLAT, "as the peers get them (100 frames of 1)", None),
            (FRAMES, "as real nodes send them (10 frames of 10)", Some(AtMost(3.0))),
        ] {
            let what = format!("batches of 100, {how}: detections/s committed");
            let figures = self.committed(load);
            let place = "/posts/detections_per_s";
            let ratios = self.beside_peers(&what, &figures, FLAT.batch, place, [15.0, 6.0]);
            rows.push(row(&what, figures, None));
            rows.extend(ratios);
            let cost = format!("batches of 100, {how}: CPU µs a detection");
            rows.push(row(&cost, self.at(load, COST), most));
        }
        rows
    }

    fn thousand(&self) -> Vec<Row> {
        let (sustained, limit) = (
            self.committed(SUSTAINED),
            self.of_kind("copy-limit", "detections_per_s"),
        );
        let share = ratios(&sustained, &limit).iter().map(|ratio| ratio * 100.0).collect();
        let backlog = self.of_kind("backlog", "detections_per_s");
        let visible = |quantile: &str| self.at(STEADY, &format!("/stored/visible_ms/{quantile}"));
        let faster = ratios(&backlog, &sustained);
        vec![
            row(
                "batches of 1,000 (100 frames of 10), queue not growing: detections/s",
                sustained,
                None,
            ),
            row(
                "the same rows by bare binary COPY, 2 connections: detections/s",
                limit,
                None,
            ),
            row(
                "batches of 1,000: share of the machine's limit, %",
                share,
                Some(AtLeast(25.0)),
            ),
            row("batches of 1,000: CPU µs a detection", self.at(SUSTAINED, COST), None),
            row(
                "1,000 batches/s of 10: POST → committed row p50, ms",
                visible("p50"),
                Some(AtMost(15.0)),
            ),
            row(
                "1,000 batches/s of 10: POST → committed row p99, ms",
                visible("p99"),
                Some(AtMost(60.0)),
            ),
            row("worker catching up a backlog of 2 million: detections/s", backlog, None),
            row("catching up, × the sustained rate", faster, Some(AtLeast(2.0))),
        ]
    }

    fn share(&self) -> Vec<Row> {
        let place = "/posts/accepted_per_s";
        let stubbed = self.at(STUB, place);
        let rate = ratios(&self.at(SINGLE, place), &stubbed);
        let cost = |load: Load| {
            self.of(load)
                .filter_map(|run| cost_of(run, "ingest-api"))
                .collect::<Vec<_>>()
        };
        let ours = ratios(&cost(STUB), &cost(SINGLE));
        let percent = |ratios: Vec<f64>| ratios.iter().map(|ratio| ratio * 100.0).collect();
        vec![
            row("batches of 1, publishing stubbed out: requests/s", stubbed, None),
            row(
                "batches of 1: share of the stubbed rate that is left with publishing, %",
                percent(rate),
                Some(AtLeast(50.0)),
            ),
            row(
                "batches of 1: share of ingest-api's CPU time that is not publishing, %",
                percent(ours),
                Some(AtLeast(50.0)),
            ),
        ]
    }

    fn footprint(&self) -> Vec<Row> {
        let memory = SERVICES.iter().map(|service| {
            let peak = self.peak(service).into_iter().collect();
            row(
                &format!("{service}: most memory under load, MB"),
                peak,
                Some(AtMost(60.0)),
            )
        });
        let mut rows: Vec<_> = memory.collect();
        rows.extend([
            row(
                "ingest-api: 1,000 idle keep-alive connections, MB",
                self.of_kind("idle", "cost_mb"),
                Some(AtMost(10.0)),
            ),
            row(
                "bytes on disk a detection, frames of 10",
                self.of_kind("disk", "bytes_per_detection"),
                Some(AtMost(60.0)),
            ),
        ]);
        rows
    }

    /// The highest peak of a service in any run with one instance of it.
    fn peak(&self, service: &str) -> Option<f64> {
        let runs = of_kind(self.0, "ingest").filter(|run| run["section"] != "growth");
        let processes = runs.filter_map(|run| run["cost"]["processes"].as_array()).flatten();
        let ours = processes.filter(|process| process["name"] == format!("{service}-0"));
        ours.filter_map(|process| process["peak_mb"].as_f64())
            .max_by(f64::total_cmp)
    }
}

const COST: &str = "/cost/us_per_detection";

pub(super) fn row(title: &str, figures: Vec<f64>, target: Option<Target>) -> Row {
    Row {
        title: title.to_owned(),
        figures,
        target,
    }
}

/// Run by run where there are as many of both, since they took turns; else of the medians.
pub(super) fn ratios(figures: &[f64], bases: &[f64]) -> Vec<f64> {
    if figures.len() == bases.len() {
        return figures.iter().zip(bases).map(|(figure, base)| figure / base).collect();
    }
    let middles = median(figures.to_vec()).zip(median(bases.to_vec()));
    middles.map(|(figure, base)| figure / base).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(label: &str, batch: &str, rate: f64) -> Value {
        json!({"kind": "ingest", "section": "path", "label": label, "setup": {"batch": batch, "rate": null},
            "posts": {"accepted_per_s": rate, "detections_per_s": rate}, "stored": {"detections_per_s": rate},
            "cost": {"us_per_detection": 90.0, "processes": [{"name": "ingest-api-0", "us_per_detection": 20.0, "peak_mb": 61.5}]}})
    }

    #[test]
    fn each_figure_stands_beside_its_target() {
        let mut stub = run(STUB.label, "1x1", 30_000.0);
        stub["cost"]["processes"] = json!([{"name": "ingest-api-stub", "us_per_detection": 8.0}]);
        let runs = [
            run("CityTrack", "1x1", 10_000.0),
            run("django", "1x1", 500.0),
            run("fastapi", "1x1", 2_000.0),
            run("CityTrack", "1x1", 12_000.0),
            run("django", "1x1", 400.0),
            stub,
            json!({"kind": "backlog", "detections_per_s": 9e5}),
        ];
        let text = table(&runs).unwrap();
        for line in [
            "| batches of 1: requests/s | 11,000 (10,000–12,000) |  |  |",
            "| batches of 1: requests/s, × Django | 25 (20–30) | ≥ 20 | yes |",
            "| batches of 1: requests/s, × FastAPI | 5.50 | ≥ 8 | **no** |",
            "| batches of 1: CPU µs a detection | 90 | ≤ 80 | **no** |",
            "| batches of 1: share of ingest-api's CPU time that is not publishing, % | 40 | ≥ 50 | **no** |",
            "| ingest-api: most memory under load, MB | 61.5 | ≤ 60 | **no** |",
            "| worker catching up a backlog of 2 million: detections/s | 900,000 |  |  |",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(
            !text.contains("batches of 1,000"),
            "what was not measured is left out: {text}"
        );
    }
}
