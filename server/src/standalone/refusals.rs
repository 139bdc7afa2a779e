//! What the log says of clients whose tokens are refused.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::JwtError;
use crate::seldom::Seldom;

/// Says for each reason once a minute that a token was refused, and how many others were.
///
/// A client may try as often as it likes, and a log with a line for each try would be its to fill.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<Reason, Seldom>>);

/// Why; of these there are few, and none is of a client's making.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Reason {
    Token(JwtError),
    /// The client says that it is somebody else.
    Subject,
    /// A required claim doesn't hold.
    Claim,
}

impl Refusals {
    pub(super) fn note(&self, reason: Reason, socket: impl fmt::Display, why: impl fmt::Display) {
        match self.is_due(reason) {
            Some(others) => tracing::info!(%socket, %why, others, "token refused"),
            None => tracing::debug!(%socket, %why, "token refused"),
        }
    }

    fn is_due(&self, reason: Reason) -> Option<u64> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seldom = said.entry(reason).or_insert_with(|| Seldom::every(MINUTE));
        seldom.is_due()
    }
}

const MINUTE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_said_by_itself_and_once() {
        let refusals = Refusals::default();
        let reasons = [
            Reason::Token(JwtError::Expired),
            Reason::Token(JwtError::Claim("iss")),
            Reason::Token(JwtError::Claim("aud")),
            Reason::Subject,
            Reason::Claim,
        ];

        assert_eq!(reasons.map(|reason| refusals.is_due(reason)), [Some(0); 5]);
        assert_eq!(reasons.map(|reason| refusals.is_due(reason)), [None; 5]);
    }
}
