//! What a socket does for its session: at its admission, while it is in rooms, at its end.

use std::rc::Rc;

use super::{
    Recoverer, RecoveryStatus, Tracked,
    emission::{Audience, Packet},
    history::History,
    recoverer::Books,
    session::Session,
};
use crate::{
    DisconnectReason,
    clock::now,
    outgoing::Outgoing,
    recovery::Opening,
    selector::RoomName,
    socket::{SocketCell, State},
};

/// A socket's end has begun: it was given everything up to this entry.
#[derive(Clone, Copy)]
pub(crate) struct Ending {
    head: u64,
}

impl SocketCell {
    /// Takes over what the session had.
    pub(crate) fn take_over(self: &Rc<Self>, rooms: Vec<RoomName>) {
        for room in &rooms {
            self.client().local().join(self, room);
        }
        self.shared().with_rooms(|own| *own = rooms);
        if let Some(identity) = self.shared().identity() {
            self.belongs_to(&identity);
        }
    }

    /// Notes that an entry of the log is for this socket; returns whether it is to be queued now.
    pub(super) fn notes(&self, number: u64) -> bool {
        let Some(tracked) = &self.tracked else {
            return true;
        };
        if tracked.is_restoring() {
            // It is read from the log when the socket is admitted.
            return false;
        }
        tracked.last.set(number);
        true
    }

    /// Makes the socket visible to broadcasts and returns what it has missed.
    ///
    /// # Errors
    ///
    /// When its session can't be carried on, and then it stays invisible.
    pub(crate) fn go_live(&self) -> Result<Vec<Outgoing>, RecoveryStatus> {
        let Some((recoverer, tracked)) = self.recovery() else {
            return Ok(Vec::new());
        };
        if let Some(status) = tracked.spoilt.get() {
            return Err(status);
        }
        let Some(restoring) = tracked.restoring.get() else {
            self.at_rest(recoverer, |books| {
                tracked.history.borrow_mut().connected(books.log.head());
                self.appear(books, tracked);
            });
            return Ok(Vec::new());
        };
        let mut missed = Vec::new();
        let (mut after, mut packets, mut bytes) = (restoring.after, 1, 0);
        loop {
            let found = self.at_rest(recoverer, |books| {
                let history = tracked.history.borrow();
                if books.gaps.concern(&self.id(), &history, after) {
                    return Err(RecoveryStatus::OffsetLost);
                }
                drop(history);
                let entries = books.log.after(after);
                let entries = entries.map_err(|_| RecoveryStatus::OffsetLost)?;
                let mut looked_at = 0;
                for packet in entries.take(BATCH) {
                    looked_at += 1;
                    after = packet.number;
                    if packet.concerns(self, &tracked.history.borrow()) {
                        tracked.last.set(packet.number.max(tracked.last.get()));
                        packets += packet.outgoing.packet.packet_count();
                        bytes += packet.outgoing.packet.byte_len();
                        missed.push(packet.outgoing.clone());
                    }
                }
                // The CONNECT packet needs a place, too.
                if !self.client().outlet.fits(packets, bytes) {
                    return Err(RecoveryStatus::TooMuchMissed);
                }
                let is_last = looked_at < BATCH;
                if is_last {
                    self.appear(books, tracked);
                }
                Ok(is_last)
            });
            if found? {
                tracing::debug!(socket = %self.id(), missed = missed.len(), "session recovered");
                return Ok(missed);
            }
        }
    }

    fn appear(&self, books: &mut Books, tracked: &Tracked) {
        // Catching up may have ended the socket.
        if self.shared().state() != State::Admitting {
            return;
        }
        self.client().local().connect(self);
        books.sessions.connected(tracked.key(), self.id());
    }

    /// Ends the restoring: what follows comes as to any socket.
    pub(crate) fn is_restored(&self) {
        if let Some(tracked) = &self.tracked {
            tracked.restoring.set(None);
        }
    }

    /// Returns whether the socket carries on a session which has passed the middlewares.
    pub(crate) fn skips_middlewares(&self) -> bool {
        self.recovery().is_some_and(|(recoverer, tracked)| {
            recoverer.settings.skip_middlewares && tracked.is_restoring()
        })
    }

