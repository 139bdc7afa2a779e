use std::{
    cell::{Cell, RefCell},
    cmp::Reverse,
    collections::BinaryHeap,
    rc::{Rc, Weak},
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use tokio::sync::Notify;

use super::{Connection, Gauges, connection::ConnectionCell};

/// The deadlines of all sessions of a thread: one task sleeps until the earliest.
///
/// A session has at most one entry that counts. When its deadline moves away the entry stays, and
/// is looked at again when it comes up; so a heartbeat costs two entries a round and no removal. Those of sessions that have ended are
/// thrown away before they are as many as the others, however fast sessions come and go.
pub(crate) struct Timers {
    heap: RefCell<BinaryHeap<Reverse<Entry>>>,
    /// How long the heap is when it is searched for sessions that have ended.
    sweep_at: Cell<usize>,
    earlier: Notify,
    gauges: Arc<Gauges>,
}

struct Entry {
    at: Instant,
    connection: Weak<ConnectionCell>,
}

impl Timers {
    pub(crate) fn new(gauges: Arc<Gauges>) -> Self {
        Self {
            heap: RefCell::default(),
            sweep_at: Cell::new(SMALLEST_SWEEP),
            earlier: Notify::new(),
            gauges,
        }
    }

    /// Adds a deadline; the connection remembers that it has an entry at that time.
    pub(crate) fn add(&self, at: Instant, connection: &Rc<ConnectionCell>) {
        let mut heap = self.heap.borrow_mut();
        if heap.len() >= self.sweep_at.get() {
            self.sweep(&mut heap);
        }
        let first = heap.peek().is_none_or(|Reverse(entry)| at < entry.at);
        heap.push(Reverse(Entry {
            at,
            connection: Rc::downgrade(connection),
        }));
        self.gauges.timers.fetch_add(1, Ordering::Relaxed);
        if first {
            self.earlier.notify_one();
        }
    }

    /// Serves deadlines as they come up, for ever.
    pub(crate) async fn run(self: Rc<Self>) {
        loop {
            let next = self.heap.borrow().peek().map(|Reverse(entry)| entry.at);
            match next {
                Some(at) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(at.into()) => self.fire(),
                        () = self.earlier.notified() => {}
                    }
                }
                None => self.earlier.notified().await,
            }
        }
    }

    /// Throws away all entries: no session is left.
    pub(crate) fn clear(&self) {
        let gone = self.heap.take().len();
        self.gauges.timers.fetch_sub(gone, Ordering::Relaxed);
        self.sweep_at.set(SMALLEST_SWEEP);
    }

    /// Throws away the entries of sessions that have ended: each holds its session's memory.
    fn sweep(&self, heap: &mut BinaryHeap<Reverse<Entry>>) {
        let before = heap.len();
        heap.retain(|Reverse(entry)| entry.connection.strong_count() > 0);
        let gone = before - heap.len();
        self.gauges.timers.fetch_sub(gone, Ordering::Relaxed);
        self.sweep_at.set(SMALLEST_SWEEP.max(2 * heap.len()));
    }

    fn fire(&self) {
        let now = tokio::time::Instant::now().into_std();
        loop {
            let due = {
                let mut heap = self.heap.borrow_mut();
                match heap.peek() {
                    Some(Reverse(entry)) if entry.at <= now => heap.pop(),
                    _ => {
                        if heap.is_empty() {
                            heap.shrink_to_fit();
                        }
                        None
                    }
                }
            };
            let Some(Reverse(entry)) = due else {
                return;
            };
            self.gauges.timers.fetch_sub(1, Ordering::Relaxed);
            if let Some(cell) = entry.connection.upgrade() {
                Connection::from(cell).timer_fired(entry.at, now);
            }
        }
    }
}

impl Drop for Timers {
    fn drop(&mut self) {
        let left = self.heap.get_mut().len();
        self.gauges.timers.fetch_sub(left, Ordering::Relaxed);
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

/// A shorter heap isn't worth searching.
const SMALLEST_SWEEP: usize = 1024;
