//! One courier per thread: it knows the sockets that live there.
//!
//! Whoever is on the thread calls [`Local`] directly; whoever is not sends the [`Courier`] a
//! message. A sender's messages arrive in the order in which they were sent, so nothing that one
//! task does overtakes something that it did before.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    fmt,
    ops::Deref,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use actix::{Actor, ActorContext as _, Addr, AsyncContext as _, Context, Handler, Message};
use sockeye_protocol::Sid;
use tokio::{sync::oneshot, task::JoinHandle};

use crate::{
    DisconnectReason, EmitError,
    client::ClientCell,
    clock::now,
    deadline::Deadline,
    hub::{Gauges, Held, HubInner},
    inbox::{Inbox, Work},
    membership::Membership,
    namespace::NamespaceInner,
    outgoing::Outgoing,
    selector::{RoomName, Selector},
    slots::Slots,
    socket::{Operation, SocketCell},
    timers::Timers,
};

/// Which courier of a hub.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct CourierId(pub(crate) usize);

/// How others reach a courier.
///
/// Every socket has one, so it is shared: a clone of an actor's address takes three allocations.
#[derive(Clone)]
pub(crate) struct CourierHandle(Arc<CourierEnd>);

pub(crate) struct CourierEnd {
    pub(crate) id: CourierId,
    pub(crate) addr: Addr<Courier>,
    inbox: Arc<Inbox>,
    /// How many packets wait in the inbox.
    waiting: AtomicUsize,
    bound: usize,
}

impl Deref for CourierHandle {
    type Target = CourierEnd;

    fn deref(&self) -> &CourierEnd {
        &self.0
    }
}

impl CourierHandle {
    /// Sends a broadcast, or says that the thread has fallen behind.
    pub(crate) fn deliver(&self, message: Deliver) -> Result<(), EmitError> {
        self.take_place()?;
        self.post(message);
        Ok(())
    }

