use std::sync::atomic::{AtomicU64, Ordering};

use sockeye_protocol::socket::{DecodeError, ProtocolError};

use crate::{AuthError, Limit, LimitCounters};

/// What a hub has counted since it was built, on all threads together.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct HubCounters {
    /// Sockets that were let into their namespaces.
    pub connected: u64,
    /// Sockets that were refused.
    pub refused: u64,
    /// Sockets whose tokens were accepted.
    pub authenticated: u64,
    /// Tokens that are missing or bad, and sockets that came to their deadline.
    pub unauthorized: u64,
    /// Tokens that are good, but not for this.
    pub forbidden: u64,
    /// Tokens that could not be verified.
    pub verifier_failures: u64,
    /// Clients whose packets broke the protocol.
    pub protocol_errors: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) connected: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) authenticated: AtomicU64,
    unauthorized: AtomicU64,
    forbidden: AtomicU64,
    verifier_failures: AtomicU64,
    protocol_errors: AtomicU64,
    pub(crate) limits: LimitCounters,
}

impl Totals {
    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn not_authenticated(&self, error: AuthError) {
        Self::add(match error {
            AuthError::Unauthorized => &self.unauthorized,
            AuthError::Forbidden => &self.forbidden,
            AuthError::Internal => &self.verifier_failures,
        });
    }

    pub(crate) fn protocol_broken(&self, error: ProtocolError) {
        Self::add(&self.protocol_errors);
        if let Some(limit) = limit(error) {
            self.limits.count(limit);
        }
    }

    pub(super) fn read(&self) -> HubCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        HubCounters {
            connected: read(&self.connected),
            refused: read(&self.refused),
            authenticated: read(&self.authenticated),
            unauthorized: read(&self.unauthorized),
            forbidden: read(&self.forbidden),
            verifier_failures: read(&self.verifier_failures),
            protocol_errors: read(&self.protocol_errors),
        }
    }
}

fn limit(error: ProtocolError) -> Option<Limit> {
    match error {
        ProtocolError::TooManyHeld => Some(Limit::HeldPackets),
        ProtocolError::Decode(error) => match error {
            DecodeError::TooManyAttachments => Some(Limit::Attachments),
            DecodeError::TooLarge => Some(Limit::PacketBytes),
            DecodeError::NameTooLong => Some(Limit::Name),
            DecodeError::AckIdTooLarge => Some(Limit::AckId),
            DecodeError::TooDeep => Some(Limit::Depth),
            _ => None,
        },
        _ => None,
    }
}
