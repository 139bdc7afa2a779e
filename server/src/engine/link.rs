//! What carries a WebSocket's traffic between its host and the session, on whichever threads.
//!
//! A host is whatever owns the stream. It decodes frames into messages, gives these to its
//! [`Link`] and writes the bytes that the link hands out; the rules are the session's. Bytes are
//! handed out only when the host asks, so what a slow client leaves unread waits in the session's
//! bounded queue.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::{Future as _, poll_fn},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use sockeye_protocol::Sid;
use sockeye_router::Message;
use tokio::sync::{mpsc, oneshot};

use super::{Connection, DeskHandle, Engine, Request};

/// How a WebSocket ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// By a close frame, or by the end of the stream.
    Closed,
    /// By a client that took too little of what was sent.
    Stalled,
    /// By an error of the stream.
    Lost,
    /// By the client's breach of the WebSocket protocol, with the close code that says which.
    Protocol(u16),
}

/// A host's end of a WebSocket.
pub(crate) enum Link {
    Local(LocalLink),
    Remote(Box<RemoteLink>),
    #[cfg(feature = "testing")]
    Echo(super::EchoLink),
}

impl Link {
    /// Gives what there is, up to about `limit` bytes of frames. What it returns is what comes then:
    /// more, nothing for now, or `None` at the end of the WebSocket.
    pub(crate) fn poll_chunks(
        &mut self,
        cx: &mut Context<'_>,
        limit: usize,
        give: &mut dyn FnMut(Bytes),
    ) -> Poll<Option<()>> {
        match self {
            Self::Local(link) => link.poll_chunks(cx, limit, give),
            Self::Remote(link) => link.frames.poll_recv(cx).map(|bytes| bytes.map(give)),
            #[cfg(feature = "testing")]
            Self::Echo(link) => link.poll_frames(cx).map(|bytes| bytes.map(give)),
        }
    }

    /// Returns bytes to write, or `None` at the end of the WebSocket.
    pub(crate) fn poll_frames(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match self {
            Self::Local(link) => link.poll_frames(cx),
            Self::Remote(link) => link.frames.poll_recv(cx),
            #[cfg(feature = "testing")]
            Self::Echo(link) => link.poll_frames(cx),
        }
    }

    /// Waits until the session takes another message.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Local(link) => link.connection.poll_resumed(cx),
            Self::Remote(link) => link.poll_ready(cx),
            #[cfg(feature = "testing")]
            Self::Echo(link) => link.poll_ready(cx),
        }
    }

    /// Gives a message to the session.
    pub(crate) fn input(&mut self, message: Message) {
        match self {
            Self::Local(link) => link.input(message),
            Self::Remote(link) => link.input(message),
            #[cfg(feature = "testing")]
            Self::Echo(link) => link.input(&message),
        }
    }

    /// Tells the session that the WebSocket has ended.
    pub(crate) fn closed(&mut self, fault: Fault) {
        match self {
            Self::Local(link) => link.closed(fault),
            Self::Remote(link) => link.closed(fault),
            #[cfg(feature = "testing")]
            Self::Echo(_) => {}
        }
    }
}

/// The end of a WebSocket whose host is on the session's thread.
#[derive(Clone)]
pub(crate) struct LocalLink {
    pub(super) connection: Connection,
    pub(super) pipe: Rc<Pipe>,
}

/// What is on its way to one WebSocket.
pub(super) struct Pipe {
    /// Tells the WebSockets of a session apart: one that was dropped must not speak for it.
    pub(super) number: u64,
    pub(super) ready: RefCell<VecDeque<Bytes>>,
    pub(super) ended: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Pipe {
    pub(super) fn new(number: u64) -> Self {
        Self {
            number,
            ready: RefCell::default(),
            ended: Cell::new(false),
            waker: RefCell::default(),
        }
    }

    pub(super) fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Has the next call of [`Pipe::wake`] wake this.
    fn wait(&self, host: &Waker) {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(host)) {
            *waker = Some(host.clone());
        }
    }

    pub(super) fn end(&self) {
        self.ended.set(true);
        self.wake();
    }

    /// Gives what was put here, up to about `limit` bytes; returns how many.
    fn give(&self, limit: usize, give: &mut dyn FnMut(Bytes)) -> usize {
        if self.ready.borrow().capacity() == 0 {
            // Nearly always: what a session has is given without a stop here.
            return 0;
        }
        let mut given = 0;
        while given < limit {
            let chunk = self.ready.borrow_mut().pop_front();
            let Some(chunk) = chunk else {
                // An idle WebSocket keeps no queue.
                self.ready.take();
                break;
            };
            given += chunk.len();
            give(chunk);
        }
        given
    }
}

/// Chunks that are put together, so that they leave in one write.
#[derive(Default)]
struct Joined {
    first: Bytes,
    all: BytesMut,
}

