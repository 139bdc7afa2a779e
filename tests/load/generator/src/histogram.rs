//! Counts durations in buckets that are at most 1.6 % wide.

use crate::report::Latency;

/// A log-linear histogram of nanoseconds.
#[derive(Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    sum: u128,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; BUCKETS],
            total: 0,
            sum: 0,
            max: 0,
        }
    }
}

impl Histogram {
    #[inline]
    pub(crate) fn add(&mut self, nanoseconds: u64) {
        self.counts[bucket(nanoseconds)] += 1;
        self.total += 1;
        self.sum += u128::from(nanoseconds);
        self.max = self.max.max(nanoseconds);
    }

    /// Returns what the report says of it, or nothing when nothing was counted.
    pub(crate) fn latency(&self) -> Option<Latency> {
        if self.total == 0 {
            return None;
        }
        Some(Latency {
            mean: self.sum as f64 / self.total as f64 / 1e3,
            p50: self.quantile(0.50),
            p99: self.quantile(0.99),
            p999: self.quantile(0.999),
            max: self.max as f64 / 1e3,
        })
    }

    /// Returns the microseconds that a part `q` of all durations stays under.
    fn quantile(&self, q: f64) -> f64 {
        let wanted = ((self.total as f64) * q).ceil().max(1.0) as u64;
        let mut seen = 0;
        let reached = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        let nanoseconds = reached.map_or(self.max, middle).min(self.max);
        nanoseconds as f64 / 1e3
    }
}

fn bucket(value: u64) -> usize {
    if value < STEPS as u64 {
        return value as usize;
    }
    let shift = 63 - value.leading_zeros() - STEP_BITS;
    ((shift as usize + 1) << STEP_BITS) + ((value >> shift) as usize - STEPS)
}

/// Returns the value in the middle of a bucket.
fn middle(bucket: usize) -> u64 {
    if bucket < STEPS {
        return bucket as u64;
    }
    let shift = (bucket >> STEP_BITS) - 1;
    let low = ((STEPS + (bucket & (STEPS - 1))) as u64) << shift;
    low + ((1 << shift) >> 1)
}

const STEP_BITS: u32 = 6;
const STEPS: usize = 1 << STEP_BITS;
const BUCKETS: usize = STEPS * (64 - STEP_BITS as usize + 1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_two_percent() {
        let mut histogram = Histogram::default();
        for value in 1..=100_000 {
            histogram.add(value * 10);
        }

        let latency = histogram.latency().unwrap();

        for (found, expected) in [
            (latency.p50, 500.0),
            (latency.p99, 990.0),
            (latency.p999, 999.0),
        ] {
            assert!((found - expected).abs() / expected < 0.02, "{found}");
        }
    }

    #[test]
    fn the_longest_duration_has_a_bucket() {
        let mut histogram = Histogram::default();

        histogram.add(u64::MAX);

        assert!(histogram.latency().is_some());
    }
}
