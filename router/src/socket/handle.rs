use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    future::Future,
    rc::Rc,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::Duration,
};

use actix::{Addr, dev::channel};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sockeye_protocol::{Prepared, Sid, socket::RawArgs};
use tokio::sync::oneshot;

use super::{Operation, Socket, SocketCell, actor::Mailbox};
use crate::{
    BroadcastOperator, Completion, EmitError, EmitOperator, EmitWithAck, Handshake, Hub, Identity,
    IntoRooms, NamespaceRef, RecoveryStatus,
    courier::{CourierHandle, Local, Perform, Target},
    namespace::NamespaceInner,
    outgoing::Outgoing,
    recovery::weight,
    selector::RoomName,
};

/// A handle of a socket: one client in one namespace.
///
/// Works from any thread; cloning is cheap. What one task does through handles takes effect in
/// that order: on the socket's own thread (in its handlers) at once, from elsewhere when the
/// socket's thread gets to it, which awaiting the returned [`Completion`] waits for.
#[derive(Clone)]
pub struct SocketRef(Arc<Shared>);

struct Shared {
    id: Sid,
    /// Where the socket stands in its courier's table.
    key: usize,
    namespace: NamespaceRef,
    courier: CourierHandle,
    handshake: Arc<Handshake>,
    /// None where the client passed nothing.
    auth_payload: Mutex<Option<Arc<str>>>,
    recovery: RecoveryStatus,
    state: AtomicU8,
    authenticated: AtomicBool,
    identity: Mutex<Option<Identity>>,
    rooms: Mutex<Vec<RoomName>>,
    data: Mutex<Option<Box<DataMap>>>,
    attributes: Mutex<Option<Box<Map<String, Value>>>>,
    addr: OnceLock<Addr<Socket>>,
}

type DataMap = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

/// What outlives a socket in its session, beside its rooms.
pub(crate) struct Memory {
    identity: Option<Identity>,
    data: Option<Box<DataMap>>,
    attributes: Option<Box<Map<String, Value>>>,
}

impl Memory {
    /// Returns about how many bytes it keeps, what attached values refer to not counted.
    pub(crate) fn bytes(&self) -> usize {
        let identity = self.identity.as_ref().map_or(0, Identity::bytes);
        let attributes = self.attributes.as_deref().map_or(0, weight);
        let data = self.data.as_deref();
        let data = data.map_or(0, |data| {
            let values = data
                .values()
                .map(|value| size_of_val(&**value) + VALUE_COST);
            values.sum()
        });
        identity + attributes + data
    }

    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }
}

/// Where a socket is in its life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum State {
    Admitting,
    Connected,
    /// Its last handlers run: it is in its rooms, but nothing reaches it any more.
    Disconnecting,
    Closed,
}

impl SocketRef {
    pub(crate) fn new(
        id: Sid,
        key: usize,
        namespace: NamespaceRef,
        courier: CourierHandle,
        handshake: Arc<Handshake>,
        auth_payload: &str,
        recovery: RecoveryStatus,
    ) -> Self {
        Self(Arc::new(Shared {
            id,
            key,
            namespace,
            courier,
            handshake,
            auth_payload: Mutex::new((auth_payload != NOTHING).then(|| auth_payload.into())),
            recovery,
            state: AtomicU8::new(State::Admitting as u8),
            authenticated: AtomicBool::new(false),
            identity: Mutex::default(),
            rooms: Mutex::default(),
            data: Mutex::default(),
            attributes: Mutex::default(),
            addr: OnceLock::new(),
        }))
    }

    /// Returns the socket's id, which is public: not the id of its session.
    #[must_use]
    pub fn id(&self) -> Sid {
        self.0.id
    }

    /// Returns the namespace that the socket is in.
    #[must_use]
    pub fn namespace(&self) -> &NamespaceRef {
        &self.0.namespace
    }

    /// Returns the hub that the socket belongs to.
    #[must_use]
    pub fn hub(&self) -> &Hub {
        self.0.namespace.hub()
    }

