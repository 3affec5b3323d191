//! The few metrics of the services that people look at, out of the text that Prometheus scrapes.

use std::collections::BTreeMap;

/// One line: `name{label="value",…} 12`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample<'a> {
    pub(super) name: &'a str,
    labels: &'a str,
    pub(super) value: f64,
}

/// All lines that are samples.
pub(super) fn samples(text: &str) -> impl Iterator<Item = Sample<'_>> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(sample)
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let (series, value) = line.trim_end().rsplit_once(' ')?;
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let value = value.parse().ok()?;
    Some(Sample { name, labels, value })
}

impl<'a> Sample<'a> {
    /// The value of a label, as it is written: those that are looked at have nothing to escape.
    pub(super) fn label(&self, name: &str) -> Option<&'a str> {
        let labels = self.labels.trim_end_matches('}').split(',');
        labels
            .filter_map(|label| label.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.trim_matches('"'))
    }
}

/// Observations by upper bound, of several instances together.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Histogram {
    /// Bounds as bits, which sort like the numbers as none is negative; with how many lie at or below.
    buckets: BTreeMap<u64, f64>,
}

impl Histogram {
    pub(super) fn add(&mut self, bound: f64, cumulative: f64) {
        if bound >= 0.0 {
            *self.buckets.entry(bound.to_bits()).or_default() += cumulative;
        }
    }

    pub(super) fn count(&self) -> f64 {
        self.buckets.values().last().copied().unwrap_or_default()
    }

    /// As Prometheus' `histogram_quantile`: linear within a bucket. `None` without observations.
    pub(super) fn quantile(&self, quantile: f64) -> Option<f64> {
        let rank = quantile * self.count();
        if rank <= 0.0 {
            return None;
        }
        let (mut lower, mut below) = (0.0, 0.0);
        for (bound, cumulative) in &self.buckets {
            let bound = f64::from_bits(*bound);
            if *cumulative >= rank {
                let part = (rank - below) / (cumulative - below);
                // What lies beyond the last bound is told as that bound.
                return Some(if bound.is_finite() {
                    lower + (bound - lower) * part
                } else {
                    lower
                });
            }
            (lower, below) = (bound, *cumulative);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_have_names_labels_and_values() {
        let text = "# HELP a b\n# TYPE a gauge\na 3\nb_bucket{queue=\"x.y\",le=\"+Inf\"} 1.5\nnonsense\n";
        let all: Vec<_> = samples(text).collect();
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].name, all[0].value, all[0].label("le")), ("a", 3.0, None));
        assert_eq!(
            (all[1].label("le"), all[1].label("queue"), all[1].value),
            (Some("+Inf"), Some("x.y"), 1.5)
        );
    }

    #[test]
    fn quantiles_are_those_of_prometheus() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        for (bound, cumulative) in [(0.1, 10.0), (0.2, 90.0), (1.0, 98.0), (f64::INFINITY, 100.0)] {
            histogram.add(bound, cumulative);
        }
        assert_eq!(histogram.count(), 100.0);
        assert!((histogram.quantile(0.5).unwrap() - 0.15).abs() < 1e-9);
        assert!((histogram.quantile(0.05).unwrap() - 0.05).abs() < 1e-9);
        assert_eq!(histogram.quantile(0.99), Some(1.0));
    }
}
