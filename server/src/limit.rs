use std::{
    array, fmt,
    sync::atomic::{AtomicU64, Ordering},
};

/// A bound that a client may reach, as metrics name it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Limit {
    /// [`Admission::max_sessions`](crate::Admission::max_sessions).
    Sessions,
    /// [`Admission::max_unauthenticated`](crate::Admission::max_unauthenticated).
    Unauthenticated,
    /// [`Admission::max_sessions_per_address`](crate::Admission::max_sessions_per_address).
    SessionsPerAddress,
    /// [`Admission::max_unauthenticated_per_address`](crate::Admission::max_unauthenticated_per_address).
    UnauthenticatedPerAddress,
    /// [`Admission::handshake_rate`](crate::Admission::handshake_rate).
    HandshakeRate,
}

impl Limit {
    /// Every limit, in the order in which metrics list them.
    pub const ALL: [Self; 5] = [
        Self::Sessions,
        Self::Unauthenticated,
        Self::SessionsPerAddress,
        Self::UnauthenticatedPerAddress,
        Self::HandshakeRate,
    ];

    /// Returns the limit's name, as in the label `limit` of metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Unauthenticated => "unauthenticated",
            Self::SessionsPerAddress => "sessions_per_address",
            Self::UnauthenticatedPerAddress => "unauthenticated_per_address",
            Self::HandshakeRate => "handshake_rate",
        }
    }

    /// Whether the client's own address has reached it, and not all clients together.
    pub(crate) fn is_of_address(self) -> bool {
        matches!(
            self,
            Self::SessionsPerAddress | Self::UnauthenticatedPerAddress | Self::HandshakeRate
        )
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How often each limit was reached. Shared by all threads, as this is rare.
#[derive(Debug)]
pub(crate) struct LimitCounters([AtomicU64; Limit::ALL.len()]);

impl LimitCounters {
    pub(crate) fn count(&self, limit: Limit) {
        if let Some(counter) = self.0.get(limit as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn read(&self) -> impl Iterator<Item = (Limit, u64)> {
        let counts = self.0.iter().map(|counter| counter.load(Ordering::Relaxed));
        Limit::ALL.into_iter().zip(counts)
    }
}

impl Default for LimitCounters {
    fn default() -> Self {
        Self(array::from_fn(|_| AtomicU64::new(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_counted_under_its_own_name() {
        let counters = LimitCounters::default();

        for (times, limit) in Limit::ALL.into_iter().enumerate() {
            (0..times).for_each(|_| counters.count(limit));
        }

        let counts: Vec<_> = counters.read().map(|(_, count)| count as usize).collect();
        assert_eq!(counts, (0..Limit::ALL.len()).collect::<Vec<_>>());
    }
}
