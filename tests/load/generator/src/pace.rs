//! When the messages of an open loop are due.

/// Spreads a rate evenly over time and in turn over the connections.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Nanoseconds between two messages.
    interval: f64,
    next: f64,
    turn: usize,
}

impl Pace {
    pub(crate) fn new(per_second: f64, now: u64) -> Self {
        Self {
            interval: 1e9 / per_second,
            next: now as f64,
            turn: 0,
        }
    }

    /// Returns whose turn it is and since when, if a message is due.
    pub(crate) fn due(&mut self, now: u64, connections: usize) -> Option<(usize, u64)> {
        if self.next > now as f64 {
            return None;
        }
        let since = self.next as u64;
        self.next += self.interval;
        self.turn = (self.turn + 1) % connections;
        Some((self.turn, since))
    }

    pub(crate) fn next_at(&self) -> u64 {
        self.next as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_generator_catches_up_and_counts_from_when_it_was_due() {
        let mut pace = Pace::new(1000.0, 0);

        let due: Vec<_> = std::iter::from_fn(|| pace.due(2_500_000, 2)).collect();

        assert_eq!(due, [(1, 0), (0, 1_000_000), (1, 2_000_000)]);
        assert_eq!(pace.next_at(), 3_000_000);
    }
}
