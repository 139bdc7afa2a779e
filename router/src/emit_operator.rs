use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};
use sockeye_protocol::socket::RawArgs;

use crate::{EmitError, EmitWithAck, SocketRef, outgoing::Outgoing, socket::Operation};

/// Chooses how an event is emitted to one socket.
///
/// Every method returns an operator, so choices can be combined, and one can be kept and used
/// again. Get one from [`SocketRef::volatile`], [`SocketRef::compress`] or [`SocketRef::timeout`].
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until `emit`"]
pub struct EmitOperator {
    socket: SocketRef,
    volatile: bool,
    compress: bool,
    timeout: Option<Duration>,
}

impl EmitOperator {
    pub(crate) fn new(socket: SocketRef) -> Self {
        Self {
            socket,
            volatile: false,
            compress: true,
            timeout: None,
        }
    }

    /// Lets the packet be dropped when the transport can't take it at once.
    ///
    /// On polling that is when no poll is waiting; on WebSocket, when earlier packets still wait.
    /// An event with ack is never dropped: somebody waits for its answer.
    pub fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }

    /// Sets whether the packet is worth compressing, where its transport compresses at all; it is
    /// by default.
    pub fn compress(mut self, compress: bool) -> Self {
        self.compress = compress;
        self
    }

    /// Sets how long the answer is waited for, instead of
    /// [`RouterConfig::with_ack_timeout`](crate::RouterConfig::with_ack_timeout).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Emits an event, as [`SocketRef::emit`].
    ///
    /// # Errors
    ///
    /// As [`SocketRef::emit`]; a volatile event that is dropped is no error.
    pub fn emit<T: Serialize + ?Sized>(&self, event: &str, args: &T) -> Result<(), EmitError> {
        self.send(Outgoing::event(self.socket.inner(), None, event, args)?)
    }

    /// Emits an event with arguments as they were received, attachments included.
    ///
    /// # Errors
    ///
    /// As [`EmitOperator::emit`].
    pub fn emit_raw(&self, event: &str, args: &RawArgs) -> Result<(), EmitError> {
        self.send(Outgoing::event_raw(self.socket.inner(), None, event, args)?)
    }

    /// Emits an event and, when awaited, waits for the client's answer, as
    /// [`SocketRef::emit_with_ack`].
    pub fn emit_with_ack<A, T>(&self, event: &str, args: &A) -> EmitWithAck<T>
    where
        A: Serialize + ?Sized,
        T: DeserializeOwned + 'static,
    {
        let namespace = self.socket.inner();
        let id = namespace.next_ack_id();
        let encoded = Outgoing::event(namespace, Some(id), event, args);
        self.wait(id, encoded, |args| args.decode())
    }

    /// Emits an event with arguments as they were received and, when awaited, waits for the
    /// client's answer as it is.
    pub fn emit_with_ack_raw(&self, event: &str, args: &RawArgs) -> EmitWithAck<RawArgs> {
        let namespace = self.socket.inner();
        let id = namespace.next_ack_id();
        let encoded = Outgoing::event_raw(namespace, Some(id), event, args);
        self.wait(id, encoded, Ok)
    }

    fn send(&self, outgoing: Outgoing) -> Result<(), EmitError> {
        let outgoing = outgoing.with_compression(self.compress);
        if !self.volatile {
            return self.socket.send(outgoing);
        }
        if let Some(recoverer) = self.socket.inner().recovery_of(&outgoing) {
            // Nobody is told what becomes of a volatile event.
            let _ = recoverer.emit_to(&self.socket, &outgoing, true);
            return Ok(());
        }
        self.socket.perform(Operation::Emit {
            outgoing,
            volatile: true,
        });
        Ok(())
    }

    fn wait<T: 'static>(
        &self,
        id: u64,
        encoded: Result<Outgoing, EmitError>,
        read: fn(RawArgs) -> Result<T, sockeye_protocol::socket::ArgsError>,
    ) -> EmitWithAck<T> {
        let encoded = encoded.map(|outgoing| (id, outgoing.with_compression(self.compress)));
        EmitWithAck::new(self.socket.clone(), self.timeout, encoded, read)
    }
}
