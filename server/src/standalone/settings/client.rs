use serde::Deserialize;

use super::{DialectName, problems::Problems};
use crate::RESERVED_ROOMS;

/// The table `[client]`: what authenticated clients may do without any code; nothing by default.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientSettings {
    /// The rooms that the events `join` and `leave` may name: patterns, in which `*` stands for
    /// any run of characters.
    pub join: Vec<String>,
    /// The events that are relayed to the room which their first argument names.
    pub relay: Vec<String>,
    /// How many bytes of events a client may relay in a second, over however many connections its
    /// subject has; 262,144 by default, and 0 stands for no limit.
    pub relay_bytes_per_second: usize,
    /// How many bytes of events a client may relay at once; 262,144 by default. One larger event is
    /// let pass when nothing of it is used.
    pub relay_burst_bytes: usize,
    /// How many arguments a relayed event may have; 64 by default.
    pub relay_arguments: usize,
}

impl ClientSettings {
    pub(super) fn validate(&self, dialect: DialectName, problems: &mut Problems) {
        let usable = |name: &String| !name.is_empty() && name.len() <= MAX_NAME;
        let length = format!("must have names of 1 to {MAX_NAME} bytes");
        problems.require(self.join.iter().all(usable), "client.join", &*length);
        let reserved = |room: &String| room.starts_with(RESERVED_ROOMS);
        problems.require(
            !self.join.iter().any(reserved),
            "client.join",
            "must not name the server's own rooms, which begin with `sockeye:`",
        );
        problems.require(self.relay.iter().all(usable), "client.relay", &*length);
        problems.require_distinct("client.relay", &self.relay);
        problems.require(
            self.relay_bytes_per_second == 0 || self.relay_burst_bytes > 0,
            "client.relay_burst_bytes",
            "must not be 0 where `relay_bytes_per_second` isn't",
        );
        problems.require(
            self.relay_arguments > 0,
            "client.relay_arguments",
            "must not be 0",
        );
        for event in &self.relay {
            // A relayed answer of authentication would look as if the server had said it.
            let used = [&RESERVED[..], &dialect.events()].concat();
            let free = !used.contains(&event.as_str());
            problems.require(
                free,
                "client.relay",
                format!("{event:?} has another use already"),
            );
        }
    }
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            join: Vec::new(),
            relay: Vec::new(),
            relay_bytes_per_second: 256 * 1024,
            relay_burst_bytes: 256 * 1024,
            relay_arguments: 64,
        }
    }
}

const MAX_NAME: usize = 256;

/// Events that Socket.IO keeps for itself, and the two of `client.join`.
const RESERVED: [&str; 8] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
    "join",
    "leave",
];
