use sockeye_protocol::socket::{ArgsError, EncodeError};

use crate::{OutletError, cluster::AdapterError};

/// Why an event was not queued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmitError {
    /// The arguments can't be written as JSON; the caller's mistake.
    #[error("the arguments can't be encoded: {0}")]
    Encode(#[from] EncodeError),
    /// The event name is reserved for the protocol; the caller's mistake.
    #[error("{0:?} is a reserved event name")]
    ReservedName(String),
    /// The socket is no longer connected.
    #[error("the socket is not connected")]
    Closed,
    /// The bounded queue towards the socket, or towards its thread, is full; nothing was queued.
    #[error("the outgoing queue is full")]
    QueueFull,
    /// Other nodes may not have got it; the sockets of this one have.
    #[error(transparent)]
    Adapter(#[from] AdapterError),
}

/// Why an emit with ack has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AckError {
    /// The event was not sent.
    #[error(transparent)]
    Emit(#[from] EmitError),
    /// No answer came in time; a later one is ignored.
    #[error("operation has timed out")]
    Timeout,
    /// The socket disconnected before it answered.
    #[error("the socket has been disconnected")]
    Disconnected,
    /// The answer is not of the type that was asked for.
    #[error("the answer can't be decoded: {0}")]
    Decode(#[from] ArgsError),
}

/// Why a hub can't be built; names the setting.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Two namespaces have one name.
    #[error("namespace {0:?} is registered twice")]
    DuplicateNamespace(String),
    /// A namespace name is not `/` or `/` and a name without control characters.
    #[error("{0:?} is not a namespace name")]
    InvalidNamespace(String),
    /// The pattern of a dynamic namespace is not a regular expression.
    #[error("namespace pattern {pattern:?}: {problem}")]
    InvalidPattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A handler is registered for a name that no client may send.
    #[error(
        "namespace {namespace:?}: {event:?} is a reserved event name; `on_connect`, \
         `on_disconnecting` and `on_disconnect` are what sockets do"
    )]
    ReservedEvent {
        /// The namespace.
        namespace: String,
        /// The event.
        event: String,
    },
    /// A handler asks for a value that was not shared with the hub.
    #[error("namespace {namespace:?}: a handler wants `State<{type_name}>`, which is not set")]
    MissingState {
        /// The namespace.
        namespace: String,
        /// The name of the value's type.
        type_name: &'static str,
    },
    /// A handler of a server event asks for something that only a socket's events have.
    #[error("namespace {namespace:?}: a handler of a server event wants a socket")]
    MissingSocket {
        /// The namespace.
        namespace: String,
    },
    /// An adapter is set, and the hub is not built on an actix arbiter.
    #[error("a hub with an adapter is built on an actix arbiter")]
    NoArbiter,
    /// A handler asks for an identity in a namespace without authentication.
    #[error("namespace {namespace:?}: a handler wants an `Identity`, but there is no `auth`")]
    MissingAuth {
        /// The namespace.
        namespace: String,
    },
    /// A handler asks for something that what it is registered for doesn't have.
    #[error(
        "namespace {namespace:?}: a handler of {setting} wants {need}, which that doesn't have"
    )]
    NeverCalled {
        /// The namespace.
        namespace: String,
        /// What the handler is registered for.
        setting: &'static str,
        /// What it asks for.
        need: &'static str,
    },
    /// A setting is out of range.
    #[error("{setting}: {problem}")]
    InvalidSetting {
        /// The setting's name.
        setting: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

/// An error of any kind.
pub(crate) type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// Returns whether `event` is a name that neither side may send as an event.
pub(crate) fn is_reserved(event: &str) -> bool {
    matches!(
        event,
        "connect"
            | "connect_error"
            | "disconnect"
            | "disconnecting"
            | "newListener"
            | "removeListener"
    )
}

impl From<OutletError> for EmitError {
    fn from(error: OutletError) -> Self {
        match error {
            OutletError::Full => Self::QueueFull,
            OutletError::Closed => Self::Closed,
        }
    }
}