    /// Notes that the session isn't that of whom the handshake names; returns whether there is one.
    pub(crate) fn spoil(&self, status: RecoveryStatus) -> bool {
        let Some(tracked) = self.tracked.as_ref().filter(|it| it.is_restoring()) else {
            return false;
        };
        tracked.spoilt.set(Some(status));
        true
    }

    pub(crate) fn is_spoilt(&self) -> bool {
        let tracked = self.tracked.as_ref();
        tracked.is_some_and(|tracked| tracked.spoilt.get().is_some())
    }

    /// Gives the client a new session, as the one that it asked for can't be carried on.
    pub(crate) fn start_over(self: &Rc<Self>, status: RecoveryStatus) {
        tracing::debug!(socket = %self.id(), %status, "session not recovered");
        let shared = self.shared().clone();
        let auth_payload = shared.auth_payload();
        self.finish(DisconnectReason::ServerNamespaceDisconnect);
        self.client().open_socket(
            self.slot(),
            shared.namespace().clone(),
            &auth_payload,
            Opening::Fresh(status),
        );
    }

    /// Notes that the socket joins a room.
    pub(crate) fn note_joined(&self, room: &RoomName) {
        if let Some((recoverer, tracked)) = self.recovery() {
            let head = self.at_rest(recoverer, |books| {
                // Catching up may have ended the socket.
                if self.shared().state() != State::Closed {
                    self.client().local().join(self, room);
                }
                books.log.head()
            });
            tracked.history.borrow_mut().joined(room.clone(), head);
        }
    }

    /// Notes that the socket leaves a room.
    pub(crate) fn note_left(&self, room: &RoomName) {
        if let Some((recoverer, tracked)) = self.recovery() {
            let (head, first) = self.at_rest(recoverer, |books| {
                self.client().local().leave(self, room);
                (books.log.head(), books.log.first())
            });
            tracked.history.borrow_mut().left(room, head, first);
        }
    }

    /// Begins the socket's end: what was emitted before is queued, if it still can be.
    pub(crate) fn begin_end(&self) -> Option<Ending> {
        let (recoverer, _) = self.recovery()?;
        let head = self.at_rest(recoverer, |books| books.log.head());
        Some(Ending { head })
    }

    /// Saves the session if its client may come back, and else ends it.
    pub(crate) fn end_session(
        &self,
        ending: Ending,
        state: State,
        reason: DisconnectReason,
        rooms: Vec<RoomName>,
    ) {
        let Some((recoverer, tracked)) = self.recovery() else {
            return;
        };
        let key = tracked.key();
        let broken = match (state, tracked.restoring.get()) {
            _ if !reason.is_recoverable() || !self.may_return() => None,
            (State::Connected, _) => Some((ending.head, now())),
            (State::Admitting, Some(restoring)) => Some((restoring.head, restoring.broken_at)),
            _ => None,
        };
        let Some((head, broken_at)) = broken else {
            let ended = recoverer.with(|books| books.sessions.end(key));
            drop(ended);
            return;
        };
        let history = tracked.history.replace(History::new(head));
        let session = Session {
            id: self.id(),
            key,
            history,
            last: tracked.last.get(),
            head,
            rooms,
            memory: self.shared().memory(),
        };
        recoverer.save(self, session, broken_at);
    }

    /// A client that has not said who it is has nothing to come back to.
    fn may_return(&self) -> bool {
        let required = self
            .namespace()
            .auth()
            .is_some_and(|auth| auth.is_required());
        !required || self.shared().is_authenticated()
    }

    fn recovery(&self) -> Option<(&Recoverer, &Tracked)> {
        Some((
            self.namespace().recovery.as_ref()?,
            self.tracked.as_deref()?,
        ))
    }

    fn at_rest<R>(&self, recoverer: &Recoverer, change: impl FnOnce(&mut Books) -> R) -> R {
        recoverer.at_rest(self.client().local(), self.namespace(), change)
    }
}

impl Packet {
    /// Returns whether it was, or would have been, for the socket of this session.
    fn concerns(&self, cell: &SocketCell, history: &History) -> bool {
        let id = cell.id();
        match &self.audience {
            Audience::Socket { id: to, .. } => *to == id && history.includes(self.number),
            Audience::Selected(selector) => history.selects(&id, self.number, selector),
        }
    }
}

/// How many entries are looked at without letting others at the log.
const BATCH: usize = 1024;