    /// Asks the courier's thread to do something, behind all that it was asked before.
    pub(crate) fn post(&self, work: impl Work) {
        if self.inbox.push(work) {
            self.addr.do_send(Wake);
        }
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// Takes a place for a packet, which the courier gives back when it has handled it.
    pub(crate) fn take_place(&self) -> Result<(), EmitError> {
        if self.waiting.fetch_add(1, Ordering::AcqRel) < self.bound {
            return Ok(());
        }
        self.give_place_back();
        Err(EmitError::QueueFull)
    }

    pub(crate) fn give_place_back(&self) {
        self.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What is sent along with a broadcast.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Flags {
    pub(crate) volatile: bool,
}

/// The sockets of one hub that live on this thread.
pub(crate) struct Local {
    pub(crate) handle: CourierHandle,
    pub(crate) hub_id: u64,
    /// From when on the thread counts its time.
    pub(crate) epoch: Instant,
    sockets: RefCell<Slots<Rc<SocketCell>>>,
    clients: RefCell<Slots<Rc<ClientCell>>>,
    namespaces: RefCell<HashMap<*const NamespaceInner, NamespaceLocal>>,
    /// Numbers broadcasts, to see which sockets one has already visited.
    round: Cell<u64>,
    catching_up: Cell<bool>,
    gauges: Arc<Gauges>,
    pub(crate) timers: Rc<Timers<Deadline>>,
    timing: JoinHandle<()>,
}

/// Resets the flag, after a panic too.
struct CatchingUp<'a>(&'a Cell<bool>);

impl Drop for CatchingUp<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

struct NamespaceLocal {
    sockets: HashMap<Sid, usize>,
    membership: Membership,
    _held: Held,
}

impl Local {
    /// Returns the part of `hub` on this thread, starting its courier at the first call.
    ///
    /// Must be called on an arbiter.
    pub(crate) fn of(hub: &Arc<HubInner>) -> Rc<Self> {
        if let Some(local) = Self::find(hub.id) {
            return local;
        }
        let id = hub.couriers.reserve();
        let hub_id = hub.id;
        let inbox = Arc::<Inbox>::default();
        let courier = Courier {
            id,
            hub_id,
            inbox: inbox.clone(),
        };
        let handle = CourierHandle(Arc::new(CourierEnd {
            id,
            addr: courier.start(),
            inbox,
            waiting: AtomicUsize::new(0),
            bound: hub.config.courier_mailbox,
        }));
        hub.couriers.fill(handle.clone());
        let timers = Rc::new(Timers::new(hub.memory.timers.clone()));
        let local = Rc::new(Self {
            epoch: now(),
            timing: actix_rt::spawn(timers.clone().run()),
            timers,
            handle,
            hub_id,
            sockets: RefCell::default(),
            clients: RefCell::default(),
            namespaces: RefCell::default(),
            round: Cell::new(0),
            catching_up: Cell::new(false),
            gauges: hub.memory.clone(),
        });
        LOCALS.with_borrow_mut(|locals| locals.push(local.clone()));
        local
    }

    /// Returns the part of the hub on this thread, if there is one.
    pub(crate) fn find(hub_id: u64) -> Option<Rc<Self>> {
        LOCALS
            .try_with(|locals| {
                let locals = locals.borrow();
                locals.iter().find(|local| local.hub_id == hub_id).cloned()
            })
            .ok()
            .flatten()
    }

    /// Does what other threads have asked of this one so far.
    ///
    /// Called before anything that is asked on the thread itself. What somebody asks who is called
    /// meanwhile is done at once.
    pub(crate) fn catch_up(self: &Rc<Self>) {
        let due = self.handle.inbox.len();
        if due == 0 || self.catching_up.replace(true) {
            return;
        }
        let _done = CatchingUp(&self.catching_up);
        for _ in 0..due {
            let Some(work) = self.handle.inbox.pop() else {
                break;
            };
            work.run(self);
        }
    }

    pub(crate) fn add_client(&self, client: Rc<ClientCell>) -> usize {
        self.clients.borrow_mut().insert(client)
    }

    pub(crate) fn remove_client(&self, key: usize) {
        let client = self.clients.borrow_mut().remove(key);
        if self.clients.borrow().len() == 0 {
            self.timers.clear();
        }
        drop(client);
    }

    pub(crate) fn client(&self, key: usize) -> Option<Rc<ClientCell>> {
        self.clients.borrow().get(key).cloned()
    }

    pub(crate) fn clients(&self) -> Vec<Rc<ClientCell>> {
        self.clients.borrow().iter().cloned().collect()
    }

    /// Reserves a key for a socket that is not connected yet: it can be addressed, and joined
    /// to rooms, but no broadcast reaches it.
    pub(crate) fn add_socket(&self, make: impl FnOnce(usize) -> Rc<SocketCell>) -> Rc<SocketCell> {
        // The key is known only after the insertion, and the socket needs it.
        let key = {
            let sockets = self.sockets.borrow();
            sockets.next_key()
        };
        let cell = make(key);
        let inserted = self.sockets.borrow_mut().insert(cell.clone());
        debug_assert_eq!(key, inserted);
        cell
    }

    pub(crate) fn remove_socket(&self, key: usize) {
        let removed = self.sockets.borrow_mut().remove(key);
        drop(removed);
    }

    /// Makes a socket visible to broadcasts.
    pub(crate) fn connect(&self, cell: &SocketCell) {
        let namespace = cell.namespace();
        let mut namespaces = self.namespaces.borrow_mut();
        let local = namespaces.entry(Arc::as_ptr(namespace));
        let local = local.or_insert_with(|| NamespaceLocal::new(&self.gauges));
        local.sockets.insert(cell.id(), cell.key());
        drop(namespaces);
        namespace.directory.add_socket(cell.shared().clone());
    }

    pub(crate) fn disconnect(&self, cell: &SocketCell) {
        let namespace = cell.namespace();
        let mut namespaces = self.namespaces.borrow_mut();
        let pointer = Arc::as_ptr(namespace);
        if let Some(local) = namespaces.get_mut(&pointer) {
            local.sockets.remove(&cell.id());
            if local.sockets.is_empty() && local.membership.is_empty() {
                namespaces.remove(&pointer);
            }
        }
        drop(namespaces);
        namespace.directory.remove_socket(&cell.id());
    }

    pub(crate) fn join(&self, cell: &SocketCell, room: &RoomName) {
        let namespace = cell.namespace();
        let mut namespaces = self.namespaces.borrow_mut();
        let local = namespaces.entry(Arc::as_ptr(namespace));
        let local = local.or_insert_with(|| NamespaceLocal::new(&self.gauges));
        if local.membership.join(room, cell.key()) {
            namespace.directory.room_gained(room, self.handle.id);
        }
    }

    pub(crate) fn leave(&self, cell: &SocketCell, room: &RoomName) {
        let namespace = cell.namespace();
        let mut namespaces = self.namespaces.borrow_mut();
        let pointer = Arc::as_ptr(namespace);
        if let Some(local) = namespaces.get_mut(&pointer) {
            if local.membership.leave(room, cell.key()) {
                namespace.directory.room_lost(room, self.handle.id);
            }
            if local.sockets.is_empty() && local.membership.is_empty() {
                namespaces.remove(&pointer);
            }
        }
    }

    /// Returns the socket with that key if it is still the one with that id.
    pub(crate) fn socket(&self, key: usize, id: Sid) -> Option<Rc<SocketCell>> {
        let sockets = self.sockets.borrow();
        sockets.get(key).filter(|cell| cell.id() == id).cloned()
    }

    /// Queues a packet at every selected socket of this thread and returns how many there were.
    ///
    /// A member whose queue is full is disconnected as a slow consumer; the others never wait
    /// for it.
    pub(crate) fn deliver(
        &self,
        namespace: &Arc<NamespaceInner>,
        selector: &Selector,
        outgoing: &Outgoing,
        flags: Flags,
    ) -> usize {
        let mut slow = Vec::new();
        let mut count = 0;
        for cell in self.select(namespace, selector) {
            count += 1;
            if flags.volatile {
                cell.send_volatile(outgoing);
            } else if let Err(EmitError::QueueFull) = cell.send(outgoing) {
                slow.push(cell);
            }
        }
        for cell in slow {
            cell.client().close(DisconnectReason::SlowConsumer);
        }
        count
    }

    /// Returns the connected sockets of this thread that a broadcast reaches, each once.
    pub(crate) fn select(
        &self,
        namespace: &Arc<NamespaceInner>,
        selector: &Selector,
    ) -> Vec<Rc<SocketCell>> {
        let round = self.round.get() + 1;
        self.round.set(round);
        let namespaces = self.namespaces.borrow();
        let Some(local) = namespaces.get(&Arc::as_ptr(namespace)) else {
            return Vec::new();
        };
        let sockets = self.sockets.borrow();
        for room in &selector.except {
            local.visit(room, |key| {
                if let Some(cell) = sockets.get(key) {
                    cell.visit(round);
                }
            });
        }
        let mut selected = Vec::new();
        let mut consider = |key: usize| {
            let Some(cell) = sockets.get(key) else {
                return;
            };
            if cell.visit(round)
                && cell.is_connected()
                && selector.sender != Some(cell.id())
                && (!selector.authenticated || cell.shared().is_authenticated())
            {
                selected.push(cell.clone());
            }
        };
        if selector.rooms.is_empty() {
            local.sockets.values().copied().for_each(&mut consider);
        } else {
            for room in &selector.rooms {
                local.visit(room, &mut consider);
            }
        }
        selected
    }
}

impl NamespaceLocal {
    fn new(gauges: &Arc<Gauges>) -> Self {
        Self {
            sockets: HashMap::new(),
            membership: Membership::default(),
            _held: Held::new(gauges, |gauges| &gauges.tables),
        }
    }

    /// Calls `each` with the members of a room; a socket's id is a room of its own.
    fn visit(&self, room: &str, mut each: impl FnMut(usize)) {
        for key in self.membership.members(room) {
            each(*key);
        }
        if let Some(key) = room.parse().ok().and_then(|id: Sid| self.sockets.get(&id)) {
            each(*key);
        }
    }
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local")
            .field("courier", &self.handle.id)
            .finish_non_exhaustive()
    }
}

/// The actor through which other threads reach the sockets of this one.
pub(crate) struct Courier {
    id: CourierId,
    hub_id: u64,
    inbox: Arc<Inbox>,
}

impl Courier {
    pub(crate) fn local(&self) -> Option<Rc<Local>> {
        Local::find(self.hub_id)
    }
}

impl Actor for Courier {
    type Context = Context<Self>;

