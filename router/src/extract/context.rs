//! Extractors that are values of the call itself.

use sockeye_protocol::socket::{EventName, RawArgs};

use super::{Call, ExtractError, FromCall, Need};
use crate::{Ack, DisconnectReason, Hub, Identity, NamespaceRef, SocketRef};

impl FromCall for SocketRef {
    fn needs() -> Option<Need> {
        Some(Need::Socket)
    }

    fn from_call(call: &mut Call) -> Result<Self, ExtractError> {
        Ok(call.expect_socket()?.clone())
    }
}

impl FromCall for NamespaceRef {
    fn from_call(call: &mut Call) -> Result<Self, ExtractError> {
        Ok(call.namespace().clone())
    }
}

impl FromCall for Hub {
    fn from_call(call: &mut Call) -> Result<Self, ExtractError> {
        Ok(call.hub().clone())
    }
}

impl FromCall for RawArgs {
    fn needs() -> Option<Need> {
        Some(Need::Args)
    }

    fn from_call(call: &mut Call) -> Result<Self, ExtractError> {
        call.args().cloned().ok_or(ExtractError::Missing("event"))
    }
}

impl FromCall for EventName {
    fn needs() -> Option<Need> {
        Some(Need::EventName)
    }

    fn from_call(call: &mut Call) -> Result<Self, ExtractError> {
        call.name().cloned().ok_or(ExtractError::Missing("event"))
    }
}

/// For error hooks, which are called for handlers of connections too.
impl FromCall for Option<EventName> {
    fn from_call(call: &mut Call) -> Result<Self, ExtractError> {
        Ok(call.name().cloned())
    }
}

/// Always there: sending does nothing when no ack was asked for.
impl FromCall for Ack {
    fn from_call(call: &mut Call) -> Result<Self, ExtractError> {
        Ok(call.take_ack().unwrap_or_else(Self::unwanted))
    }
}

impl FromCall for DisconnectReason {
    fn needs() -> Option<Need> {
        Some(Need::DisconnectReason)
    }

    fn from_call(call: &mut Call) -> Result<Self, ExtractError> {
        call.reason()
            .ok_or(ExtractError::Missing("disconnect reason"))
    }
}

impl FromCall for Identity {
    fn needs() -> Option<Need> {
        Some(Need::Auth)
    }

    fn from_call(call: &mut Call) -> Result<Self, ExtractError> {
        let identity = call.expect_socket()?.identity();
        identity.ok_or(ExtractError::Missing("identity"))
    }
}

impl FromCall for Option<Identity> {
    fn needs() -> Option<Need> {
        Some(Need::Socket)
    }

    fn from_call(call: &mut Call) -> Result<Self, ExtractError> {
        Ok(call.expect_socket()?.identity())
    }
}
