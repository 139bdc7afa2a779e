//! One desk per thread: it knows the sessions that live there.
//!
//! A request that arrives on the session's own thread is handled by a plain call; one that arrives
//! elsewhere is sent to the [`DeskActor`] as a message.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    fmt,
    rc::{Rc, Weak},
    sync::Arc,
};

use actix::{Actor, ActorContext as _, Addr, Context, Handler, Message as ActorMessage};
use bytes::Bytes;
use sockeye_protocol::{
    Sid,
    engine::{CloseReason, PostFault, Transport},
};
use sockeye_router::{Handshake, Message, Timers, Turn};
use tokio::{
    sync::{Notify, oneshot},
    task::JoinHandle,
};

use super::{
    Connection, Engine, LocalLink, PollAnswer, PostAnswer, RemoteLink,
    answer::reply,
    connection::{SessionDeadline, survives},
    traffic::Traffic,
};
use crate::admission::Permit;

/// How other threads reach a desk.
#[derive(Clone)]
pub(crate) struct DeskHandle {
    pub(crate) id: u64,
    /// Shared, as every session has one: a clone of an actor's address takes three allocations.
    pub(crate) addr: Arc<Addr<DeskActor>>,
}

impl fmt::Debug for DeskHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeskHandle({})", self.id)
    }
}

/// The sessions of one engine that live on this thread.
pub(crate) struct Desk {
    engine_id: u64,
    pub(crate) handle: DeskHandle,
    sessions: RefCell<HashMap<Sid, Connection>>,
    timers: Rc<Timers<SessionDeadline>>,
    /// Polling sessions that have something to send at the end of this turn.
    dirty: RefCell<Vec<Connection>>,
    flush: Rc<Notify>,
    next_number: Cell<u64>,
    pub(super) traffic: Arc<Traffic>,
    tasks: RefCell<Vec<JoinHandle<()>>>,
}

impl Desk {
    /// Returns this thread's desk of an engine, opening it at the first call.
    ///
    /// Must be called on an arbiter.
    pub(crate) fn of(engine: &Engine) -> Rc<Self> {
        if let Some(desk) = Self::find(engine.0.id) {
            return desk;
        }
        let id = new_desk_id();
        let addr = DeskActor {
            engine_id: engine.0.id,
        }
        .start();
        let addr = Arc::new(addr);
        let handle = DeskHandle { id, addr };
        let desk = Rc::new(Self {
            engine_id: engine.0.id,
            handle: handle.clone(),
            sessions: RefCell::default(),
            timers: Rc::new(Timers::new(engine.0.gauges.timers.clone())),
            dirty: RefCell::default(),
            flush: Rc::new(Notify::new()),
            next_number: Cell::new(0),
            traffic: engine.0.traffic.of_new_thread(),
            tasks: RefCell::default(),
        });
        let timers = actix_rt::spawn(desk.timers.clone().run());
        let flushing = actix_rt::spawn(flush_dirty(Rc::downgrade(&desk), desk.flush.clone()));
        *desk.tasks.borrow_mut() = vec![timers, flushing];
        DESKS.with_borrow_mut(|desks| desks.push(desk.clone()));
        engine.0.directory.add_desk(handle);
        desk
    }

    fn find(engine_id: u64) -> Option<Rc<Self>> {
        DESKS.with_borrow(|desks| {
            desks
                .iter()
                .find(|desk| desk.engine_id == engine_id)
                .cloned()
        })
    }

    /// Opens a session on this thread; none if its identifier is in use.
    pub(crate) fn open(
        self: &Rc<Self>,
        engine: &Engine,
        transport: Transport,
        text_only: bool,
        sid: Sid,
        handshake: Handshake,
        permit: Option<Box<Permit>>,
    ) -> Option<Connection> {
        // Nobody asks for it before this turn has ended.
        if !engine.0.directory.insert(sid, self.handle.clone()) {
            return None;
        }
        let connection = Connection::open(engine, self, sid, transport, text_only, permit);
        self.sessions.borrow_mut().insert(sid, connection.clone());
        connection.count(transport == Transport::WebSocket);
        self.traffic.opened(transport);
        connection.start(handshake);
        if engine.is_closing() {
            // Whoever closes the engine may have passed this thread already.
            connection.shut_down();
        }
        Some(connection)
    }

