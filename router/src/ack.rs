use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use serde::Serialize;
use sockeye_protocol::socket::{ArgsError, RawArgs, encode};
use tokio::{
    sync::oneshot,
    time::{Instant, Sleep},
};

use crate::{
    AckError, EmitError, HandlerError, SocketRef, broadcast_ack::Answer, cluster::ServerAck,
    outgoing::Outgoing, socket::Operation,
};

/// The request for an answer to an event, by the client or, for a server event, by another server.
///
/// As an extractor it takes the request out of the call. Sending consumes it, so an event is
/// answered at most once; dropping it answers nothing.
#[must_use = "the client waits for `send`"]
#[derive(Debug)]
pub struct Ack(To);

#[derive(Debug)]
enum To {
    Client {
        socket: SocketRef,
        id: u64,
    },
    Server(ServerAck),
    /// No answer was asked for.
    Nobody,
}

impl Ack {
    pub(crate) fn to_client(socket: SocketRef, id: u64) -> Self {
        Self(To::Client { socket, id })
    }

    pub(crate) fn to_server(ack: ServerAck) -> Self {
        Self(To::Server(ack))
    }

    pub(crate) fn unwanted() -> Self {
        Self(To::Nobody)
    }

    /// Returns whether an answer was asked for.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        !matches!(self.0, To::Nobody)
    }

    /// Answers: a tuple is the list of arguments, anything else is one argument.
    ///
    /// Does nothing if the client asked for no answer. The answer takes its place behind what was
    /// emitted to the socket before.
    ///
    /// # Errors
    ///
    /// When the arguments can't be encoded or the socket is gone. Where its queue is full, the answer
    /// waits for room: the client waits for it, too.
    pub fn send<T: Serialize + ?Sized>(self, args: &T) -> Result<(), EmitError> {
        match self.0 {
            To::Client { socket, id } => {
                let packet = encode::ack(socket.namespace_name(), id, args)?;
                socket.answer(packet)
            }
            To::Server(ack) => {
                ack.send(RawArgs::encode(args)?);
                Ok(())
            }
            To::Nobody => Ok(()),
        }
    }

    /// Answers with an error reply.
    pub(crate) fn fail(self, error: &HandlerError) {
        if let Err(error) = self.send(&error.reply()) {
            tracing::debug!(%error, "error reply not sent");
        }
    }

    /// Answers with arguments as they were received, attachments included.
    ///
    /// # Errors
    ///
    /// When the socket is gone.
    pub fn send_raw(self, args: &RawArgs) -> Result<(), EmitError> {
        match self.0 {
            To::Client { socket, id } => {
                let packet = encode::ack_raw(socket.namespace_name(), id, args);
                socket.answer(packet)
            }
            To::Server(ack) => {
                ack.send(args.clone());
                Ok(())
            }
            To::Nobody => Ok(()),
        }
    }
}

/// What resolves an ack that the server waits for.
#[derive(Debug)]
pub(crate) enum AckSender {
    One(oneshot::Sender<Result<RawArgs, AckError>>),
    Many(Answer),
}

impl AckSender {
    pub(crate) fn resolve(self, result: Result<RawArgs, AckError>) {
        match self {
            // Whoever waited may have stopped.
            Self::One(sender) => drop(sender.send(result)),
            Self::Many(answer) => answer.resolve(result),
        }
    }
}

/// An event that was emitted and waits for the client's answer.
///
/// The event has been sent already, in the order of the caller's calls; awaiting this waits for the
/// answer, and dropping it gives the answer up.
#[must_use = "the answer is given up when this is dropped"]
pub struct EmitWithAck<T> {
    socket: SocketRef,
    answer: Result<Pending, Option<EmitError>>,
    timeout: Duration,
    sent: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    read: fn(RawArgs) -> Result<T, ArgsError>,
}

/// An answer that is waited for.
struct Pending {
    answer: oneshot::Receiver<Result<RawArgs, AckError>>,
    _forget: ForgetAck,
}

impl<T: 'static> EmitWithAck<T> {
    pub(crate) fn new(
        socket: SocketRef,
        timeout: Option<Duration>,
        encoded: Result<(u64, Outgoing), EmitError>,
        read: fn(RawArgs) -> Result<T, ArgsError>,
    ) -> Self {
        let timeout = timeout.unwrap_or(socket.hub().0.config.ack_timeout);
        let answer = match encoded {
            Ok(_) if socket.is_closed() => Err(Some(EmitError::Closed)),
            Ok((id, outgoing)) => Ok(Self::send(&socket, id, outgoing)),
            Err(error) => Err(Some(error)),
        };
        Self {
            socket,
            answer,
            timeout,
            sent: Instant::now(),
            timer: None,
            read,
        }
    }

    /// Sets how long the answer is waited for, counted from the emit.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self.timer = None;
        self
    }

    fn send(socket: &SocketRef, id: u64, outgoing: Outgoing) -> Pending {
        let (sender, answer) = oneshot::channel();
        socket.perform(Operation::EmitWithAck {
            id,
            outgoing,
            sender: AckSender::One(sender),
        });
        let socket = socket.clone();
        Pending {
            answer,
            _forget: ForgetAck { socket, id },
        }
    }
}

impl<T: 'static> Future for EmitWithAck<T> {
    type Output = Result<T, AckError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let pending = match &mut this.answer {
            Ok(pending) => pending,
            // Polled again after its end, it has nothing more to say.
            Err(error) => {
                return Poll::Ready(Err(error.take().unwrap_or(EmitError::Closed).into()));
            }
        };
        if let Poll::Ready(answer) = Pin::new(&mut pending.answer).poll(cx) {
            let args = answer.map_err(|_| AckError::Disconnected)??;
            return Poll::Ready(Ok((this.read)(args)?));
        }
        let end = this.sent + this.timeout;
        let timer = this
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end)));
        timer.as_mut().poll(cx).map(|()| Err(AckError::Timeout))
    }
}

impl<T> fmt::Debug for EmitWithAck<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmitWithAck")
            .field("socket", &self.socket)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Takes a pending ack off its socket's table when nobody waits for it any more: it was
/// answered, it timed out, or the waiting future was dropped.
struct ForgetAck {
    socket: SocketRef,
    id: u64,
}

impl Drop for ForgetAck {
    fn drop(&mut self) {
        self.socket.perform(Operation::ForgetAck { id: self.id });
    }
}
