use std::time::Instant;

/// The GET of a polling session.
///
/// ```text
///           GET                      GET while probing
///   Absent ─────► Waiting     Absent ─────────────────► WaitingUntil
///                    │ 2probe                              │ noop interval
///                    └───────────────► NoopDue ◄───────────┘
///
///   every state ── answered ──► Absent
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Poll {
    /// No GET is there.
    Absent,
    /// A GET waits for packets.
    Waiting,
    /// A GET waits for packets, but not longer than this: the client wants to stop polling.
    WaitingUntil(Instant),
    /// A GET is to be answered now, with a noop if there is nothing else.
    NoopDue,
}

impl Poll {
    pub(super) fn is_present(self) -> bool {
        self != Self::Absent
    }

    /// Answers a waiting GET soon: the client has begun to upgrade.
    pub(super) fn handle_probe(&mut self) {
        if self.is_present() {
            *self = Self::NoopDue;
        }
    }

    /// Lets a GET wait as usual: the client does not upgrade after all.
    pub(super) fn handle_candidate_dropped(&mut self) {
        if self.is_present() {
            *self = Self::Waiting;
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if matches!(self, Self::WaitingUntil(until) if *until <= now) {
            *self = Self::NoopDue;
        }
    }

    /// Takes the GET away and returns whether there was one.
    pub(super) fn take(&mut self) -> bool {
        std::mem::replace(self, Self::Absent).is_present()
    }

    pub(super) fn deadline(self) -> Option<Instant> {
        match self {
            Self::WaitingUntil(until) => Some(until),
            Self::Absent | Self::Waiting | Self::NoopDue => None,
        }
    }
}
