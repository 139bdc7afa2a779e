use std::time::{Duration, Instant};

/// Returns the instant `after` from `now`, and always a later one: a zero duration counts as
/// a millisecond, so that a timer which is armed again can't fire for ever, and one beyond
/// the clock's end as a year.
pub(super) fn deadline(now: Instant, after: Duration) -> Instant {
    let after = after.max(TICK);
    now.checked_add(after)
        .or_else(|| now.checked_add(YEAR))
        .unwrap_or(now)
}

const TICK: Duration = Duration::from_millis(1);
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_always_later() {
        let now = Instant::now();

        assert_eq!(
            deadline(now, Duration::from_secs(2)) - now,
            Duration::from_secs(2)
        );
        assert_eq!(deadline(now, Duration::ZERO) - now, TICK);
        assert_eq!(deadline(now, Duration::MAX) - now, YEAR);
    }
}
