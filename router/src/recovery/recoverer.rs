use std::{
    collections::{HashMap, VecDeque},
    fmt,
    hash::RandomState,
    mem,
    rc::Rc,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    Recovery, RecoveryStats,
    emission::{Audience, Item, Packet, deliver},
    gaps::Gaps,
    log::Log,
    offset::{Offsets, PREFIX_LEN},
    session::Session,
    sessions::Sessions,
    shares::Shares,
};
use crate::{
    clock::now,
    courier::{CourierId, Local},
    inbox::Work,
    namespace::NamespaceInner,
};

/// The recovery of one namespace.
pub(crate) struct Recoverer {
    pub(super) settings: Recovery,
    pub(super) offsets: Offsets,
    /// Makes numbers of senders.
    pub(super) senders: RandomState,
    books: Mutex<Books>,
}

/// What all threads share.
pub(super) struct Books {
    pub(super) log: Log<Arc<Packet>>,
    pub(super) shares: Shares,
    pub(super) gaps: Gaps,
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
            senders: RandomState::new(),
            books: Mutex::new(Books {
                log: Log::new(settings.max_bytes, keep),
                shares: Shares::default(),
                gaps: Gaps::default(),
                sessions: Sessions::new(
                    settings.max_sessions,
                    settings.max_session_bytes,
                    settings.duration,
                ),
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

    /// Adds what is kept to what others keep.
    pub(crate) fn add_to(&self, stats: &mut RecoveryStats) {
        self.with(|books| {
            let (sessions, bytes) = books.sessions.saved();
            stats.sessions += sessions;
            stats.session_bytes += bytes;
            stats.event_bytes += books.log.bytes();
        });
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    /// Appends a packet to the log, in which what its sender has sent takes no more than `share`.
    pub(super) fn keep(&mut self, packet: Arc<Packet>, share: usize) {
        let (number, sender, bytes) = (packet.number, packet.sender, packet.bytes());
        self.log.append(packet, bytes, now());
        if let Some(sender) = sender {
            self.shares.add(sender, number, bytes);
            while let Some(oldest) = self.shares.take_excess(sender, share) {
                self.leave_out(oldest);
            }
        }
        self.trim();
    }

    /// Forgets what is too old, and the oldest of what is too much.
    pub(super) fn trim(&mut self) {
        let before = self.gone_packets.len();
        self.log.trim(now(), &mut self.gone_packets);
        for packet in self.gone_packets.iter().skip(before) {
            if let Some(sender) = packet.sender {
                self.shares.forget(sender, packet.number);
            }
        }
    }

    /// Takes a packet out of the log that was sent to nobody.
    pub(super) fn take_back(&mut self, packet: &Packet) -> Option<Arc<Packet>> {
        if let Some(sender) = packet.sender {
            self.shares.forget(sender, packet.number);
        }
        self.log.remove(packet.number)
    }

    fn leave_out(&mut self, number: u64) {
        let first = self.log.first();
        let Some(packet) = self.log.remove(number) else {
            return;
        };
        match &packet.audience {
            Audience::Socket { id, .. } => self.gaps.add_for_socket(number, id, first),
            Audience::Selected(selector) => self.gaps.add(number, selector, first),
        }
        self.gone_packets.push(packet);
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
