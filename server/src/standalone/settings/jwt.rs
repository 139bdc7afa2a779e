use std::time::Duration;

use serde::Deserialize;

use super::{Secret, duration, problems::Problems};

/// The table `[auth.jwt]`: which tokens are good.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtSettings {
    /// The HS256 secret that tokens are signed with, at least 32 bytes.
    pub secret: Secret,
    /// What the claim `iss` must be; anything by default.
    #[serde(default)]
    pub issuer: Option<String>,
    /// What the claim `aud` must be or contain; anything by default.
    #[serde(default)]
    pub audience: Option<String>,
    /// How far the clocks of the issuer and the server may differ, at most 60 s; 0 by default.
    #[serde(default, deserialize_with = "duration::deserialize")]
    pub leeway: Duration,
}

impl JwtSettings {
    /// The fewest bytes that a secret may have: as many as the hash, as RFC 7518 §3.2 asks.
    pub const MIN_SECRET: usize = 32;

    /// Creates settings that accept whatever is signed with `secret`.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self {
            secret,
            issuer: None,
            audience: None,
            leeway: Duration::ZERO,
        }
    }

    pub(super) fn validate(&self, problems: &mut Problems) {
        let length = self.secret.expose().len();
        problems.require(
            length >= Self::MIN_SECRET,
            "auth.jwt.secret",
            format!(
                "must be at least {} bytes, it has {length}",
                Self::MIN_SECRET
            ),
        );
        for (key, name) in [
            ("auth.jwt.issuer", &self.issuer),
            ("auth.jwt.audience", &self.audience),
        ] {
            let empty = name.as_ref().is_some_and(String::is_empty);
            problems.require(!empty, key, "must not be empty; leave it out to accept any");
        }
        problems.require(
            self.leeway <= MAX_LEEWAY,
            "auth.jwt.leeway",
            "must be at most 60s",
        );
    }
}

const MAX_LEEWAY: Duration = Duration::from_secs(60);
