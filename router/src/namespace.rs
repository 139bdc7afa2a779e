use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use actix::{Actor as _, Addr, WeakAddr};
use serde::Serialize;
use sockeye_protocol::Sid;

use crate::{
    Auth, BroadcastOperator, EmitError, Handler, Hub, IntoRooms, Outcome, Room, SocketRef, Verdict,
    directory::Directory,
    extract::Need,
    handler::{EventFn, MiddlewareFn, erase_event, erase_middleware},
    selector::RoomName,
};

/// Describes one namespace: who may enter it and what is done with its events.
///
/// Handlers belong to the namespace, not to a connection: they are built once, never change,
/// and a reader sees all events in one place. Within a socket they run one at a time, in the
/// order in which the events arrived, unless registered with [`Namespace::on_concurrent`].
#[must_use = "a namespace does nothing until it is added to a hub"]
pub struct Namespace {
    name: String,
    auth: Option<Auth>,
    handlers: Handlers,
    needs: Vec<Need>,
}

#[derive(Default)]
pub(crate) struct Handlers {
    pub(crate) middlewares: Vec<MiddlewareFn>,
    pub(crate) connect: Vec<EventFn>,
    pub(crate) authenticated: Vec<EventFn>,
    pub(crate) events: HashMap<String, Registered>,
    pub(crate) fallback: Option<EventFn>,
    pub(crate) disconnect: Vec<EventFn>,
}

/// The handlers of one event.
#[derive(Default)]
pub(crate) struct Registered {
    /// Run one after another; the next event waits for them.
    pub(crate) ordered: Vec<EventFn>,
    /// Started at once; nothing waits for them.
    pub(crate) concurrent: Vec<EventFn>,
}

impl Namespace {
    /// Starts the description of the namespace `name`, such as `/` or `/admin`.
    ///
    /// A name without a leading `/` gets one.
    pub fn new(name: impl Into<String>) -> Self {
        let mut name = name.into();
        if !name.starts_with('/') {
            name.insert(0, '/');
        }
        Self {
            name,
            auth: None,
            handlers: Handlers::default(),
            needs: Vec::new(),
        }
    }

    /// Requires authentication, within a deadline.
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = Some(auth);
        self
    }

    /// Adds a middleware: it runs before a socket is admitted and may refuse it.
    ///
    /// Middlewares run in the order of registration, each only when the one before has let the
    /// socket pass, after the handshake's token (if any) was verified. What a middleware emits to
    /// the socket is sent after the CONNECT packet.
    pub fn middleware<H, Args>(mut self, middleware: H) -> Self
    where
        H: Handler<Args>,
        H::Output: Verdict,
        Args: 'static,
    {
        self.needs.extend(H::needs());
        self.handlers.middlewares.push(erase_middleware(middleware));
        self
    }

    /// Adds a handler that runs when a socket has been admitted, after its CONNECT packet was
    /// queued and before its first event is handled.
    pub fn on_connect<H, Args>(mut self, handler: H) -> Self
    where
        H: Handler<Args>,
        H::Output: Outcome,
        Args: 'static,
    {
        self.needs.extend(H::needs());
        self.handlers.connect.push(erase_event(handler));
        self
    }

    /// Adds a handler that runs when a socket has been authenticated: at its connection, or by
    /// an event later, and then before the next event is handled.
    pub fn on_authenticated<H, Args>(mut self, handler: H) -> Self
    where
        H: Handler<Args>,
        H::Output: Outcome,
        Args: 'static,
    {
        self.needs.extend(H::needs());
        self.handlers.authenticated.push(erase_event(handler));
        self
    }

    /// Adds a handler for an event. Several of one event run one after another.
    pub fn on<H, Args>(mut self, event: impl Into<String>, handler: H) -> Self
    where
        H: Handler<Args>,
        H::Output: Outcome,
        Args: 'static,
    {
        self.needs.extend(H::needs());
        let registered = self.handlers.events.entry(event.into()).or_default();
        registered.ordered.push(erase_event(handler));
        self
    }

    /// Adds a handler for an event which may overlap with the handlers of later events.
    pub fn on_concurrent<H, Args>(mut self, event: impl Into<String>, handler: H) -> Self
    where
        H: Handler<Args>,
        H::Output: Outcome,
        Args: 'static,
    {
        self.needs.extend(H::needs());
        let registered = self.handlers.events.entry(event.into()).or_default();
        registered.concurrent.push(erase_event(handler));
        self
    }

    /// Sets the handler of events that no other handler is registered for.
    pub fn on_fallback<H, Args>(mut self, handler: H) -> Self
    where
        H: Handler<Args>,
        H::Output: Outcome,
        Args: 'static,
    {
        self.needs.extend(H::needs());
        self.handlers.fallback = Some(erase_event(handler));
        self
    }

    /// Adds a handler that runs once when an admitted socket is no longer connected.
    ///
    /// It doesn't wait for a handler that is still running. The socket has left its rooms.
    pub fn on_disconnect<H, Args>(mut self, handler: H) -> Self
    where
        H: Handler<Args>,
        H::Output: Outcome,
        Args: 'static,
    {
        self.needs.extend(H::needs());
        self.handlers.disconnect.push(erase_event(handler));
        self
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = &str> {
        self.handlers.events.keys().map(String::as_str)
    }

    pub(crate) fn needs(&self) -> &[Need] {
        &self.needs
    }

    pub(crate) fn has_auth(&self) -> bool {
        self.auth.is_some()
    }

    pub(crate) fn build(self) -> NamespaceInner {
        NamespaceInner {
            name: self.name,
            auth: self.auth,
            handlers: self.handlers,
            directory: Directory::new(),
            next_ack: AtomicU64::new(0),
            rooms: Mutex::default(),
        }
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace")
            .field("name", &self.name)
            .field("auth", &self.auth)
            .field("events", &self.handlers.events.keys())
            .finish_non_exhaustive()
    }
}

