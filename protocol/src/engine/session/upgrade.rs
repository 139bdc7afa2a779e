use std::time::Instant;

use super::deadline::deadline;
use crate::{Message, engine::EngineConfig};

/// A second transport that wants to become the session's own: a WebSocket opened for a
/// session on polling (Engine.IO protocol, "Upgrade").
///
/// ```text
///            2probe          3probe taken
///   Silent ─────────► Probed ◄──────────► Answered
///      │                │  5                 │  5
///      └──────5─────────┴────────────────────┴────────► the session's transport
///
///   anything else, upgrade_timeout, its end ──────────► dropped
/// ```
#[derive(Debug)]
pub(super) struct Candidate {
    phase: Phase,
    until: Instant,
    text_only: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    Silent,
    Probed,
    Answered,
}

/// What a message of the candidate means for the session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    Probe,
    Upgrade,
    Drop,
}

impl Candidate {
    pub(super) fn open(text_only: bool, now: Instant, config: &EngineConfig) -> Self {
        Self {
            phase: Phase::Silent,
            until: deadline(now, config.upgrade_timeout()),
            text_only,
        }
    }

    pub(super) fn handle_message(&mut self, message: &Message) -> Step {
        match message {
            Message::Text(text) if text == "2probe" => {
                self.phase = Phase::Probed;
                Step::Probe
            }
            Message::Text(text) if text == "5" => Step::Upgrade,
            _ => Step::Drop,
        }
    }

    /// Returns whether the probe has come: the client may be about to stop polling.
    pub(super) fn is_probing(&self) -> bool {
        self.phase != Phase::Silent
    }

    /// Returns whether `3probe` is owed, and counts it as sent.
    pub(super) fn take_reply(&mut self) -> bool {
        let owed = self.phase == Phase::Probed;
        if owed {
            self.phase = Phase::Answered;
        }
        owed
    }

    pub(super) fn text_only(&self) -> bool {
        self.text_only
    }

    pub(super) fn deadline(&self) -> Instant {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn candidate() -> Candidate {
        Candidate::open(false, Instant::now(), &EngineConfig::default())
    }

    #[test]
    fn a_probe_is_answered_once() {
        let mut candidate = candidate();

        assert!(!candidate.is_probing());
        assert_eq!(candidate.handle_message(&"2probe".into()), Step::Probe);

        assert!(candidate.is_probing());
        assert!(candidate.take_reply());
        assert!(!candidate.take_reply());
    }

    #[test]
    fn an_upgrade_needs_no_probe() {
        assert_eq!(candidate().handle_message(&"5".into()), Step::Upgrade);
    }

    #[test]
    fn anything_else_drops_the_candidate() {
        for text in [
            "", "2", "2prob", "2probes", "2foo", "3probe", "40", "1", "5x", "garbage",
        ] {
            assert_eq!(
                candidate().handle_message(&text.into()),
                Step::Drop,
                "{text}"
            );
        }
        let binary = Message::Binary(Bytes::from_static(b"5"));
        assert_eq!(candidate().handle_message(&binary), Step::Drop);
    }
}
