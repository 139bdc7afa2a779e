use std::time::{Duration, Instant};

use super::deadline::deadline;
use crate::engine::EngineConfig;

/// The server's heartbeat (Engine.IO protocol, "Heartbeat").
///
/// ```text
///            ping_interval           ping_timeout
///   Resting ───────────────► Awaiting ───────────► dead
///      ▲                      │  │ ▲
///      │         pong         │  │ │ resume
///      ├──────────────────────┘  ▼ │
///      └─────────────────────── Frozen
///                pong           (suspended)
/// ```
///
/// Only a pong ends the wait for one. A pong that nobody waits for changes nothing, so a peer
/// can't put off the next ping.
///
/// Whoever looks at the deadline much too late has stood still, and the pong may be waiting to be
/// read, or its sender to send it: the peer gets the whole time once more.
#[derive(Debug)]
pub(super) enum Heartbeat {
    /// The last ping is answered.
    Resting { ping_at: Instant, suspended: bool },
    /// A ping is on its way.
    Awaiting { dead_at: Instant, prolonged: bool },
    /// A ping is on its way, but nothing that the peer sends is read.
    Frozen { left: Duration },
}

/// What the clock asks of the session.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Beat {
    Ping,
    Dead,
}

impl Heartbeat {
    pub(super) fn start(now: Instant, config: &EngineConfig) -> Self {
        Self::Resting {
            ping_at: deadline(now, config.ping_interval()),
            suspended: false,
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, config: &EngineConfig) -> Option<Beat> {
        match *self {
            Self::Resting { ping_at, suspended } if ping_at <= now => {
                *self = if suspended {
                    Self::Frozen {
                        left: config.ping_timeout(),
                    }
                } else {
                    Self::Awaiting {
                        dead_at: deadline(now, config.ping_timeout()),
                        prolonged: false,
                    }
                };
                Some(Beat::Ping)
            }
            Self::Awaiting { dead_at, prolonged } if dead_at <= now => {
                if prolonged || now.saturating_duration_since(dead_at) < LATE {
                    return Some(Beat::Dead);
                }
                *self = Self::Awaiting {
                    dead_at: deadline(now, config.ping_timeout()),
                    prolonged: true,
                };
                None
            }
            _ => None,
        }
    }

    pub(super) fn handle_pong(&mut self, now: Instant, config: &EngineConfig) {
        let suspended = match self {
            Self::Resting { .. } => return,
            Self::Awaiting { .. } => false,
            Self::Frozen { .. } => true,
        };
        *self = Self::Resting {
            ping_at: deadline(now, config.ping_interval()),
            suspended,
        };
    }

    /// Gives the peer the whole time again to answer a ping that was under way while the
    /// transport changed.
    pub(super) fn handle_upgrade(&mut self, now: Instant, config: &EngineConfig) {
        match self {
            Self::Resting { .. } => {}
            Self::Awaiting { dead_at, .. } => *dead_at = deadline(now, config.ping_timeout()),
            Self::Frozen { left } => *left = config.ping_timeout(),
        }
    }

    pub(super) fn suspend(&mut self, now: Instant) {
        match self {
            Self::Resting { suspended, .. } => *suspended = true,
            Self::Awaiting { dead_at, .. } => {
                *self = Self::Frozen {
                    left: dead_at.saturating_duration_since(now),
                };
            }
            Self::Frozen { .. } => {}
        }
    }

    pub(super) fn resume(&mut self, now: Instant) {
        match self {
            Self::Resting { suspended, .. } => *suspended = false,
            Self::Awaiting { .. } => {}
            Self::Frozen { left } => {
                *self = Self::Awaiting {
                    dead_at: deadline(now, *left),
                    prolonged: false,
                };
            }
        }
    }

    pub(super) fn next(&self) -> Option<Instant> {
        match *self {
            Self::Resting { ping_at, .. } => Some(ping_at),
            Self::Awaiting { dead_at, .. } => Some(dead_at),
            Self::Frozen { .. } => None,
        }
    }
}

/// From here on a deadline is looked at much too late: ten times what a busy thread takes.
const LATE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn config() -> EngineConfig {
        EngineConfig::default()
            .with_ping_interval(300 * MS)
            .with_ping_timeout(200 * MS)
    }

