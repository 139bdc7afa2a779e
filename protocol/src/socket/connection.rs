use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use bytestring::ByteString;

use super::{
    error::{DecodeError, ProtocolError},
    event::{Event, Expired, RefusedReason, Slot},
    header::{self, Header, Kind},
    limits::Limits,
    packet::{self, EventPacket},
    reassembly::Reassembly,
};
use crate::Message;

mod backlog;

use self::backlog::Backlog;

/// The Socket.IO side of one session: messages go in, decoded packets come out.
///
/// It knows which namespaces the session is in, puts binary packets together, and keeps the
/// connect timeout. What is sent goes past it, by [`encode`](super::encode).
///
/// ```text
///              CONNECT                 admit
///   (unknown) ────────► pending ──────────────► connected
///       ▲                 │ packets are held        │
///       │     refuse      │                         │
///       ├─────────────────┘                         │
///       └───────────────────────────────────────────┘
///                  DISCONNECT, leave
/// ```
///
/// Packets for an unknown namespace, and a second CONNECT, break the protocol. A packet for
/// a pending namespace is held, even a DISCONNECT and the CONNECT after it, and comes out in
/// order when the namespace has answered. The events of all namespaces otherwise come in the
/// order in which their packets were complete.
///
/// The driver drains [`poll_event`](Self::poll_event) after every other call, and asks
/// [`poll_timeout`](Self::poll_timeout) when to call [`handle_timeout`](Self::handle_timeout).
#[derive(Debug)]
pub struct Connection {
    limits: Arc<Limits>,
    entries: Vec<Entry>,
    /// The event of the message just handled. Almost always the only one, so that neither a
    /// queue is allocated for it nor kept by an idle connection.
    ready: Option<Event>,
    /// What an idle connection does without.
    backlog: Option<Box<Backlog>>,
    connect_deadline: Option<Instant>,
    next_slot: u16,
    dead: bool,
}

/// A namespace that the session is in or waits for.
#[derive(Debug)]
struct Entry {
    namespace: ByteString,
    slot: Slot,
    state: State,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Pending,
    /// Like pending, but the last packet held is a DISCONNECT.
    PendingThenGone,
    Connected,
}

impl Connection {
    /// Starts a session in no namespace, which must be admitted to one within
    /// `connect_timeout`; the reference allows 45 s.
    #[must_use]
    pub fn new(limits: Arc<Limits>, connect_timeout: Duration, now: Instant) -> Self {
        Self {
            limits,
            entries: Vec::new(),
            ready: None,
            backlog: None,
            connect_deadline: now.checked_add(connect_timeout),
            next_slot: 0,
            dead: false,
        }
    }

    /// Takes the content of one Engine.IO `message` packet.
    ///
    /// # Errors
    ///
    /// Fails if the peer has broken the protocol, for which the driver closes the session:
    /// nothing else is said to the peer. Events of earlier messages can still be polled;
    /// everything else is forgotten, and further calls do nothing.
    pub fn handle_message(&mut self, message: Message, now: Instant) -> Result<(), ProtocolError> {
        if self.dead {
            return Ok(());
        }
        let handled = match message {
            Message::Text(text) => self.handle_text(text, now),
            Message::Binary(data) => self.handle_binary(data),
        };
        if handled.is_err() {
            self.die();
        }
        handled
    }

