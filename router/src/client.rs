mod allowance;

use std::{
    cell::{Cell, RefCell},
    fmt,
    panic::AssertUnwindSafe,
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use futures_util::FutureExt as _;
use sockeye_protocol::{
    Message,
    socket::{Connection, Event, Expired, RefusedReason, Slot, encode},
};

use self::allowance::Allowance;
use crate::{
    DisconnectReason, Handshake, Hub, Limit, NamespaceRef, NamespaceRequest, Outlet, Refusal,
    clock::now, courier::Local, deadline::Deadline, hub::Totals, namespace::NamespaceInner,
    recovery::Opening, socket::SocketCell, task,
};

/// One connection as the router sees it: the sockets of a client, behind one transport.
///
/// The transport creates it on the arbiter that the connection is to live on, gives it every
/// message that arrives, in order, and tells it when the connection is gone. It is bound to that
/// thread. Dropping the last handle without [`Client::disconnected`] counts as a closed transport.
#[derive(Clone)]
pub struct Client(Rc<Handle>);

struct Handle(Rc<ClientCell>);

pub(crate) struct ClientCell {
    pub(crate) outlet: Box<dyn Outlet>,
    hub: Hub,
    local: Rc<Local>,
    key: Cell<usize>,
    handshake: Arc<Handshake>,
    machine: RefCell<Connection>,
    sockets: RefCell<Vec<Rc<SocketCell>>>,
    closed: Cell<bool>,
    /// Whether it is closed as soon as no handler of its events runs: no more of them are taken.
    leaving: Cell<bool>,
    draining: Cell<bool>,
    /// How many sockets have asked the transport to stop reading.
    pauses: Cell<usize>,
    /// Since when the client has been asking to connect without being authenticated.
    unauthenticated_since: Cell<Option<Instant>>,
    /// Whether a client that has left is given until its deadline to come back.
    expected_back: Cell<bool>,
    /// The earliest entry that the timers have for the machine's deadline.
    armed: Cell<Option<Instant>>,
    allowance: Allowance,
    /// Whether the client isn't read as it has used its allowance.
    throttled: Cell<bool>,
}

impl Client {
    /// Creates the client of a new connection.
    ///
    /// Must be called on an actix arbiter. The connect timeout starts here.
    #[must_use]
    pub fn new(hub: &Hub, outlet: impl Outlet, handshake: Handshake) -> Self {
        let local = Local::of(&hub.0);
        let config = &hub.0.config;
        let machine = Connection::new(config.limits.clone(), config.connect_timeout, now());
        let cell = Rc::new(ClientCell {
            outlet: Box::new(outlet),
            hub: hub.clone(),
            local,
            key: Cell::new(0),
            handshake: Arc::new(handshake),
            machine: RefCell::new(machine),
            sockets: RefCell::default(),
            closed: Cell::new(false),
            leaving: Cell::new(false),
            draining: Cell::new(false),
            pauses: Cell::new(0),
            unauthenticated_since: Cell::new(None),
            expected_back: Cell::new(false),
            armed: Cell::new(None),
            allowance: Allowance::default(),
            throttled: Cell::new(false),
        });
        hub.0.stats.clients.fetch_add(1, Ordering::Relaxed);
        hub.0.memory.clients.fetch_add(1, Ordering::Relaxed);
        cell.key.set(cell.local.add_client(cell.clone()));
        cell.arm_timer();
        Self(Rc::new(Handle(cell)))
    }

    /// Takes a message from the transport.
    ///
    /// Handlers that need not wait have run when it returns. A message that breaks the protocol
    /// closes the connection. After [`Outlet::pause`] the transport should give no more until
    /// [`Outlet::resume`].
    pub fn receive(&self, message: Message) {
        self.0.0.receive(message);
    }

    /// Ends the client: its transport is gone.
    pub fn disconnected(&self, reason: DisconnectReason) {
        self.0.0.end(reason);
    }

    /// Closes the connection: its sockets end with `reason`, what is queued still goes out.
    pub fn close(&self, reason: DisconnectReason) {
        self.0.0.close(reason);
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("sockets", &self.0.0.sockets.borrow())
            .finish_non_exhaustive()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.end(DisconnectReason::TransportClose);
    }
}

impl ClientCell {
    pub(crate) fn hub(&self) -> &Hub {
        &self.hub
    }

    pub(crate) fn local(&self) -> &Rc<Local> {
        &self.local
    }

    pub(crate) fn handshake(&self) -> &Arc<Handshake> {
        &self.handshake
    }

    /// Returns the start of the authentication deadline of a socket that connects now.
    ///
    /// Leaving a namespace and coming back doesn't start it again.
    pub(crate) fn unauthenticated_since(&self) -> Instant {
        let since = self.unauthenticated_since.get().unwrap_or_else(now);
        self.unauthenticated_since.set(Some(since));
        since
    }

    pub(crate) fn authenticated(&self) {
        self.unauthenticated_since.set(None);
    }

    /// Closes the connection at the deadline if the client, which has left without authenticating,
    /// has no socket by then: leaving must not stop the clock.
    pub(crate) fn expect_back_by(&self, deadline: Instant) {
        if self.closed.get() || self.expected_back.replace(true) {
            return;
        }
        let Some(cell) = self.local.client(self.key.get()) else {
            return;
        };
        let timed = Deadline::Return(Rc::downgrade(&cell));
        self.local.timers.add(deadline, timed);
    }

    pub(crate) fn pause(&self) {
        self.pauses.set(self.pauses.get() + 1);
        if self.pauses.get() == 1 {
            self.outlet.pause();
        }
    }

    pub(crate) fn resume(&self) {
        self.pauses.set(self.pauses.get() - 1);
        if self.pauses.get() == 0 {
            self.outlet.resume();
        }
    }

    pub(crate) fn admit(&self, slot: Slot) {
        self.machine.borrow_mut().admit(slot);
        self.arm_timer();
    }

    pub(crate) fn refuse(&self, slot: Slot) {
        self.machine.borrow_mut().refuse(slot);
    }

    pub(crate) fn leave(&self, slot: Slot) {
        self.machine.borrow_mut().leave(slot);
    }

    /// Takes a socket off the client.
    pub(crate) fn forget(&self, slot: Slot) {
        self.sockets.borrow_mut().retain(|cell| cell.slot() != slot);
    }

    /// Notes that one of its sockets has ended which was connected.
    pub(crate) fn left(&self) {
        let is_in = |cell: &Rc<SocketCell>| cell.is_connected();
        if !self.closed.get() && !self.sockets.borrow().iter().any(is_in) {
            self.outlet.unauthenticated();
        }
    }

    /// Tells every socket that it is disconnected, in the order of connecting.
    pub(crate) fn disconnect_sockets(&self) {
        let sockets = self.sockets.borrow().clone();
        for cell in sockets {
            cell.disconnect(false);
        }
    }

    /// Returns whether the client has no other socket.
    pub(crate) fn is_alone(&self, slot: Slot) -> bool {
        self.sockets.borrow().iter().all(|cell| cell.slot() == slot)
    }

    /// Returns whether a handler of one of its sockets is running.
    pub(crate) fn is_busy(&self) -> bool {
        self.sockets.borrow().iter().any(|cell| cell.is_busy())
    }

    /// Returns how many bytes of events wait in all of its sockets.
    pub(crate) fn inbound_bytes(&self) -> usize {
        let sockets = self.sockets.borrow();
        sockets.iter().map(|cell| cell.inbound_bytes()).sum()
    }

    /// Closes the connection if no socket is left on it: a client that was turned away has no
    /// business here.
    pub(crate) fn close_if_deserted(&self) {
        if self.sockets.borrow().is_empty() {
            self.close(DisconnectReason::ForcedClose);
        }
    }

    /// Takes no more events: those that wait, and their handlers, come to an end then.
    pub(crate) fn take_leave(&self) {
        self.leaving.set(true);
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.get()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    pub(crate) fn close(&self, reason: DisconnectReason) {
        if !self.closed.get() {
            self.end(reason);
            self.outlet.close(reason);
        }
    }

    /// Ends all sockets, in the order of connecting, and forgets everything.
    fn end(&self, reason: DisconnectReason) {
        if self.closed.replace(true) {
            return;
        }
        self.machine.borrow_mut().close();
        let sockets = self.sockets.take();
        for cell in sockets {
            cell.finish(reason);
        }
        self.hub.0.stats.clients.fetch_sub(1, Ordering::Relaxed);
        self.local.remove_client(self.key.get());
    }

    fn receive(self: &Rc<Self>, message: Message) {
        if self.closed.get() {
            return;
        }
        let now = now();
        let is_over = matches!(message, Message::Text(_)) && self.spend(now);
        let received = self.machine.borrow_mut().handle_message(message, now);
        if let Err(error) = received {
            tracing::debug!(%error, "protocol broken, connection closed");
            self.hub.0.totals.protocol_broken(error);
            self.close(DisconnectReason::ForcedClose);
            return;
        }
        self.drain();
        self.arm_timer();
        if is_over {
            self.throttle(now);
        }
    }

    /// Handles what the machine has found, in order.
    pub(crate) fn drain(self: &Rc<Self>) {
        if self.draining.replace(true) {
            // Called by something that the outer call is handling: that one goes on with the rest.
            return;
        }
        while !self.closed.get() {
            let event = self.machine.borrow_mut().poll_event();
            let Some(event) = event else {
                break;
            };
            self.handle(event);
        }
        self.draining.set(false);
    }

    fn handle(self: &Rc<Self>, event: Event) {
        match event {
            Event::Event { slot, packet } => {
                if let Some(cell) = self.socket(slot) {
                    cell.receive(packet);
                }
            }
            Event::Ack { slot, id, args } => {
                if let Some(cell) = self.socket(slot)
                    && cell.answered(id, args)
                {
                    self.give_back();
                }
            }
            Event::Connect {
                slot,
                namespace,
                auth,
            } => {
                let payload = auth.as_deref().unwrap_or("{}");
                self.connect(slot, &namespace, payload);
            }
            Event::ConnectRefused { namespace, reason } => {
                match reason {
                    RefusedReason::TooManyNamespaces => {
                        self.hub.limits().count(Limit::Namespaces);
                    }
                    RefusedReason::AuthTooLarge => self.hub.limits().count(Limit::AuthBytes),
                    _ => {}
                }
                self.turn_away(&namespace, &Refusal::new(reason.to_string()));
            }
            Event::Disconnect { slot } => {
                if let Some(cell) = self.socket(slot) {
                    cell.finish(DisconnectReason::ClientNamespaceDisconnect);
                }
            }
        }
    }

    fn connect(self: &Rc<Self>, slot: Slot, name: &str, auth_payload: &str) {
        match self.hub.existing(name) {
            Some(namespace) => self.enter(slot, namespace, auth_payload),
            None if self.hub.has_parents() => self.look_for(slot, name, auth_payload),
            None => self.has_no_namespace(slot, name),
        }
    }

    /// Asks the dynamic namespaces whether one of them is meant.
    fn look_for(self: &Rc<Self>, slot: Slot, name: &str, auth_payload: &str) {
        let request = NamespaceRequest::new(name, auth_payload, self.handshake.clone());
        let resolving = AssertUnwindSafe(self.hub.clone().resolve(request)).catch_unwind();
        let cell = self.clone();
        let (name, auth_payload) = (name.to_owned(), auth_payload.to_owned());
        task::run(&self.hub, async move {
            let found = resolving.await.unwrap_or_else(|_| {
                tracing::error!(namespace = name, "predicate panicked, namespace refused");
                None
            });
            if cell.closed.get() {
                return;
            }
            match found {
                Some(namespace) => cell.enter(slot, namespace, &auth_payload),
                None => cell.has_no_namespace(slot, &name),
            }
            cell.drain();
        });
    }

    fn has_no_namespace(&self, slot: Slot, name: &str) {
        self.refuse(slot);
        self.turn_away(name, &Refusal::new("Invalid namespace"));
    }

    fn enter(self: &Rc<Self>, slot: Slot, namespace: Arc<NamespaceInner>, auth_payload: &str) {
        let namespace = NamespaceRef::new(self.hub.clone(), namespace);
        self.enter_or_return(slot, namespace, auth_payload);
    }

    pub(crate) fn open_socket(
        self: &Rc<Self>,
        slot: Slot,
        namespace: NamespaceRef,
        auth_payload: &str,
        opening: Opening,
    ) {
        let cell = SocketCell::open(self, slot, namespace, auth_payload, opening);
        self.sockets.borrow_mut().push(cell.clone());
        cell.admit();
    }

    fn turn_away(&self, namespace: &str, refusal: &Refusal) {
        Totals::add(&self.hub.0.totals.refused);
        match encode::connect_error(namespace, refusal.message(), refusal.data()) {
            Ok(packet) => {
                if self.outlet.send(&packet).is_err() {
                    self.close(DisconnectReason::SlowConsumer);
                }
            }
            Err(error) => tracing::error!(%error, "refusal can't be encoded"),
        }
    }

    fn socket(&self, slot: Slot) -> Option<Rc<SocketCell>> {
        let sockets = self.sockets.borrow();
        sockets.iter().find(|cell| cell.slot() == slot).cloned()
    }

    /// Sees to it that the machine is told of its next deadline, if it has one.
    fn arm_timer(&self) {
        let Some(wanted) = self.machine.borrow().poll_timeout() else {
            return;
        };
        if self.armed.get().is_some_and(|armed| armed <= wanted) {
            return;
        }
        if let Some(cell) = self.local.client(self.key.get()) {
            self.armed.set(Some(wanted));
            let timed = Deadline::Machine(Rc::downgrade(&cell));
            self.local.timers.add(wanted, timed);
        }
    }

    /// Called at a deadline that the machine had when it was armed.
    pub(crate) fn timer_fired(&self, entry: Instant) {
        if self.armed.get() != Some(entry) {
            return;
        }
        self.armed.set(None);
        let expired = self.machine.borrow_mut().handle_timeout(now());
        match expired {
            Some(expired) => {
                tracing::debug!(?expired, "connection closed");
                let reason = DisconnectReason::ForcedClose;
                if expired == Expired::Reassembly {
                    self.hub.limits().count(Limit::ReassemblyTimeout);
                    self.close(reason);
                } else {
                    self.hub.limits().count(Limit::ConnectTimeout);
                    self.end(reason);
                    self.outlet.dismiss();
                }
            }
            None => self.arm_timer(),
        }
    }

    /// Called when a client that left without being authenticated should have come back.
    pub(crate) fn return_is_due(&self) {
        self.expected_back.set(false);
        if self.unauthenticated_since.get().is_some() {
            self.close_if_deserted();
        }
    }
}

impl Drop for ClientCell {
    fn drop(&mut self) {
        self.hub.0.memory.clients.fetch_sub(1, Ordering::Relaxed);
    }
}
