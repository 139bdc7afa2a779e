use std::time::Duration;

use serde::Deserialize;

use super::{duration, problems::Problems};

/// The table `[recovery]`: clients that lose their connection get what they have missed.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecoverySettings {
    /// How long after a break a client may come back; 2 minutes by default.
    #[serde(deserialize_with = "duration::deserialize")]
    pub duration: Duration,
    /// How many bytes of events each namespace keeps; 16 MiB by default.
    pub max_bytes: usize,
    /// How many broken sessions each namespace keeps; 50,000 by default.
    pub max_sessions: usize,
    /// How many bytes broken sessions may have together in each namespace; 64 MiB by default.
    pub max_session_bytes: usize,
}

impl RecoverySettings {
    pub(super) fn validate(&self, problems: &mut Problems) {
        problems.require_timer("recovery.duration", self.duration);
        problems.require(self.max_bytes > 0, "recovery.max_bytes", "must not be 0");
        problems.require(
            self.max_sessions > 0,
            "recovery.max_sessions",
            "must not be 0",
        );
        problems.require(
            self.max_session_bytes > 0,
            "recovery.max_session_bytes",
            "must not be 0",
        );
    }
}

impl Default for RecoverySettings {
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(120),
            max_bytes: 16 * 1024 * 1024,
            max_sessions: 50_000,
            max_session_bytes: 64 * 1024 * 1024,
        }
    }
}
