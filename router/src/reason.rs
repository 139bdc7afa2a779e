use std::fmt;

use serde::{Serialize, Serializer};

/// Why a socket is no longer connected.
///
/// The texts are those that `disconnect` listeners of the reference server get.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The client closed the transport, or the network did.
    TransportClose,
    /// The transport failed, or the client broke one of its rules.
    TransportError,
    /// No pong came within the ping timeout.
    PingTimeout,
    /// The client sent something that is not an Engine.IO packet.
    ParseError,
    /// The server closed the connection, for example as the client broke the Socket.IO protocol.
    ForcedClose,
    /// The client's outgoing queue passed its bound because the client didn't read.
    SlowConsumer,
    /// The client sent more than its [`EventRate`](crate::EventRate) allows, for too long.
    TooManyEvents,
    /// The server is shutting down.
    ServerShuttingDown,
    /// The client left the namespace.
    ClientNamespaceDisconnect,
    /// The server disconnected the socket.
    ServerNamespaceDisconnect,
}

impl DisconnectReason {
    /// Returns the text that other Socket.IO servers use for this reason.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::PingTimeout => "ping timeout",
            Self::ParseError => "parse error",
            Self::ForcedClose => "forced close",
            Self::SlowConsumer => "slow consumer",
            Self::TooManyEvents => "too many events",
            Self::ServerShuttingDown => "server shutting down",
            Self::ClientNamespaceDisconnect => "client namespace disconnect",
            Self::ServerNamespaceDisconnect => "server namespace disconnect",
        }
    }
}

impl DisconnectReason {
    /// Returns whether the client may come back to its session: it was broken off, not ended.
    pub(crate) fn is_recoverable(self) -> bool {
        match self {
            Self::TransportClose
            | Self::TransportError
            | Self::PingTimeout
            | Self::ForcedClose
            | Self::SlowConsumer
            | Self::ServerShuttingDown => true,
            Self::ParseError
            | Self::TooManyEvents
            | Self::ClientNamespaceDisconnect
            | Self::ServerNamespaceDisconnect => false,
        }
    }
}

/// As its text.
impl Serialize for DisconnectReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
