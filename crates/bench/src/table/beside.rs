//! The live feed beside its peers: what each sustains, and how late the slowest of a hundred messages is where both do.

use serde_json::Value;

use super::different;
use super::figures::Target::MoreThan;
use super::figures::{Row, ratios, row};
use super::live::{at, is_sustained, of_section};

/// The systems beside which CityTrack is measured.
const PEERS: [(&str, &str); 3] = [
    ("django", "Django Channels"),
    ("nchan", "nginx + nchan"),
    ("mqtt", "RabbitMQ Web-MQTT"),
];
/// A rate is sustained where everything arrives, the slowest of a hundred within a second.
const SUSTAINED_P99_MS: f64 = 1000.0;
const DELIVERED: &str = "/delivered_per_s";
const P99: &str = "/account/latency_ms/p99";

pub(super) fn beside_peers(flows: &[&Value]) -> Vec<Row> {
    let runs: Vec<_> = of_section(flows, "peers").collect();
    let viewers_of = |run: &Value| run["setup"]["viewers"].to_string();
    let mut rows = Vec::new();
    for viewers in different(runs.iter().map(|run| viewers_of(run))) {
        let system = |name: &str| {
            let of = |run: &&&Value| run["setup"]["system"] == name && viewers_of(run) == viewers;
            System(runs.iter().filter(of).copied().collect())
        };
        let ours = system("citytrack");
        let title = |what: &str| format!("{viewers} viewers: {what}");
        let delivered = ours.at(ours.highest(), DELIVERED);
        rows.push(row(
            &title("CityTrack, most delivered/s that it sustains"),
            delivered,
            None,
        ));
        for (name, label) in PEERS {
            rows.extend(beside(&ours, &system(name), label, &title));
        }
    }
    rows
}

fn beside(ours: &System<'_>, peer: &System<'_>, label: &str, title: &dyn Fn(&str) -> String) -> Vec<Row> {
    let Some(highest) = peer.highest() else {
        let what = format!("{label} sustains no rate that was tried; delivered/s at the lowest");
        return vec![row(&title(&what), peer.at(peer.lowest(), DELIVERED), None)];
    };
    let theirs = peer.at(Some(highest), DELIVERED);
    let ahead = ratios(&ours.at(ours.highest(), DELIVERED), &theirs);
    let both = peer
        .sustained()
        .into_iter()
        .rev()
        .find(|rate| ours.sustained().contains(rate));
    let (our_p99, their_p99) = (ours.at(both, P99), peer.at(both, P99));
    let earlier = ratios(&their_p99, &our_p99);
    let at_both = |what: &str| {
        let rate = both.unwrap_or_default();
        title(&format!("{what} at {rate} frames/s, the highest that both sustain"))
    };
    vec![
        row(
            &title(&format!("{label}, most delivered/s that it sustains")),
            theirs,
            None,
        ),
        row(
            &title(&format!("CityTrack delivers so many times what {label} does")),
            ahead,
            Some(MoreThan(1.0)),
        ),
        row(&at_both("CityTrack, p99 in ms"), our_p99, None),
        row(&at_both(&format!("{label}, p99 in ms")), their_p99, None),
        row(
            &at_both(&format!("p99 of {label} is so many times that of CityTrack")),
            earlier,
            Some(MoreThan(1.0)),
        ),
    ]
}

/// The runs of one system with so many viewers.
struct System<'a>(Vec<&'a Value>);

impl System<'_> {
    fn rates(&self) -> Vec<f64> {
        let mut rates: Vec<f64> = self.0.iter().filter_map(|run| run["setup"]["rate"].as_f64()).collect();
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        rates
    }

    fn of(&self, rate: f64) -> Vec<&Value> {
        let of = |run: &&&Value| run["setup"]["rate"].as_f64() == Some(rate);
        self.0.iter().filter(of).copied().collect()
    }

    /// The rates that more than half of their runs sustained, in order.
    fn sustained(&self) -> Vec<f64> {
        let is_sustained = |rate: &f64| {
            let runs = self.of(*rate);
            let good = runs.iter().filter(|run| is_sustained(run, SUSTAINED_P99_MS)).count();
            2 * good > runs.len()
        };
        self.rates().into_iter().filter(is_sustained).collect()
    }

    fn highest(&self) -> Option<f64> {
        self.sustained().pop()
    }

    fn lowest(&self) -> Option<f64> {
        self.rates().first().copied()
    }

    fn at(&self, rate: Option<f64>, place: &str) -> Vec<f64> {
        rate.map(|rate| at(&self.of(rate), place)).unwrap_or_default()
    }
}