    fn stopped(&mut self, _: &mut Self::Context) {
        tracing::debug!(courier = self.id.0, "courier stopped");
        // A thread that is ending has no table any more.
        let _ = LOCALS.try_with(|locals| {
            let mut locals = locals.borrow_mut();
            let at = locals.iter().position(|local| local.hub_id == self.hub_id);
            if let Some(at) = at {
                locals.swap_remove(at).timing.abort();
            }
        });
    }
}

/// The actor goes with its thread.
impl Drop for Courier {
    fn drop(&mut self) {
        self.inbox.close();
    }
}

/// Tells a courier that there is something in its inbox.
pub(crate) struct Wake;

impl Message for Wake {
    type Result = ();
}

impl Handler<Wake> for Courier {
    type Result = ();

    fn handle(&mut self, _: Wake, ctx: &mut Self::Context) {
        let Some(local) = self.local() else {
            return;
        };
        local.catch_up();
        if self.inbox.len() > 0 {
            // In the next turn, so that other work of this thread goes on.
            ctx.notify(Wake);
        }
    }
}

/// Delivers a broadcast to the sockets of a thread.
///
/// Sent by broadcast operators on other threads. Replies with the number of sockets selected,
/// through `reply` where the sender waits for it.
pub(crate) struct Deliver {
    pub(crate) namespace: Arc<NamespaceInner>,
    pub(crate) selector: Arc<Selector>,
    pub(crate) outgoing: Outgoing,
    pub(crate) flags: Flags,
    pub(crate) reply: Option<oneshot::Sender<usize>>,
}

impl Work for Deliver {
    fn run(self: Box<Self>, local: &Rc<Local>) {
        let Self {
            namespace,
            selector,
            outgoing,
            flags,
            reply,
        } = *self;
        local.handle.give_place_back();
        let count = local.deliver(&namespace, &selector, &outgoing, flags);
        if let Some(reply) = reply {
            // Whoever asked may have stopped waiting.
            let _ = reply.send(count);
        }
    }
}

/// Does something to one socket of this thread, or to all that a selector selects.
///
/// Only packets are counted: other operations are few, and must not be lost.
pub(crate) struct Perform {
    pub(crate) target: Target,
    pub(crate) operation: Operation,
    pub(crate) done: Option<oneshot::Sender<()>>,
}

/// Who an operation is for.
pub(crate) enum Target {
    Socket {
        key: usize,
        id: Sid,
    },
    Selected {
        namespace: Arc<NamespaceInner>,
        selector: Arc<Selector>,
    },
}

impl Work for Perform {
    fn run(self: Box<Self>, local: &Rc<Local>) {
        if self.operation.is_packet() {
            local.handle.give_place_back();
        }
        local.perform(&self.target, self.operation);
        if let Some(done) = self.done {
            // Whoever asked may have stopped waiting.
            let _ = done.send(());
        }
    }
}

impl Local {
    pub(crate) fn perform(&self, target: &Target, operation: Operation) {
        match target {
            Target::Socket { key, id } => {
                // Dropping the operation of a socket that is gone tells whoever waits for it.
                if let Some(cell) = self.socket(*key, *id) {
                    cell.perform(operation);
                }
            }
            Target::Selected {
                namespace,
                selector,
            } => {
                for cell in self.select(namespace, selector) {
                    if let Some(operation) = operation.for_many() {
                        cell.perform(operation);
                    }
                }
            }
        }
    }
}

/// Ends a courier: the hub is gone.
pub(crate) struct Stop;

impl Message for Stop {
    type Result = ();
}

impl Handler<Stop> for Courier {
    type Result = ();

    fn handle(&mut self, _: Stop, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

thread_local! {
    static LOCALS: RefCell<Vec<Rc<Local>>> = const { RefCell::new(Vec::new()) };
}
