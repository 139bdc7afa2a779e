//! The WebSocket host for any App: an actor of `actix-web-actors` whose response body is the
//! stream of ready frames. Everything that depends on that crate is in this file; another host has
//! to do no more than what is done here.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use actix::{Actor, ActorContext as _, AsyncContext as _, StreamHandler};
use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder, dev::Payload,
    error::PayloadError,
};
use actix_web_actors::HttpContext;
use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use sockeye_protocol::{
    Sid,
    engine::Transport,
    websocket::{Decoder, FrameError, Incoming, close_frame},
};
use sockeye_router::Handshake;
use tokio::sync::oneshot;

use super::{ConnectionError, opening::shake_hands};
use crate::{
    admission::Permit,
    engine::{
        Counted, Desk, DeskHandle, Engine, Fault, LINGER, Link, OpenWebSockets, Pongs, Request,
    },
    front::{Seat, Seated},
};

/// Opens a session on a WebSocket of its own.
pub(super) fn open(
    engine: &Engine,
    request: &HttpRequest,
    payload: Payload,
    text_only: bool,
    sid: Sid,
    handshake: Handshake,
    permit: Option<Box<Permit>>,
) -> Result<HttpResponse, ConnectionError> {
    let response = shake_hands(request)?;
    let desk = Desk::of(engine);
    let connection = desk.open(
        engine,
        Transport::WebSocket,
        text_only,
        sid,
        handshake,
        permit,
    );
    let connection = connection.ok_or(ConnectionError::IdGeneration)?;
    Ok(match connection.first_link() {
        Some(link) => host(engine, request, response, payload, Link::Local(link)),
        // The application has closed it already.
        None => turn_away(response),
    })
}

/// Offers a WebSocket to a polling session, as the candidate of an upgrade.
pub(super) async fn attach(
    engine: &Engine,
    desk: &DeskHandle,
    sid: Sid,
    request: &HttpRequest,
    payload: Payload,
    text_only: bool,
) -> Result<HttpResponse, ConnectionError> {
    let mut response = shake_hands(request)?;
    let here = Desk::of(engine);
    if here.handle.id != desk.id
        && let Some(seat) = request.extensions().get::<Seat>()
    {
        seat.take_place(Seated::Elsewhere {
            engine: engine.clone(),
            desk: desk.clone(),
            sid,
            text_only,
        });
        return Ok(response.finish());
    }
    let link = if here.handle.id == desk.id {
        let connection = here.session(&sid);
        connection
            .and_then(|connection| connection.attach(text_only))
            .map(Link::Local)
    } else {
        let (answer, answered) = oneshot::channel();
        desk.request(
            engine,
            Request::Attach {
                sid,
                text_only,
                answer,
            },
        );
        let remote = answered.await.ok().flatten();
        remote.map(|remote| Link::Remote(Box::new(remote.with_engine(engine.clone()))))
    };
    Ok(match link {
        Some(link) => host(engine, request, response, payload, link),
        None => turn_away(response),
    })
}

/// Accepts a WebSocket that has no session.
#[cfg(feature = "testing")]
pub(crate) fn echo(
    engine: &Engine,
    request: &HttpRequest,
    payload: Payload,
    link: Link,
) -> HttpResponse {
    match shake_hands(request) {
        Ok(response) => host(engine, request, response, payload, link),
        Err(error) => super::reply::web_socket_error(&error),
    }
}

fn host(
    engine: &Engine,
    request: &HttpRequest,
    mut response: HttpResponseBuilder,
    payload: Payload,
    link: Link,
) -> HttpResponse {
    if let Some(seat) = request.extensions().get::<Seat>() {
        seat.take_place(Seated::Here(link, engine.clone()));
        return response.finish();
    }
    let config = &engine.0.config;
    let host = Host {
        reading: Some(Reading {
            payload,
            decoder: Decoder::new(config.max_payload(), config.max_fragments()),
            buffer: BytesMut::new(),
            ended: false,
        }),
        link: Shared::new(link),
        _counted: Counted::new(&engine.0.gauges),
    };
    response.streaming(HttpContext::create(host))
}

