use std::{
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

/// What an engine has alive, on all threads together.
///
/// The counts are read one after another while the threads go on, so they may be a few off each
/// other. With no client left all return to zero; `websockets` and `held` are the last.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct EngineStats {
    /// Sessions that are open or still delivering what was queued.
    pub sessions: usize,
    /// Those of them that are on WebSocket; the others poll.
    pub on_websocket: usize,
    /// Sessions in memory: those above, and ended ones which something still refers to, such as a
    /// handler that runs or a WebSocket that is being closed.
    pub held: usize,
    /// GETs that wait for something to be sent.
    pub waiting_polls: usize,
    /// WebSockets, those that are offered for an upgrade or are being closed included.
    pub websockets: usize,
    /// Entries of deadlines, those included that have moved or whose session has ended: such an
    /// entry goes when it comes up, or sooner where they are many.
    pub timers: usize,
}

/// The counts that nothing else keeps.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    pub(crate) held: AtomicUsize,
    pub(crate) waiting_polls: AtomicUsize,
    pub(crate) websockets: AtomicUsize,
    pub(crate) timers: Arc<AtomicUsize>,
    no_websockets: Notify,
}

impl Gauges {
    /// Waits until no WebSocket is open: all last words have been written, and read by who reads.
    pub(super) async fn no_websockets(&self) {
        loop {
            // Registered before looking, so that no end is missed.
            let notified = self.no_websockets.notified();
            if self.websockets.load(Ordering::Relaxed) == 0 {
                return;
            }
            notified.await;
        }
    }

    pub(super) fn stats(&self, sessions: usize, on_websocket: usize) -> EngineStats {
        EngineStats {
            sessions,
            on_websocket,
            held: self.held.load(Ordering::Relaxed),
            waiting_polls: self.waiting_polls.load(Ordering::Relaxed),
            websockets: self.websockets.load(Ordering::Relaxed),
            timers: self.timers.load(Ordering::Relaxed),
        }
    }
}

/// One of what the gauge `G` counts, for as long as this lives.
pub(crate) struct Counted<G: Gauge> {
    gauges: Arc<Gauges>,
    gauge: PhantomData<G>,
}

/// Which of the gauges.
pub(crate) trait Gauge {
    fn of(gauges: &Gauges) -> &AtomicUsize;

    /// Called when the last has ended.
    fn emptied(_: &Gauges) {}
}

pub(crate) struct OpenWebSockets;

impl Gauge for OpenWebSockets {
    fn of(gauges: &Gauges) -> &AtomicUsize {
        &gauges.websockets
    }

    fn emptied(gauges: &Gauges) {
        gauges.no_websockets.notify_waiters();
    }
}

pub(crate) struct WaitingPolls;

impl Gauge for WaitingPolls {
    fn of(gauges: &Gauges) -> &AtomicUsize {
        &gauges.waiting_polls
    }
}

impl<G: Gauge> Counted<G> {
    pub(crate) fn new(gauges: &Arc<Gauges>) -> Self {
        G::of(gauges).fetch_add(1, Ordering::Relaxed);
        Self {
            gauges: gauges.clone(),
            gauge: PhantomData,
        }
    }
}

impl<G: Gauge> Drop for Counted<G> {
    fn drop(&mut self) {
        if G::of(&self.gauges).fetch_sub(1, Ordering::Relaxed) == 1 {
            G::emptied(&self.gauges);
        }
    }
}
