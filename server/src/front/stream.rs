//! One open WebSocket of a session, on the raw stream.
//!
//! What a connection keeps while nothing happens is its [`Lean`] and no buffer: bytes are read into
//! one that the thread's connections share, and what leaves waits in the session's own queue.

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use sockeye_protocol::websocket::{Decoder, FrameError, Incoming, close_frame};
use tokio::{
    io::{AsyncRead as _, ReadBuf},
    time::Sleep,
};
use tokio_util::io::poll_read_buf;

use sockeye_router::Turn;

use super::{
    batch::{Batch, poll_write_rest},
    client::ClientStream,
};
use crate::engine::{Counted, Engine, Fault, LINGER, Link, OpenWebSockets, Pongs};

/// Serves a WebSocket to its end; `head` is the answer to its handshake, `read` what has been read
/// behind the request.
pub(super) fn serve(
    stream: ClientStream,
    link: Link,
    engine: &Engine,
    read: BytesMut,
    head: Bytes,
) -> impl Future<Output = ()> + use<> {
    let config = &engine.0.config;
    Lean {
        stream,
        link,
        decoder: Decoder::new(config.max_payload(), config.max_fragments()),
        // As much as there is: the buffer of the requests is not kept for it.
        read: BytesMut::from(&*read),
        pending: Some(Box::new(Pending {
            head: Some(head),
            ..Pending::default()
        })),
        input: Input::Frames,
        peer_closed: false,
        closing: Closing::Open,
        _counted: Counted::new(&engine.0.gauges),
    }
}

/// Every open WebSocket has one, so what is seldom needed is behind a pointer.
struct Lean {
    stream: ClientStream,
    link: Link,
    decoder: Decoder,
    /// The beginning of a frame whose rest has not arrived; empty otherwise.
    read: BytesMut,
    pending: Option<Box<Pending>>,
    input: Input,
    /// Whether the client has closed, broken or lost its side.
    peer_closed: bool,
    closing: Closing,
    _counted: Counted<OpenWebSockets>,
}

/// What is to be written and is not a frame of the session any more.
#[derive(Default)]
struct Pending {
    /// The answer to the handshake, which leaves together with the session's first packets.
    head: Option<Bytes>,
    /// What the stream has not taken yet.
    unsent: VecDeque<Bytes>,
    pongs: Pongs,
    /// The close frame that answers the client's, or its mistake.
    close: Option<Bytes>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Input {
    Frames,
    /// What comes after a broken frame is read and thrown away: ending the stream over unread data
    /// would reset the connection and might take the close frame back.
    Discarded,
    Ended,
}

enum Closing {
    Open,
    /// Our close frame is being written: nothing may follow it.
    LastWords,
    /// The client is given time to read the close frame and to answer it: ending the stream over
    /// unread data would reset the connection and might take the frame back.
    Lingering(Pin<Box<Sleep>>),
}

impl Future for Lean {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let _turn = Turn::begin();
        for _ in 0..TURNS {
            let input = this.poll_input(cx);
            match this.poll_output(cx) {
                Poll::Ready(()) => return Poll::Ready(()),
                Poll::Pending if input.is_pending() => return Poll::Pending,
                Poll::Pending => {}
            }
        }
        // Others of this thread have their turn.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Lean {
    /// Handles what one read gives; pending when there is nothing, or the session takes nothing.
    fn poll_input(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.input {
            Input::Frames => {}
            Input::Discarded => return self.poll_discard(cx),
            Input::Ended => return Poll::Pending,
        }
        let mut handled = false;
        loop {
            if self.is_open() && self.link.poll_ready(cx).is_pending() {
                return Poll::Pending;
            }
            match self.decode() {
                Ok(Some(frame)) => {
                    handled = true;
                    self.take(frame);
                    if self.input == Input::Ended {
                        return Poll::Ready(());
                    }
                }
                Ok(None) if handled => return Poll::Ready(()),
                Ok(None) => match ready!(self.poll_receive(cx)) {
                    Ok(0) => {
                        // The end of the stream without a close frame: a tab that was closed, say.
                        self.peer_ended(Fault::Closed, None);
                        return Poll::Ready(());
                    }
                    Ok(_) => handled = true,
                    Err(_) => return self.lost(),
                },
                Err(error) => {
                    let code = error.close_code();
                    self.ended(Fault::Protocol(code), Some(close_frame(Some(code))));
                    self.read = BytesMut::new();
                    self.input = Input::Discarded;
                    return Poll::Ready(());
                }
            }
        }
    }

    /// Reads once into the connection's buffer: the rest of a large message to where it belongs.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let missing = self.decoder.missing(&self.read);
        if missing < LARGE_REST {
            return self.poll_read(cx, BytesMut::extend_from_slice);
        }
        // Of what a client only announces, no more is held ready than it might send at once.
        self.read.reserve(missing.min(SCRATCH_LEN));
        poll_read_buf(Pin::new(&mut self.stream), cx, &mut self.read)
    }

