mod place;

use std::{
    cell::{Cell, RefCell},
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::{Rc, Weak},
    sync::atomic::Ordering,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::Bytes;
use sockeye_protocol::{
    Prepared, Sid,
    engine::{
        CloseReason, Event, Input, InputError, PostFault, SendError, Session, Transmit, Transport,
        TransportFault, WebSocketFault,
    },
    websocket::close_frame,
};
use sockeye_router::{Handshake, Limit, Message, Timed, now};
use tokio::sync::oneshot;

use super::{
    Desk, Engine, PollAnswer, PostAnswer, Receiver,
    answer::{post_answer, reply},
    link::{Fault, LocalLink, Pipe},
    traffic,
};
use crate::admission::Permit;

/// One open Engine.IO session, on its own thread.
///
/// Cloning is cheap; every clone is the same connection. It drives the protocol's session: it gives
/// it what arrives, hands out what leaves, and keeps its clock.
#[derive(Clone)]
pub struct Connection(Rc<ConnectionCell>);

pub(crate) struct ConnectionCell {
    engine: Engine,
    desk: Rc<Desk>,
    sid: Sid,
    session: RefCell<Session>,
    receiver: RefCell<Option<Rc<dyn Receiver>>>,
    /// The GET that waits, and its number.
    poll: RefCell<Option<(u64, oneshot::Sender<PollAnswer>)>>,
    /// The WebSocket that the session has now: its transport, or a candidate.
    pipe: RefCell<Option<Rc<Pipe>>>,
    paused: Cell<bool>,
    /// Who waits for the end of a pause; rarely anyone.
    waiting: RefCell<Option<Box<Waiting>>>,
    dirty: Cell<bool>,
    /// Whether the engine counts the session as one on WebSocket.
    counted: Cell<bool>,
    /// Whether a pause has ended whose messages have not been given yet.
    resumed: Cell<bool>,
    processing: Cell<bool>,
    /// The earliest entry that the timers have for this session.
    armed: Cell<Option<Instant>>,
    /// Whether the WebSocket's host is giving input, after which it asks for output by itself.
    host_active: Cell<bool>,
    /// Its place among those that there may be; given back when nothing is left of the session.
    permit: Cell<Option<Box<Permit>>>,
}

#[derive(Default)]
struct Waiting {
    reader: Option<Waker>,
    posts: Vec<oneshot::Sender<PostAnswer>>,
    taken: Vec<oneshot::Sender<()>>,
    /// What is called once the outgoing queue has room.
    drained: Vec<Box<dyn FnOnce()>>,
}

impl Connection {
    pub(super) fn open(
        engine: &Engine,
        desk: &Rc<Desk>,
        sid: Sid,
        transport: Transport,
        text_only: bool,
        permit: Option<Box<Permit>>,
    ) -> Self {
        engine.0.gauges.held.fetch_add(1, Ordering::Relaxed);
        let config = engine.0.config.clone();
        let session = Session::open(sid, transport, text_only, config, now());
        let pipe = match transport {
            Transport::WebSocket => Some(Rc::new(Pipe::new(desk.number()))),
            Transport::Polling => None,
        };
        Self(Rc::new(ConnectionCell {
            engine: engine.clone(),
            desk: desk.clone(),
            sid,
            session: RefCell::new(session),
            receiver: RefCell::default(),
            poll: RefCell::default(),
            pipe: RefCell::new(pipe),
            paused: Cell::new(false),
            waiting: RefCell::default(),
            dirty: Cell::new(false),
            counted: Cell::new(false),
            resumed: Cell::new(false),
            processing: Cell::new(false),
            armed: Cell::new(None),
            host_active: Cell::new(false),
            permit: Cell::new(permit),
        }))
    }

    pub(super) fn start(&self, handshake: Handshake) {
        let application = &self.0.engine.0.application;
        match survives(|| application.connect(self, handshake)) {
            Ok(receiver) => *self.0.receiver.borrow_mut() = Some(receiver.into()),
            Err(_) => self.0.session.borrow_mut().abort(CloseReason::ForcedClose),
        }
        self.process();
    }

    /// Has the engine count the session as one on WebSocket, or no longer.
    pub(super) fn count(&self, on_websocket: bool) {
        if self.0.counted.replace(on_websocket) != on_websocket {
            self.0.engine.0.directory.count_websocket(on_websocket);
        }
    }

    /// Returns the session's id: a secret, as it lets its bearer poll the session.
    #[must_use]
    pub fn sid(&self) -> Sid {
        self.0.sid
    }

    /// Returns the transport that the session is on now.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.0.session.borrow().transport()
    }

    /// Queues messages behind all earlier ones; they leave at the end of this turn of the loop.
    ///
    /// # Errors
    ///
    /// When the queue's bound is reached, and then nothing is queued, or the session is closed.
    pub fn send(&self, messages: &Prepared) -> Result<(), SendError> {
        let sent = self.0.session.borrow_mut().send(messages);
        sent.inspect_err(|error| self.count_refusal(*error))?;
        self.0.desk.traffic.queued(messages.packet_count());
        self.touch();
        Ok(())
    }

    /// Queues messages that go to nobody else, as [`Connection::send`] does: with one owner, nothing
    /// has to count who uses them.
    ///
    /// # Errors
    ///
    /// As [`Connection::send`]; gives the messages back.
    pub fn send_owned(&self, messages: Prepared) -> Result<(), (SendError, Prepared)> {
        let packets = messages.packet_count();
        let sent = self.0.session.borrow_mut().send_owned(messages);
        sent.inspect_err(|(error, _)| self.count_refusal(*error))?;
        self.0.desk.traffic.queued(packets);
        self.touch();
        Ok(())
    }

    fn count_refusal(&self, error: SendError) {
        if error == SendError::QueueFull {
            self.0.engine.0.limits.count(Limit::SendQueue);
        }
    }

    /// Sends messages if they can leave at once; otherwise drops them and returns `false`.
    pub fn send_volatile(&self, messages: &Prepared) -> bool {
        let sent = self.0.session.borrow_mut().send_volatile(messages);
        if sent {
            self.0.desk.traffic.queued(messages.packet_count());
            self.touch();
        }
        sent
    }

    pub(super) fn queued_bytes(&self) -> usize {
        self.0.session.borrow().queued_bytes()
    }

    /// Returns whether more than half of the outgoing queue is taken.
    pub fn is_congested(&self) -> bool {
        let config = &self.0.engine.0.config;
        let session = self.0.session.borrow();
        session.queued_bytes() > config.send_queue_bytes() / 2
            || session.queued_packets() > config.send_queue_packets() / 2
    }

    /// Returns whether so many packets, of so many bytes, would find room in the outgoing queue.
    pub fn fits(&self, packets: usize, bytes: usize) -> bool {
        let config = &self.0.engine.0.config;
        let session = self.0.session.borrow();
        session.queued_bytes().saturating_add(bytes) <= config.send_queue_bytes()
            && session.queued_packets().saturating_add(packets) <= config.send_queue_packets()
    }

    /// Calls `wake` when half of the outgoing queue is free, at the earliest in the next turn of the
    /// event loop; drops it when the session closes.
    pub fn when_drained(&self, wake: Box<dyn FnOnce()>) {
        if self.0.session.borrow().is_open() {
            let mut waiting = self.0.waiting.borrow_mut();
            waiting.get_or_insert_default().drained.push(wake);
        }
    }

    /// Closes the session; what is queued still goes out.
    pub fn close(&self, reason: CloseReason) {
        self.0.session.borrow_mut().close(reason);
        self.process();
    }

    /// Closes the session; what is queued has so long to go out, and no longer than the
    /// [close grace](sockeye_protocol::engine::EngineConfig::with_close_grace).
    pub fn close_within(&self, reason: CloseReason, grace: Duration) {
        self.0.session.borrow_mut().close(reason);
        self.0.session.borrow_mut().hurry(grace, now());
        self.process();
    }

    /// Closes the session as [`close_within`](Self::close_within) does, but over polling doesn't
    /// wait for another GET: a client that isn't there to be told learns it from its next request,
    /// whose session is unknown.
    pub fn dismiss(&self, reason: CloseReason, grace: Duration) {
        self.close_within(reason, grace);
        self.flush();
        if self.is_between_polls() {
            self.abort(reason);
        }
    }

    /// Closes the session at once; what is queued is dropped.
    pub fn abort(&self, reason: CloseReason) {
        self.0.session.borrow_mut().abort(reason);
        self.process();
    }

    /// Returns whether there is no way to tell the client anything until it asks.
    fn is_between_polls(&self) -> bool {
        self.transport() == Transport::Polling && self.0.poll.borrow().is_none()
    }

    /// Closes the session for a shutdown. One that has nothing to deliver, and no request to
    /// answer, ends at once: its client learns it from its next request.
    pub(super) fn shut_down(&self) {
        self.close(CloseReason::ServerShutdown);
        self.flush();
        let has_packets = self.0.session.borrow().queued_packets() > 0;
        if !has_packets && self.is_between_polls() {
            self.abort(CloseReason::ServerShutdown);
        }
    }

    /// Stops giving messages to the receiver and reading from the client.
    ///
    /// The heartbeat is suspended, as its answer can't be read.
    pub fn pause(&self) {
        if !self.0.paused.replace(true) {
            self.0.session.borrow_mut().suspend_heartbeat(now());
            self.arm();
        }
    }

    /// Ends a pause.
    pub fn resume(&self) {
        if !self.0.paused.replace(false) {
            return;
        }
        self.0.session.borrow_mut().resume_heartbeat(now());
        // What waits is given at the end of this turn: whoever resumes may be in the middle of
        // something that a message must not come into.
        self.0.resumed.set(true);
        self.0.desk.mark_dirty(self.clone());
    }

    pub(super) fn poll(&self, number: u64, answer: oneshot::Sender<PollAnswer>) {
        let result = self
            .0
            .session
            .borrow_mut()
            .handle_input(Input::PollOpened, now());
        match result {
            Ok(()) => *self.0.poll.borrow_mut() = Some((number, answer)),
            Err(InputError::TransportMismatch) => reply(answer, PollAnswer::TransportMismatch),
            Err(InputError::Closed) => reply(answer, PollAnswer::UnknownSid),
            Err(_) => reply(answer, PollAnswer::Overlap),
        }
        self.process();
        // A poll that finds something is answered at once.
        self.flush();
    }

    /// The GET of that number is gone without an answer.
    pub(super) fn poll_aborted(&self, number: u64) {
        let current = matches!(&*self.0.poll.borrow(), Some((waiting, _)) if *waiting == number);
        if current {
            self.0.poll.take();
            let _ = self.input(Input::PollAborted);
        }
    }

    pub(super) fn post_started(&self, answer: oneshot::Sender<PostAnswer>) {
        let withheld = self.0.waiting.borrow();
        if withheld
            .as_ref()
            .is_some_and(|waiting| !waiting.posts.is_empty())
        {
            drop(withheld);
            // The one before is still to be answered, however its client has hung up on it.
            let fault = TransportFault::OverlappingPost;
            self.abort(CloseReason::TransportError(fault));
            reply(answer, PostAnswer::Refused);
            return;
        }
        drop(withheld);
        let result = self.input(Input::PostStarted);
        reply(answer, post_answer(result, PostAnswer::Proceed));
    }

    pub(super) fn post(&self, body: Bytes, answer: oneshot::Sender<PostAnswer>) {
        let result = self.input(Input::PostReceived(body));
        if result.is_ok() && self.0.paused.get() {
            self.0
                .waiting
                .borrow_mut()
                .get_or_insert_default()
                .posts
                .push(answer);
            return;
        }
        reply(answer, post_answer(result, PostAnswer::Done));
    }

    pub(super) fn post_failed(&self, fault: PostFault) {
        // The answer is its host's, who knows the fault.
        let _ = self.input(Input::PostRejected(fault));
    }

    /// Returns the link of a session that was opened by a WebSocket.
    pub(crate) fn first_link(&self) -> Option<LocalLink> {
        let pipe = self.0.pipe.borrow().clone()?;
        Some(LocalLink {
            connection: self.clone(),
            pipe,
        })
    }

    /// Takes a WebSocket as the candidate of an upgrade, or refuses it.
    pub(crate) fn attach(&self, text_only: bool) -> Option<LocalLink> {
        self.input(Input::WebSocketOpened { text_only }).ok()?;
        let pipe = Rc::new(Pipe::new(self.0.desk.number()));
        *self.0.pipe.borrow_mut() = Some(pipe.clone());
        Some(LocalLink {
            connection: self.clone(),
            pipe,
        })
    }

    pub(super) fn link(&self, number: u64) -> Option<LocalLink> {
        let pipe = self.0.pipe.borrow().clone()?;
        (pipe.number == number).then(|| LocalLink {
            connection: self.clone(),
            pipe,
        })
    }

    pub(super) fn web_socket_message(&self, from: &Rc<Pipe>, message: Message) {
        if !self.is_current(from) {
            return;
        }
        self.0.host_active.set(true);
        let _ = self.input(Input::WebSocketMessage(message));
        self.0.host_active.set(false);
    }

    pub(super) fn web_socket_closed(&self, from: &Rc<Pipe>, fault: Fault) {
        if !self.is_current(from) {
            return;
        }
        self.0.pipe.take();
        if fault == Fault::Stalled {
            self.0.session.borrow_mut().abort(CloseReason::SlowConsumer);
        }
        let fault = match fault {
            Fault::Closed => None,
            Fault::Lost | Fault::Stalled => Some(WebSocketFault::Io),
            Fault::Protocol(code) => Some(WebSocketFault::Protocol(code)),
        };
        let _ = self.input(Input::WebSocketClosed(fault));
        // The session lets go of it now, so that it can't mean the next one.
        self.flush();
    }

    /// Gives about `limit` bytes of frames to the WebSocket, if it is the session's; returns how
    /// many.
    pub(super) fn fill(&self, pipe: &Rc<Pipe>, limit: usize, give: &mut dyn FnMut(Bytes)) -> usize {
        let mut given = 0;
        while given < limit && self.is_current(pipe) {
            let transmit = self.0.session.borrow_mut().poll_transmit();
            match transmit {
                Some(Transmit::Frame(chunk)) => {
                    self.0.desk.traffic.left(chunk.len());
                    given += chunk.len();
                    give(chunk);
                }
                Some(other) => self.transmit(other),
                None => break,
            }
        }
        self.wake_if_drained();
        self.forget_if_finished();
        given
    }

    pub(super) fn poll_resumed(&self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.0.paused.get() {
            return Poll::Ready(());
        }
        let mut waiting = self.0.waiting.borrow_mut();
        waiting.get_or_insert_default().reader = Some(cx.waker().clone());
        Poll::Pending
    }

    pub(super) fn when_resumed(&self, taken: oneshot::Sender<()>) {
        if self.0.paused.get() {
            self.0
                .waiting
                .borrow_mut()
                .get_or_insert_default()
                .taken
                .push(taken);
        } else {
            reply(taken, ());
        }
    }

    fn timer_fired(&self, entry: Instant) {
        if self.0.armed.get() != Some(entry) {
            return;
        }
        self.0.armed.set(None);
        self.0.session.borrow_mut().handle_timeout(now());
        self.process();
    }

    /// Sends what can leave now.
    pub(super) fn flush(&self) {
        self.0.dirty.set(false);
        if self.0.resumed.replace(false) {
            self.process();
            if !self.0.paused.get() {
                self.release_waiting();
            }
        }
        loop {
            if self.is_pulled() {
                // Its host takes the frames when it can write them.
                if let Some(pipe) = &*self.0.pipe.borrow() {
                    pipe.wake();
                }
                break;
            }
            let transmit = self.0.session.borrow_mut().poll_transmit();
            let Some(transmit) = transmit else {
                break;
            };
            self.transmit(transmit);
        }
        self.wake_if_drained();
        self.forget_if_finished();
    }

    fn input(&self, input: Input) -> Result<(), InputError> {
        let result = self.0.session.borrow_mut().handle_input(input, now());
        self.process();
        result
    }

    /// Gives the receiver what has come out of the session, then sees to the rest.
    fn process(&self) {
        if self.0.processing.replace(true) {
            // Called by the receiver: the outer call goes on.
            return;
        }
        loop {
            let paused = self.0.paused.get();
            if paused && self.0.session.borrow().is_open() {
                break;
            }
            let event = self.0.session.borrow_mut().poll_event();
            match event {
                // What a paused receiver has not taken when the session ends is dropped.
                Some(Event::Message(_)) if paused => {}
                Some(Event::Message(message)) => {
                    self.0.desk.traffic.received(message.len());
                    let receiver = self.0.receiver.borrow().clone();
                    if let Some(receiver) = receiver
                        && survives(|| receiver.message(message)).is_err()
                    {
                        self.0.session.borrow_mut().abort(CloseReason::ForcedClose);
                    }
                }
                Some(Event::Upgraded) => {
                    self.count(true);
                    self.0.desk.traffic.upgraded();
                }
                Some(Event::Closed(reason)) => {
                    self.0.desk.traffic.closed(reason);
                    if let Some(limit) = traffic::limit(reason) {
                        self.0.engine.0.limits.count(limit);
                    }
                    let receiver = self.0.receiver.take();
                    if let Some(receiver) = receiver {
                        // There is nothing left that it could cost.
                        let _ = survives(|| receiver.closed(reason));
                    }
                    self.0.paused.set(false);
                    self.release_waiting();
                }
                None => break,
            }
        }
        self.0.processing.set(false);
        self.arm();
        self.touch();
    }

    /// Answers those who waited for the end of a pause.
    fn release_waiting(&self) {
        let Some(mut waiting) = self.0.waiting.take() else {
            return;
        };
        if !waiting.drained.is_empty() && self.0.session.borrow().is_open() {
            let drained = std::mem::take(&mut waiting.drained);
            let still = Waiting {
                drained,
                ..Waiting::default()
            };
            *self.0.waiting.borrow_mut() = Some(Box::new(still));
        }
        waiting
            .posts
            .into_iter()
            .for_each(|post| reply(post, PostAnswer::Done));
        waiting.taken.into_iter().for_each(|taken| reply(taken, ()));
        if let Some(reader) = waiting.reader {
            reader.wake();
        }
    }

    /// Calls those who wait for room in the outgoing queue, if there is plenty.
    fn wake_if_drained(&self) {
        if self.0.waiting.borrow().is_none() {
            return;
        }
        if self.is_congested() {
            return;
        }
        let mut waiting = self.0.waiting.borrow_mut();
        let drained = waiting
            .as_mut()
            .map(|waiting| std::mem::take(&mut waiting.drained));
        drop(waiting);
        for wake in drained.into_iter().flatten() {
            if survives(wake).is_err() {
                self.abort(CloseReason::ForcedClose);
            }
        }
    }

    /// Has what is queued sent at the end of this turn.
    fn touch(&self) {
        if self.is_pulled() {
            if !self.0.host_active.get() {
                self.flush();
            }
        } else if !self.0.dirty.replace(true) {
            self.0.desk.mark_dirty(self.clone());
        }
    }

    fn transmit(&self, transmit: Transmit) {
        match transmit {
            Transmit::PollResponse { body, compressible } => {
                self.0.desk.traffic.left(body.len());
                let waiting = self.0.poll.take();
                let lost = waiting.is_none_or(|(_, answer)| {
                    answer
                        .send(PollAnswer::Payload { body, compressible })
                        .is_err()
                });
                if lost {
                    let _ = self.input(Input::PollAborted);
                }
            }
            Transmit::Frame(bytes) => {
                self.0.desk.traffic.left(bytes.len());
                if let Some(pipe) = &*self.0.pipe.borrow() {
                    pipe.ready.borrow_mut().push_back(bytes);
                    pipe.wake();
                }
            }
            Transmit::WebSocketClose(code) => {
                if let Some(pipe) = self.0.pipe.take() {
                    pipe.ready.borrow_mut().push_back(close_frame(code));
                    pipe.end();
                }
            }
        }
    }

    /// Makes sure that the timers wake the session in time.
    fn arm(&self) {
        let Some(wanted) = self.0.session.borrow().poll_timeout() else {
            return;
        };
        if self.0.armed.get().is_none_or(|armed| wanted < armed) {
            self.0.armed.set(Some(wanted));
            let timed = SessionDeadline(Rc::downgrade(&self.0));
            self.0.desk.timers().add(wanted, timed);
        }
    }

    fn forget_if_finished(&self) {
        if !self.0.session.borrow().is_finished() {
            return;
        }
        if let Some(pipe) = self.0.pipe.take() {
            pipe.end();
        }
        self.0.desk.forget(&self.0.engine, &self.0.sid);
    }

    /// Whether what leaves waits for a WebSocket's host to ask for it.
    ///
    /// The last words of a closed session don't: its host may never ask, as a host can't write to a
    /// client that doesn't read, and the session must not stay for that.
    fn is_pulled(&self) -> bool {
        let session = self.0.session.borrow();
        session.transport() == Transport::WebSocket
            && (session.is_open() || session.queued_packets() > 0)
            && self.0.pipe.borrow().is_some()
            && self.0.poll.borrow().is_none()
    }

    fn is_current(&self, pipe: &Rc<Pipe>) -> bool {
        let current = self.0.pipe.borrow();
        current
            .as_ref()
            .is_some_and(|current| Rc::ptr_eq(current, pipe))
    }
}

/// A deadline of a session: one entry counts, and when it moves away the entry stays, so that a
/// heartbeat costs two entries a round and no removal.
pub(crate) struct SessionDeadline(Weak<ConnectionCell>);

impl Timed for SessionDeadline {
    fn is_over(&self) -> bool {
        self.0.strong_count() == 0
    }

    fn fire(self, at: Instant) {
        if let Some(cell) = self.0.upgrade() {
            Connection(cell).timer_fired(at);
        }
    }
}

impl Drop for ConnectionCell {
    fn drop(&mut self) {
        self.engine.0.gauges.held.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("transport", &self.transport())
            .finish_non_exhaustive()
    }
}

/// Calls the application; its panic costs its own session, not what else the thread does.
pub(super) fn survives<R>(call: impl FnOnce() -> R) -> std::thread::Result<R> {
    let result = catch_unwind(AssertUnwindSafe(call));
    if result.is_err() {
        tracing::error!("application panicked, session closed");
    }
    result
}