    /// Returns the handshake of the connection, which all its sockets share.
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        &self.0.handshake
    }

    /// Returns what the client passed as `auth`: the text of a JSON object.
    ///
    /// `{}` where it passed nothing, or where that
    /// [isn't kept](crate::RouterConfig::with_kept_auth_payloads) any more.
    #[must_use]
    pub fn auth_payload(&self) -> Arc<str> {
        static NONE: LazyLock<Arc<str>> = LazyLock::new(|| NOTHING.into());
        let payload = lock(&self.0.auth_payload).clone();
        payload.unwrap_or_else(|| NONE.clone())
    }

    pub(crate) fn forget_auth_payload(&self) {
        *lock(&self.0.auth_payload) = None;
    }

    /// Returns whether the socket carries on a session that was broken off, and if not, why.
    ///
    /// A socket that does has the id, the rooms, the data and the identity of the one before it,
    /// and the client gets what it has missed before it hears that it is connected. Handlers run as
    /// for any other socket; middlewares may be left out.
    #[must_use]
    pub fn recovery(&self) -> RecoveryStatus {
        self.0.recovery
    }

    /// Returns whether the socket has been admitted and not disconnected since.
    ///
    /// While handlers of [`Namespace::on_disconnecting`](crate::Namespace::on_disconnecting) run, it
    /// still is.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        matches!(self.state(), State::Connected | State::Disconnecting)
    }

    /// Returns whether the socket has presented a token that was accepted.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        self.0.authenticated.load(Ordering::Acquire)
    }

    /// Returns whom the socket belongs to, once it is authenticated.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        lock(&self.0.identity).clone()
    }

    /// Returns the rooms that the socket is in, its own not counted, in the order of joining.
    #[must_use]
    pub fn rooms(&self) -> Vec<RoomName> {
        lock(&self.0.rooms).clone()
    }

    /// Returns whether the socket is in a room; it is always in the room of its own id.
    #[must_use]
    pub fn is_in(&self, room: &str) -> bool {
        lock(&self.0.rooms).iter().any(|name| **name == *room) || room == self.0.id.as_str()
    }

    /// Joins rooms. Those that it is in already are ignored.
    ///
    /// A socket which is not admitted yet may join, and is found there once it is. At most
    /// [`RouterConfig::with_rooms_per_socket`](crate::RouterConfig::with_rooms_per_socket) rooms; further
    /// ones are ignored and logged.
    pub fn join(&self, rooms: impl IntoRooms) -> Completion {
        self.perform(Operation::Join {
            rooms: rooms.into_rooms(),
        })
    }

    /// Leaves rooms. Those that it is not in are ignored.
    pub fn leave(&self, rooms: impl IntoRooms) -> Completion {
        self.perform(Operation::Leave {
            rooms: rooms.into_rooms(),
        })
    }

    /// Emits an event: a tuple is the list of arguments, anything else is one argument.
    ///
    /// `Ok` means that the packet is queued behind all earlier ones; only an ack tells that it
    /// arrived. A fixed-size array counts as a tuple.
    ///
    /// # Errors
    ///
    /// When the arguments can't be encoded or the name is reserved, when the socket is gone, and
    /// when its bounded queue is full: then nothing is queued.
    pub fn emit<T: Serialize + ?Sized>(&self, event: &str, args: &T) -> Result<(), EmitError> {
        self.send(Outgoing::event(self.inner(), None, event, args)?)
    }

    /// Emits an event with arguments as they were received, attachments included.
    ///
    /// # Errors
    ///
    /// As [`SocketRef::emit`].
    pub fn emit_raw(&self, event: &str, args: &RawArgs) -> Result<(), EmitError> {
        self.send(Outgoing::event_raw(self.inner(), None, event, args)?)
    }

    /// Emits an event once there is room in the socket's queue: the way to send a client more than
    /// the queue holds, at the pace at which it reads.
    ///
    /// It is encoded at once and queued when awaited; dropping the future before it is queued sends
    /// nothing. What others emit meanwhile goes before it.
    ///
    /// # Errors
    ///
    /// As [`SocketRef::emit`], but that a full queue is waited for;
    /// [`EmitError::QueueFull`] only says that the socket's thread has fallen behind, or that the
    /// socket is not admitted yet.
    pub fn emit_when_ready<T: Serialize + ?Sized>(
        &self,
        event: &str,
        args: &T,
    ) -> impl Future<Output = Result<(), EmitError>> + Send + use<T> {
        let socket = self.clone();
        let encoded = Outgoing::event(self.inner(), None, event, args);
        async move {
            let (done, queued) = oneshot::channel();
            socket.perform(Operation::EmitWhenReady {
                outgoing: encoded?,
                done,
            });
            queued.await.unwrap_or(Err(EmitError::Closed))
        }
    }

    /// Emits an event, now, and when awaited waits for the client's answer, read into `T` as
    /// [`Args`](crate::Args) are.
    ///
    /// A handler may wait for an ack of its own client.
    pub fn emit_with_ack<A, T>(&self, event: &str, args: &A) -> EmitWithAck<T>
    where
        A: Serialize + ?Sized,
        T: DeserializeOwned + 'static,
    {
        EmitOperator::new(self.clone()).emit_with_ack(event, args)
    }

    /// Emits an event with arguments as they were received, now, and when awaited waits for the
    /// client's answer as it is.
    pub fn emit_with_ack_raw(&self, event: &str, args: &RawArgs) -> EmitWithAck<RawArgs> {
        EmitOperator::new(self.clone()).emit_with_ack_raw(event, args)
    }

    /// Lets the next emit be dropped when the transport can't take it at once.
    pub fn volatile(&self) -> EmitOperator {
        EmitOperator::new(self.clone()).volatile()
    }

    /// Sets whether what is emitted next is worth compressing; it is by default.
    pub fn compress(&self, compress: bool) -> EmitOperator {
        EmitOperator::new(self.clone()).compress(compress)
    }

    /// Sets how long the answer to what is emitted next is waited for.
    pub fn timeout(&self, timeout: Duration) -> EmitOperator {
        EmitOperator::new(self.clone()).timeout(timeout)
    }

    /// Selects the members of rooms, this socket left out.
    pub fn to(&self, rooms: impl IntoRooms) -> BroadcastOperator {
        self.broadcast().to(rooms)
    }

    /// Selects every socket but the members of these rooms and this socket.
    pub fn except(&self, rooms: impl IntoRooms) -> BroadcastOperator {
        self.broadcast().except(rooms)
    }

    /// Selects every other socket of the namespace.
    pub fn broadcast(&self) -> BroadcastOperator {
        self.0.namespace.broadcast().without_sender(self.0.id)
    }

    /// Disconnects the socket from its namespace, after what was emitted before; with `close`,
    /// the client's other sockets too, and then its connection.
    ///
    /// Does nothing for a socket which is not connected.
    pub fn disconnect(&self, close: bool) -> Completion {
        self.perform(Operation::Disconnect { close })
    }

    /// Attaches a value to the socket, in place of an earlier one of the same type.
    pub fn set_data<T: Send + Sync + 'static>(&self, value: T) {
        let mut data = lock(&self.0.data);
        let map = data.get_or_insert_default();
        map.insert(TypeId::of::<T>(), Arc::new(value));
    }

    /// Returns the value of that type that was attached to the socket.
    #[must_use]
    pub fn data<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let data = lock(&self.0.data);
        let value = data.as_ref()?.get(&TypeId::of::<T>())?.clone();
        value.downcast().ok()
    }

    /// Sets an attribute: JSON that other nodes see too, when they fetch sockets.
    ///
    /// # Errors
    ///
    /// When the value can't be written as JSON; nothing is set then.
    pub fn set_attribute<T: Serialize + ?Sized>(
        &self,
        key: impl Into<String>,
        value: &T,
    ) -> Result<(), serde_json::Error> {
        let value = serde_json::to_value(value)?;
        let mut attributes = lock(&self.0.attributes);
        attributes.get_or_insert_default().insert(key.into(), value);
        Ok(())
    }

    /// Returns an attribute, if it is there and fits the type.
    #[must_use]
    pub fn attribute<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let attributes = lock(&self.0.attributes);
        T::deserialize(attributes.as_ref()?.get(key)?).ok()
    }

    /// Returns all attributes.
    #[must_use]
    pub fn attributes(&self) -> Map<String, Value> {
        let attributes = lock(&self.0.attributes);
        attributes.as_deref().cloned().unwrap_or_default()
    }

    /// Returns the address of the socket's actor.
    ///
    /// Messages to it are handled in order; it stops when the socket disconnects. It is started at
    /// the first call: a socket that nobody sends messages to costs no mailbox.
    #[must_use]
    pub fn addr(&self) -> Addr<Socket> {
        if let Some(started) = self.started_addr() {
            return started.clone();
        }
        let (sender, mailbox) = channel::channel(MAILBOX);
        let addr = Addr::new(sender);
        if self.0.addr.set(addr.clone()).is_ok() {
            self.perform(Operation::StartActor(Mailbox(mailbox)));
        }
        // Another thread may have been faster.
        self.started_addr().cloned().unwrap_or(addr)
    }

    /// Returns the address of the socket's actor, if somebody has asked for it.
    pub(crate) fn started_addr(&self) -> Option<&Addr<Socket>> {
        self.0.addr.get()
    }

    pub(crate) fn inner(&self) -> &Arc<NamespaceInner> {
        self.0.namespace.inner()
    }

    pub(crate) fn namespace_name(&self) -> &str {
        self.0.namespace.name()
    }

    pub(crate) fn courier(&self) -> &CourierHandle {
        &self.0.courier
    }

    pub(crate) fn key(&self) -> usize {
        self.0.key
    }

    pub(crate) fn shared_handshake(&self) -> &Arc<Handshake> {
        &self.0.handshake
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.state(), State::Disconnecting | State::Closed)
    }

    pub(crate) fn state(&self) -> State {
        match self.0.state.load(Ordering::Acquire) {
            0 => State::Admitting,
            1 => State::Connected,
            2 => State::Disconnecting,
            _ => State::Closed,
        }
    }

    pub(crate) fn set_state(&self, state: State) {
        self.0.state.store(state as u8, Ordering::Release);
    }

    pub(crate) fn set_identity(&self, identity: Identity) {
        *lock(&self.0.identity) = Some(identity);
        self.0.authenticated.store(true, Ordering::Release);
    }

    /// Returns what the session's next socket gets.
    pub(crate) fn memory(&self) -> Memory {
        Memory {
            identity: self.identity(),
            data: lock(&self.0.data).clone(),
            attributes: lock(&self.0.attributes).clone(),
        }
    }

    /// Takes over what the session's last socket had.
    pub(crate) fn remember(&self, memory: Memory) {
        *lock(&self.0.data) = memory.data;
        *lock(&self.0.attributes) = memory.attributes;
        if let Some(identity) = memory.identity {
            self.set_identity(identity);
        }
    }

    pub(crate) fn with_rooms<R>(&self, change: impl FnOnce(&mut Vec<RoomName>) -> R) -> R {
        change(&mut lock(&self.0.rooms))
    }

    /// Queues an encoded packet.
    pub(crate) fn send(&self, outgoing: Outgoing) -> Result<(), EmitError> {
        if let Some(recoverer) = self.inner().recovery_of(&outgoing) {
            return recoverer.emit_to(self, &outgoing, false);
        }
        match self.here() {
            Some(Some(cell)) => cell.send_alone(outgoing),
            Some(None) => Err(EmitError::Closed),
            None if self.is_closed() => Err(EmitError::Closed),
            None => {
                let operation = Operation::Emit {
                    outgoing,
                    volatile: false,
                };
                self.0.courier.take_place()?;
                self.0.courier.post(self.message(operation, None));
                Ok(())
            }
        }
    }

    /// Queues the answer to an event of the client.
    pub(crate) fn answer(&self, packet: Prepared) -> Result<(), EmitError> {
        let outgoing = Outgoing::from(packet);
        match self.here() {
            Some(Some(cell)) => cell.answer(outgoing),
            Some(None) => Err(EmitError::Closed),
            None if self.is_closed() => Err(EmitError::Closed),
            None => {
                // Not more of them than the client has asked for, so they need no place.
                let operation = Operation::Answer { outgoing };
                self.0.courier.post(self.message(operation, None));
                Ok(())
            }
        }
    }

    /// Queues an encoded packet, on the socket's own thread.
    pub(super) fn send_here(
        &self,
        cell: &SocketCell,
        outgoing: &Outgoing,
    ) -> Result<(), EmitError> {
        match self.inner().recovery_of(outgoing) {
            Some(recoverer) => recoverer.emit_to(self, outgoing, false),
            None => cell.send(outgoing),
        }
    }

    /// Does something to the socket: at once on its own thread, else through its courier.
    pub(crate) fn perform(&self, operation: Operation) -> Completion {
        match self.here() {
            Some(Some(cell)) => {
                cell.perform(operation);
                Completion::done()
            }
            Some(None) => Completion::done(),
            None if operation.is_packet() && self.0.courier.take_place().is_err() => {
                operation.refuse();
                Completion::done()
            }
            None => {
                let (done, wait) = oneshot::channel();
                self.0.courier.post(self.message(operation, Some(done)));
                Completion::waiting_for(vec![wait])
            }
        }
    }

    /// Returns `None` on another thread than the socket's, `Some(None)` when it is gone.
    fn here(&self) -> Option<Option<Rc<SocketCell>>> {
        let local = Local::find(self.hub().0.id)?;
        let same = local.handle.id == self.0.courier.id;
        // The socket that carries on this one's session has the same id.
        same.then(|| {
            local.catch_up();
            let cell = local.socket(self.0.key, self.0.id);
            cell.filter(|cell| cell.shared() == self)
        })
    }

    fn message(&self, operation: Operation, done: Option<oneshot::Sender<()>>) -> Perform {
        let target = Target::Socket {
            key: self.0.key,
            id: self.0.id,
        };
        Perform {
            target,
            operation,
            done,
        }
    }
}

impl fmt::Debug for SocketRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("id", &self.0.id.as_str())
            .field("namespace", &self.namespace_name())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

impl PartialEq for SocketRef {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for SocketRef {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a client that passes nothing counts as having passed.
const NOTHING: &str = "{}";

/// What an attached value costs beside itself.
const VALUE_COST: usize = 96;

/// The capacity of an actor's mailbox where none is set.
const MAILBOX: usize = 16;
