//! The figures that the live feed is judged by, and what they are taken from.

use std::fmt::Write;

use anyhow::Result;
use serde_json::Value;

use super::beside::beside_peers;
use super::cell::{NONE, cell};
use super::figures::Target::{AtLeast, AtMost};
use super::figures::{Row, print, row};
use super::{cost_of, different, of_kind};

/// Whose CPU time has a column.
const PROCESSES: [(&str, &str); 3] = [
    ("realtime-ws", "realtime-ws"),
    ("rabbitmq", "RabbitMQ"),
    ("ingest-api", "ingest-api"),
];
/// Tables for what was measured; empty without.
pub(super) fn tables(runs: &[Value]) -> Result<String> {
    let flows: Vec<_> = of_kind(runs, "live-flow").collect();
    let rows = [
        latency(&flows),
        fanout(&flows),
        idle(runs),
        restart(runs),
        beside_peers(&flows),
        encode(&flows),
    ];
    let text = [
        print(rows.into_iter().flatten())?,
        flow_table(&flows)?,
        restart_table(&of_kind(runs, "live-restart").collect::<Vec<_>>())?,
    ];
    Ok(text.concat())
}

/// What stands at a place in each run. Where no message came there is no latency, though it says 0.
pub(super) fn at(runs: &[&Value], place: &str) -> Vec<f64> {
    let runs = runs.iter().filter(|run| !place.contains("latency") || any_came(run));
    runs.filter_map(|run| run.pointer(place)?.as_f64()).collect()
}

fn any_came(run: &Value) -> bool {
    run.pointer("/account/latency_ms/count").is_none_or(|count| *count != 0)
}

/// The runs of a part with so many viewers and batches a second.
fn of<'a>(flows: &[&'a Value], section: &str, viewers: u64, rate: f64) -> Vec<&'a Value> {
    let wanted = |run: &&&Value| {
        let setup = &run["setup"];
        run["section"] == section && setup["viewers"] == viewers && setup["rate"].as_f64() == Some(rate)
    };
    flows.iter().filter(wanted).copied().collect()
}

fn missing(runs: &[&Value]) -> Vec<f64> {
    let counts = |run: &&Value| Some(run.pointer("/account/lost")?.as_f64()? + run.pointer("/account/told")?.as_f64()?);
    runs.iter().filter_map(counts).collect()
}

fn latency(flows: &[&Value]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (rate, how, targets) in [
        (
            1000.0,
            "1,000 frames/s, one a POST, 100 viewers",
            [Some(AtMost(5.0)), Some(AtMost(25.0))],
        ),
        (100.0, "1,000 frames/s, ten a POST, 100 viewers", [None, None]),
    ] {
        let runs = of(flows, "latency", 100, rate);
        for (quantile, target) in ["p50", "p99"].into_iter().zip(targets) {
            let figures = at(&runs, &format!("/account/latency_ms/{quantile}"));
            rows.push(row(&format!("{how}: POST → viewer {quantile}, ms"), figures, target));
        }
        rows.push(row(
            &format!("{how}: messages that did not come"),
            missing(&runs),
            Some(AtMost(0.0)),
        ));
    }
    rows
}

/// 101 and not 100 frames a second: what is delivered within the measured time is not less than 200,000 by a rounding.
fn fanout(flows: &[&Value]) -> Vec<Row> {
    let runs = of(flows, "fanout", 2000, 101.0);
    let what = "101 frames/s to 2,000 viewers, half with a filter";
    let title = |text: &str| format!("{what}: {text}");
    let fast: Vec<_> = of_section(flows, "fanout")
        .filter(|run| is_sustained(run, 250.0))
        .collect();
    let most = highest(&fast, "/delivered_per_s").into_iter().collect();
    vec![
        row(
            &title("delivered/s"),
            at(&runs, "/delivered_per_s"),
            Some(AtLeast(200_000.0)),
        ),
        row(&title("p50, ms"), at(&runs, "/account/latency_ms/p50"), None),
        row(
            &title("p99, ms"),
            at(&runs, "/account/latency_ms/p99"),
            Some(AtMost(250.0)),
        ),
        row(&title("messages that did not come"), missing(&runs), Some(AtMost(0.0))),
        row(
            "most delivered/s with nothing lost and p99 ≤ 250 ms, of any run",
            most,
            None,
        ),
    ]
}

fn idle(runs: &[Value]) -> Vec<Row> {
    let runs: Vec<_> = of_kind(runs, "live-idle").collect();
    vec![
        row(
            "10,000 idle viewers: memory (PSS) each, kB",
            at(&runs, "/pss_kb_each"),
            Some(AtMost(10.0)),
        ),
        row(
            "the same after a few frames to all, kB",
            at(&runs, "/used_kb_each"),
            None,
        ),
        row("time to open 10,000 sockets, s", at(&runs, "/open_s"), None),
    ]
}

