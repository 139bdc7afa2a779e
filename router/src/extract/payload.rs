use serde::de::DeserializeOwned;

use super::{Call, ExtractError, FromCall, Need};

/// What the client passed as `auth` when it connected, read into `T`.
///
/// A client that passed nothing counts as having passed `{}`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct AuthPayload<T>(pub T);

impl<T: DeserializeOwned> FromCall for AuthPayload<T> {
    fn needs() -> Option<Need> {
        Some(Need::Socket)
    }

    fn from_call(call: &mut Call) -> Result<Self, ExtractError> {
        let payload = call.expect_socket()?.auth_payload();
        let value = serde_json::from_str(&payload).map_err(ExtractError::AuthPayload)?;
        Ok(Self(value))
    }
}
