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
///      ├──────────────────────┘  ▼ │      the last ping
///      └─────────────────────── Frozen ────────────────► dead
///                pong           (suspended) is not taken
/// ```
///
/// Only a pong ends the wait for one. A pong that nobody waits for changes nothing, so a peer
/// can't put off the next ping.
///
/// While it is suspended no pong can be seen, but pings go on: a connection whose peer has gone breaks
/// with them, and a poll that never comes to take one has no peer either.
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
    Frozen { left: Duration, next_at: Instant },
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

    /// `taken` tells whether the last ping has left.
    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        taken: bool,
        config: &EngineConfig,
    ) -> Option<Beat> {
        match *self {
            Self::Resting { ping_at, suspended } if ping_at <= now => {
                *self = if suspended {
                    Self::frozen(now, config.ping_timeout(), config)
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
            Self::Frozen { next_at, .. } if next_at <= now => {
                if !taken && now.saturating_duration_since(next_at) < LATE {
                    return Some(Beat::Dead);
                }
                *self = Self::frozen(now, config.ping_timeout(), config);
                Some(Beat::Ping)
            }
            _ => None,
        }
    }

    fn frozen(now: Instant, left: Duration, config: &EngineConfig) -> Self {
        let next = config.ping_interval().max(config.ping_timeout());
        Self::Frozen {
            left,
            next_at: deadline(now, next),
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
            Self::Frozen { left, .. } => *left = config.ping_timeout(),
        }
    }

    pub(super) fn suspend(&mut self, now: Instant, config: &EngineConfig) {
        match self {
            Self::Resting { suspended, .. } => *suspended = true,
            Self::Awaiting { dead_at, .. } => {
                *self = Self::frozen(now, dead_at.saturating_duration_since(now), config);
            }
            Self::Frozen { .. } => {}
        }
    }

    pub(super) fn resume(&mut self, now: Instant) {
        match self {
            Self::Resting { suspended, .. } => *suspended = false,
            Self::Awaiting { .. } => {}
            Self::Frozen { left, .. } => {
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
            Self::Frozen { next_at, .. } => Some(next_at),
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
        assert_eq!(
            heartbeat.handle_timeout(now, true, &config()),
            Some(Beat::Ping)
        );
        (heartbeat, now)
    }

    #[test]
    fn the_first_ping_waits_for_the_interval() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::start(start, &config());

        assert_eq!(
            heartbeat.handle_timeout(start + 299 * MS, true, &config()),
            None
        );
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

        assert_eq!(
            heartbeat.handle_timeout(now + 199 * MS, true, &config()),
            None
        );
        let beat = heartbeat.handle_timeout(now + 200 * MS, true, &config());
        assert_eq!(beat, Some(Beat::Dead));
    }

    #[test]
    fn a_deadline_that_is_looked_at_much_too_late_is_prolonged_once() {
        let (mut heartbeat, now) = pinged();

        let stalled = now + 9_000 * MS;
        assert_eq!(heartbeat.handle_timeout(stalled, true, &config()), None);
        assert_eq!(heartbeat.next(), Some(stalled + 200 * MS));

        let again = stalled + 9_000 * MS;
        assert_eq!(
            heartbeat.handle_timeout(again, true, &config()),
            Some(Beat::Dead)
        );
    }

    #[test]
    fn a_pong_that_is_read_after_a_stall_counts_and_the_next_deadline_may_be_prolonged_too() {
        let (mut heartbeat, now) = pinged();
        let stalled = now + 9_000 * MS;
        assert_eq!(heartbeat.handle_timeout(stalled, true, &config()), None);

        heartbeat.handle_pong(stalled + MS, &config());

        let ping_at = stalled + 301 * MS;
        assert_eq!(heartbeat.next(), Some(ping_at));
        let beat = heartbeat.handle_timeout(ping_at, true, &config());
        assert_eq!(beat, Some(Beat::Ping));
        let stalled = ping_at + 9_000 * MS;
        assert_eq!(heartbeat.handle_timeout(stalled, true, &config()), None);
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

        heartbeat.suspend(now + 150 * MS, &config());
        for round in 1..30 {
            let next = now + (150 + 300 * round) * MS;
            assert_eq!(heartbeat.next(), Some(next));
            let beat = heartbeat.handle_timeout(next, true, &config());
            assert_eq!(beat, Some(Beat::Ping));
        }
        heartbeat.resume(now + 9_000 * MS);

        assert_eq!(heartbeat.next(), Some(now + 9_200 * MS));
    }

    #[test]
    fn a_suspension_keeps_what_is_left_of_a_deadline() {
        let (mut heartbeat, now) = pinged();

        heartbeat.suspend(now + 150 * MS, &config());
        heartbeat.resume(now + 400 * MS);

        assert_eq!(heartbeat.next(), Some(now + 450 * MS));
    }

    #[test]
    fn a_ping_that_nobody_takes_is_death_though_no_pong_could_be_read() {
        let (mut heartbeat, now) = pinged();
        heartbeat.suspend(now, &config());

        let next = now + 300 * MS;
        let late = heartbeat.handle_timeout(next + 9_000 * MS, false, &config());
        assert_eq!(late, Some(Beat::Ping));
        let next = next + 9_300 * MS;
        assert_eq!(
            heartbeat.handle_timeout(next, false, &config()),
            Some(Beat::Dead)
        );
    }

    #[test]
    fn a_ping_sent_while_suspended_gets_its_whole_time_later() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::start(start, &config());

        heartbeat.suspend(start, &config());
        let beat = heartbeat.handle_timeout(start + 300 * MS, true, &config());
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
