use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use sockeye_protocol::{
    Sid,
    socket::{RawArgs, Slot, encode},
};

use tokio::sync::oneshot;

use super::{Operation, SocketRef, actor::StopSocket, backlog::Backlog, handle::State};
use crate::{
    AckError, DisconnectReason, EmitError, Limit, OutgoingEvent, ack::AckSender,
    client::ClientCell, namespace::NamespaceInner, outgoing::Outgoing, recovery::Tracked,
};

/// A socket, on its own thread.
///
/// What lives here is touched by no other thread, so nothing on the path of an event takes a lock.
pub(crate) struct SocketCell {
    shared: SocketRef,
    client: Rc<ClientCell>,
    slot: Slot,
    /// Packets emitted before the CONNECT packet, which must be the first that the client sees.
    early: RefCell<Vec<Outgoing>>,
    /// Events that wait for the one that is being handled.
    pub(super) queue: RefCell<Backlog>,
    pub(super) busy: Cell<bool>,
    pub(super) paused: Cell<bool>,
    acks: RefCell<BTreeMap<u64, AckSender>>,
    /// The last broadcast that has considered this socket.
    visited: Cell<u64>,
    /// By when the socket must have authenticated; none where it need not.
    pub(super) deadline: Cell<Option<Instant>>,
    /// The entry of the timers that counts.
    pub(super) looked_at_next: Cell<Option<Instant>>,
    /// What is kept for the session, where it can be recovered.
    pub(crate) tracked: Option<Box<Tracked>>,
}

impl SocketCell {
    pub(crate) fn new(
        shared: SocketRef,
        client: Rc<ClientCell>,
        slot: Slot,
        tracked: Option<Box<Tracked>>,
    ) -> Self {
        let hub = &client.hub().0;
        hub.stats.sockets.fetch_add(1, Ordering::Relaxed);
        hub.memory.sockets.fetch_add(1, Ordering::Relaxed);
        Self {
            shared,
            client,
            slot,
            early: RefCell::default(),
            queue: RefCell::default(),
            busy: Cell::new(false),
            paused: Cell::new(false),
            acks: RefCell::default(),
            visited: Cell::new(0),
            deadline: Cell::new(None),
            looked_at_next: Cell::new(None),
            tracked,
        }
    }

    pub(crate) fn shared(&self) -> &SocketRef {
        &self.shared
    }

    pub(crate) fn client(&self) -> &Rc<ClientCell> {
        &self.client
    }

    pub(crate) fn slot(&self) -> Slot {
        self.slot
    }

    pub(crate) fn id(&self) -> Sid {
        self.shared.id()
    }

    pub(crate) fn key(&self) -> usize {
        self.shared.key()
    }

    pub(crate) fn namespace(&self) -> &Arc<NamespaceInner> {
        self.shared.namespace().inner()
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.shared.state() == State::Connected
    }

