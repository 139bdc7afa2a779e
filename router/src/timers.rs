use std::{
    cell::{Cell, RefCell},
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::{Arc, atomic::AtomicUsize, atomic::Ordering::Relaxed},
    time::Instant,
};

use tokio::sync::Notify;

use crate::clock::now;

/// Something that a thread's [`Timers`] call when its time has come.
///
/// It holds what it is for weakly: an entry is never taken back.
pub trait Timed {
    /// Returns whether what this was for is gone.
    fn is_over(&self) -> bool;

    /// Called once, at `at` or a little later.
    fn fire(self, at: Instant);
}

/// The deadlines of many things on one thread: one task sleeps until the earliest.
///
/// Whoever adds an entry remembers its time, and ignores one that has become void: so a deadline
/// that moves away costs nothing until it comes up. Entries whose things are gone are thrown away
/// before they are as many as the others, however fast things come and go.
pub struct Timers<T> {
    heap: RefCell<BinaryHeap<Reverse<Entry<T>>>>,
    /// How long the heap is when it is searched for entries that are over.
    sweep_at: Cell<usize>,
    earlier: Notify,
    /// How many entries there are, here and in whatever else counts with it.
    count: Arc<AtomicUsize>,
}

struct Entry<T> {
    at: Instant,
    timed: T,
}

impl<T: Timed> Timers<T> {
    /// Creates timers without an entry, which count theirs in `count`.
    #[must_use]
    pub fn new(count: Arc<AtomicUsize>) -> Self {
        Self {
            heap: RefCell::default(),
            sweep_at: Cell::new(SMALLEST_SWEEP),
            earlier: Notify::new(),
            count,
        }
    }

    /// Adds an entry.
    pub fn add(&self, at: Instant, timed: T) {
        let mut heap = self.heap.borrow_mut();
        if heap.len() >= self.sweep_at.get() {
            self.sweep(&mut heap);
        }
        let first = heap.peek().is_none_or(|Reverse(entry)| at < entry.at);
        heap.push(Reverse(Entry { at, timed }));
        self.count.fetch_add(1, Relaxed);
        if first {
            self.earlier.notify_one();
        }
    }

    /// Serves entries as they come up, for ever.
    pub async fn run(self: Rc<Self>) {
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

    /// Throws away all entries.
    pub fn clear(&self) {
        let gone = self.heap.take();
        self.count.fetch_sub(gone.len(), Relaxed);
        self.sweep_at.set(SMALLEST_SWEEP);
    }

    /// Throws away the entries that are over: each holds the memory of what it was for.
    fn sweep(&self, heap: &mut BinaryHeap<Reverse<Entry<T>>>) {
        let before = heap.len();
        heap.retain(|Reverse(entry)| !entry.timed.is_over());
        self.count.fetch_sub(before - heap.len(), Relaxed);
        self.sweep_at.set(SMALLEST_SWEEP.max(2 * heap.len()));
    }

    fn fire(&self) {
        let now = now();
        while let Some(entry) = self.due(now) {
            self.count.fetch_sub(1, Relaxed);
            let firing = AssertUnwindSafe(|| entry.timed.fire(entry.at));
            if catch_unwind(firing).is_err() {
                // The others' deadlines have to come all the same.
                tracing::error!("a deadline ended in a panic");
            }
        }
    }

    fn due(&self, now: Instant) -> Option<Entry<T>> {
        let mut heap = self.heap.borrow_mut();
        match heap.peek() {
            Some(Reverse(entry)) if entry.at <= now => heap.pop().map(|Reverse(entry)| entry),
            _ => {
                if heap.is_empty() {
                    heap.shrink_to_fit();
                }
                None
            }
        }
    }
}

impl<T> Drop for Timers<T> {
    fn drop(&mut self) {
        self.count.fetch_sub(self.heap.get_mut().len(), Relaxed);
    }
}

impl<T> fmt::Debug for Timers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timers")
            .field("entries", &self.heap.borrow().len())
            .finish_non_exhaustive()
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.at.cmp(&other.at)
    }
}

/// A shorter heap isn't worth searching.
const SMALLEST_SWEEP: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    struct Call(Box<dyn FnOnce()>);

    impl Timed for Call {
        fn is_over(&self) -> bool {
            false
        }

        fn fire(self, _: Instant) {
            (self.0)();
        }
    }

    #[test]
    fn a_panic_keeps_nobody_else_from_their_time() {
        let timers = Timers::new(Arc::default());
        let called = Rc::new(Cell::new(false));
        let calls = called.clone();
        let at = now();

        timers.add(at, Call(Box::new(|| panic!("on purpose"))));
        timers.add(at, Call(Box::new(move || calls.set(true))));
        timers.fire();

        assert!(called.get());
    }
}