    pub(crate) fn session(&self, sid: &Sid) -> Option<Connection> {
        self.sessions.borrow().get(sid).cloned()
    }

    pub(crate) fn forget(&self, engine: &Engine, sid: &Sid) {
        let mut sessions = self.sessions.borrow_mut();
        let removed = sessions.remove(sid);
        if sessions.is_empty() {
            *sessions = HashMap::new();
            self.timers.clear();
        }
        drop(sessions);
        if let Some(connection) = removed {
            connection.count(false);
            engine.0.directory.remove(sid);
        }
    }

    pub(crate) fn timers(&self) -> &Timers<SessionDeadline> {
        &self.timers
    }

    /// Has the connection flushed at the end of this turn of the event loop.
    pub(crate) fn mark_dirty(&self, connection: Connection) {
        self.dirty.borrow_mut().push(connection);
        self.flush.notify_one();
    }

    /// Returns a number that tells polls and WebSockets of a thread apart.
    pub(crate) fn number(&self) -> u64 {
        let number = self.next_number.get();
        self.next_number.set(number + 1);
        number
    }

    /// Handles a request for a session of this thread.
    pub(crate) fn handle(&self, request: Request) {
        let _turn = Turn::begin();
        match request {
            Request::Poll {
                sid,
                number,
                answer,
            } => match self.session(&sid) {
                Some(connection) => connection.poll(number, answer),
                None => reply(answer, PollAnswer::UnknownSid),
            },
            Request::PollAborted { sid, number } => {
                if let Some(connection) = self.session(&sid) {
                    connection.poll_aborted(number);
                }
            }
            Request::PostStarted { sid, answer } => match self.session(&sid) {
                Some(connection) => connection.post_started(answer),
                None => reply(answer, PostAnswer::UnknownSid),
            },
            Request::Post { sid, body, answer } => match self.session(&sid) {
                Some(connection) => connection.post(body, answer),
                None => reply(answer, PostAnswer::UnknownSid),
            },
            Request::PostFailed { sid, fault } => {
                if let Some(connection) = self.session(&sid) {
                    connection.post_failed(fault);
                }
            }
            Request::Attach {
                sid,
                text_only,
                answer,
            } => {
                let attached = self.session(&sid).and_then(|connection| {
                    let link = connection.attach(text_only)?;
                    let (remote, end) = RemoteLink::new(&self.handle, sid, link.number());
                    end.serve(link);
                    Some(remote)
                });
                reply(answer, attached);
            }
            Request::Adopt {
                sid,
                text_only,
                adopt,
            } => {
                let connection = self.session(&sid);
                (adopt.0)(connection.and_then(|connection| connection.attach(text_only)));
            }
            Request::WebSocketMessage {
                sid,
                number,
                message,
                taken,
            } => {
                if let Some(link) = self.link(&sid, number) {
                    link.input_then(message, taken);
                }
            }
            Request::WebSocketClosed { sid, number, fault } => {
                if let Some(link) = self.link(&sid, number) {
                    link.closed(fault);
                }
            }
        }
    }

    fn link(&self, sid: &Sid, number: u64) -> Option<LocalLink> {
        self.session(sid)?.link(number)
    }
}

/// Something that an HTTP request wants of a session.
#[derive(Debug)]
pub(crate) enum Request {
    /// A GET; `number` tells it apart from the session's other polls.
    Poll {
        sid: Sid,
        number: u64,
        answer: oneshot::Sender<PollAnswer>,
    },
    /// The client of a GET that has not been answered is gone.
    PollAborted { sid: Sid, number: u64 },
    /// The head of a POST has arrived.
    PostStarted {
        sid: Sid,
        answer: oneshot::Sender<PostAnswer>,
    },
    /// The whole body of a POST has arrived; answered when its packets have been dispatched.
    Post {
        sid: Sid,
        body: Bytes,
        answer: oneshot::Sender<PostAnswer>,
    },
    /// The body of a POST didn't arrive, or is not what it should be.
    PostFailed { sid: Sid, fault: PostFault },
    /// A WebSocket on another thread wants to carry the session.
    Attach {
        sid: Sid,
        text_only: bool,
        answer: oneshot::Sender<Option<RemoteLink>>,
    },
    /// A WebSocket that can change threads wants to carry the session; `adopt` is called on the
    /// session's thread, with nothing if the session doesn't want it.
    Adopt {
        sid: Sid,
        text_only: bool,
        adopt: Adopt,
    },
    /// A message from a WebSocket on another thread; `taken` is told when more may come.
    WebSocketMessage {
        sid: Sid,
        number: u64,
        message: Message,
        taken: oneshot::Sender<()>,
    },
    /// A WebSocket on another thread is gone.
    WebSocketClosed {
        sid: Sid,
        number: u64,
        fault: super::link::Fault,
    },
}