fn restart(runs: &[Value]) -> Vec<Row> {
    let runs: Vec<_> = of_kind(runs, "live-restart").collect();
    let title = |what: &str| {
        let (viewers, rate) = runs.first().map_or((0, 0.0), |run| {
            (
                run["viewers"].as_u64().unwrap_or(0),
                run["rate"].as_f64().unwrap_or(0.0),
            )
        });
        format!("killed under {viewers} viewers at {rate} frames/s: {what}")
    };
    vec![
        row(
            &title("until the last is current again, s"),
            at(&runs, "/current_s"),
            Some(AtMost(10.0)),
        ),
        row(&title("viewers that recovered"), at(&runs, "/recovered"), None),
        row(
            &title("viewers told that they did not"),
            at(&runs, "/unrecovered"),
            None,
        ),
        row(
            &title("messages lost in silence"),
            at(&runs, "/account/lost"),
            Some(AtMost(0.0)),
        ),
        row(
            &title("messages doubled"),
            at(&runs, "/account/doubled"),
            Some(AtMost(0.0)),
        ),
    ]
}

fn encode(flows: &[&Value]) -> Vec<Row> {
    let mut rows = Vec::new();
    for viewers in [1, 1000] {
        let runs = of(flows, "encode", viewers, 100.0);
        let costs = runs.iter().filter_map(|run| cost_of(run, "realtime-ws")).collect();
        let title = |what: &str| format!("100 frames/s to {viewers} viewer(s) of one filter: {what}");
        rows.push(row(
            &title("times that a frame is encoded"),
            at(&runs, "/encoded/per_frame"),
            Some(AtMost(1.0)),
        ));
        rows.push(row(&title("CPU µs of realtime-ws a delivered frame"), costs, None));
    }
    rows
}

pub(super) fn of_section<'a>(flows: &[&'a Value], section: &'static str) -> impl Iterator<Item = &'a Value> {
    flows.iter().copied().filter(move |run| run["section"] == section)
}

pub(super) fn is_sustained(run: &Value, p99: f64) -> bool {
    let within = run
        .pointer("/account/latency_ms/p99")
        .and_then(Value::as_f64)
        .is_some_and(|found| found <= p99);
    within && any_came(run) && run["faults"].as_array().is_some_and(Vec::is_empty)
}

fn highest(runs: &[&Value], place: &str) -> Option<f64> {
    at(runs, place).into_iter().max_by(f64::total_cmp)
}

/// Every load in full.
fn flow_table(flows: &[&Value]) -> Result<String> {
    let mut out = String::new();
    if flows.is_empty() {
        return Ok(out);
    }
    let names: Vec<_> = PROCESSES.iter().map(|(_, name)| *name).collect();
    writeln!(
        out,
        "\n### The live feed, every load\n\nLatency from when a POST was due until a viewer has read the message; CPU in µs a delivered frame.\n\n\
         | | viewers (filtered) | batches/s × frames × detections | delivered/s | p50, ms | p99, ms | max, ms | lost | left out | CPU, all | {} | generator | others' CPU s |\n|{}",
        names.join(" | "),
        " --- |".repeat(names.len() + 12)
    )?;
    for name in different(flows.iter().map(|run| load(run))) {
        let runs: Vec<_> = flows.iter().copied().filter(|run| load(run) == name).collect();
        let figures = |place: &str| cell(at(&runs, place));
        let mut cells: Vec<_> = [
            "/delivered_per_s",
            "/account/latency_ms/p50",
            "/account/latency_ms/p99",
            "/account/latency_ms/max",
            "/account/lost",
            "/account/told",
            "/cost/us_per_detection",
        ]
        .map(figures)
        .into();
        cells.extend(PROCESSES.iter().map(|(process, _)| {
            let costs: Vec<_> = runs.iter().filter_map(|run| cost_of(run, process)).collect();
            if costs.is_empty() { NONE.to_owned() } else { cell(costs) }
        }));
        let generator = runs.iter().filter_map(|run| {
            let frames = run.pointer("/account/received")?.as_f64()?.max(1.0);
            Some(run.pointer("/cost/generator_s")?.as_f64()? * 1e6 / frames)
        });
        cells.extend([cell(generator.collect()), figures("/cost/others_s")]);
        writeln!(out, "| {name} | {} |", cells.join(" | "))?;
    }
    Ok(out)
}

fn load(run: &Value) -> String {
    let setup = &run["setup"];
    let text = |name: &str| setup[name].as_str().unwrap_or_default().to_owned();
    format!(
        "{}: {} | {} ({}) | {} × {}",
        run["section"].as_str().unwrap_or_default(),
        run["label"].as_str().unwrap_or_default(),
        setup["viewers"],
        setup["filtered"],
        setup["rate"],
        text("batch").replace('x', " × ")
    )
}

