use std::fmt;

use serde_json::Value;

/// A "no" that the client is told.
///
/// From a middleware of connections it is what the client's `connect_error` listener gets. As the
/// error of a handler or of a middleware of events it is the answer to the event's ack,
/// `{"error": message, "data": data}`; other errors are not shown to clients.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    message: String,
    data: Option<Value>,
}

impl Refusal {
    /// Creates a refusal whose `message` the client sees.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            data: None,
        }
    }

    /// Adds `data`, which the client finds in `error.data`.
    #[must_use]
    pub fn with_data(mut self, data: impl Into<Value>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// Returns the message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the data, if any.
    #[must_use]
    pub fn data(&self) -> Option<&Value> {
        self.data.as_ref()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

impl From<&str> for Refusal {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

impl From<String> for Refusal {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}
