//! Latencies: recorded in microseconds with three significant digits, reported in milliseconds.

use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// A histogram of durations.
#[derive(Clone, Debug)]
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(Histogram::new(3)?)) // grows with the values: a subscriber among thousands costs little
    }

    pub(crate) fn record(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        if self.0.record(micros).is_err() {
            self.0.saturating_record(micros); // never: a histogram that grows takes everything
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) -> Result<()> {
        Ok(self.0.add(&other.0)?)
    }

    pub(crate) fn summary(&self) -> Summary {
        let [p50, p90, p99, max] = self.percentiles([0.5, 0.9, 0.99, 1.0]);
        Summary {
            count: self.0.len(),
            p50,
            p90,
            p99,
            max,
        }
    }

    /// The durations, in milliseconds, that such parts of all (0 to 1) do not exceed.
    pub(crate) fn percentiles<const N: usize>(&self, quantiles: [f64; N]) -> [f64; N] {
        quantiles.map(|quantile| self.0.value_at_quantile(quantile) as f64 / 1000.0)
    }
}

/// What a report says about latencies, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) count: u64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_histograms_equal_one_that_saw_everything() {
        let (mut all, mut odd, mut even) = (
            Latencies::new().unwrap(),
            Latencies::new().unwrap(),
            Latencies::new().unwrap(),
        );
        for n in 1..=10_000_u64 {
            let duration = Duration::from_micros(n * 37);
            all.record(duration);
            if n % 2 == 0 { &mut even } else { &mut odd }.record(duration);
        }
        odd.merge(&even).unwrap();
        assert_eq!(odd.summary(), all.summary());
        assert_eq!(all.summary().count, 10_000);
        assert!((all.summary().p50 - 185.0).abs() < 0.5, "{:?}", all.summary());
    }
}