/// What is done with a WebSocket on the session's thread.
pub(crate) struct Adopt(pub(crate) Box<dyn FnOnce(Option<LocalLink>) + Send>);

impl fmt::Debug for Adopt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Adopt")
    }
}

impl ActorMessage for Request {
    type Result = ();
}

/// The actor through which other threads reach the sessions of this one.
pub(crate) struct DeskActor {
    engine_id: u64,
}

impl Actor for DeskActor {
    type Context = Context<Self>;
}

impl Handler<Request> for DeskActor {
    type Result = ();

    fn handle(&mut self, request: Request, _: &mut Self::Context) {
        if let Some(desk) = Desk::find(self.engine_id) {
            desk.handle(request);
        }
    }
}

/// Asks how many bytes wait in the sessions of a thread.
pub(crate) struct CountQueued;

impl ActorMessage for CountQueued {
    type Result = usize;
}

impl Handler<CountQueued> for DeskActor {
    type Result = usize;

    fn handle(&mut self, _: CountQueued, _: &mut Self::Context) -> usize {
        Desk::find(self.engine_id).map_or(0, |desk| {
            let sessions = desk.sessions.borrow();
            sessions.values().map(Connection::queued_bytes).sum()
        })
    }
}

/// Closes every session of a thread; `cut` doesn't wait for what is queued.
pub(crate) struct CloseAll {
    pub(crate) cut: bool,
}

impl ActorMessage for CloseAll {
    type Result = ();
}

impl Handler<CloseAll> for DeskActor {
    type Result = ();

    fn handle(&mut self, message: CloseAll, _: &mut Self::Context) {
        let Some(desk) = Desk::find(self.engine_id) else {
            return;
        };
        let connections: Vec<_> = desk.sessions.borrow().values().cloned().collect();
        for connection in connections {
            if message.cut {
                connection.abort(CloseReason::ServerShutdown);
            } else {
                connection.shut_down();
            }
        }
    }
}

impl DeskHandle {
    /// Hands a request to the desk: by a plain call when it is this thread's.
    pub(crate) fn request(&self, engine: &Engine, request: Request) {
        match Desk::find(engine.0.id) {
            Some(desk) if desk.handle.id == self.id => desk.handle(request),
            // One request of an HTTP connection is under way at a time, so their number is bounded
            // by that of connections.
            _ => self.addr.do_send(request),
        }
    }
}

/// Ends a desk: its engine is gone.
pub(crate) struct CloseDesk;

impl ActorMessage for CloseDesk {
    type Result = ();
}

impl Handler<CloseDesk> for DeskActor {
    type Result = ();

    fn handle(&mut self, _: CloseDesk, ctx: &mut Self::Context) {
        let desk = DESKS.with_borrow_mut(|desks| {
            let at = desks
                .iter()
                .position(|desk| desk.engine_id == self.engine_id);
            at.map(|at| desks.swap_remove(at))
        });
        if let Some(desk) = desk {
            desk.tasks.take().iter().for_each(JoinHandle::abort);
        }
        ctx.stop();
    }
}

async fn flush_dirty(desk: Weak<Desk>, flush: Rc<Notify>) {
    loop {
        flush.notified().await;
        let Some(desk) = desk.upgrade() else {
            return;
        };
        let dirty = desk.dirty.take();
        for connection in dirty {
            // One that panics must not keep the others waiting, for ever at that.
            let _ = survives(|| connection.flush());
        }
    }
}

fn new_desk_id() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

thread_local! {
    static DESKS: RefCell<Vec<Rc<Desk>>> = const { RefCell::new(Vec::new()) };
}
