use bytes::Bytes;

use crate::{
    Message,
    engine::{CloseReason, TransportFault},
};

/// What came from the network to a session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Input {
    /// A GET came and waits for its answer.
    PollOpened,
    /// The connection of the waiting GET is gone.
    PollAborted,
    /// A POST came whose body is yet to be read.
    PostStarted,
    /// The whole body of the POST was read. Packets of a body that holds something else than
    /// packets are not delivered: all or nothing.
    PostReceived(Bytes),
    /// The body of the POST can't be had.
    PostRejected(PostFault),
    /// A WebSocket was opened for the session, which began over polling.
    WebSocketOpened {
        /// Its client can't take binary frames (the `b64` query parameter).
        text_only: bool,
    },
    /// A message came on the session's WebSocket: an engine packet if text, and binary data
    /// if not. Never one of a WebSocket that was refused or closed.
    WebSocketMessage(Message),
    /// The session's WebSocket ended: by the peer's wish, or for a fault.
    WebSocketClosed(Option<WebSocketFault>),
}

/// Why the body of a POST can't be had.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PostFault {
    /// Its content type or encoding is refused (`application/octet-stream` is none of
    /// revision 4). Closes the session.
    InvalidContent,
    /// It is larger than the limit. The session goes on.
    PayloadTooBig,
    /// It took too long. Closes the session.
    Timeout,
    /// Its connection is gone. Closes the session.
    Aborted,
}

/// Why a WebSocket ended if not by the peer's wish.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WebSocketFault {
    /// The peer broke the WebSocket protocol; this is the close code that says how (RFC 6455
    /// §7.4.1).
    Protocol(u16),
    /// Reading or writing failed.
    Io,
}

impl WebSocketFault {
    pub(super) fn close_code(self) -> Option<u16> {
        match self {
            Self::Protocol(code) => Some(code),
            Self::Io => None,
        }
    }

    pub(super) fn transport_fault(self) -> TransportFault {
        match self {
            Self::Protocol(1007) => TransportFault::InvalidContent,
            Self::Protocol(1009) => TransportFault::PayloadTooBig,
            Self::Protocol(code) => TransportFault::Protocol(code),
            Self::Io => TransportFault::Io,
        }
    }
}

/// What a session wants written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Transmit {
    /// The body of the answer to the one waiting GET.
    PollResponse {
        /// The payload.
        body: Bytes,
        /// Whether any of its packets [may be compressed](crate::Prepared::is_compressible).
        compressible: bool,
    },
    /// Bytes for the session's WebSocket: one or more frames, or a part of one that the next
    /// values complete.
    Frame(Bytes),
    /// A close frame with this code, or an empty one. The WebSocket is the session's no
    /// longer: exactly one of these comes for each that the session had. If the stream ended
    /// by itself there is nothing to write.
    WebSocketClose(Option<u16>),
}

/// What the application should know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// A message came; text is without its leading `4`.
    Message(Message),
    /// The session moved from polling to WebSocket.
    Upgraded,
    /// The session is no longer open; the last event, and exactly one.
    Closed(CloseReason),
}
