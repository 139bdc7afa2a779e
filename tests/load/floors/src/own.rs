//! A task of its own on the raw stream, once actix-http has read the request.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    io,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use actix_codec::Framed;
use actix_http::{HttpMessage as _, Request, h1, ws};
use actix_web::Error;
use bytes::BytesMut;
use tokio::net::TcpStream;

use crate::{
    crowd::{self, Member},
    incoming,
    packet::{self, TEXT},
};

pub(crate) async fn accept(
    request: Request,
    framed: Framed<TcpStream, h1::Codec>,
    coalesce: bool,
) -> Result<(), Error> {
    let stream = framed.into_parts().io;
    stream.set_nodelay(true)?;
    let key = request.headers().get("sec-websocket-key");
    let accept = ws::hash_key(key.map(|key| key.as_bytes()).unwrap_or_default());
    let mut hello = BytesMut::from(SWITCHING);
    hello.extend_from_slice(&accept);
    hello.extend_from_slice(b"\r\n\r\n");
    packet::frame(&mut hello, TEXT, &[packet::open().as_bytes()]);
    let connection = Rc::new(Connection {
        stream,
        out: RefCell::default(),
        waits_for_turn: Cell::new(false),
        waker: Cell::new(None),
    });
    connection.send(&hello);
    // On returning, the dispatcher ends and frees its buffers.
    actix_rt::spawn(serve(connection, coalesce));
    Ok(())
}

async fn serve(connection: Rc<Connection>, coalesce: bool) {
    let id = crowd::add(match coalesce {
        true => Member::Coalesced(connection.clone()),
        false => Member::Own(connection.clone()),
    });
    let mut rest = BytesMut::new();
    loop {
        let turn = poll_fn(|cx| connection.poll_turn(cx)).await;
        if !matches!(turn.and_then(|()| connection.read(&mut rest)), Ok(true)) {
            break;
        }
    }
    crowd::remove(id);
}

pub(crate) struct Connection {
    stream: TcpStream,
    /// What the stream did not take, or what waits for the end of the turn.
    out: RefCell<BytesMut>,
    waits_for_turn: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

impl Connection {
    pub(crate) fn send(&self, bytes: &[u8]) {
        let mut out = self.out.borrow_mut();
        if !out.is_empty() {
            return out.extend_from_slice(bytes);
        }
        let written = self.stream.try_write(bytes).unwrap_or(0);
        if written == bytes.len() {
            return;
        }
        out.extend_from_slice(&bytes[written..]);
        // Its task has to wait until it can write, too.
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Leaves a frame for the end of the turn, and returns whether it is the first.
    pub(crate) fn queue(&self, frame: &[u8]) -> bool {
        self.out.borrow_mut().extend_from_slice(frame);
        !self.waits_for_turn.replace(true)
    }

    pub(crate) fn flush(&self) {
        self.waits_for_turn.set(false);
        let out = std::mem::take(&mut *self.out.borrow_mut());
        if !out.is_empty() {
            self.send(&out);
        }
    }

    /// Is ready when there is something to read, or the client is gone.
    fn poll_turn(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.waits_for_turn.get() && !self.out.borrow().is_empty() {
            match self.stream.poll_write_ready(cx) {
                Poll::Ready(ready) => ready?,
                Poll::Pending => break,
            }
            let mut out = self.out.borrow_mut();
            match self.stream.try_write(&out) {
                Ok(written) => drop(out.split_to(written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        let ready = self.stream.poll_read_ready(cx);
        if ready.is_pending() {
            self.waker.set(Some(cx.waker().clone()));
        }
        ready
    }

    /// Reads once, into the thread's buffer, and answers; returns whether to go on.
    fn read(&self, rest: &mut BytesMut) -> io::Result<bool> {
        let outcome = SCRATCH.with_borrow_mut(|(scratch, out)| {
            let length = match self.stream.try_read(scratch) {
                Ok(0) => return Ok(None),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Some(incoming::Outcome::default()));
                }
                Err(error) => return Err(error),
            };
            out.clear();
            let received = &mut scratch[..length];
            let outcome = match rest.is_empty() {
                true => {
                    let outcome = incoming::handle(received, out);
                    rest.extend_from_slice(&received[outcome.used..]);
                    outcome
                }
                false => {
                    rest.extend_from_slice(received);
                    let outcome = incoming::handle(rest, out);
                    let _ = rest.split_to(outcome.used);
                    if rest.is_empty() {
                        *rest = BytesMut::new();
                    }
                    outcome
                }
            };
            if !out.is_empty() {
                self.send(out);
            }
            Ok(Some(outcome))
        })?;
        let Some(outcome) = outcome else {
            return Ok(false);
        };
        for message in &outcome.broadcasts {
            crowd::broadcast(message);
        }
        Ok(!outcome.closes)
    }
}

thread_local! {
    /// What was read, and the answers to it.
    static SCRATCH: RefCell<(Box<[u8]>, BytesMut)> =
        RefCell::new((vec![0; 64 * 1024].into(), BytesMut::with_capacity(64 * 1024)));
}

const SWITCHING: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: ";
