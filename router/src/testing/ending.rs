use std::fmt;

use crate::DisconnectReason;

/// How a [`TestClient`](super::TestClient) came to be disconnected, as it sees it itself.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Ending {
    /// The server sent it away from the namespace: `io server disconnect`.
    ByServer,
    /// It left: `io client disconnect`.
    ByClient,
    /// The connection ended: `transport close`, for a reason that only the server knows.
    Closed(DisconnectReason),
}

impl Ending {
    /// Returns the text that `socket.io-client` gives to `disconnect` listeners.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ByServer => "io server disconnect",
            Self::ByClient => "io client disconnect",
            Self::Closed(_) => "transport close",
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())?;
        match self {
            Self::Closed(reason) => write!(f, " ({reason})"),
            Self::ByServer | Self::ByClient => Ok(()),
        }
    }
}
