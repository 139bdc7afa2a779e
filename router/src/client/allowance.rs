//! How many packets a client may still send: a token bucket, kept as the time at which it is full.

use std::{
    cell::Cell,
    rc::Rc,
    time::{Duration, Instant},
};

use super::ClientCell;
use crate::{DisconnectReason, EventRate, Limit};

/// What a client has used of its allowance. Times are nanoseconds since the thread began.
#[derive(Default)]
pub(super) struct Allowance {
    /// When nothing of it is used any more.
    whole_at: Cell<u64>,
    /// Since when the client has sent more than it may; 0 if it hasn't.
    over_since: Cell<u64>,
}

impl Allowance {
    /// Takes one packet's part; returns whether that is more than there was.
    fn take(&self, rate: &EventRate, now: u64) -> bool {
        let used = self.whole_at.get().saturating_sub(now);
        if self.over_since.get() > 0 && used <= rate.room / 2 {
            self.over_since.set(0);
        }
        let used = used.saturating_add(rate.cost);
        self.whole_at.set(now.saturating_add(used));
        used > rate.room
    }

    fn give_back(&self, rate: &EventRate) {
        let whole_at = self.whole_at.get().saturating_sub(rate.cost);
        self.whole_at.set(whole_at);
    }

    /// Notes that more was sent; returns for how long that has been so.
    fn over_for(&self, now: u64) -> Duration {
        if self.over_since.get() == 0 {
            self.over_since.set(now.max(1));
        }
        Duration::from_nanos(now.saturating_sub(self.over_since.get()))
    }

    /// Returns how long it takes until some of it is there again.
    fn refilled_in(&self, rate: &EventRate, now: u64) -> Duration {
        let used = self.whole_at.get().saturating_sub(now);
        let enough = rate.room - rate.room / REFILLED_PART;
        Duration::from_nanos(used.saturating_sub(enough))
    }
}

impl ClientCell {
    /// Takes a packet's part of the allowance; returns whether that was too much.
    pub(super) fn spend(&self, now: Instant) -> bool {
        let Some(rate) = &self.hub.0.config.event_rate else {
            return false;
        };
        self.allowance.take(rate, self.nanos(now))
    }

    /// Gives back the part of a packet that the server has asked for.
    pub(super) fn give_back(&self) {
        if let Some(rate) = &self.hub.0.config.event_rate {
            self.allowance.give_back(rate);
        }
    }

    /// Stops reading until the client may send again, or closes its connection when that has been
    /// so for too long.
    pub(super) fn throttle(self: &Rc<Self>, now: Instant) {
        let Some(rate) = &self.hub.0.config.event_rate else {
            return;
        };
        let now = self.nanos(now);
        if self.allowance.whole_at.get().saturating_sub(now) <= rate.room {
            // The packet was one that the server has asked for.
            return;
        }
        let is_new = self.allowance.over_since.get() == 0;
        if is_new {
            self.hub.limits().count(Limit::EventRate);
        }
        if self.allowance.over_for(now) >= rate.patience {
            tracing::debug!("client sends too much");
            self.close(DisconnectReason::TooManyEvents);
            return;
        }
        if self.closed.get() || self.throttled.replace(true) {
            return;
        }
        self.pause();
        let wait = self.allowance.refilled_in(rate, now);
        let weak = Rc::downgrade(self);
        actix_rt::spawn(async move {
            tokio::time::sleep(wait).await;
            if let Some(cell) = weak.upgrade() {
                cell.throttled.set(false);
                cell.resume();
            }
        });
    }

    fn nanos(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.local.epoch);
        // 584 years fit.
        since.as_nanos() as u64
    }
}

/// Reading goes on when one part of so many is there again: often enough that a client within
/// the rate doesn't notice, seldom enough that it costs little.
const REFILLED_PART: u64 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_burst_is_let_pass_and_then_the_rate() {
        let rate = EventRate::new(10, 3);
        let allowance = Allowance::default();
        let mut allowed = 0;
        for at in (0..10 * SECOND).step_by(1_000_000) {
            // As long as reading stops, nothing is sent.
            if allowance.whole_at.get().saturating_sub(at) + rate.cost <= rate.room {
                assert!(!allowance.take(&rate, at));
                allowed += 1;
            }
        }

        assert_eq!(allowed, 3 + 10 * 10 - 1);
        assert!(allowance.take(&rate, 10 * SECOND) || allowance.take(&rate, 10 * SECOND));
    }

    #[test]
    fn being_over_ends_when_half_of_it_is_there_again() {
        let rate = EventRate::new(10, 10);
        let allowance = Allowance::default();
        assert!((0..11).any(|_| allowance.take(&rate, SECOND)));
        assert_eq!(allowance.over_for(SECOND), Duration::ZERO);

        allowance.take(&rate, SECOND + SECOND / 10);
        assert_eq!(allowance.over_for(2 * SECOND), Duration::from_secs(1));
        allowance.take(&rate, 3 * SECOND);

        assert_eq!(allowance.over_for(3 * SECOND), Duration::ZERO);
    }
}