    /// Returns a heartbeat whose first ping was just sent, and when.
    fn pinged() -> (Heartbeat, Instant) {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::start(start, &config());
        let now = start + 300 * MS;
        assert_eq!(heartbeat.handle_timeout(now, &config()), Some(Beat::Ping));
        (heartbeat, now)
    }

    #[test]
    fn the_first_ping_waits_for_the_interval() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::start(start, &config());

        assert_eq!(heartbeat.handle_timeout(start + 299 * MS, &config()), None);
        assert_eq!(heartbeat.next(), Some(start + 300 * MS));
    }

    #[test]
    fn a_pong_schedules_the_next_ping_from_its_arrival() {
        let (mut heartbeat, now) = pinged();

        heartbeat.handle_pong(now + 50 * MS, &config());

        assert_eq!(heartbeat.next(), Some(now + 350 * MS));
    }

    #[test]
    fn no_pong_is_death_and_no_second_ping() {
        let (mut heartbeat, now) = pinged();

        assert_eq!(heartbeat.handle_timeout(now + 199 * MS, &config()), None);
        let beat = heartbeat.handle_timeout(now + 200 * MS, &config());
        assert_eq!(beat, Some(Beat::Dead));
    }

    #[test]
    fn a_deadline_that_is_looked_at_much_too_late_is_prolonged_once() {
        let (mut heartbeat, now) = pinged();

        let stalled = now + 9_000 * MS;
        assert_eq!(heartbeat.handle_timeout(stalled, &config()), None);
        assert_eq!(heartbeat.next(), Some(stalled + 200 * MS));

        let again = stalled + 9_000 * MS;
        assert_eq!(heartbeat.handle_timeout(again, &config()), Some(Beat::Dead));
    }

    #[test]
    fn a_pong_that_is_read_after_a_stall_counts_and_the_next_deadline_may_be_prolonged_too() {
        let (mut heartbeat, now) = pinged();
        let stalled = now + 9_000 * MS;
        assert_eq!(heartbeat.handle_timeout(stalled, &config()), None);

        heartbeat.handle_pong(stalled + MS, &config());

        let ping_at = stalled + 301 * MS;
        assert_eq!(heartbeat.next(), Some(ping_at));
        let beat = heartbeat.handle_timeout(ping_at, &config());
        assert_eq!(beat, Some(Beat::Ping));
        let stalled = ping_at + 9_000 * MS;
        assert_eq!(heartbeat.handle_timeout(stalled, &config()), None);
    }

    #[test]
    fn an_unsolicited_pong_changes_nothing() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::start(start, &config());

        heartbeat.handle_pong(start + 299 * MS, &config());

        assert_eq!(heartbeat.next(), Some(start + 300 * MS));
    }

    #[test]
    fn a_suspended_deadline_does_not_run() {
        let (mut heartbeat, now) = pinged();

        heartbeat.suspend(now + 150 * MS);
        assert_eq!(heartbeat.next(), None);
        heartbeat.resume(now + 9_000 * MS);

        assert_eq!(heartbeat.next(), Some(now + 9_050 * MS));
    }

    #[test]
    fn a_ping_sent_while_suspended_gets_its_whole_time_later() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::start(start, &config());

        heartbeat.suspend(start);
        let beat = heartbeat.handle_timeout(start + 300 * MS, &config());
        heartbeat.resume(start + 1_000 * MS);

        assert_eq!(beat, Some(Beat::Ping));
        assert_eq!(heartbeat.next(), Some(start + 1_200 * MS));
    }

    #[test]
    fn an_upgrade_rearms_a_running_deadline() {
        let (mut heartbeat, now) = pinged();

        heartbeat.handle_upgrade(now + 150 * MS, &config());

        assert_eq!(heartbeat.next(), Some(now + 350 * MS));
    }
}