    /// Reads once, and lets `keep` put into the connection's buffer what it wants of it.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        keep: impl FnOnce(&mut BytesMut, &[u8]),
    ) -> Poll<io::Result<usize>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
            let read = buffer.filled();
            keep(&mut self.read, read);
            Poll::Ready(Ok(read.len()))
        })
    }

    fn decode(&mut self) -> Result<Option<Incoming>, FrameError> {
        if self.read.is_empty() {
            return Ok(None);
        }
        let decoded = self.decoder.decode(&mut self.read);
        if self.read.is_empty() {
            // An idle connection keeps no buffer.
            self.read = BytesMut::new();
        }
        decoded
    }

    fn take(&mut self, frame: Incoming) {
        match frame {
            // Frames that crossed our close frame are thrown away.
            Incoming::Message(_) | Incoming::Ping(_) | Incoming::Pong(_) if !self.is_open() => {}
            Incoming::Message(message) => self.link.input(message),
            Incoming::Ping(data) => self.pending().pongs.push(&data),
            Incoming::Pong(_) => {}
            // The client's code is echoed.
            Incoming::Close(code) => self.peer_ended(Fault::Closed, Some(close_frame(code))),
        }
    }

    /// Reads to the end of what the client sends, for one turn.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let read = ready!(self.poll_read(cx, |_, _| {}));
        if !read.is_ok_and(|read| read > 0) {
            self.input = Input::Ended;
            self.peer_closed = true;
        }
        Poll::Ready(())
    }

    /// Notes that the client's side has ended; `answer` is the close frame that it gets.
    fn peer_ended(&mut self, fault: Fault, answer: Option<Bytes>) {
        self.input = Input::Ended;
        self.peer_closed = true;
        self.ended(fault, answer);
    }

    fn ended(&mut self, fault: Fault, answer: Option<Bytes>) {
        if self.is_open() {
            self.link.closed(fault);
            if answer.is_some() {
                self.pending().close = answer;
            }
        }
    }

    /// Writes what there is; ready at the end of the WebSocket.
    fn poll_output(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some(pending) = &mut self.pending {
                let rest = poll_write_rest(&mut pending.unsent, &mut self.stream, cx);
                if ready!(rest).is_err() {
                    return self.lost();
                }
            }
            match &mut self.closing {
                Closing::Lingering(_) if self.peer_closed => return Poll::Ready(()),
                Closing::Lingering(sleep) => return sleep.as_mut().poll(cx),
                Closing::LastWords => {
                    self.closing = Closing::Lingering(Box::pin(tokio::time::sleep(LINGER)));
                    continue;
                }
                Closing::Open => {}
            }
            let mut is_all = false;
            let written = Batch::with(|batch| {
                is_all = self.fill(batch, cx);
                let written = batch.poll_write(&mut self.stream, cx);
                if written.is_pending() {
                    self.pending().unsent = batch.chunks.drain(..).collect();
                }
                written
            });
            if ready!(written).is_err() {
                return self.lost();
            }
            if is_all {
                return Poll::Pending;
            }
        }
    }

    /// Puts into the batch what is to be written next; returns whether there is nothing more until
    /// the session says so.
    fn fill(&mut self, batch: &mut Batch, cx: &mut Context<'_>) -> bool {
        if let Some(mut pending) = self.pending.take() {
            batch.chunks.extend(pending.head);
            if let Some(close) = pending.close {
                self.closing = Closing::LastWords;
                batch.chunks.push_back(close);
                return false;
            }
            batch.chunks.extend(pending.pongs.take());
        }
        let give = &mut |chunk| batch.chunks.push_back(chunk);
        match self.link.poll_chunks(cx, TURN_BYTES, give) {
            Poll::Pending => true,
            Poll::Ready(Some(())) => false,
            // The close frame was among the last.
            Poll::Ready(None) => {
                self.closing = Closing::LastWords;
                false
            }
        }
    }

    fn lost(&mut self) -> Poll<()> {
        let fault = match self.stream.has_stalled() {
            true => Fault::Stalled,
            false => Fault::Lost,
        };
        self.peer_ended(fault, None);
        Poll::Ready(())
    }

    fn pending(&mut self) -> &mut Pending {
        self.pending.get_or_insert_default()
    }

    fn is_open(&self) -> bool {
        matches!(self.closing, Closing::Open)
    }
}

/// The task may be dropped with its thread.
impl Drop for Lean {
    fn drop(&mut self) {
        self.link.closed(Fault::Lost);
    }
}

thread_local! {
    /// What is read goes through here, so that no connection needs a buffer of its own to wait
    /// with.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH_LEN].into());
}

const SCRATCH_LEN: usize = 128 * 1024;

/// What is missing of a message is read past the scratch from this size on.
const LARGE_REST: usize = 16 * 1024;

/// How many bytes of frames are taken from the session for one write.
const TURN_BYTES: usize = 64 * 1024;

/// How many reads are handled before others have their turn.
const TURNS: usize = 8;
