use std::fmt;

/// Why a session is no longer open.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CloseReason {
    /// The peer closed the transport, or sent a `close` packet.
    TransportClose,
    /// The peer broke the rules of the transport, or the transport failed.
    TransportError(TransportFault),
    /// A ping was not answered in time.
    PingTimeout,
    /// The peer sent something that is no engine packet.
    ParseError,
    /// The application closed the session.
    ForcedClose,
    /// The peer read too slowly for what was sent to it.
    SlowConsumer,
    /// The server is stopping.
    ServerShutdown,
}

impl CloseReason {
    /// Returns the reason in the words that Engine.IO servers use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TransportClose => "transport close",
            Self::TransportError(_) => "transport error",
            Self::PingTimeout => "ping timeout",
            Self::ParseError => "parse error",
            Self::ForcedClose => "forced close",
            Self::SlowConsumer => "slow consumer",
            Self::ServerShutdown => "server shutting down",
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What went wrong with a transport.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum TransportFault {
    /// A GET came while another was waiting.
    OverlappingPoll,
    /// A POST came while the body of another was being read.
    OverlappingPost,
    /// The peer dropped a waiting GET or an unfinished POST.
    PrematureClose,
    /// A POST brought more packets than a payload may hold.
    TooManyPackets,
    /// A message was larger than the limit.
    PayloadTooBig,
    /// The content has a type or an encoding that the transport can't carry.
    InvalidContent,
    /// The body of a POST took too long.
    BodyTimeout,
    /// The peer sent a ping, which only a server does since revision 4.
    BadHeartbeatDirection,
    /// The peer broke the WebSocket protocol; the close code says how (RFC 6455 §7.4.1).
    Protocol(u16),
    /// Reading from or writing to the stream failed.
    Io,
}

impl TransportFault {
    /// Returns the fault in words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OverlappingPoll => "overlap from client",
            Self::OverlappingPost => "data request overlap from client",
            Self::PrematureClose => "connection closed prematurely",
            Self::TooManyPackets => "too many packets in one payload",
            Self::PayloadTooBig => "max payload size exceeded",
            Self::InvalidContent => "invalid content",
            Self::BodyTimeout => "request body took too long",
            Self::BadHeartbeatDirection => "invalid heartbeat direction",
            Self::Protocol(_) => "websocket protocol violation",
            Self::Io => "stream failed",
        }
    }
}

impl fmt::Display for TransportFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
