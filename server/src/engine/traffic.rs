use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicU64, Ordering},
};

use sockeye_protocol::engine::{CloseReason, Transport, TransportFault};
use sockeye_router::Limit;

/// What an engine has counted since it was built, on all threads together.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct EngineCounters {
    /// Sessions that were opened by polling.
    pub opened_by_polling: u64,
    /// Sessions that were opened by a WebSocket.
    pub opened_by_websocket: u64,
    /// Sessions that went from polling to WebSocket.
    pub upgraded: u64,
    /// Messages of clients: a packet of Socket.IO is one, and each of its attachments.
    pub messages_received: u64,
    /// The bytes of these messages.
    pub bytes_received: u64,
    /// Messages that were queued for clients.
    pub messages_sent: u64,
    /// The bytes that left, with the framing of WebSocket or of a payload.
    pub bytes_sent: u64,
    closed: [u64; REASONS.len()],
}

impl EngineCounters {
    /// Returns how many sessions have ended, for each reason.
    pub fn closed(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        REASONS.into_iter().zip(self.closed)
    }
}

/// What one thread counts. Nobody else writes it, so that counting needs neither a lock nor a
/// locked instruction; it has its cache lines for itself.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Traffic {
    opened_by_polling: AtomicU64,
    opened_by_websocket: AtomicU64,
    upgraded: AtomicU64,
    messages_received: AtomicU64,
    bytes_received: AtomicU64,
    messages_sent: AtomicU64,
    bytes_sent: AtomicU64,
    closed: [AtomicU64; REASONS.len()],
}

impl Traffic {
    pub(super) fn opened(&self, transport: Transport) {
        add(
            match transport {
                Transport::Polling => &self.opened_by_polling,
                Transport::WebSocket => &self.opened_by_websocket,
            },
            1,
        );
    }

    pub(super) fn upgraded(&self) {
        add(&self.upgraded, 1);
    }

    pub(super) fn received(&self, bytes: usize) {
        add(&self.messages_received, 1);
        add(&self.bytes_received, bytes);
    }

    pub(super) fn queued(&self, messages: usize) {
        add(&self.messages_sent, messages);
    }

    pub(super) fn left(&self, bytes: usize) {
        add(&self.bytes_sent, bytes);
    }

    pub(super) fn closed(&self, reason: CloseReason) {
        let at = REASONS.iter().position(|text| *text == reason.as_str());
        if let Some(counter) = at.and_then(|at| self.closed.get(at)) {
            add(counter, 1);
        }
    }

    fn add_to(&self, sum: &mut EngineCounters) {
        for (counter, sum) in [
            (&self.opened_by_polling, &mut sum.opened_by_polling),
            (&self.opened_by_websocket, &mut sum.opened_by_websocket),
            (&self.upgraded, &mut sum.upgraded),
            (&self.messages_received, &mut sum.messages_received),
            (&self.bytes_received, &mut sum.bytes_received),
            (&self.messages_sent, &mut sum.messages_sent),
            (&self.bytes_sent, &mut sum.bytes_sent),
        ]
        .into_iter()
        .chain(self.closed.iter().zip(&mut sum.closed))
        {
            *sum = sum.wrapping_add(counter.load(Ordering::Relaxed));
        }
    }
}

/// Adds to a counter that only this thread writes.
fn add(counter: &AtomicU64, more: usize) {
    let so_far = counter.load(Ordering::Relaxed);
    counter.store(so_far.wrapping_add(more as u64), Ordering::Relaxed);
}

/// Returns the limit that a session has ended for.
pub(super) fn limit(reason: CloseReason) -> Option<Limit> {
    match reason {
        CloseReason::TransportError(fault) => match fault {
            TransportFault::TooManyPackets => Some(Limit::PayloadPackets),
            TransportFault::PayloadTooBig | TransportFault::Protocol(1009) => Some(Limit::Payload),
            TransportFault::Protocol(1008) => Some(Limit::Fragments),
            TransportFault::BodyTimeout => Some(Limit::BodyTimeout),
            _ => None,
        },
        _ => None,
    }
}

/// What all threads count, those included that have ended.
#[derive(Debug, Default)]
pub(crate) struct TrafficOfThreads(RwLock<Vec<Arc<Traffic>>>);

impl TrafficOfThreads {
    /// Returns the counters of a new thread: those of one that has ended go on, so that there are
    /// no more of them than there are threads at a time.
    pub(super) fn of_new_thread(&self) -> Arc<Traffic> {
        let mut threads = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let ended = threads
            .iter_mut()
            .position(|thread| Arc::get_mut(thread).is_some());
        let at = ended.unwrap_or_else(|| {
            threads.push(Arc::default());
            threads.len() - 1
        });
        threads[at].clone()
    }

    pub(super) fn sum(&self) -> EngineCounters {
        let mut sum = EngineCounters::default();
        let threads = self.0.read().unwrap_or_else(PoisonError::into_inner);
        threads.iter().for_each(|thread| thread.add_to(&mut sum));
        sum
    }
}

/// The reasons for which sessions end, as [`CloseReason::as_str`] has them.
const REASONS: [&str; 7] = [
    "transport close",
    "transport error",
    "ping timeout",
    "parse error",
    "forced close",
    "slow consumer",
    "server shutting down",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_threads_have_counted_is_added_up() {
        let threads = TrafficOfThreads::default();
        let [one, other] = [threads.of_new_thread(), threads.of_new_thread()];

        one.received(3);
        other.received(4);
        other.queued(5);
        other.left(6);
        one.opened(Transport::Polling);
        other.opened(Transport::WebSocket);
        one.upgraded();
        drop(other);

        let sum = threads.sum();
        assert_eq!((sum.messages_received, sum.bytes_received), (2, 7));
        assert_eq!((sum.messages_sent, sum.bytes_sent), (5, 6));
        assert_eq!((sum.opened_by_polling, sum.opened_by_websocket), (1, 1));
        assert_eq!(sum.upgraded, 1);
    }

    #[test]
    fn threads_that_end_leave_their_counts_and_no_memory() {
        let threads = TrafficOfThreads::default();

        for _ in 0..100 {
            threads.of_new_thread().received(1);
        }

        assert_eq!(threads.sum().messages_received, 100);
        assert_eq!(threads.0.read().unwrap().len(), 1);
    }

    #[test]
    fn every_reason_to_close_is_counted() {
        let threads = TrafficOfThreads::default();
        let thread = threads.of_new_thread();

        for reason in [
            CloseReason::TransportClose,
            CloseReason::TransportError(TransportFault::Io),
            CloseReason::PingTimeout,
            CloseReason::ParseError,
            CloseReason::ForcedClose,
            CloseReason::SlowConsumer,
            CloseReason::ServerShutdown,
        ] {
            thread.closed(reason);
        }

        assert!(threads.sum().closed().all(|(_, count)| count == 1));
    }
}
