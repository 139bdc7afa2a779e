use sockeye_protocol::socket::{EventName, RawArgs};

use super::{Call, ExtractError, FromCall, Need};

/// An event as it is on its way to its handlers.
///
/// A middleware of events that returns one lets that event pass in place of the client's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// The name, by which the handlers are found.
    pub name: EventName,
    /// The arguments.
    pub args: RawArgs,
}

impl FromCall for Event {
    fn needs() -> Option<Need> {
        Some(Need::Args)
    }

    fn from_call(call: &mut Call) -> Result<Self, ExtractError> {
        match (call.name(), call.args()) {
            (Some(name), Some(args)) => Ok(Self {
                name: name.clone(),
                args: args.clone(),
            }),
            _ => Err(ExtractError::Missing("event")),
        }
    }
}
