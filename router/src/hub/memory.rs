use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// What a hub has in memory, on all threads together.
///
/// With no client left, all counts return to zero: a socket's when its last handler has ended and
/// nothing that runs on its thread refers to it any more.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct HubMemory {
    /// Connections: open ones, and those that are gone but are still referred to.
    pub clients: usize,
    /// Sockets: open ones, and those that are gone but are still referred to.
    pub sockets: usize,
    /// Tables of the sockets and rooms of one namespace on one thread.
    pub tables: usize,
    /// Entries of deadlines, those included that have become void: such an entry goes when it comes
    /// up, with the last client of its thread, or sooner where they are many.
    pub timers: usize,
    /// Tasks: handlers, middlewares and verifiers that wait for something.
    pub tasks: usize,
    /// Packets that wait to be taken by another thread.
    pub waiting_packets: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Gauges {
    pub(crate) clients: AtomicUsize,
    pub(crate) sockets: AtomicUsize,
    pub(crate) tables: AtomicUsize,
    pub(crate) timers: Arc<AtomicUsize>,
    pub(crate) tasks: AtomicUsize,
}

impl Gauges {
    pub(super) fn read(&self, waiting_packets: usize) -> HubMemory {
        HubMemory {
            clients: self.clients.load(Ordering::Relaxed),
            sockets: self.sockets.load(Ordering::Relaxed),
            tables: self.tables.load(Ordering::Relaxed),
            timers: self.timers.load(Ordering::Relaxed),
            tasks: self.tasks.load(Ordering::Relaxed),
            waiting_packets,
        }
    }
}

/// One of what a gauge counts, for as long as this lives.
pub(crate) struct Held {
    gauges: Arc<Gauges>,
    gauge: fn(&Gauges) -> &AtomicUsize,
}

impl Held {
    pub(crate) fn new(gauges: &Arc<Gauges>, gauge: fn(&Gauges) -> &AtomicUsize) -> Self {
        gauge(gauges).fetch_add(1, Ordering::Relaxed);
        Self {
            gauges: gauges.clone(),
            gauge,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        (self.gauge)(&self.gauges).fetch_sub(1, Ordering::Relaxed);
    }
}