/// Accepts a WebSocket that no session wants and closes it.
fn turn_away(mut response: HttpResponseBuilder) -> HttpResponse {
    let close = futures_util::stream::iter([Ok::<_, actix_web::Error>(close_frame(None))]);
    response.streaming(close)
}

/// The actor that hosts one WebSocket.
struct Host {
    reading: Option<Reading>,
    link: Shared,
    _counted: Counted<OpenWebSockets>,
}

/// The link and what is shared between reading and writing, on one thread.
#[derive(Clone)]
struct Shared(Rc<RefCell<SharedInner>>);

struct SharedInner {
    link: Link,
    pongs: Pongs,
    /// The close frame that answers the client's, or its mistake.
    close: Option<Bytes>,
    /// Whether our close frame has been written: nothing may follow it.
    closed: bool,
    /// Whether the client has closed, broken or lost its side.
    peer_closed: bool,
    writer: Option<Waker>,
}

impl Shared {
    fn new(link: Link) -> Self {
        Self(Rc::new(RefCell::new(SharedInner {
            link,
            pongs: Pongs::default(),
            close: None,
            closed: false,
            peer_closed: false,
            writer: None,
        })))
    }
}

impl SharedInner {
    /// Notes that the client's side has ended; `answer` is the close frame that it gets.
    fn peer_ended(&mut self, fault: Fault, answer: Option<Bytes>) {
        self.peer_closed = true;
        self.link.closed(fault);
        self.close = answer;
        self.wake_writer();
    }

    fn wake_writer(&mut self) {
        if let Some(writer) = self.writer.take() {
            writer.wake();
        }
    }
}

impl Actor for Host {
    type Context = HttpContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if let Some(reading) = self.reading.take() {
            ctx.add_stream(Inbound {
                reading,
                link: self.link.clone(),
            });
        }
        ctx.add_stream(Outbound {
            link: self.link.clone(),
            yielded: false,
            last: false,
        });
    }
}

/// The host may go away with its connection, without having been stopped.
impl Drop for Host {
    fn drop(&mut self) {
        self.link.0.borrow_mut().link.closed(Fault::Lost);
    }
}

/// What has been read.
enum Read {
    Frame(Incoming),
    Broken(FrameError),
    /// The stream has ended; by an error, or as the client closed it.
    Ended(Fault),
}

impl StreamHandler<Read> for Host {
    fn handle(&mut self, read: Read, ctx: &mut Self::Context) {
        let mut shared = self.link.0.borrow_mut();
        if shared.closed {
            // Messages that crossed our close frame are thrown away.
            if !matches!(
                read,
                Read::Frame(Incoming::Message(_) | Incoming::Ping(_) | Incoming::Pong(_))
            ) {
                ctx.write_eof();
                ctx.stop();
            }
            return;
        }
        match read {
            Read::Frame(Incoming::Message(message)) => shared.link.input(message),
            Read::Frame(Incoming::Ping(data)) => {
                shared.pongs.push(&data);
                shared.wake_writer();
            }
            Read::Frame(Incoming::Pong(_)) => {}
            // The client's code is echoed.
            Read::Frame(Incoming::Close(code)) => {
                shared.peer_ended(Fault::Closed, Some(close_frame(code)));
            }
            Read::Broken(error) => {
                let code = error.close_code();
                shared.peer_ended(Fault::Protocol(code), Some(close_frame(Some(code))));
            }
            Read::Ended(fault) => shared.peer_ended(fault, None),
        }
    }

    fn finished(&mut self, _: &mut Self::Context) {
        // What is still to be said leaves before the stream ends.
    }
}

impl StreamHandler<Wrote> for Host {
    fn handle(&mut self, wrote: Wrote, ctx: &mut Self::Context) {
        match wrote {
            Wrote::Bytes(bytes) => ctx.write(bytes),
            Wrote::Closed => {
                let mut shared = self.link.0.borrow_mut();
                shared.closed = true;
                if shared.peer_closed {
                    ctx.write_eof();
                    ctx.stop();
                    return;
                }
                // The client is given time to read the close frame and to answer it; ending the
                // stream under unread data would reset the connection and may take the frame back.
                ctx.run_later(LINGER, |_, ctx| {
                    ctx.write_eof();
                    ctx.stop();
                });
            }
        }
    }