fn restart_table(runs: &[&Value]) -> Result<String> {
    let mut out = String::new();
    if runs.is_empty() {
        return Ok(out);
    }
    writeln!(
        out,
        "\n### The instance is killed under its viewers\n\nTimes from the kill. *Told* are messages that did not come, of which the server said so.\n\n| | |\n| --- | --- |"
    )?;
    for (title, place) in [
        ("viewers", "/viewers"),
        ("frames/s posted", "/rate"),
        ("subscribed again p50, ms", "/subscribed_ms/p50"),
        ("subscribed again, last, ms", "/subscribed_ms/max"),
        ("current again p50, ms", "/current_ms/p50"),
        ("current again p99, ms", "/current_ms/p99"),
        ("current again, last, ms", "/current_ms/max"),
        ("most attempts of a viewer", "/attempts_most"),
        ("recovered", "/recovered"),
        ("not recovered, and told so", "/unrecovered"),
        ("not back", "/not_back"),
        ("messages expected", "/account/expected"),
        ("messages received", "/account/received"),
        ("lost in silence", "/account/lost"),
        ("told", "/account/told"),
        ("doubled", "/account/doubled"),
        ("generator's CPU s", "/generator_s"),
    ] {
        writeln!(out, "| {title} | {} |", cell(at(runs, place)))?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn flow(section: &str, system: &str, rate: f64, viewers: u64, p99: f64) -> Value {
        json!({"kind": "live-flow", "section": section, "label": system, "faults": [],
            "setup": {"system": system, "viewers": viewers, "filtered": 0, "batch": "1x5", "rate": rate},
            "delivered_per_s": rate * viewers as f64, "encoded": {"per_frame": 1.0},
            "account": {"latency_ms": {"p50": 1.0, "p99": p99, "max": p99}, "lost": 0, "told": 0, "received": 1000},
            "cost": {"us_per_detection": 9.0, "generator_s": 0.001, "others_s": 0.5,
                "processes": [{"name": "realtime-ws-0", "us_per_detection": 3.0}]}})
    }

    #[test]
    fn each_figure_stands_beside_its_target() {
        let mut lossy = flow("peers", "nchan", 200.0, 500, 90.0);
        lossy["faults"] = json!(["messages lost: 3"]);
        let runs = [
            flow("latency", "citytrack", 1000.0, 100, 30.5),
            flow("fanout", "citytrack", 101.0, 2000, 100.0),
            flow("fanout", "citytrack", 300.0, 2000, 900.0),
            flow("encode", "citytrack", 100.0, 1, 1.0),
            flow("peers", "citytrack", 100.0, 500, 2.0),
            flow("peers", "citytrack", 200.0, 500, 1.0),
            flow("peers", "nchan", 100.0, 500, 5.0),
            lossy,
            flow("peers", "django", 20.0, 500, 4000.0),
            json!({"kind": "live-idle", "pss_kb_each": 12.5}),
            json!({"kind": "live-restart", "viewers": 5000, "rate": 100.0, "current_s": 4.5, "recovered": 5000,
                "account": {"lost": 0}}),
        ];
        let text = tables(&runs).unwrap();
        for line in [
            "| 1,000 frames/s, one a POST, 100 viewers: POST → viewer p50, ms | 1 | ≤ 5 | yes |",
            "| 1,000 frames/s, one a POST, 100 viewers: POST → viewer p99, ms | 30.5 | ≤ 25 | **no** |",
            "| 101 frames/s to 2,000 viewers, half with a filter: delivered/s | 202,000 | ≥ 200000 | yes |",
            "| most delivered/s with nothing lost and p99 ≤ 250 ms, of any run | 202,000 |  |  |",
            "| 10,000 idle viewers: memory (PSS) each, kB | 12.5 | ≤ 10 | **no** |",
            "| killed under 5000 viewers at 100 frames/s: until the last is current again, s | 4.50 | ≤ 10 | yes |",
            "| 500 viewers: CityTrack, most delivered/s that it sustains | 100,000 |  |  |",
            "| 500 viewers: CityTrack delivers so many times what nginx + nchan does | 2 | > 1 | yes |",
            "| 500 viewers: p99 of nginx + nchan is so many times that of CityTrack at 100 frames/s, the highest that both sustain | 2.50 | > 1 | yes |",
            "| 500 viewers: Django Channels sustains no rate that was tried; delivered/s at the lowest | 10,000 |  |  |",
            "| 100 frames/s to 1 viewer(s) of one filter: times that a frame is encoded | 1 | ≤ 1 | yes |",
            "| peers: nchan | 500 (0) | 200.0 × 1 × 5 | 100,000 | 1 | 90 | 90 | 0 | 0 | 9 | 3 | – | – | 1 | 0.50 |",
            "| recovered | 5,000 |",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(
            !text.contains("ten a POST"),
            "what was not measured is left out: {text}"
        );
        assert_eq!(tables(&[]).unwrap(), "");
    }
}
