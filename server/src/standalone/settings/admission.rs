use serde::Deserialize;

use super::problems::Problems;
use crate::Admission;

/// The table `[admission]`: who may open one more session. 0 stands for no limit.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdmissionSettings {
    /// How many sessions there may be; 100,000 by default.
    pub max_sessions: usize,
    /// How many of them may be unauthenticated, in percent; 20 by default. The rest is reserved for
    /// clients that authenticate.
    pub unauthenticated_percent: usize,
    /// How many sessions one address may have; 1,000 by default.
    pub max_sessions_per_address: usize,
    /// How many of them may be unauthenticated; 200 by default.
    pub max_unauthenticated_per_address: usize,
    /// How many handshakes one address may try in a second; 100 by default.
    pub handshakes_per_second: u32,
    /// How many handshakes one address may try at once; 1,000 by default.
    pub handshake_burst: u32,
}

impl AdmissionSettings {
    pub(super) fn validate(&self, problems: &mut Problems) {
        problems.require(
            self.unauthenticated_percent <= 100,
            "admission.unauthenticated_percent",
            "must not be more than 100",
        );
        problems.require(
            self.handshakes_per_second == 0 || self.handshake_burst > 0,
            "admission.handshake_burst",
            "must not be 0 where `handshakes_per_second` isn't",
        );
    }

    pub(in crate::standalone) fn admission(&self) -> Admission {
        let limit = |limit: usize| (limit > 0).then_some(limit);
        let share = limit(self.max_sessions).zip(limit(self.unauthenticated_percent));
        // Whatever the share is, someone may come in.
        let unauthenticated = share.map(|(sessions, percent)| {
            let share = sessions as u128 * percent as u128 / 100;
            usize::try_from(share).unwrap_or(usize::MAX).max(1)
        });
        Admission::default()
            .max_sessions(limit(self.max_sessions))
            .max_unauthenticated(unauthenticated)
            .max_sessions_per_address(limit(self.max_sessions_per_address))
            .max_unauthenticated_per_address(limit(self.max_unauthenticated_per_address))
            .handshake_rate(self.handshakes_per_second, self.handshake_burst)
    }
}

impl Default for AdmissionSettings {
    fn default() -> Self {
        Self {
            max_sessions: 100_000,
            unauthenticated_percent: 20,
            max_sessions_per_address: 1_000,
            max_unauthenticated_per_address: 200,
            handshakes_per_second: 100,
            handshake_burst: 1_000,
        }
    }
}
