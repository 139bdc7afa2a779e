use std::{sync::Arc, time::Duration};

use sockeye_protocol::{Sid, socket::RawArgs};

use super::{NodeId, RequestId, SocketRecord};
use crate::{AckError, RoomName, Selector};

/// What one node says to others about one namespace.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClusterMessage {
    /// The node that says it.
    pub from: NodeId,
    /// The namespace's name, with its leading `/`.
    pub namespace: Arc<str>,
    /// What it says.
    pub content: Content,
}

impl ClusterMessage {
    /// Puts a message together that a transport has received.
    pub fn new(from: NodeId, namespace: impl Into<Arc<str>>, content: Content) -> Self {
        Self {
            from,
            namespace: namespace.into(),
            content,
        }
    }
}

/// The kinds of messages; in brackets the numbers that the reference server's adapters give them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Content {
    /// A node is there (1, 2).
    Heartbeat {
        /// Whether it has just come, and wants the others to say that they are there.
        first: bool,
    },
    /// A node leaves (13).
    Close,
    /// Emit an event to sockets (3).
    Broadcast {
        /// The event's name.
        event: String,
        /// Its arguments.
        args: RawArgs,
        /// To whom, and how.
        options: BroadcastOptions,
        /// Present where answers are wanted: then one [`Content::AckCount`] is due, even for no
        /// socket, and one [`Content::AckReply`] for each socket's answer.
        request: Option<RequestId>,
    },
    /// How many sockets of this node the broadcast was for (11).
    AckCount {
        /// The request.
        request: RequestId,
        /// How many.
        count: usize,
    },
    /// A socket's answer (12).
    AckReply {
        /// The request.
        request: RequestId,
        /// Whose, unless the node doesn't tell.
        socket: Option<Sid>,
        /// The answer; nodes of other kinds send its first argument only.
        args: RawArgs,
    },
    /// A socket will not answer (none: others don't say so).
    AckMissing {
        /// The request.
        request: RequestId,
        /// Which.
        socket: Sid,
        /// Why.
        reason: MissingReason,
    },
    /// Nobody waits for the answers any more (none).
    ForgetAcks {
        /// The request.
        request: RequestId,
    },
    /// Make sockets join rooms (4).
    Join {
        /// Which sockets.
        options: BroadcastOptions,
        /// The rooms.
        rooms: Vec<RoomName>,
    },
    /// Make sockets leave rooms (5).
    Leave {
        /// Which sockets.
        options: BroadcastOptions,
        /// The rooms.
        rooms: Vec<RoomName>,
    },
    /// Disconnect sockets (6).
    Disconnect {
        /// Which.
        options: BroadcastOptions,
        /// Whether their connections are closed too.
        close: bool,
    },
    /// Describe sockets (7). A [`Content::Sockets`] is due, even without any.
    FetchSockets {
        /// Which.
        options: BroadcastOptions,
        /// The request.
        request: RequestId,
    },
    /// The sockets that were asked for (8).
    Sockets {
        /// The request.
        request: RequestId,
        /// The sockets.
        sockets: Vec<SocketRecord>,
    },
    /// An event for the servers themselves (9).
    ServerEvent {
        /// The event's name.
        event: String,
        /// Its arguments.
        args: RawArgs,
        /// Present where a [`Content::ServerReply`] is wanted.
        request: Option<RequestId>,
    },
    /// A server's answer (10).
    ServerReply {
        /// The request.
        request: RequestId,
        /// The answer; nodes of other kinds send one argument.
        args: RawArgs,
    },
}

/// Why a socket of another node has not answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum MissingReason {
    /// It has disconnected.
    Disconnected,
    /// Its queue was full.
    QueueFull,
    /// Too many later acks were waited for.
    Timeout,
}

impl MissingReason {
    pub(super) fn of(error: &AckError) -> Self {
        match error {
            AckError::Emit(crate::EmitError::QueueFull) => Self::QueueFull,
            AckError::Timeout => Self::Timeout,
            _ => Self::Disconnected,
        }
    }

    pub(super) fn into_error(self) -> AckError {
        match self {
            Self::Disconnected => AckError::Disconnected,
            Self::QueueFull => crate::EmitError::QueueFull.into(),
            Self::Timeout => AckError::Timeout,
        }
    }
}

/// Which sockets are meant, and how a packet is sent to them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BroadcastOptions {
    /// The rooms whose members are meant; none for every socket.
    pub rooms: Vec<RoomName>,
    /// The rooms whose members are left out; a socket's id is a room.
    pub except: Vec<RoomName>,
    /// Whether only authenticated sockets are meant. Where no room is named they are also a room,
    /// [`AUTHENTICATED_ROOM`](crate::AUTHENTICATED_ROOM), for nodes that don't know this flag.
    pub authenticated: bool,
    /// Whether the packet may be dropped.
    pub volatile: bool,
    /// Whether the packet is worth compressing.
    pub compress: bool,
    /// How long answers are waited for.
    pub timeout: Option<Duration>,
}

impl Default for BroadcastOptions {
    fn default() -> Self {
        Self {
            rooms: Vec::new(),
            except: Vec::new(),
            authenticated: false,
            volatile: false,
            compress: true,
            timeout: None,
        }
    }
}

impl BroadcastOptions {
    /// Takes the sockets that a selector selects.
    pub(crate) fn selecting(selector: Selector) -> Self {
        let mut except = selector.except;
        except.extend(selector.sender.map(|sender| sender.as_str().into()));
        Self {
            rooms: selector.rooms,
            except,
            authenticated: selector.authenticated,
            ..Self::default()
        }
    }

    pub(crate) fn selector(&self) -> Selector {
        Selector {
            rooms: self.rooms.clone(),
            except: self.except.clone(),
            sender: None,
            authenticated: self.authenticated,
        }
    }
}
