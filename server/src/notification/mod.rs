//! Events that go out once the request that they are about has succeeded.

mod attach;
mod emit_on_success;

use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use sockeye_protocol::socket::EncodeError;
use sockeye_router::{EmitError, IntoRooms, RawArgs, RoomName};

use crate::SocketIo;

pub use self::{
    attach::{Notified, Notify},
    emit_on_success::{EmitOnSuccess, Emitting},
};

/// An event for many sockets: its arguments are encoded already, its audience is chosen.
///
/// Attached to a handler's response by [`Notify::notify`], it goes out when the handler has
/// succeeded, by [`EmitOnSuccess`].
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until it is attached to a response, or emitted"]
pub struct Notification {
    namespace: String,
    event: String,
    args: RawArgs,
    /// None means everyone, which an empty list doesn't.
    rooms: Option<Vec<RoomName>>,
}

impl Notification {
    /// Creates an event for every socket of the namespace `/`: a tuple is the list of arguments,
    /// anything else is one argument.
    ///
    /// # Errors
    ///
    /// When the arguments can't be encoded. In an actix-web handler, `?` makes that a 500.
    pub fn new<T: Serialize + ?Sized>(
        event: impl Into<String>,
        args: &T,
    ) -> Result<Self, NotificationError> {
        Ok(Self {
            namespace: "/".to_owned(),
            event: event.into(),
            args: RawArgs::encode(args)?,
            rooms: None,
        })
    }

    /// Narrows the audience to the members of these rooms, added to those of an earlier call: a
    /// socket in several gets one copy. No room at all is nobody.
    pub fn to(mut self, rooms: impl IntoRooms) -> Self {
        let chosen = self.rooms.get_or_insert_default();
        chosen.extend(rooms.into_rooms());
        self
    }

    /// Chooses another namespace than `/`.
    pub fn of(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    fn event(&self) -> &str {
        &self.event
    }

    /// The bytes of its arguments and of their attachments.
    fn args_len(&self) -> usize {
        self.args.byte_len()
    }

    /// Emits it now, and returns for how many sockets it was once it is queued for all of them: what
    /// is emitted after that arrives after it, from wherever.
    ///
    /// # Errors
    ///
    /// When there is no such namespace, and as
    /// [`BroadcastOperator::emit`](crate::BroadcastOperator::emit).
    pub async fn emit(&self, io: &SocketIo) -> Result<usize, NotificationError> {
        let namespace = io
            .of(&self.namespace)
            .ok_or_else(|| NotificationError::NoNamespace(self.namespace.clone()))?;
        let audience = match &self.rooms {
            Some(rooms) if rooms.is_empty() => return Ok(0),
            Some(rooms) => namespace.to(rooms.clone()),
            None => namespace.broadcast(),
        };
        Ok(audience.emit_raw_counted(&self.event, &self.args)?.await?)
    }
}

/// Why a notification can't be made or emitted; the server's fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotificationError {
    /// The arguments can't be written as JSON.
    #[error("the notification's arguments can't be encoded: {0}")]
    Encode(#[from] EncodeError),
    /// There is no namespace of that name.
    #[error("there is no namespace {0:?}")]
    NoNamespace(String),
    /// It was not emitted.
    #[error(transparent)]
    Emit(#[from] EmitError),
}

/// A 500 that says nothing more: the fault is the server's, and its text for the log.
impl ResponseError for NotificationError {
    fn error_response(&self) -> HttpResponse {
        tracing::error!(error = %self, "notification not made");
        HttpResponse::InternalServerError().finish()
    }
}
