use std::any::TypeId;

use sockeye_protocol::socket::{ArgsError, EventName, RawArgs};

use crate::{
    Ack, DisconnectReason, HandlerError, Hub, NamespaceRef, SocketRef, cluster::ServerAck,
};

/// What a handler is called for, and what extractors take their values from.
#[derive(Debug)]
pub struct Call {
    whom: Whom,
    occasion: Occasion,
}

/// Whom a handler is called for.
#[derive(Debug)]
enum Whom {
    Socket(SocketRef),
    Namespace(NamespaceRef),
}

/// Why a handler is called.
#[derive(Debug)]
enum Occasion {
    Connect,
    Event {
        name: EventName,
        args: RawArgs,
        /// None when the client asked for no ack, or an extractor has taken it.
        ack: Option<Asker>,
    },
    Disconnect(DisconnectReason),
    Failure {
        /// None when the handler that failed was not one of an event.
        name: Option<EventName>,
        error: HandlerError,
    },
}

/// Who waits for an answer.
#[derive(Debug)]
enum Asker {
    Client(u64),
    Server(ServerAck),
}

impl Call {
    pub(crate) fn connect(socket: SocketRef) -> Self {
        Self {
            whom: Whom::Socket(socket),
            occasion: Occasion::Connect,
        }
    }

    pub(crate) fn event(
        socket: SocketRef,
        name: EventName,
        args: RawArgs,
        ack: Option<u64>,
    ) -> Self {
        Self {
            whom: Whom::Socket(socket),
            occasion: Occasion::Event {
                name,
                args,
                ack: ack.map(Asker::Client),
            },
        }
    }

    pub(crate) fn server_event(
        namespace: NamespaceRef,
        name: EventName,
        args: RawArgs,
        ack: Option<ServerAck>,
    ) -> Self {
        Self {
            whom: Whom::Namespace(namespace),
            occasion: Occasion::Event {
                name,
                args,
                ack: ack.map(Asker::Server),
            },
        }
    }

    pub(crate) fn disconnect(socket: SocketRef, reason: DisconnectReason) -> Self {
        Self {
            whom: Whom::Socket(socket),
            occasion: Occasion::Disconnect(reason),
        }
    }

    pub(crate) fn failure(socket: SocketRef, name: Option<EventName>, error: HandlerError) -> Self {
        Self {
            whom: Whom::Socket(socket),
            occasion: Occasion::Failure { name, error },
        }
    }

    /// Returns the socket that the handler is called for; there is none for a server event.
    #[must_use]
    pub fn socket(&self) -> Option<&SocketRef> {
        match &self.whom {
            Whom::Socket(socket) => Some(socket),
            Whom::Namespace(_) => None,
        }
    }

    /// Returns the namespace that the handler belongs to.
    #[must_use]
    pub fn namespace(&self) -> &NamespaceRef {
        match &self.whom {
            Whom::Socket(socket) => socket.namespace(),
            Whom::Namespace(namespace) => namespace,
        }
    }

    /// Returns the hub.
    #[must_use]
    pub fn hub(&self) -> &Hub {
        self.namespace().hub()
    }

    /// Returns the socket, or the error of an extractor that wants one.
    pub(super) fn expect_socket(&self) -> Result<&SocketRef, ExtractError> {
        self.socket().ok_or(ExtractError::Missing("socket"))
    }

    /// Returns the event's name, if the handler is called for an event or its failure.
    #[must_use]
    pub fn name(&self) -> Option<&EventName> {
        match &self.occasion {
            Occasion::Event { name, .. } => Some(name),
            Occasion::Failure { name, .. } => name.as_ref(),
            _ => None,
        }
    }

    /// Returns the event's arguments, if the handler is called for an event.
    #[must_use]
    pub fn args(&self) -> Option<&RawArgs> {
        match &self.occasion {
            Occasion::Event { args, .. } => Some(args),
            _ => None,
        }
    }

    /// Returns why the socket disconnected, if the handler is called for that.
    #[must_use]
    pub fn reason(&self) -> Option<DisconnectReason> {
        match self.occasion {
            Occasion::Disconnect(reason) => Some(reason),
            _ => None,
        }
    }

