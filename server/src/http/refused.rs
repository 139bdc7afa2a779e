use actix_web::http::Method;
use sockeye_protocol::engine::{ErrorCode, Transport};

use super::{Forbidden, admit::is_of_address};
use crate::Limit;

/// Why a request to the engine was refused, in more detail than the client is told.
///
/// The values are the client's: short, but not to be trusted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The `transport` parameter is missing, unknown or not enabled.
    #[error("transport {transport:?} unknown")]
    TransportUnknown {
        /// The parameter's value.
        transport: Option<String>,
    },
    /// No session has this identifier, or it has ended.
    #[error("session {sid:?} unknown")]
    UnknownSid {
        /// The identifier as the client wrote it.
        sid: String,
    },
    /// A session can't be opened with this method.
    #[error("no handshake with {method}")]
    BadHandshakeMethod {
        /// The request's method.
        method: Method,
    },
    /// A plain request asked for a WebSocket session, or an upgrade for a polling one.
    #[error("handshake over another transport than it asks for")]
    TransportHandshake,
    /// The request is none of the session's transport, as a poll after an upgrade.
    #[error("{requested} request to a session on another transport")]
    TransportMismatch {
        /// The transport that the request uses.
        requested: Transport,
    },
    /// The WebSocket handshake itself is not one (RFC 6455 §4.2.1).
    #[error("invalid WebSocket handshake")]
    WebSocketHandshake,
    /// An engine middleware refused.
    #[error("refused by a middleware")]
    Middleware,
    /// The `Origin` is not one of the allowed.
    #[error("origin not allowed")]
    Origin,
    /// The application refused the handshake.
    #[error("forbidden: {}", .0.message())]
    Forbidden(Forbidden),
    /// There are too many sessions, or handshakes.
    #[error("over the limit of {0}")]
    Limit(Limit),
    /// The application made no identifier for the session, or one that is in use.
    #[error("no identifier for the session")]
    IdGeneration,
    /// The `EIO` parameter is not `4`.
    #[error("revision {eio:?} not supported")]
    UnsupportedProtocolVersion {
        /// The parameter's value.
        eio: Option<String>,
    },
}

impl ConnectionError {
    /// Returns the code that the client is told.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::TransportUnknown { .. } => ErrorCode::TransportUnknown,
            Self::UnknownSid { .. } => ErrorCode::UnknownSid,
            Self::BadHandshakeMethod { .. } => ErrorCode::BadHandshakeMethod,
            Self::TransportHandshake
            | Self::TransportMismatch { .. }
            | Self::WebSocketHandshake
            | Self::Middleware
            | Self::IdGeneration => ErrorCode::BadRequest,
            Self::Origin | Self::Forbidden(_) => ErrorCode::Forbidden,
            Self::UnsupportedProtocolVersion { .. } => ErrorCode::UnsupportedProtocolVersion,
            Self::Limit(limit) if is_of_address(*limit) => ErrorCode::TooManyRequests,
            Self::Limit(_) => ErrorCode::Overloaded,
        }
    }

    /// Returns the message that the client is told.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::Forbidden(forbidden) => forbidden.message(),
            _ => self.code().message(),
        }
    }
}
