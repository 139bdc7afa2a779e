use std::fmt;

/// Whether a socket carries on a session that was broken off, and if not, why.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum RecoveryStatus {
    /// It has its id, rooms, data and identity back, and the client got every event it had missed.
    Recovered,
    /// Recovery is off.
    Disabled,
    /// The client did not ask for it: this is its first connection.
    NotRequested,
    /// No session has the key that the client named: the server was restarted, the session ended
    /// for good, was recovered already, or has been forgotten.
    UnknownSession,
    /// The client came back too late, by so little that its session was not forgotten yet.
    Expired,
    /// Something that the client may have missed has been forgotten.
    OffsetLost,
    /// The client has missed more than its outgoing queue holds.
    TooMuchMissed,
    /// The session's identity is over.
    IdentityExpired,
    /// The handshake's token names someone else than the session's identity.
    OtherIdentity,
}

impl RecoveryStatus {
    /// Returns whether the socket carries on an earlier session.
    #[must_use]
    pub fn is_recovered(self) -> bool {
        self == Self::Recovered
    }

    /// Returns the status in a word, for logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recovered => "recovered",
            Self::Disabled => "disabled",
            Self::NotRequested => "not requested",
            Self::UnknownSession => "unknown session",
            Self::Expired => "expired",
            Self::OffsetLost => "offset lost",
            Self::TooMuchMissed => "too much missed",
            Self::IdentityExpired => "identity expired",
            Self::OtherIdentity => "other identity",
        }
    }
}

impl fmt::Display for RecoveryStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
