use std::{
    collections::{HashMap, VecDeque},
    fmt, mem,
    rc::Rc,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    Recovery,
    emission::{Item, Packet, deliver},
    log::Log,
    offset::{Offsets, PREFIX_LEN},
    session::Session,
    sessions::Sessions,
};
use crate::{
    courier::{CourierId, Local},
    inbox::Work,
    namespace::NamespaceInner,
};

/// The recovery of one namespace.
pub(crate) struct Recoverer {
    pub(super) settings: Recovery,
    pub(super) offsets: Offsets,
    books: Mutex<Books>,
}

/// What all threads share.
pub(super) struct Books {
    pub(super) log: Log<Arc<Packet>>,
    pub(super) sessions: Sessions<Session>,
    /// What each thread has still to deliver; a thread with nothing to deliver has no inbox.
    pub(super) inboxes: HashMap<CourierId, VecDeque<Item>>,
    /// Whether somebody looks after saved sessions whose time is over.
    pub(super) tended: bool,
    /// What was forgotten, to be dropped when the lock is released.
    pub(super) gone_packets: Vec<Arc<Packet>>,
    pub(super) gone_sessions: Vec<Session>,
}

impl Recoverer {
    pub(crate) fn new(settings: Recovery) -> Self {
        let mut random = [0; PREFIX_LEN];
        getrandom::fill(&mut random).expect("the operating system has a random generator");
        let keep = settings.duration.saturating_add(UNNOTICED);
        Self {
            offsets: Offsets::new(random),
            books: Mutex::new(Books {
                log: Log::new(settings.max_bytes, keep),
                sessions: Sessions::new(settings.max_sessions, settings.duration),
                inboxes: HashMap::new(),
                tended: false,
                gone_packets: Vec::new(),
                gone_sessions: Vec::new(),
            }),
            settings,
        }
    }

    /// Reads or changes what all threads share.
    pub(super) fn with<R>(&self, change: impl FnOnce(&mut Books) -> R) -> R {
        let books = self.lock();
        finish(books, change)
    }

    /// Reads or changes what all threads share, at a moment when this thread has delivered every
    /// entry of the log that concerns its sockets.
    pub(super) fn at_rest<R>(
        &self,
        local: &Rc<Local>,
        namespace: &Arc<NamespaceInner>,
        change: impl FnOnce(&mut Books) -> R,
    ) -> R {
        // What this thread was asked before comes before what was emitted since.
        local.catch_up();
        loop {
            let mut books = self.lock();
            let Some(waiting) = books.inboxes.remove(&local.handle.id) else {
                return finish(books, change);
            };
            drop(books);
            deliver(local, namespace, waiting);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn finish<R>(mut books: MutexGuard<'_, Books>, change: impl FnOnce(&mut Books) -> R) -> R {
    let result = change(&mut books);
    let gone = (
        mem::take(&mut books.gone_packets),
        mem::take(&mut books.gone_sessions),
    );
    drop(books);
    drop(gone);
    result
}

impl fmt::Debug for Recoverer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recoverer")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// Makes a thread deliver what waits in its inbox.
///
/// Posted under the lock by whoever finds the inbox empty, so it comes before anything that is asked
/// of the thread later.
pub(super) struct CatchUp {
    pub(super) namespace: Arc<NamespaceInner>,
}

impl Work for CatchUp {
    fn run(self: Box<Self>, local: &Rc<Local>) {
        if let Some(recoverer) = &self.namespace.recovery {
            recoverer.at_rest(local, &self.namespace, |_| ());
        }
    }
}

/// How long before a break is noticed events may have been lost already: until the heartbeat fails.
const UNNOTICED: Duration = Duration::from_secs(60);
