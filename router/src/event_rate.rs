use std::time::Duration;

/// How many packets a client may send: so many in a second, after so many at once.
///
/// A client that sends more isn't read until it may send again, so that it is slowed down to the
/// rate and loses nothing. One that goes on for longer than the patience lasts is disconnected as
/// [`TooManyEvents`](crate::DisconnectReason::TooManyEvents). Attachments count with their packet, and acks that
/// the server waits for don't count.
///
/// ```
/// use sockeye_router::{EventRate, RouterConfig};
///
/// let config = RouterConfig::default().with_event_rate(EventRate::new(1_000, 5_000));
/// let unlimited = RouterConfig::default().with_event_rate(None);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub struct EventRate {
    /// What a packet takes of the allowance, in nanoseconds.
    pub(crate) cost: u64,
    /// The whole allowance.
    pub(crate) room: u64,
    pub(crate) patience: Duration,
}

impl EventRate {
    /// Allows so many packets in a second, after `burst` at once. Neither is less than 1.
    pub fn new(per_second: u32, burst: u32) -> Self {
        let cost = NANOS / u64::from(per_second.max(1));
        Self {
            cost,
            room: cost.saturating_mul(u64::from(burst.max(1))),
            patience: Duration::from_secs(10),
        }
    }

    /// Sets for how long a client may send more; 10 s by default.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

/// 200 in a second, after 400 at once.
impl Default for EventRate {
    fn default() -> Self {
        Self::new(200, 400)
    }
}

const NANOS: u64 = 1_000_000_000;
