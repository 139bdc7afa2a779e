use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use sockeye_router::Limit;

use super::crowd::Crowd;

/// What a [`FrontServer`](crate::FrontServer) counts. A handle; every clone counts the same.
#[derive(Clone, Debug, Default)]
pub struct FrontStats(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    crowd: Crowd,
    accepted: AtomicU64,
    stalled: AtomicU64,
    turned_away: AtomicU64,
    turned_away_by_address: AtomicU64,
}

/// What a front had counted at one time.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct FrontCounts {
    /// Connections that are open, WebSockets included.
    pub connections: usize,
    /// Connections that were accepted.
    pub accepted: u64,
    /// Connections that were cut as their clients took too little of what was sent.
    pub stalled: u64,
    /// Connections that were closed unread as there were as many as there may be.
    pub turned_away: u64,
    /// Connections that were closed unread as their address had as many as it may have.
    pub turned_away_by_address: u64,
}

impl FrontStats {
    /// Returns what has been counted so far.
    #[must_use]
    pub fn read(&self) -> FrontCounts {
        FrontCounts {
            connections: self.0.crowd.open(),
            accepted: self.0.accepted.load(Ordering::Relaxed),
            stalled: self.0.stalled.load(Ordering::Relaxed),
            turned_away: self.0.turned_away.load(Ordering::Relaxed),
            turned_away_by_address: self.0.turned_away_by_address.load(Ordering::Relaxed),
        }
    }

    pub(super) fn crowd(&self) -> &Crowd {
        &self.0.crowd
    }

    pub(super) fn accepted(&self) {
        self.0.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn turned_away(&self, limit: Limit) {
        let counter = match limit {
            Limit::ConnectionsPerAddress => &self.0.turned_away_by_address,
            _ => &self.0.turned_away,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stalled(&self) {
        self.0.stalled.fetch_add(1, Ordering::Relaxed);
    }
}
