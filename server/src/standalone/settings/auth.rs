use std::time::Duration;

use serde::Deserialize;

use super::{JwtSettings, duration, problems::Problems};
use crate::{RoomTemplate, standalone::Requirements};

/// The table `[auth]`: how a socket proves whose it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthSettings {
    /// How long a socket may stay unauthenticated; 10 s by default.
    #[serde(deserialize_with = "duration::deserialize")]
    pub deadline: Duration,
    /// The events in which a client presents its token; `authentication` by default.
    pub dialect: DialectName,
    /// Whether a socket must authenticate; true by default.
    ///
    /// If not, anonymous sockets are let in and have no deadline.
    pub required: bool,
    /// The rooms that a socket is in as soon as it is authenticated; none by default.
    ///
    /// Each is a template, in which `{claim}` stands for that claim of the token.
    pub rooms: Vec<String>,
    /// The claims that must hold, else the socket is refused with status 403; none by default.
    pub require: Requirements,
    /// How tokens are verified; without it nobody can authenticate.
    pub jwt: Option<JwtSettings>,
}

/// A preset of the events of authentication, as the setting `auth.dialect` names it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum DialectName {
    /// `authentication` with the token; answered `authenticated` or `unauthorized`.
    #[default]
    Authentication,
    /// `authenticate` without a token, which is the handshake's; answered `authenticated` or
    /// `unauthenticated`.
    Authenticate,
    /// `initialConnection` with an id and its token; answered `auth` with true or false.
    InitialConnection,
}

impl DialectName {
    /// Returns the event in which a client of this dialect presents itself.
    #[must_use]
    pub fn event(self) -> &'static str {
        self.events()[0]
    }

    /// Returns the events of this dialect: the client's, and the server's two answers.
    #[must_use]
    pub fn events(self) -> [&'static str; 3] {
        match self {
            Self::Authentication => ["authentication", "authenticated", "unauthorized"],
            Self::Authenticate => ["authenticate", "authenticated", "unauthenticated"],
            Self::InitialConnection => ["initialConnection", "auth", "auth"],
        }
    }
}

impl AuthSettings {
    /// Checks the table; in development mode a missing secret is made up later.
    pub(super) fn validate(&self, dev: bool, problems: &mut Problems) {
        problems.require_timer("auth.deadline", self.deadline);
        for room in &self.rooms {
            if let Err(error) = room.parse::<RoomTemplate>() {
                problems.add("auth.rooms", error.to_string());
            }
        }
        for claim in self.require.impossible() {
            problems.add(
                &format!("auth.require.{claim}"),
                "must allow at least one value",
            );
        }
        match &self.jwt {
            Some(jwt) => jwt.validate(problems),
            None => problems.require(
                dev || !self.required,
                "auth.jwt.secret",
                "is missing; without it nobody can authenticate, so set it \
                 (at least 32 bytes) or set `auth.required` to false",
            ),
        }
    }
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            dialect: DialectName::default(),
            required: true,
            rooms: Vec::new(),
            require: Requirements::default(),
            jwt: None,
        }
    }
}