    /// Returns whether a handler is running, which later events wait for.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.get()
    }

    /// Marks the socket as considered by a broadcast; returns whether it was not yet.
    pub(crate) fn visit(&self, round: u64) -> bool {
        self.visited.replace(round) != round
    }

    pub(crate) fn perform(self: &Rc<Self>, operation: Operation) {
        match operation {
            Operation::Emit {
                outgoing,
                volatile: true,
            } => self.send_volatile(&outgoing),
            Operation::Emit {
                outgoing,
                volatile: false,
            } => {
                if let Err(EmitError::QueueFull) = self.send(&outgoing) {
                    // The sender is on another thread and can't be told any more.
                    self.client.close(DisconnectReason::SlowConsumer);
                }
            }
            Operation::Answer { outgoing } => {
                // Whoever answers is on another thread and can't be told any more.
                let _ = self.answer(outgoing);
            }
            Operation::EmitWhenReady { outgoing, done } => self.send_when_ready(outgoing, done),
            Operation::EmitWithAck {
                id,
                outgoing,
                sender,
            } => {
                self.send_with_ack(id, &outgoing, sender);
            }
            Operation::ForgetAck { id } => self.forget_ack(id),
            Operation::Join { rooms } => self.join_all(rooms),
            Operation::Leave { rooms } => self.leave_all(&rooms),
            Operation::Disconnect { close } => self.disconnect(close),
            Operation::Break => self.client.close(DisconnectReason::TransportClose),
            Operation::StartActor(mailbox) => mailbox.start(self.clone()),
            Operation::Report { to } => {
                // Whoever asked may have stopped listening.
                let _ = to.send(self.id());
            }
        }
    }

    /// Queues a packet behind all earlier ones.
    pub(crate) fn send(&self, outgoing: &Outgoing) -> Result<(), EmitError> {
        self.queue(outgoing)?;
        if self.is_connected() {
            self.show(outgoing);
        }
        Ok(())
    }

    /// Queues a packet that goes to nobody else, behind all earlier ones; gives it back if it can't.
    fn send_owned(&self, outgoing: Outgoing) -> Result<(), (EmitError, Outgoing)> {
        if self.shared.state() != State::Connected {
            return self.send(&outgoing).map_err(|error| (error, outgoing));
        }
        let Outgoing {
            packet,
            event,
            is_recoverable,
        } = outgoing;
        match self.client.outlet.send_owned(packet) {
            Ok(()) => {
                if let Some(event) = event.filter(|_| self.is_connected()) {
                    self.show_event(&event);
                }
                Ok(())
            }
            Err((error, packet)) => Err((
                error.into(),
                Outgoing {
                    packet,
                    event,
                    is_recoverable,
                },
            )),
        }
    }

    /// Queues a packet that goes to nobody else, behind all earlier ones.
    pub(crate) fn send_alone(&self, outgoing: Outgoing) -> Result<(), EmitError> {
        self.send_owned(outgoing).map_err(|(error, _)| error)
    }

    /// Queues a packet of which no listener hears yet.
    pub(crate) fn queue(&self, outgoing: &Outgoing) -> Result<(), EmitError> {
        match self.shared.state() {
            State::Connected => Ok(self.client.outlet.send(&outgoing.packet)?),
            State::Admitting => {
                let mut early = self.early.borrow_mut();
                if early.len() >= MAX_EARLY {
                    return Err(EmitError::QueueFull);
                }
                early.push(outgoing.clone());
                Ok(())
            }
            State::Disconnecting | State::Closed => Err(EmitError::Closed),
        }
    }

    /// Answers an event of the client, which waits for that: where the queue is full, as soon as there
    /// is room.
    pub(crate) fn answer(self: &Rc<Self>, outgoing: Outgoing) -> Result<(), EmitError> {
        match self.send_owned(outgoing) {
            Err((EmitError::QueueFull, outgoing)) if self.is_connected() => {
                let cell = self.clone();
                let again = move || drop(cell.answer(outgoing));
                self.client.outlet.when_drained(Box::new(again));
                Ok(())
            }
            sent => sent.map_err(|(error, _)| error),
        }
    }

    /// Queues a packet as soon as there is room for it, unless whoever asked has stopped waiting.
    fn send_when_ready(
        self: &Rc<Self>,
        outgoing: Outgoing,
        done: oneshot::Sender<Result<(), EmitError>>,
    ) {
        if done.is_closed() {
            return;
        }
        match self.shared.send_here(self, &outgoing) {
            Err(EmitError::QueueFull) if self.is_connected() => {
                let cell = self.clone();
                let again = move || cell.send_when_ready(outgoing, done);
                self.client.outlet.when_drained(Box::new(again));
            }
            sent => {
                let _ = done.send(sent);
            }
        }
    }

    /// Sends a packet if it can leave at once.
    pub(crate) fn send_volatile(&self, outgoing: &Outgoing) {
        if self.is_connected() {
            self.queue_volatile(outgoing);
            self.show(outgoing);
        }
    }

    /// Sends a packet, of which no listener hears yet, if it can leave at once.
    pub(crate) fn queue_volatile(&self, outgoing: &Outgoing) {
        if self.is_connected() {
            self.client.outlet.send_volatile(&outgoing.packet);
        }
    }

    pub(super) fn take_early(&self) -> Vec<Outgoing> {
        self.early.take()
    }

    /// Calls the listeners of outgoing events.
    pub(crate) fn show(&self, outgoing: &Outgoing) {
        if let Some(event) = &outgoing.event {
            self.show_event(event);
        }
    }

    fn show_event(&self, event: &OutgoingEvent) {
        for listener in &self.namespace().spec.outgoing {
            let called = catch_unwind(AssertUnwindSafe(|| listener(&self.shared, event)));
            if called.is_err() {
                tracing::error!(socket = %self.id(), event = event.name(), "listener panicked");
            }
        }
    }

    /// Sends an event that asks for an answer; returns `false` when the queue is full.
    pub(crate) fn send_with_ack(&self, id: u64, outgoing: &Outgoing, sender: AckSender) -> bool {
        if let Err(error) = self.send(outgoing) {
            let full = matches!(error, EmitError::QueueFull);
            sender.resolve(Err(error.into()));
            return !full;
        }
        let mut acks = self.acks.borrow_mut();
        let full = acks.len() >= self.client.hub().0.config.pending_acks;
        if let Some((_, oldest)) = full.then(|| acks.pop_first()).flatten() {
            self.count_acks(-1);
            self.client.hub().limits().count(Limit::PendingAcks);
            oldest.resolve(Err(AckError::Timeout));
        }
        acks.insert(id, sender);
        drop(acks);
        self.count_acks(1);
        if !self.is_inbound_full() {
            // The answer has to be read.
            self.resume();
        }
        true
    }

    pub(super) fn awaits_answer(&self) -> bool {
        !self.acks.borrow().is_empty()
    }

    fn forget_ack(&self, id: u64) {
        let removed = self.acks.borrow_mut().remove(&id);
        if removed.is_some() {
            self.count_acks(-1);
        }
    }

    /// Resolves an ack. Unknown ids are ignored: the answer came late, twice, or uninvited, and then this
    /// returns false.
    pub(crate) fn answered(&self, id: u64, args: RawArgs) -> bool {
        let sender = self.acks.borrow_mut().remove(&id);
        let is_awaited = sender.is_some();
        if let Some(sender) = sender {
            self.count_acks(-1);
            sender.resolve(Ok(args));
        }
        is_awaited
    }

    /// Returns how many bytes of events wait.
    pub(crate) fn inbound_bytes(&self) -> usize {
        self.queue.borrow().bytes()
    }

    /// Tells the client that it is disconnected from the namespace, and ends the socket.
    pub(crate) fn disconnect(self: &Rc<Self>, close: bool) {
        if self.shared.state() != State::Connected {
            return;
        }
        // When the queue is full the client learns it from the end of the connection.
        let told = self
            .client
            .outlet
            .send(&encode::disconnect(&self.namespace().name));
        self.client.leave(self.slot);
        self.finish(DisconnectReason::ServerNamespaceDisconnect);
        if close {
            self.client.disconnect_sockets();
            self.client.close(DisconnectReason::ForcedClose);
        } else if told.is_err() {
            self.client.close(DisconnectReason::SlowConsumer);
        }
    }

    /// Ends the socket; the client is told by other means, or gone.
    pub(crate) fn finish(self: &Rc<Self>, reason: DisconnectReason) {
        let ending = self.begin_end();
        let state = self.shared.state();
        if self.shared.is_closed() {
            return;
        }
        if state == State::Connected {
            self.shared.set_state(State::Disconnecting);
            self.run_disconnecting_handlers(reason);
        }
        self.shared.set_state(State::Closed);
        tracing::debug!(socket = %self.id(), namespace = %self.namespace().name, %reason, "disconnected");
        let hub = self.client.hub().clone();
        hub.0.stats.sockets.fetch_sub(1, Ordering::Relaxed);
        let acks = self.acks.take();
        self.count_acks(-(acks.len() as isize));
        for (_, sender) in acks {
            sender.resolve(Err(AckError::Disconnected));
        }
        self.queue.take();
        self.early.take();
        self.resume();
        let local = self.client.local().clone();
        let rooms = self.shared.with_rooms(std::mem::take);
        for room in &rooms {
            local.leave(self, room);
        }
        self.client.forget(self.slot);
        if state == State::Connected {
            local.disconnect(self);
            self.client.left();
        }
        if let Some(ending) = ending {
            self.end_session(ending, state, reason, rooms);
        }
        if state == State::Connected {
            self.run_disconnect_handlers(reason);
        }
        local.remove_socket(self.key());
        if !hub.0.config.keep_auth_payloads {
            self.shared.forget_auth_payload();
        }
        if let Some(deadline) = self.deadline.get() {
            self.client.expect_back_by(deadline);
        }
        if let Some(addr) = self.shared.started_addr() {
            addr.do_send(StopSocket);
        }
    }

    fn count_acks(&self, change: isize) {
        let counter = &self.client.hub().0.stats.pending_acks;
        if change >= 0 {
            counter.fetch_add(change.unsigned_abs(), Ordering::Relaxed);
        } else {
            counter.fetch_sub(change.unsigned_abs(), Ordering::Relaxed);
        }
    }
}

impl Drop for SocketCell {
    fn drop(&mut self) {
        let hub = &self.client.hub().0;
        hub.memory.sockets.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How many packets may be emitted to a socket before it is admitted.
const MAX_EARLY: usize = 256;
