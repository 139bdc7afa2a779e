//! How figures are written.

use std::time::Duration;

/// Bytes in a mebibyte.
pub const MIB: f64 = 1024.0 * 1024.0;

/// Writes a count with commas: `10,000`.
#[must_use]
pub fn thousands(count: usize) -> String {
    let digits = count.to_string();
    let groups: Vec<_> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(String::from_utf8_lossy)
        .collect();
    groups.join(",")
}

/// Writes a time of a run: `40 s`, `10 min`.
#[must_use]
pub fn run_time(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

/// Writes bytes as mebibytes: `24 MiB`.
#[must_use]
pub fn mib(bytes: u64) -> String {
    format!("{:.0} MiB", bytes as f64 / MIB)
}

/// Returns the value below which 99 of 100 are, of values in order.
#[must_use]
pub fn p99(sorted: &[Duration]) -> Duration {
    let place = (sorted.len() * 99).div_ceil(100).saturating_sub(1);
    sorted.get(place).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_have_commas() {
        let written = [0, 999, 1000, 1_234_567].map(thousands);

        assert_eq!(written, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn of_a_hundred_the_99th_is_taken() {
        let values: Vec<_> = (1..=100).map(Duration::from_millis).collect();

        assert_eq!(p99(&values), Duration::from_millis(99));
        assert_eq!(p99(&values[..1]), Duration::from_millis(1));
    }
}
