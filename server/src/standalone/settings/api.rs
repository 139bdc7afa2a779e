use serde::Deserialize;

use super::{Secret, problems::Problems};

/// The table `[api]`: the HTTP API of the internal listener.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiSettings {
    /// The key that a caller presents as `Authorization: Bearer KEY`; without it no call is let in.
    pub key: Option<Secret>,
    /// The largest body of a call, in bytes; 1 MiB by default.
    pub max_body: usize,
    /// The most rooms that one call may name; 128 by default.
    pub max_rooms: usize,
}

impl ApiSettings {
    pub(super) fn validate(&self, problems: &mut Problems) {
        if let Some(key) = &self.key {
            let sendable =
                |key: &str| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
            problems.require(
                sendable(key.expose()),
                "api.key",
                "must be letters, digits and signs of ASCII without spaces, at least one",
            );
        }
        problems.require(self.max_body > 0, "api.max_body", "must not be 0");
        problems.require(self.max_rooms > 0, "api.max_rooms", "must not be 0");
    }
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            key: None,
            max_body: 1024 * 1024,
            max_rooms: 128,
        }
    }
}
