//! How often a server complains.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Something that is said once in a period at most, and then how often it was not.
///
/// What clients can cause at will must not fill the log.
#[derive(Debug)]
pub(crate) struct Seldom {
    started: Instant,
    period: Duration,
    /// In milliseconds from the start.
    next: AtomicU64,
    unsaid: AtomicU64,
}

impl Seldom {
    pub(crate) fn every(period: Duration) -> Self {
        Self {
            started: Instant::now(),
            period,
            next: AtomicU64::new(0),
            unsaid: AtomicU64::new(0),
        }
    }

    /// Returns how often it was not said since the last time, if it is time to say it again.
    pub(crate) fn is_due(&self) -> Option<u64> {
        self.is_due_after(self.started.elapsed())
    }

    fn is_due_after(&self, elapsed: Duration) -> Option<u64> {
        let next = self.next.load(Ordering::Relaxed);
        let is_due = millis(elapsed) >= next
            && self
                .next
                .compare_exchange(
                    next,
                    millis(elapsed.saturating_add(self.period)),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                )
                .is_ok();
        if is_due {
            return Some(self.unsaid.swap(0, Ordering::Relaxed));
        }
        self.unsaid.fetch_add(1, Ordering::Relaxed);
        None
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_once_in_a_period_with_how_often_it_was_not() {
        let seldom = Seldom::every(Duration::from_secs(10));
        let said = |millis| seldom.is_due_after(Duration::from_millis(millis));

        assert_eq!(said(5), Some(0));
        assert_eq!([said(5), said(6), said(10_004)], [None; 3]);
        assert_eq!(said(10_005), Some(3));
        assert_eq!(said(10_006), None);
        assert_eq!(said(60_000), Some(1));
    }
}
