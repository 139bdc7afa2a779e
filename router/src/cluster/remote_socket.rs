use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sockeye_protocol::{Sid, socket::RawArgs};

use super::SocketRecord;
use crate::{
    AckError, BroadcastAck, BroadcastOperator, Completion, EmitError, Handshake, IntoRooms,
    NamespaceRef, RoomName, SocketRef,
};

/// A socket of this node or of another, as [`BroadcastOperator::fetch_sockets`] has found it.
///
/// What is done to it goes through the room of its own id, wherever it is. What it tells of a
/// socket of another node is how that was when it was found.
#[derive(Clone)]
pub struct RemoteSocket(Place);

#[derive(Clone)]
enum Place {
    Here(SocketRef),
    Elsewhere(NamespaceRef, Arc<SocketRecord>),
}

impl RemoteSocket {
    pub(super) fn here(socket: SocketRef) -> Self {
        Self(Place::Here(socket))
    }

    pub(super) fn elsewhere(namespace: NamespaceRef, record: SocketRecord) -> Self {
        Self(Place::Elsewhere(namespace, Arc::new(record)))
    }

    /// Returns whether the socket is one of this node.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.socket().is_some()
    }

    /// Returns the socket itself, if it is one of this node.
    #[must_use]
    pub fn socket(&self) -> Option<&SocketRef> {
        match &self.0 {
            Place::Here(socket) => Some(socket),
            Place::Elsewhere(..) => None,
        }
    }

    /// Returns the namespace that the socket is in.
    #[must_use]
    pub fn namespace(&self) -> &NamespaceRef {
        match &self.0 {
            Place::Here(socket) => socket.namespace(),
            Place::Elsewhere(namespace, _) => namespace,
        }
    }

    /// Returns the socket's id.
    #[must_use]
    pub fn id(&self) -> Sid {
        match &self.0 {
            Place::Here(socket) => socket.id(),
            Place::Elsewhere(_, record) => record.id,
        }
    }

    /// Returns the handshake of the connection.
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        match &self.0 {
            Place::Here(socket) => socket.handshake(),
            Place::Elsewhere(_, record) => &record.handshake,
        }
    }

    /// Returns what the client passed as `auth`: the text of a JSON object.
    #[must_use]
    pub fn auth_payload(&self) -> Arc<str> {
        match &self.0 {
            Place::Here(socket) => socket.auth_payload(),
            Place::Elsewhere(_, record) => record.auth_payload.clone(),
        }
    }

    /// Returns the rooms that the socket is in, its own not counted.
    #[must_use]
    pub fn rooms(&self) -> Vec<RoomName> {
        match &self.0 {
            Place::Here(socket) => socket.rooms(),
            Place::Elsewhere(_, record) => record.rooms.clone(),
        }
    }

    /// Returns the socket's attributes; see [`SocketRef::set_attribute`].
    #[must_use]
    pub fn attributes(&self) -> Map<String, Value> {
        match &self.0 {
            Place::Here(socket) => socket.attributes(),
            Place::Elsewhere(_, record) => record.attributes.clone(),
        }
    }

    /// Returns an attribute, if it is there and fits the type.
    #[must_use]
    pub fn attribute<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        match &self.0 {
            Place::Here(socket) => socket.attribute(key),
            Place::Elsewhere(_, record) => T::deserialize(record.attributes.get(key)?).ok(),
        }
    }

    /// Emits an event: a tuple is the list of arguments, anything else is one argument.
    ///
    /// # Errors
    ///
    /// As [`BroadcastOperator::emit`].
    pub fn emit<T: Serialize + ?Sized>(&self, event: &str, args: &T) -> Result<(), EmitError> {
        self.room().emit(event, args)
    }

    /// Emits an event with arguments as they were received, attachments included.
    ///
    /// # Errors
    ///
    /// As [`BroadcastOperator::emit`].
    pub fn emit_raw(&self, event: &str, args: &RawArgs) -> Result<(), EmitError> {
        self.room().emit_raw(event, args)
    }

    /// Emits an event and, when awaited, waits for the client's answer, as
    /// [`SocketRef::emit_with_ack`]. Nodes of other kinds pass on its first argument only.
    pub fn emit_with_ack<A, T>(&self, event: &str, args: &A) -> RemoteAck<T>
    where
        A: Serialize + ?Sized,
        T: DeserializeOwned + Send + 'static,
    {
        RemoteAck(self.room().emit_with_ack(event, args))
    }

    /// Makes the socket join rooms.
    ///
    /// The completion of what is done to a socket of another node only says that the node was told.
    pub fn join(&self, rooms: impl IntoRooms) -> Completion {
        self.room().join(rooms)
    }

    /// Makes the socket leave rooms.
    pub fn leave(&self, rooms: impl IntoRooms) -> Completion {
        self.room().leave(rooms)
    }

    /// Disconnects the socket; with `close`, its connection too.
    pub fn disconnect(&self, close: bool) -> Completion {
        self.room().disconnect(close)
    }

    fn room(&self) -> BroadcastOperator {
        let room = self.namespace().to(self.id());
        if self.is_local() { room.local() } else { room }
    }
}

/// Headers and `auth` may be secrets, so they don't show.
impl fmt::Debug for RemoteSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteSocket")
            .field("id", &self.id().as_str())
            .field("local", &self.is_local())
            .finish_non_exhaustive()
    }
}

/// An event that was emitted to a socket of some node and waits for the client's answer.
///
/// Dropping it gives the answer up.
#[derive(Debug)]
#[must_use = "the answer is given up when this is dropped"]
pub struct RemoteAck<T>(BroadcastAck<T>);

impl<T: Send + 'static> RemoteAck<T> {
    /// Sets how long the answer is waited for.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self(self.0.timeout(timeout))
    }
}

impl<T: Send + 'static> IntoFuture for RemoteAck<T> {
    type Output = Result<T, AckError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let report = self.0.await?;
            if let Some(reply) = report.replies.into_iter().next() {
                return Ok(reply.value);
            }
            let timed_out = report.unheard > 0 || report.silent > 0;
            let missing = report.missing.into_iter().next();
            Err(match missing {
                Some(missing) => missing.error,
                None if timed_out => AckError::Timeout,
                // No node has it.
                None => EmitError::Closed.into(),
            })
        })
    }
}
