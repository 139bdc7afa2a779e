use std::{
    cell::{Cell, RefCell},
    time::Instant,
};

use sockeye_protocol::Sid;

use super::{Opening, Recoverer, RecoveryStatus, history::History, opening::Claimed};
use crate::{
    ids::new_socket_id, namespace::NamespaceInner, new_sid, selector::RoomName, socket::Memory,
};

/// A session that was broken off: what its next socket takes over.
pub(crate) struct Session {
    pub(super) id: Sid,
    pub(super) key: Sid,
    pub(super) history: History,
    /// The last entry of the log that was for the socket, sent or not.
    pub(super) last: u64,
    /// The end of the log at the break.
    pub(super) head: u64,
    pub(super) rooms: Vec<RoomName>,
    pub(super) memory: Memory,
}

impl Session {
    /// Returns about how many bytes it keeps.
    pub(super) fn bytes(&self) -> usize {
        let names: usize = self.rooms.iter().map(|room| room.len() + NAME_COST).sum();
        let rooms = self.rooms.capacity() * size_of::<RoomName>();
        size_of::<Self>()
            + SESSION_COST
            + names
            + rooms
            + self.history.bytes()
            + self.memory.bytes()
    }

    /// Returns the number after which everything has to be sent again, or may have to be, for a
    /// client that has received the entry `received` last.
    pub(super) fn needs_after(&self, received: Option<u64>) -> u64 {
        let began = self.history.began();
        // An offset from before is of an earlier session: a client keeps its last one.
        let received = received.unwrap_or(began).max(began);
        if self.last <= received {
            // Nothing was lost on the way; so what came before the break need not be known any more.
            received.max(self.head)
        } else {
            received
        }
    }
}

/// What a socket takes over from the one before it: rooms, and what handlers see.
type Past = (Vec<RoomName>, Memory);

/// What a socket in a namespace with recovery keeps for its session.
pub(crate) struct Tracked {
    key: Sid,
    pub(super) history: RefCell<History>,
    pub(super) last: Cell<u64>,
    /// Set until the socket is admitted, where it carries on a session.
    pub(super) restoring: Cell<Option<Restoring>>,
    /// Why the session can't be carried on after all.
    pub(super) spoilt: Cell<Option<RecoveryStatus>>,
}

#[derive(Clone, Copy)]
pub(super) struct Restoring {
    pub(super) after: u64,
    pub(super) head: u64,
    pub(super) broken_at: Instant,
}

impl Tracked {
    /// Creates what the socket of a new session needs, which begins at `head`.
    fn fresh(head: u64) -> Self {
        Self {
            key: new_sid(),
            history: RefCell::new(History::new(head)),
            last: Cell::new(head),
            restoring: Cell::new(None),
            spoilt: Cell::new(None),
        }
    }

    fn restored(claimed: Claimed) -> (Self, Vec<RoomName>, Memory) {
        let Claimed {
            session,
            broken_at,
            after,
        } = claimed;
        let tracked = Self {
            key: session.key,
            history: RefCell::new(session.history),
            last: Cell::new(session.last),
            restoring: Cell::new(Some(Restoring {
                after,
                head: session.head,
                broken_at,
            })),
            spoilt: Cell::new(None),
        };
        (tracked, session.rooms, session.memory)
    }

    /// Returns the session's key, which its client alone knows.
    pub(crate) fn key(&self) -> Sid {
        self.key
    }

    pub(crate) fn is_restoring(&self) -> bool {
        self.restoring.get().is_some()
    }
}

impl Opening {
    /// Returns the id that the socket gets.
    pub(crate) fn id(&self) -> Sid {
        match self {
            Self::Fresh(_) => new_socket_id(),
            Self::Restored(claimed) => claimed.session.id,
        }
    }

    /// Returns what the socket keeps for its session, and what it takes over from the one before.
    pub(crate) fn into_parts(
        self,
        namespace: &NamespaceInner,
    ) -> (Option<Box<Tracked>>, Option<Past>) {
        match (self, &namespace.recovery) {
            (Self::Restored(claimed), Some(_)) => {
                let (tracked, rooms, memory) = Tracked::restored(*claimed);
                (Some(Box::new(tracked)), Some((rooms, memory)))
            }
            (_, recoverer) => {
                let fresh = |recoverer: &Recoverer| Box::new(Tracked::fresh(recoverer.head()));
                (recoverer.as_ref().map(fresh), None)
            }
        }
    }

    pub(crate) fn status(&self) -> RecoveryStatus {
        match self {
            Self::Fresh(status) => *status,
            Self::Restored(_) => RecoveryStatus::Recovered,
        }
    }
}

/// What a session costs in the tables of sessions.
const SESSION_COST: usize = 256;

/// What a name costs beside its text.
pub(super) const NAME_COST: usize = 32;