impl Joined {
    fn push(&mut self, chunk: Bytes) {
        if self.all.is_empty() && self.first.is_empty() {
            self.first = chunk;
            return;
        }
        self.all.extend_from_slice(&std::mem::take(&mut self.first));
        self.all.extend_from_slice(&chunk);
    }

    fn finish(self) -> Bytes {
        if self.all.is_empty() {
            self.first
        } else {
            self.all.freeze()
        }
    }
}

impl LocalLink {
    pub(super) fn number(&self) -> u64 {
        self.pipe.number
    }

    pub(super) fn poll_frames(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut joined = Joined::default();
        let polled = self.poll_chunks(cx, JOINED, &mut |chunk| joined.push(chunk));
        let bytes = joined.finish();
        if bytes.is_empty() {
            polled.map(|_| None)
        } else {
            Poll::Ready(Some(bytes))
        }
    }

    fn poll_chunks(
        &self,
        cx: &mut Context<'_>,
        limit: usize,
        give: &mut dyn FnMut(Bytes),
    ) -> Poll<Option<()>> {
        // Before anything is taken: what that makes room for may be queued while it is taken, and
        // then somebody has to come again.
        self.pipe.wait(cx.waker());
        let mut given = self.pipe.give(limit, give);
        if given < limit && !self.pipe.ended.get() {
            given += self.connection.fill(&self.pipe, limit - given, give);
            // The session may have closed it.
            given += self.pipe.give(limit.saturating_sub(given), give);
        }
        if given >= limit {
            return Poll::Ready(Some(()));
        }
        if self.pipe.ended.get() {
            return Poll::Ready(None);
        }
        Poll::Pending
    }

    pub(super) fn input(&self, message: Message) {
        self.connection.web_socket_message(&self.pipe, message);
    }

    /// Gives a message to the session, and tells when the next may come.
    pub(super) fn input_then(&self, message: Message, taken: oneshot::Sender<()>) {
        self.input(message);
        self.connection.flush();
        self.connection.when_resumed(taken);
    }

    pub(super) fn closed(&self, fault: Fault) {
        self.connection.web_socket_closed(&self.pipe, fault);
        self.pipe.end();
    }
}

/// The end of a WebSocket whose host is on another thread than the session.
///
/// A client that upgrades may be accepted by another worker than the one that its session was
/// opened on. Each message then changes threads, one at a time, so nothing piles up between them.
#[derive(Debug)]
pub(crate) struct RemoteLink {
    desk: DeskHandle,
    sid: Sid,
    number: u64,
    frames: mpsc::Receiver<Bytes>,
    taken: Option<oneshot::Receiver<()>>,
    engine: Option<Engine>,
}

impl RemoteLink {
    pub(super) fn new(desk: &DeskHandle, sid: Sid, number: u64) -> (Self, RemoteEnd) {
        let (sender, frames) = mpsc::channel(1);
        let link = Self {
            desk: desk.clone(),
            sid,
            number,
            frames,
            taken: None,
            engine: None,
        };
        (link, RemoteEnd { sender })
    }

    /// Names the engine that the link belongs to; called by the host that receives it.
    pub(crate) fn with_engine(mut self, engine: Engine) -> Self {
        self.engine = Some(engine);
        self
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(taken) = &mut self.taken else {
            return Poll::Ready(());
        };
        // An error means that the session is gone, and takes anything.
        let result = Pin::new(taken).poll(cx).map(drop);
        if result.is_ready() {
            self.taken = None;
        }
        result
    }

    fn input(&mut self, message: Message) {
        let (taken, wait) = oneshot::channel();
        self.taken = Some(wait);
        self.request(Request::WebSocketMessage {
            sid: self.sid,
            number: self.number,
            message,
            taken,
        });
    }

    fn closed(&self, fault: Fault) {
        self.request(Request::WebSocketClosed {
            sid: self.sid,
            number: self.number,
            fault,
        });
    }

    fn request(&self, request: Request) {
        if let Some(engine) = &self.engine {
            self.desk.request(engine, request);
        }
    }
}

/// The session's end of a [`RemoteLink`].
pub(super) struct RemoteEnd {
    sender: mpsc::Sender<Bytes>,
}

impl RemoteEnd {
    /// Moves the session's bytes to the other thread, as fast as they are written there.
    pub(super) fn serve(self, mut link: LocalLink) {
        actix_rt::spawn(async move {
            while let Some(bytes) = poll_fn(|cx| link.poll_frames(cx)).await {
                if self.sender.send(bytes).await.is_err() {
                    break;
                }
            }
        });
    }
}

/// How long a client has to answer a close frame.
pub(crate) const LINGER: Duration = Duration::from_secs(1);

/// How many bytes are put together for one write, where more chunks than one are ready.
const JOINED: usize = 64 * 1024;

#[cfg(test)]
mod tests;