    /// Checks the time limits; if one has passed, the driver closes the session and further
    /// calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Expired> {
        let passed = |deadline: Option<Instant>| deadline.is_some_and(|at| at <= now);
        let expired = if passed(self.connect_deadline) {
            Expired::ConnectTimeout
        } else if passed(self.reassembly_deadline()) {
            Expired::Reassembly
        } else {
            return None;
        };
        self.die();
        Some(expired)
    }

    /// Returns when [`handle_timeout`](Self::handle_timeout) is to be called, if ever.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let reassembly = self.reassembly_deadline();
        self.connect_deadline.into_iter().chain(reassembly).min()
    }

    /// Returns the next event.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        if let Some(event) = self.ready.take() {
            return Some(event);
        }
        let event = self.backlog.as_mut()?.queue.pop_front();
        self.give_back_memory();
        event
    }

    /// Lets the session into a pending namespace and releases the packets held for it.
    ///
    /// The caller sends the CONNECT packet itself, before anything of the namespace. The
    /// connect timeout is over, for good.
    pub fn admit(&mut self, slot: Slot) {
        if self.is_pending(slot) {
            self.connect_deadline = None;
            self.answer(slot, true);
        }
    }

    /// Keeps the session out of a pending namespace and drops the packets held for it.
    ///
    /// The caller sends the CONNECT_ERROR packet itself. The connect timeout goes on.
    pub fn refuse(&mut self, slot: Slot) {
        if self.is_pending(slot) {
            self.answer(slot, false);
        }
    }

    /// Takes the session out of a namespace on the server's account.
    ///
    /// The caller sends the DISCONNECT packet itself. If packets were held they are dropped.
    pub fn leave(&mut self, slot: Slot) {
        if self.is_pending(slot) {
            self.answer(slot, false);
        } else {
            self.entries.retain(|entry| entry.slot != slot);
        }
    }

    /// Drops all state, because the session is gone; further calls do nothing.
    pub fn close(&mut self) {
        self.die();
        self.ready = None;
        self.backlog = None;
    }

    /// Returns whether the namespace has not answered yet.
    #[must_use]
    pub fn is_pending(&self, slot: Slot) -> bool {
        self.entry(slot)
            .is_some_and(|entry| entry.state != State::Connected)
    }

    /// Returns whether the session is in the namespace.
    #[must_use]
    pub fn is_connected(&self, slot: Slot) -> bool {
        self.entry(slot)
            .is_some_and(|entry| entry.state == State::Connected)
    }

    /// Returns the name of the namespace that the slot stands for.
    #[must_use]
    pub fn namespace(&self, slot: Slot) -> Option<&str> {
        self.entry(slot).map(|entry| &*entry.namespace)
    }

    /// Returns how many namespaces the session is in.
    #[must_use]
    pub fn connected_count(&self) -> usize {
        let connected = |entry: &&Entry| entry.state == State::Connected;
        self.entries.iter().filter(connected).count()
    }

    fn handle_text(&mut self, text: ByteString, now: Instant) -> Result<(), ProtocolError> {
        if self.reassembly().is_some() {
            return Err(ProtocolError::UnexpectedText);
        }
        let header = Header::parse(&text, &self.limits)?;
        match header.kind {
            Kind::Connect => return self.handle_connect(&text, header),
            Kind::ConnectError => return Err(ProtocolError::UnexpectedPacket),
            Kind::Disconnect | Kind::Event | Kind::Ack => {}
        }
        let entry = self.entries.iter().find(|entry| {
            entry.namespace == header.namespace && entry.state != State::PendingThenGone
        });
        let slot = entry.ok_or(ProtocolError::NotConnected)?.slot;
        let Header {
            kind,
            attachments,
            id,
            payload,
            ..
        } = header;
        let text_len = text.len();
        let event = match kind {
            Kind::Event => {
                let packet = EventPacket::parse(text, payload, id, &self.limits)?;
                Some(Event::Event { slot, packet })
            }
            Kind::Ack => {
                let args = packet::parse_ack(text, payload, &self.limits)?;
                // An ack that answers nothing is of no use, yet the reference lets it pass.
                id.map(|id| Event::Ack { slot, id, args })
            }
            _ if payload == text_len => Some(Event::Disconnect { slot }),
            _ => return Err(DecodeError::InvalidPayload.into()),
        };
        if let Some(due) = attachments {
            let reassembly = Reassembly::new(slot, event, due, text_len, &self.limits, now)?;
            self.backlog_mut().reassembly = Some(reassembly);
            return Ok(());
        }
        match event {
            Some(event) => self.deliver(slot, event),
            None => Ok(()),
        }
    }

    fn handle_connect(
        &mut self,
        text: &ByteString,
        header: Header<'_>,
    ) -> Result<(), ProtocolError> {
        header::check_namespace(header.namespace, &self.limits)?;
        let auth = packet::parse_auth(text, header.payload, &self.limits)?;
        let is_too_large = auth.is_some_and(|auth| auth.len() > self.limits.max_auth_bytes());
        // Both are copied, as a slice would keep the buffer that the message was read into.
        let namespace = match header.namespace {
            "/" => ByteString::from_static("/"),
            name => ByteString::from(name.to_owned()),
        };
        let entries = &mut self.entries;
        let known = entries.iter_mut().find(|e| e.namespace == namespace);
        if known
            .as_ref()
            .is_some_and(|entry| entry.state != State::PendingThenGone)
        {
            return Err(ProtocolError::AlreadyConnected);
        }
        if is_too_large {
            if known.is_some() {
                // A refusal now would come before the answer to the request that waits.
                return Err(DecodeError::TooLarge.into());
            }
            let reason = RefusedReason::AuthTooLarge;
            self.push(Event::ConnectRefused { namespace, reason });
            return Ok(());
        }
        let auth = auth.map(|auth| ByteString::from(auth.to_owned()));
        if let Some(entry) = known {
            entry.state = State::Pending;
            let slot = entry.slot;
            return self.hold(Event::Connect {
                slot,
                namespace,
                auth,
            });
        }
        let most = self.limits.max_namespaces().min(usize::from(u16::MAX));
        if self.entries.len() >= most {
            let reason = RefusedReason::TooManyNamespaces;
            self.push(Event::ConnectRefused { namespace, reason });
        } else {
            self.enter(namespace, auth, State::Pending);
        }
        Ok(())
    }

    fn handle_binary(&mut self, data: Bytes) -> Result<(), ProtocolError> {
        let due = self.backlog.as_mut().and_then(|b| b.reassembly.as_mut());
        let due = due.ok_or(ProtocolError::UnexpectedBinary)?;
        if !due.add(data)? {
            return Ok(());
        }
        let complete = self.backlog.as_mut().and_then(|b| b.reassembly.take());
        self.give_back_memory();
        let Some(complete) = complete else {
            return Ok(());
        };
        let slot = complete.slot;
        match complete.finish()? {
            // The namespace may be gone since the header: by no fault of the client's.
            Some(event) if self.entry(slot).is_some() => self.deliver(slot, event),
            _ => Ok(()),
        }
    }

    /// Makes the event of a packet public, or holds it as long as the namespace is pending.
    fn deliver(&mut self, slot: Slot, event: Event) -> Result<(), ProtocolError> {
        let leaves = matches!(event, Event::Disconnect { .. });
        if self.is_connected(slot) {
            if leaves {
                self.entries.retain(|entry| entry.slot != slot);
            }
            self.push(event);
            return Ok(());
        }
        if leaves && let Some(entry) = self.entries.iter_mut().find(|e| e.slot == slot) {
            entry.state = State::PendingThenGone;
        }
        self.hold(event)
    }

    fn hold(&mut self, event: Event) -> Result<(), ProtocolError> {
        let limits = Arc::clone(&self.limits);
        self.backlog_mut().hold(event, &limits)
    }

    /// Carries out what a pending namespace has answered.
    fn answer(&mut self, slot: Slot, admitted: bool) {
        let Some(at) = self.entries.iter().position(|entry| entry.slot == slot) else {
            return;
        };
        let held = self.backlog.as_mut().map(|backlog| backlog.release(slot));
        let mut held = held.unwrap_or_default().into_iter();
        let mut gone = !admitted;
        if admitted {
            for event in held.by_ref() {
                gone = matches!(event, Event::Disconnect { .. });
                self.push(event);
                if gone {
                    break;
                }
            }
        }
        if !gone {
            if let Some(entry) = self.entries.get_mut(at) {
                entry.state = State::Connected;
            }
            return self.give_back_memory();
        }
        let old = self.entries.swap_remove(at);
        // The client has left by itself and come again before it was answered.
        let again = held.find_map(|event| match event {
            Event::Connect {
                namespace, auth, ..
            } => Some((namespace, auth)),
            _ => None,
        });
        if let Some((namespace, auth)) = again {
            let new = self.enter(namespace, auth, old.state);
            self.backlog_mut().hold_again(slot, new, held);
        }
        self.give_back_memory();
    }

    /// Makes a namespace pending and asks for it.
    fn enter(&mut self, namespace: ByteString, auth: Option<ByteString>, state: State) -> Slot {
        let mut slot = Slot(self.next_slot);
        while self.entry(slot).is_some() {
            slot = Slot(slot.0.wrapping_add(1));
        }
        self.next_slot = slot.0.wrapping_add(1);
        self.entries.reserve_exact(1);
        self.entries.push(Entry {
            namespace: namespace.clone(),
            slot,
            state,
        });
        self.push(Event::Connect {
            slot,
            namespace,
            auth,
        });
        slot
    }

    fn push(&mut self, event: Event) {
        let queued = self.backlog.as_ref().is_some_and(|b| !b.queue.is_empty());
        if queued || self.ready.is_some() {
            self.backlog_mut().queue.push_back(event);
        } else {
            self.ready = Some(event);
        }
    }

    fn die(&mut self) {
        self.dead = true;
        self.connect_deadline = None;
        self.entries = Vec::new();
        if let Some(backlog) = &mut self.backlog {
            backlog.forget_packets();
        }
        self.give_back_memory();
    }

    fn entry(&self, slot: Slot) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.slot == slot)
    }

    fn reassembly(&self) -> Option<&Reassembly> {
        self.backlog.as_ref()?.reassembly.as_ref()
    }

    fn reassembly_deadline(&self) -> Option<Instant> {
        self.reassembly()?.deadline
    }

    fn backlog_mut(&mut self) -> &mut Backlog {
        self.backlog.get_or_insert_default()
    }

    fn give_back_memory(&mut self) {
        if self.backlog.as_ref().is_some_and(|b| b.is_empty()) {
            self.backlog = None;
        }
    }
}

#[cfg(test)]
mod tests;