    fn finished(&mut self, _: &mut Self::Context) {
        // The stream ends when the client has answered, or has had the time to.
    }
}

/// The messages of the client, as fast as the session takes them.
struct Inbound {
    reading: Reading,
    link: Shared,
}

struct Reading {
    payload: Payload,
    decoder: Decoder,
    buffer: BytesMut,
    ended: bool,
}

impl Stream for Inbound {
    type Item = Read;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Read>> {
        let this = &mut *self;
        if this.reading.ended {
            return Poll::Ready(None);
        }
        let closed = this.link.0.borrow().closed;
        loop {
            if !closed && this.link.0.borrow_mut().link.poll_ready(cx).is_pending() {
                return Poll::Pending;
            }
            match this.reading.decode() {
                Ok(Some(frame)) => {
                    this.reading.ended = matches!(frame, Incoming::Close(_));
                    return Poll::Ready(Some(Read::Frame(frame)));
                }
                Ok(None) => {}
                Err(error) => {
                    this.reading.ended = true;
                    return Poll::Ready(Some(Read::Broken(error)));
                }
            }
            match this.reading.payload.poll_next_unpin(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(chunk))) => this.reading.take(chunk),
                Poll::Ready(ended) => {
                    this.reading.ended = true;
                    return Poll::Ready(Some(Read::Ended(fault(ended.and_then(Result::err)))));
                }
            }
        }
    }
}

impl Reading {
    fn decode(&mut self) -> Result<Option<Incoming>, FrameError> {
        let decoded = self.decoder.decode(&mut self.buffer);
        if self.buffer.is_empty() && self.buffer.capacity() > 0 {
            // An idle connection keeps no buffer.
            self.buffer = BytesMut::new();
        }
        decoded
    }

    fn take(&mut self, mut chunk: Bytes) {
        if !self.buffer.has_remaining() {
            match chunk.try_into_mut() {
                Ok(owned) => {
                    self.buffer = owned;
                    return;
                }
                Err(shared) => chunk = shared,
            }
        }
        self.buffer.extend_from_slice(&chunk);
    }
}

fn fault(error: Option<PayloadError>) -> Fault {
    match error {
        // The end of the stream without a close frame: a tab that was closed, say.
        None | Some(PayloadError::Incomplete(_)) => Fault::Closed,
        Some(_) => Fault::Lost,
    }
}

/// The frames for the client, one chunk at each poll of the response body, so that what the client
/// doesn't read waits in the session's queue and not in the actor's, which has no bound.
struct Outbound {
    link: Shared,
    yielded: bool,
    /// Whether what was yielded last was the close frame.
    last: bool,
}

enum Wrote {
    Bytes(Bytes),
    Closed,
}

impl Stream for Outbound {
    type Item = Wrote;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Wrote>> {
        let this = &mut *self;
        if this.yielded {
            // The body is polled again once this chunk is in the connection's write buffer.
            this.yielded = false;
            return Poll::Pending;
        }
        let mut shared = this.link.0.borrow_mut();
        if shared.closed {
            return Poll::Ready(None);
        }
        let bytes = if let Some(close) = shared.close.take() {
            this.last = true;
            close
        } else if this.last {
            return Poll::Ready(Some(Wrote::Closed));
        } else if let Some(pongs) = shared.pongs.take() {
            pongs
        } else {
            match shared.link.poll_frames(cx) {
                Poll::Ready(Some(bytes)) => bytes,
                Poll::Ready(None) => return Poll::Ready(Some(Wrote::Closed)),
                Poll::Pending => {
                    shared.writer = Some(cx.waker().clone());
                    return Poll::Pending;
                }
            }
        };
        drop(shared);
        this.yielded = true;
        Poll::Ready(Some(Wrote::Bytes(bytes)))
    }
}
