use std::{fmt, panic::Location};

use serde::{Serialize, de::DeserializeOwned};
use sockeye_protocol::socket::encode;

use super::{TestClient, TestError, TestErrorKind, packet::ShownArgs};
use crate::RawArgs;

/// An event that a [`TestClient`] has heard.
#[derive(Clone)]
pub struct Incoming {
    client: TestClient,
    name: String,
    args: RawArgs,
    id: Option<u64>,
}

impl Incoming {
    pub(super) fn new(client: TestClient, name: String, args: RawArgs, id: Option<u64>) -> Self {
        Self {
            client,
            name,
            args,
            id,
        }
    }

    /// Returns the event's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the arguments as they came.
    #[must_use]
    pub fn raw_args(&self) -> &RawArgs {
        &self.args
    }

    /// Parses the arguments: a tuple takes them one by one, any other type the first.
    ///
    /// # Errors
    ///
    /// When they don't fit the type.
    #[track_caller]
    pub fn args<T: DeserializeOwned>(&self) -> Result<T, TestError> {
        let what = format!("{:?}", self.name);
        self.client.decode(&what, &self.args, Location::caller())
    }

    /// Returns whether the server asked for an ack.
    #[must_use]
    pub fn wants_ack(&self) -> bool {
        self.id.is_some()
    }

    /// Answers: a tuple is the list of arguments, anything else is one argument.
    ///
    /// # Errors
    ///
    /// When the server asked for no ack, the arguments can't be encoded, or the client is
    /// disconnected.
    #[track_caller]
    pub fn ack<T: Serialize + ?Sized>(self, args: &T) -> Result<(), TestError> {
        let at = Location::caller();
        let Some(id) = self.id else {
            let text = format!("the server asked for no ack of {:?}", self.name);
            return Err(TestError::new(TestErrorKind::Unsendable, text, at));
        };
        let packet = encode::ack(self.client.namespace(), id, args);
        self.client.send(packet, at)
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("name", &self.name)
            .field("args", &format_args!("{}", ShownArgs(&self.args)))
            .field("wants_ack", &self.wants_ack())
            .finish_non_exhaustive()
    }
}

/// An event for which the server waits for an ack.
#[derive(Clone, Debug)]
pub struct Request<T> {
    /// The arguments.
    pub args: T,
    incoming: Incoming,
}

impl<T> Request<T> {
    pub(super) fn new(args: T, incoming: Incoming) -> Self {
        Self { args, incoming }
    }

    /// Answers: a tuple is the list of arguments, anything else is one argument.
    ///
    /// # Errors
    ///
    /// When the arguments can't be encoded, or the client is disconnected.
    #[track_caller]
    pub fn ack<A: Serialize + ?Sized>(self, args: &A) -> Result<(), TestError> {
        self.incoming.ack(args)
    }
}
