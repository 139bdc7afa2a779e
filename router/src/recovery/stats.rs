/// What the namespaces of a hub keep for clients that may come back.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct RecoveryStats {
    /// Sessions that were broken off.
    pub sessions: usize,
    /// Bytes of these, as [`Recovery::max_session_bytes`](crate::Recovery::max_session_bytes)
    /// counts them.
    pub session_bytes: usize,
    /// Bytes of events, as [`Recovery::max_bytes`](crate::Recovery::max_bytes) counts them.
    pub event_bytes: usize,
}
