use std::{fmt, future::Future, sync::Arc};

use futures_util::future::LocalBoxFuture;
use sockeye_protocol::Sid;

use super::Identity;
use crate::Handshake;

/// Decides whom a token belongs to.
///
/// Implemented for async functions from [`Credentials`] to `Result<Identity, AuthError>`. It runs
/// on the socket's own thread; its time counts against the deadline, and what it finds after the
/// deadline is ignored.
pub trait Verifier: Send + Sync + 'static {
    /// Verifies one attempt.
    fn verify(
        &self,
        credentials: Credentials,
    ) -> LocalBoxFuture<'static, Result<Identity, AuthError>>;
}

impl<F, Fut> Verifier for F
where
    F: Fn(Credentials) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Identity, AuthError>> + 'static,
{
    fn verify(
        &self,
        credentials: Credentials,
    ) -> LocalBoxFuture<'static, Result<Identity, AuthError>> {
        Box::pin(self(credentials))
    }
}

/// What a client presents.
#[derive(Clone)]
pub struct Credentials {
    pub(crate) token: String,
    pub(crate) id: Option<String>,
    pub(crate) socket: Sid,
    pub(crate) namespace: String,
    pub(crate) handshake: Arc<Handshake>,
}

impl Credentials {
    /// Returns the token: an access token, or the `secretkey` of that dialect.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Returns the id that the client says the token is for, in dialects which have one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Returns the id of the socket.
    #[must_use]
    pub fn socket_id(&self) -> Sid {
        self.socket
    }

    /// Returns the namespace that the socket is in.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns the handshake of the connection.
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        &self.handshake
    }
}

/// The token is a secret, so it is not shown.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("socket", &self.socket)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

/// Why a client is not authenticated.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AuthError {
    /// The token is missing, wrong or expired, or none came in time; the client's fault.
    #[error("bad token")]
    Unauthorized,
    /// The token is good but its bearer is not allowed in; the client's fault.
    #[error("not allowed")]
    Forbidden,
    /// The verifier failed; the server's fault.
    #[error("the verifier failed")]
    Internal,
}

impl AuthError {
    /// Returns the status that the client is told: 401, 403 or 500.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::Internal => 500,
        }
    }

    /// Returns the text that the client is told.
    #[must_use]
    pub fn message(self, socket: Sid) -> String {
        match self {
            Self::Unauthorized => format!("Authentication failure socket {socket}"),
            Self::Forbidden => "Access denied".to_owned(),
            Self::Internal => "Internal server error".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_token_is_not_shown() {
        let credentials = Credentials {
            token: "secret".to_owned(),
            id: None,
            socket: Sid::from_random([7; Sid::RANDOM_LEN]),
            namespace: "/".to_owned(),
            handshake: Arc::new(Handshake::new(UNIX_EPOCH)),
        };

        assert!(!format!("{credentials:?}").contains("secret"));
    }
}
