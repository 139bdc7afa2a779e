//! What other threads ask of a courier's thread, in the order in which they asked.

use std::{
    collections::VecDeque,
    rc::Rc,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::courier::Local;

/// Something that a thread is asked to do.
pub(crate) trait Work: Send + 'static {
    fn run(self: Box<Self>, local: &Rc<Local>);
}

/// Work that waits for its thread.
///
/// It is not left to the actor's mailbox, as the thread does what waits here before anything that is
/// asked of it on the thread itself: what was asked first takes effect first, wherever that was.
#[derive(Default)]
pub(crate) struct Inbox {
    queue: Mutex<Queue>,
    len: AtomicUsize,
}

#[derive(Default)]
struct Queue {
    works: VecDeque<Box<dyn Work>>,
    is_closed: bool,
}

impl Inbox {
    /// Adds work; returns whether the thread has to be woken.
    pub(crate) fn push(&self, work: impl Work) -> bool {
        let work: Box<dyn Work> = Box::new(work);
        let mut queue = self.lock();
        if queue.is_closed {
            drop(queue);
            // Dropped outside the lock: whoever waits for it is told by that.
            drop(work);
            return false;
        }
        queue.works.push_back(work);
        self.len.store(queue.works.len(), Ordering::Release);
        queue.works.len() == 1
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    pub(crate) fn pop(&self) -> Option<Box<dyn Work>> {
        let mut queue = self.lock();
        let work = queue.works.pop_front();
        self.len.store(queue.works.len(), Ordering::Release);
        if queue.works.is_empty() && queue.works.capacity() > KEPT {
            queue.works = VecDeque::new();
        }
        work
    }

    /// Drops what waits, and what comes: the thread has ended.
    pub(crate) fn close(&self) {
        let mut queue = self.lock();
        queue.is_closed = true;
        let works = std::mem::take(&mut queue.works);
        self.len.store(0, Ordering::Release);
        drop(queue);
        drop(works);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A queue with more room than this is given back when it is empty.
const KEPT: usize = 64;
