//! Whether a line that wavers rises.

/// A straight line through values over time, and how sure that is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// By how much a value rises in a second.
    pub slope: f64,
    /// The standard error of that.
    pub error: f64,
}

impl Trend {
    /// Fits the line by least squares to the lowest of each run of `run` values: what is taken for a
    /// moment and given back makes peaks, and what isn't given back lifts the ground. `None` where
    /// there are less than three such runs.
    #[must_use]
    pub fn of(values: &[(f64, f64)], run: usize) -> Option<Self> {
        let ground: Vec<_> = values.chunks_exact(run.max(1)).filter_map(lowest).collect();
        if ground.len() < 3 {
            return None;
        }
        let (x, y) = mean(&ground);
        let spread: f64 = ground.iter().map(|point| (point.0 - x).powi(2)).sum();
        let together: f64 = ground
            .iter()
            .map(|point| (point.0 - x) * (point.1 - y))
            .sum();
        let slope = together / spread;
        let off: f64 = ground
            .iter()
            .map(|point| (point.1 - y - slope * (point.0 - x)).powi(2))
            .sum();
        let error = (off / (ground.len() as f64 - 2.0) / spread).sqrt();
        Some(Self { slope, error })
    }

    /// Whether the line may well rise by no more than `most` in a second: whether that lies within
    /// three standard errors.
    #[must_use]
    pub fn is_within(&self, most: f64) -> bool {
        self.slope - 3.0 * self.error <= most
    }
}

fn lowest(values: &[(f64, f64)]) -> Option<(f64, f64)> {
    let lowest = values.iter().min_by(|a, b| a.1.total_cmp(&b.1));
    lowest.copied()
}

fn mean(values: &[(f64, f64)]) -> (f64, f64) {
    let count = values.len() as f64;
    let sum = values
        .iter()
        .fold((0.0, 0.0), |sum, value| (sum.0 + value.0, sum.1 + value.1));
    (sum.0 / count, sum.1 / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_rises_is_told_from_one_that_wavers() {
        let waver = |x: u32| f64::from(x % 7) - 3.0;
        let points =
            |slope: f64| (0..100).map(move |x| (f64::from(x), slope * f64::from(x) + waver(x)));
        let flat = Trend::of(&points(0.0).collect::<Vec<_>>(), 5).unwrap();
        let steep = Trend::of(&points(0.5).collect::<Vec<_>>(), 5).unwrap();

        assert!(flat.is_within(0.0), "{flat:?}");
        assert!(!steep.is_within(0.4), "{steep:?}");
        assert!((steep.slope - 0.5).abs() < 0.05, "{steep:?}");
    }

    #[test]
    fn two_runs_show_no_error() {
        assert_eq!(Trend::of(&[(0.0, 1.0); 5], 2), None);
    }
}
