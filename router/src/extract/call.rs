use std::any::TypeId;

use sockeye_protocol::socket::{ArgsError, EventName, RawArgs};

use crate::{Ack, DisconnectReason, HandlerError, SocketRef};

/// What a handler is called for, and what extractors take their values from.
#[derive(Debug)]
pub struct Call {
    socket: SocketRef,
    occasion: Occasion,
}

/// Why a handler is called.
#[derive(Debug)]
enum Occasion {
    Connect,
    Event {
        name: EventName,
        args: RawArgs,
        /// None when the client asked for no ack, or an extractor has taken it.
        ack: Option<u64>,
    },
    Disconnect(DisconnectReason),
    Failure {
        /// None when the handler that failed was not one of an event.
        name: Option<EventName>,
        error: HandlerError,
    },
}

impl Call {
    pub(crate) fn connect(socket: SocketRef) -> Self {
        Self {
            socket,
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
            socket,
            occasion: Occasion::Event { name, args, ack },
        }
    }

    pub(crate) fn disconnect(socket: SocketRef, reason: DisconnectReason) -> Self {
        Self {
            socket,
            occasion: Occasion::Disconnect(reason),
        }
    }

    pub(crate) fn failure(socket: SocketRef, name: Option<EventName>, error: HandlerError) -> Self {
        Self {
            socket,
            occasion: Occasion::Failure { name, error },
        }
    }

    /// Returns the socket that the handler is called for.
    #[must_use]
    pub fn socket(&self) -> &SocketRef {
        &self.socket
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

    /// Takes the ack that the client asked for, if it did and nobody has taken it before.
    pub fn take_ack(&mut self) -> Option<Ack> {
        match &mut self.occasion {
            Occasion::Event { ack, .. } => {
                let id = ack.take()?;
                Some(Ack::new(self.socket.clone(), Some(id)))
            }
            _ => None,
        }
    }
}

/// A type that a handler can have as an argument.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an extractor",
    label = "a handler can't have this as an argument",
    note = "extractors are `SocketRef`, `Args<T>`, `RawArgs`, `AuthPayload<T>`, `Ack`, `State<T>`, `EventName`, `Identity`, `Option<Identity>`, `DisconnectReason` and `Hub`"
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
    /// Authentication.
    Auth,
}

/// Why a handler was not called.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractError {
    /// The client's arguments are not what the handler wants; the client's mistake.
    #[error("arguments: {0}")]
    Args(#[from] ArgsError),
    /// The client's handshake payload is not what the handler wants; the client's mistake.
    #[error("handshake payload: {0}")]
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
