use std::any::type_name;

use super::{Call, ExtractError, FromCall, Need};

/// A value that was put into the handshake with
/// [`Handshake::with_extension`](crate::Handshake::with_extension).
///
/// A handler whose value is missing is not called; an `Option` takes that as `None`.
#[derive(Clone, Copy, Debug)]
pub struct HandshakeExtension<T>(pub T);

impl<T: Clone + Send + Sync + 'static> FromCall for HandshakeExtension<T> {
    fn needs() -> Option<Need> {
        Some(Need::Socket)
    }

    fn from_call(call: &mut Call) -> Result<Self, ExtractError> {
        let handshake = call.expect_socket()?.handshake();
        let value = handshake.extension::<T>().cloned();
        value
            .map(Self)
            .ok_or_else(|| ExtractError::Missing(type_name::<T>()))
    }
}

impl<T: Clone + Send + Sync + 'static> FromCall for Option<HandshakeExtension<T>> {
    fn needs() -> Option<Need> {
        Some(Need::Socket)
    }

    fn from_call(call: &mut Call) -> Result<Self, ExtractError> {
        Ok(HandshakeExtension::from_call(call).ok())
    }
}
