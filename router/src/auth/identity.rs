use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value};

use crate::recovery::weight;

/// Who a socket belongs to: what a verifier found out. Cloning is cheap.
#[derive(Clone, PartialEq)]
pub struct Identity(Arc<Inner>);

#[derive(PartialEq)]
struct Inner {
    subject: String,
    claims: Map<String, Value>,
    expires_at: Option<SystemTime>,
}

impl Identity {
    /// Creates the identity of `subject`, such as a user's id, without claims or expiry.
    #[must_use]
    pub fn new(subject: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            subject: subject.into(),
            claims: Map::new(),
            expires_at: None,
        }))
    }

    /// Sets the claims: what room templates and handlers read.
    #[must_use]
    pub fn with_claims(self, claims: Map<String, Value>) -> Self {
        let expires_at = self.0.expires_at;
        Self(Arc::new(Inner {
            subject: self.0.subject.clone(),
            claims,
            expires_at,
        }))
    }

    /// Sets when the identity ends: the socket is then told and disconnected.
    #[must_use]
    pub fn with_expiry(self, expires_at: SystemTime) -> Self {
        Self(Arc::new(Inner {
            subject: self.0.subject.clone(),
            claims: self.0.claims.clone(),
            expires_at: Some(expires_at),
        }))
    }

    /// Sets the expiry in seconds since 1970, as in a token's `exp`.
    #[must_use]
    pub fn with_expiry_unix(self, seconds: u64) -> Self {
        match UNIX_EPOCH.checked_add(Duration::from_secs(seconds)) {
            Some(at) => self.with_expiry(at),
            // Later than the clock can tell is never.
            None => self,
        }
    }

    /// Returns whom the identity names.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// Returns the claims.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.0.claims
    }

    /// Returns when the identity ends, if it does.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.0.expires_at
    }

    /// Returns about how many bytes the identity keeps.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Inner>() + self.0.subject.len() + weight(&self.0.claims)
    }

    /// Returns whether the identity has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.0.expires_at.is_some_and(|at| at <= SystemTime::now())
    }
}

/// Claims may be personal, so only the subject is shown.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("subject", &self.0.subject)
            .finish_non_exhaustive()
    }
}