pub(crate) struct NamespaceInner {
    pub(crate) name: String,
    pub(crate) auth: Option<Auth>,
    pub(crate) handlers: Handlers,
    pub(crate) directory: Directory,
    /// Ack ids are per namespace, so that a broadcast with ack is encoded once too.
    next_ack: AtomicU64,
    /// Rooms whose address somebody holds.
    rooms: Mutex<HashMap<RoomName, WeakAddr<Room>>>,
}

impl NamespaceInner {
    pub(crate) fn next_ack_id(&self) -> u64 {
        self.next_ack.fetch_add(1, Ordering::Relaxed)
    }
}

impl fmt::Debug for NamespaceInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A namespace of a running hub: where broadcasts start.
///
/// Works from any thread; cloning is cheap.
#[derive(Clone, Debug)]
pub struct NamespaceRef {
    hub: Hub,
    inner: Arc<NamespaceInner>,
}

impl NamespaceRef {
    pub(crate) fn new(hub: Hub, inner: Arc<NamespaceInner>) -> Self {
        Self { hub, inner }
    }

    /// Returns the namespace's name, with its leading `/`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Selects the members of a room, or of several: each socket once.
    pub fn to(&self, rooms: impl IntoRooms) -> BroadcastOperator {
        self.broadcast().to(rooms)
    }

    /// Selects every socket but the members of these rooms.
    pub fn except(&self, rooms: impl IntoRooms) -> BroadcastOperator {
        self.broadcast().except(rooms)
    }

    /// Selects only sockets of this process.
    pub fn local(&self) -> BroadcastOperator {
        self.broadcast().local()
    }

    /// Selects every socket, and lets each drop the packet if its transport is not ready.
    pub fn volatile(&self) -> BroadcastOperator {
        self.broadcast().volatile()
    }

    /// Selects every authenticated socket.
    pub fn authenticated(&self) -> BroadcastOperator {
        self.broadcast().authenticated()
    }

    /// Emits to every connected socket, authenticated or not.
    ///
    /// # Errors
    ///
    /// As [`BroadcastOperator::emit`].
    pub fn emit<T: Serialize + ?Sized>(&self, event: &str, args: &T) -> Result<(), EmitError> {
        self.broadcast().emit(event, args)
    }

    /// Emits to every authenticated socket.
    ///
    /// # Errors
    ///
    /// As [`BroadcastOperator::emit`].
    pub fn emit_authenticated<T: Serialize + ?Sized>(
        &self,
        event: &str,
        args: &T,
    ) -> Result<(), EmitError> {
        self.authenticated().emit(event, args)
    }

    /// Returns the connected socket with that id.
    #[must_use]
    pub fn socket(&self, id: &Sid) -> Option<SocketRef> {
        self.inner.directory.socket(id)
    }

    /// Returns every connected socket, in no particular order.
    #[must_use]
    pub fn sockets(&self) -> Vec<SocketRef> {
        self.inner.directory.sockets()
    }

    /// Returns how many sockets are connected.
    #[must_use]
    pub fn socket_count(&self) -> usize {
        self.inner.directory.socket_count()
    }

    /// Returns the rooms that have members, sockets' own not counted.
    #[must_use]
    pub fn room_names(&self) -> Vec<RoomName> {
        self.inner.directory.room_names()
    }

    /// Returns the address of a room, members or not.
    ///
    /// The room's actor starts when it is first asked for, on the arbiter of the caller, and stops
    /// when nobody holds its address. The room itself needs no actor to have members, so an idle
    /// room costs nothing beyond them.
    ///
    /// # Panics
    ///
    /// When called outside an actix arbiter.
    #[must_use]
    pub fn room(&self, name: impl Into<RoomName>) -> Addr<Room> {
        let name = name.into();
        let mut rooms = self
            .inner
            .rooms
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let running = rooms.get(&name).and_then(WeakAddr::upgrade);
        if let Some(addr) = running.filter(Addr::connected) {
            return addr;
        }
        rooms.retain(|_, addr| addr.upgrade().is_some());
        let addr = Room::new(self.clone(), name.clone()).start();
        rooms.insert(name, addr.downgrade());
        addr
    }

    /// Returns the hub that the namespace is part of.
    #[must_use]
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    pub(crate) fn broadcast(&self) -> BroadcastOperator {
        BroadcastOperator::new(self.clone())
    }

    pub(crate) fn inner(&self) -> &Arc<NamespaceInner> {
        &self.inner
    }
}
