use serde::de::DeserializeOwned;

use super::{Call, ExtractError, FromCall, Need};

/// The arguments of an event, read into `T` in one pass.
///
/// A tuple takes the arguments one by one: further ones are ignored, missing ones read as `null`,
/// so an `Option` allows for them. Any other type takes the first argument. Binary data is read
/// into `bytes::Bytes`. Where the arguments don't fit, the handler is not called: the client's ack,
/// if it asked for one, is `{"error": "Invalid arguments"}`, and the hooks of
/// [`Namespace::on_error`](crate::Namespace::on_error) are told. A handler that wants to see
/// everything asks for [`RawArgs`](crate::RawArgs) or `Args<serde_json::Value>`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Args<T>(pub T);

impl<T: DeserializeOwned> FromCall for Args<T> {
    fn needs() -> Option<Need> {
        Some(Need::Args)
    }

    fn from_call(call: &mut Call) -> Result<Self, ExtractError> {
        let args = call.args().ok_or(ExtractError::Missing("event"))?;
        Ok(Self(args.decode()?))
    }
}
