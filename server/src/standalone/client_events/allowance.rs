//! How many bytes a client may relay: a token bucket of each, kept as the time at which it is full.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use crate::{Limit, SocketRef, standalone::settings::ClientSettings};

/// What clients have used of what they may relay.
///
/// A client is everybody with one subject, over how many connections it may be, and a connection
/// where tokens have none. Times are nanoseconds since the beginning.
#[derive(Debug)]
pub(super) struct RelayAllowance {
    /// None for no limit.
    rate: Option<Rate>,
    epoch: Instant,
    hasher: RandomState,
    used: Mutex<Used>,
}

#[derive(Clone, Copy, Debug)]
struct Rate {
    bytes_per_second: u64,
    /// The whole of the allowance, in nanoseconds.
    room: u64,
}

#[derive(Debug)]
struct Used {
    /// When nothing of a client's allowance is used any more.
    whole_at: HashMap<u64, u64>,
    /// At how many clients those are dropped of whom nothing has to be known any more.
    swept_at: usize,
}

impl RelayAllowance {
    pub(super) fn new(settings: &ClientSettings) -> Self {
        let bytes_per_second = settings.relay_bytes_per_second as u64;
        let rate = (bytes_per_second > 0).then(|| Rate {
            bytes_per_second,
            room: nanos(settings.relay_burst_bytes as u64, bytes_per_second),
        });
        Self {
            rate,
            epoch: Instant::now(),
            hasher: RandomState::new(),
            used: Mutex::new(Used {
                whole_at: HashMap::new(),
                swept_at: SWEPT_AT,
            }),
        }
    }

    /// Waits until a client may relay so many bytes; returns whether it is still there then.
    pub(super) async fn wait(&self, socket: &SocketRef, bytes: usize) -> bool {
        let Some(rate) = self.rate else {
            return true;
        };
        let client = self.client(socket);
        let mut is_first = true;
        while let Err(wait) = self.take(rate, client, bytes as u64, self.now()) {
            if std::mem::take(&mut is_first) {
                socket.hub().limits().count(Limit::RelayRate);
            }
            // Another socket of the client may be faster, and this one may end meanwhile.
            sleep(wait.min(LOOKED_AT)).await;
            if !socket.is_connected() {
                return false;
            }
        }
        true
    }

    /// Takes the bytes' part of a client's allowance, or returns how long it will be until it is
    /// there. What is larger than the whole may pass when nothing is used, and is paid for later.
    fn take(&self, rate: Rate, client: u64, bytes: u64, now: u64) -> Result<(), Duration> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let whole_at = used.whole_at.get(&client).copied().unwrap_or_default();
        let before = whole_at.saturating_sub(now);
        let cost = nanos(bytes, rate.bytes_per_second);
        let over = before.saturating_add(cost.min(rate.room));
        match over.saturating_sub(rate.room) {
            0 => {
                let whole_at = now.saturating_add(before).saturating_add(cost);
                used.whole_at.insert(client, whole_at);
                used.sweep(now);
                Ok(())
            }
            over => Err(Duration::from_nanos(over)),
        }
    }

    fn client(&self, socket: &SocketRef) -> u64 {
        match socket.identity() {
            Some(identity) if !identity.subject().is_empty() => {
                self.hasher.hash_one(identity.subject())
            }
            // All sockets of a connection share its handshake.
            _ => self.hasher.hash_one(std::ptr::from_ref(socket.handshake())),
        }
    }

    fn now(&self) -> u64 {
        let since = self.epoch.elapsed().as_nanos();
        u64::try_from(since).unwrap_or(u64::MAX)
    }
}

impl Used {
    /// Forgets who may relay as much as ever: at most half of those that are kept need not be.
    fn sweep(&mut self, now: u64) {
        if self.whole_at.len() >= self.swept_at {
            self.whole_at.retain(|_, whole_at| *whole_at > now);
            self.whole_at.shrink_to(SWEPT_AT);
            self.swept_at = SWEPT_AT.max(self.whole_at.len().saturating_mul(2));
        }
    }
}

fn nanos(bytes: u64, bytes_per_second: u64) -> u64 {
    let nanos = u128::from(bytes) * NANOS / u128::from(bytes_per_second.max(1));
    u64::try_from(nanos).unwrap_or(u64::MAX)
}

/// How often a socket that waits is looked at, which may have ended.
const LOOKED_AT: Duration = Duration::from_millis(500);

/// The fewest clients that are looked through for those that need not be known any more.
const SWEPT_AT: usize = 1024;

const NANOS: u128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// A hundred bytes in a second, after three hundred at once.
    fn allowance() -> (RelayAllowance, Rate) {
        let allowance = RelayAllowance::new(&ClientSettings {
            relay_bytes_per_second: 100,
            relay_burst_bytes: 300,
            ..ClientSettings::default()
        });
        let rate = allowance.rate.unwrap();
        (allowance, rate)
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let (allowance, rate) = allowance();
        let take = |bytes, at| allowance.take(rate, 1, bytes, at);

        assert_eq!(take(100, 0), Ok(()));
        assert_eq!(take(200, 0), Ok(()));
        assert_eq!(take(50, 0), Err(Duration::from_millis(500)));
        assert_eq!(take(50, SECOND / 2), Ok(()));
        assert_eq!(take(300, 10 * SECOND), Ok(()));
        assert_eq!(take(1, 10 * SECOND), Err(Duration::from_millis(10)));
    }

    #[test]
    fn what_is_larger_than_the_burst_passes_alone_and_is_paid_for() {
        let (allowance, rate) = allowance();
        let take = |bytes, at| allowance.take(rate, 1, bytes, at);

        assert_eq!(take(1, 0), Ok(()));
        assert_eq!(take(1000, 0), Err(Duration::from_millis(10)));
        assert_eq!(take(1000, SECOND), Ok(()));
        assert_eq!(take(1, SECOND), Err(Duration::from_millis(7_010)));
        assert_eq!(take(1000, SECOND), Err(Duration::from_secs(10)));
    }

    #[test]
    fn each_client_has_its_own_and_is_forgotten_when_it_is_whole() {
        let (allowance, rate) = allowance();
        for client in 0..10 * SWEPT_AT as u64 {
            assert_eq!(allowance.take(rate, client, 300, client * SECOND), Ok(()));
        }

        let known = allowance.used.lock().unwrap().whole_at.len();
        assert!(known <= SWEPT_AT, "{known}");
    }

    #[test]
    fn numbers_out_of_range_are_as_large_as_there_are() {
        let (allowance, rate) = allowance();

        assert_eq!(allowance.take(rate, 1, u64::MAX, u64::MAX), Ok(()));
        assert!(allowance.take(rate, 1, u64::MAX, 0).is_err());
    }
}
