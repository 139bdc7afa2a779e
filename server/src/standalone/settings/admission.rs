use std::thread::available_parallelism;

use serde::Deserialize;

use super::problems::Problems;
use crate::Admission;

/// The table `[admission]`: who may open one more session. 0 stands for no limit.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdmissionSettings {
    /// How many connections there may be; by default three for each session that there may be, and
    /// no more than there are file descriptors for.
    pub max_connections: Option<usize>,
    /// How many connections one address may have; by default four for each session that it may
    /// have.
    pub max_connections_per_address: Option<usize>,
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

    /// How many connections there may be where the process may have so many file descriptors.
    pub(in crate::standalone) fn connections(&self, descriptors: Option<usize>) -> Option<usize> {
        if let Some(max) = self.max_connections {
            return (max > 0).then_some(max);
        }
        let of_sessions = (self.max_sessions > 0).then(|| self.max_sessions.saturating_mul(3));
        let cores = available_parallelism().map_or(1, usize::from);
        let reserved = RESERVED.saturating_add(RESERVED_PER_CORE.saturating_mul(cores));
        let of_descriptors =
            descriptors.map(|all| all.saturating_sub(reserved).max(all / 2).max(1));
        of_sessions.into_iter().chain(of_descriptors).min()
    }

    /// How many connections one address may have.
    pub(in crate::standalone) fn connections_per_address(&self) -> Option<usize> {
        let derived = self.max_sessions_per_address.saturating_mul(4);
        let max = self.max_connections_per_address.unwrap_or(derived);
        (max > 0).then_some(max)
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
            max_connections: None,
            max_connections_per_address: None,
            max_sessions: 100_000,
            unauthenticated_percent: 20,
            max_sessions_per_address: 1_000,
            max_unauthenticated_per_address: 200,
            handshakes_per_second: 100,
            handshake_burst: 1_000,
        }
    }
}

/// File descriptors that are kept for what isn't a client: calls of backends, the metrics, files,
const RESERVED: usize = 48;

/// and what each thread of the runtime needs.
const RESERVED_PER_CORE: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_follow_from_sessions_and_descriptors_unless_they_are_set() {
        let mut settings = AdmissionSettings::default();
        assert_eq!(settings.connections(None), Some(300_000));
        assert_eq!(settings.connections(Some(1 << 20)), Some(300_000));
        let few = settings.connections(Some(10_000)).unwrap();
        assert!((5_000..10_000).contains(&few), "{few}");
        assert_eq!(settings.connections(Some(20)), Some(10));
        assert_eq!(settings.connections_per_address(), Some(4_000));

        settings.max_sessions = 0;
        settings.max_sessions_per_address = 0;
        assert_eq!(settings.connections(None), None);
        assert_eq!(settings.connections_per_address(), None);

        settings.max_connections = Some(7);
        settings.max_connections_per_address = Some(5);
        assert_eq!(settings.connections(Some(4)), Some(7));
        assert_eq!(settings.connections_per_address(), Some(5));

        settings.max_connections = Some(0);
        settings.max_connections_per_address = Some(0);
        assert_eq!(settings.connections(Some(4)), None);
        assert_eq!(settings.connections_per_address(), None);
    }
}
