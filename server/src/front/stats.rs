use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// What a [`FrontServer`](crate::FrontServer) counts. A handle; every clone counts the same.
#[derive(Clone, Debug, Default)]
pub struct FrontStats(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    connections: AtomicUsize,
    accepted: AtomicU64,
    stalled: AtomicU64,
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
}

impl FrontStats {
    /// Returns what has been counted so far.
    #[must_use]
    pub fn read(&self) -> FrontCounts {
        FrontCounts {
            connections: self.0.connections.load(Ordering::Relaxed),
            accepted: self.0.accepted.load(Ordering::Relaxed),
            stalled: self.0.stalled.load(Ordering::Relaxed),
        }
    }

    pub(super) fn opened(&self) {
        self.0.connections.fetch_add(1, Ordering::Relaxed);
        self.0.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn closed(&self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn stalled(&self) {
        self.0.stalled.fetch_add(1, Ordering::Relaxed);
    }
}