    /// Returns what went wrong, if the handler is called for that.
    #[must_use]
    pub fn error(&self) -> Option<&HandlerError> {
        match &self.occasion {
            Occasion::Failure { error, .. } => Some(error),
            _ => None,
        }
    }

    /// Takes the ack that was asked for, if one was and nobody has taken it before.
    pub fn take_ack(&mut self) -> Option<Ack> {
        let Occasion::Event { ack, .. } = &mut self.occasion else {
            return None;
        };
        match ack.take()? {
            Asker::Client(id) => Some(Ack::to_client(self.socket()?.clone(), id)),
            Asker::Server(ack) => Some(Ack::to_server(ack)),
        }
    }
}

/// A type that a handler can have as an argument.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an extractor",
    label = "a handler can't have this as an argument",
    note = "extractors are `SocketRef`, `Args<T>`, `RawArgs`, `AuthPayload<T>`, `Ack`, `State<T>`, `EventName`, `Identity`, `Option<Identity>`, `DisconnectReason` `NamespaceRef` and `Hub`"
)]
pub trait FromCall: Sized {
    /// Returns what the hub must have for this; nothing by default. Checked when it is built.
    #[must_use]
    fn needs() -> Option<Need> {
        None
    }

    /// Takes the value from the call.
    ///
    /// # Errors
    ///
    /// When the call has no such value; the handler is not called then.
    fn from_call(call: &mut Call) -> Result<Self, ExtractError>;
}

/// What an extractor needs its hub or namespace to have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Need {
    /// A shared value of that type, with the type's name.
    State(TypeId, &'static str),
    /// Authentication, and a socket that has it.
    Auth,
    /// A socket, which handlers of server events are not called for.
    Socket,
    /// The arguments of an event.
    Args,
    /// The name of an event.
    EventName,
    /// The reason of a disconnection.
    DisconnectReason,
    /// What went wrong.
    HandlerError,
}

/// What a handler is registered for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Setting {
    Connection,
    Event,
    Disconnection,
    Failure,
    ServerEvent,
}

impl Setting {
    /// Returns whether a handler of this kind can be called with what an extractor needs.
    pub(crate) fn meets(self, need: Need) -> bool {
        match need {
            Need::State(..) | Need::Auth => true,
            Need::Socket => self != Self::ServerEvent,
            Need::Args => matches!(self, Self::Event | Self::ServerEvent),
            Need::EventName => matches!(self, Self::Event | Self::ServerEvent | Self::Failure),
            Need::DisconnectReason => self == Self::Disconnection,
            Need::HandlerError => self == Self::Failure,
        }
    }

    /// Returns what handlers of this kind are called for, in words.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "a connection",
            Self::Event => "an event",
            Self::Disconnection => "a disconnection",
            Self::Failure => "an error",
            Self::ServerEvent => "an event of another server",
        }
    }
}

impl Need {
    /// Returns what is needed, in words.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::State(_, name) => name,
            Self::Auth => "an identity",
            Self::Socket => "a socket",
            Self::Args => "the arguments of an event",
            Self::EventName => "the name of an event",
            Self::DisconnectReason => "the reason of a disconnection",
            Self::HandlerError => "an error",
        }
    }
}

/// Why a handler was not called.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractError {
    /// The client's arguments are not what the handler wants; the client's mistake.
    #[error("{0}")]
    Args(#[from] ArgsError),
    /// The client's handshake payload is not what the handler wants; the client's mistake.
    ///
    /// Only the place is shown: serde's text quotes the value, which may be a token.
    #[error("handshake payload doesn't fit at column {}", .0.column())]
    AuthPayload(serde_json::Error),
    /// The handler asks for something that this occasion doesn't have; the server's mistake.
    #[error("there is no {0} here")]
    Missing(&'static str),
}

impl ExtractError {
    /// Returns whether the client is to blame.
    #[must_use]
    pub fn is_clients_fault(&self) -> bool {
        !matches!(self, Self::Missing(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_another_type_than_expected_is_not_shown() {
        let error = serde_json::from_str::<u64>("\"secret\"").unwrap_err();
        assert!(error.to_string().contains("secret"));

        let shown = ExtractError::AuthPayload(error).to_string();

        assert!(!shown.contains("secret"), "{shown}");
    }
}
