use std::{
    cell::RefCell,
    cmp::Reverse,
    collections::BinaryHeap,
    rc::{Rc, Weak},
    time::Instant,
};

use tokio::sync::Notify;

use super::{Connection, connection::ConnectionCell};

/// The deadlines of all sessions of a thread: one task sleeps until the earliest.
///
/// A session has at most one entry that counts. When its deadline moves away the entry stays, and
/// is looked at again when it comes up; so a heartbeat costs two entries a round and no removal.
pub(crate) struct Timers {
    heap: RefCell<BinaryHeap<Reverse<Entry>>>,
    earlier: Notify,
}

struct Entry {
    at: Instant,
    connection: Weak<ConnectionCell>,
}

impl Timers {
    pub(crate) fn new() -> Self {
        Self {
            heap: RefCell::default(),
            earlier: Notify::new(),
        }
    }

    /// Adds a deadline; the connection remembers that it has an entry at that time.
    pub(crate) fn add(&self, at: Instant, connection: &Rc<ConnectionCell>) {
        let mut heap = self.heap.borrow_mut();
        let first = heap.peek().is_none_or(|Reverse(entry)| at < entry.at);
        heap.push(Reverse(Entry {
            at,
            connection: Rc::downgrade(connection),
        }));
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
            if let Some(cell) = entry.connection.upgrade() {
                Connection::from(cell).timer_fired(entry.at, now);
            }
        }
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
