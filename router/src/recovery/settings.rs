use std::time::Duration;

use crate::BuildError;

/// How clients that lost their connection get what they have missed.
///
/// Given to [`RouterConfig::with_recovery`](crate::RouterConfig::with_recovery). Each namespace
/// keeps the events it has emitted, and the sessions that were broken off, within these bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Recovery {
    pub(crate) duration: Duration,
    pub(crate) max_bytes: usize,
    pub(crate) max_sessions: usize,
    pub(crate) max_session_bytes: usize,
    pub(crate) skip_middlewares: bool,
}

impl Recovery {
    /// Turns recovery on, for 2 minutes after a break.
    #[must_use]
    pub fn new() -> Self {
        Self {
            duration: Duration::from_secs(120),
            max_bytes: 16 * 1024 * 1024,
            max_sessions: 50_000,
            max_session_bytes: 64 * 1024 * 1024,
            skip_middlewares: true,
        }
    }

    /// Sets how long after a break a client may come back; 2 minutes by default.
    #[must_use]
    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }

    /// Sets how many bytes of events each namespace keeps; 16 MiB by default.
    ///
    /// Packets, room names and a fixed cost for each event count. Where the bound has made the
    /// namespace forget something that a client might have missed, the client isn't recovered.
    ///
    /// What one client has others sent, by its [`SocketRef`](crate::SocketRef), takes an eighth of
    /// them at most, and so does what is sent to it alone; all sockets of one identity count
    /// together. What is more is forgotten before its time, and concerns only those whom it was for.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets how many broken sessions each namespace keeps, with their rooms and data; 50,000 by
    /// default.
    ///
    /// One more makes it forget the one that was broken off first.
    #[must_use]
    pub fn max_sessions(mut self, sessions: usize) -> Self {
        self.max_sessions = sessions;
        self
    }

    /// Sets how many bytes the broken sessions of each namespace may have together; 64 MiB by
    /// default.
    ///
    /// Names of rooms, attributes, claims and a fixed cost count, and what is attached by
    /// [`set_data`](crate::SocketRef::set_data) without what it refers to. Over it the namespace
    /// forgets the one that was broken off first; of those that take more than a 1,024th of the
    /// bound, as long as there are any, so that a few large ones don't cost many small ones.
    #[must_use]
    pub fn max_session_bytes(mut self, bytes: usize) -> Self {
        self.max_session_bytes = bytes;
        self
    }

    /// Sets whether a recovered socket is spared the middlewares of its namespace, which it has
    /// passed before; it is by default.
    ///
    /// A token in the handshake is verified all the same.
    #[must_use]
    pub fn skip_middlewares(mut self, skip: bool) -> Self {
        self.skip_middlewares = skip;
        self
    }

    pub(crate) fn validate(&self) -> Result<(), BuildError> {
        let positive = |setting, is: bool| {
            if is {
                return Ok(());
            }
            Err(BuildError::InvalidSetting {
                setting,
                problem: "must be more than zero".to_owned(),
            })
        };
        positive("recovery.duration", !self.duration.is_zero())?;
        positive("recovery.max_bytes", self.max_bytes > 0)?;
        positive("recovery.max_sessions", self.max_sessions > 0)?;
        positive("recovery.max_session_bytes", self.max_session_bytes > 0)
    }
}

impl Default for Recovery {
    fn default() -> Self {
        Self::new()
    }
}
