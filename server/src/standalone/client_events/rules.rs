use super::{
    super::{glob::Glob, settings::Settings},
    allowance::RelayAllowance,
};
use crate::{RESERVED_ROOMS, is_socket_id};

/// Which rooms clients may join, and how much they may relay.
#[derive(Debug)]
pub(in crate::standalone) struct ClientRules {
    allowed: Vec<Glob>,
    /// Rooms that only claims put a socket in.
    reserved: Vec<Glob>,
    /// How many rooms a socket may be in.
    pub(super) max_rooms: usize,
    /// How many arguments a relayed event may have.
    pub(super) max_arguments: usize,
    pub(super) allowance: RelayAllowance,
}

impl ClientRules {
    pub(in crate::standalone) fn new(settings: &Settings) -> Self {
        Self {
            allowed: settings.client.join.iter().map(Glob::new).collect(),
            reserved: settings
                .auth
                .rooms
                .iter()
                .map(|room| Glob::of_template(room))
                .collect(),
            max_rooms: settings.limits.rooms,
            max_arguments: settings.client.relay_arguments,
            allowance: RelayAllowance::new(&settings.client),
        }
    }

    /// Returns whether a client may join the room. A pattern that is a bare `*` doesn't open the
    /// rooms that are made from claims. Nothing opens a socket's own room, which it comes back to when it is
    /// recovered: a name that could be one is none for clients, whether there is such a socket or not.
    pub(super) fn allows(&self, room: &str) -> bool {
        let well_formed =
            !room.is_empty() && room.len() <= MAX_NAME && !room.chars().any(char::is_control);
        if !well_formed || room.starts_with(RESERVED_ROOMS) || is_socket_id(room) {
            return false;
        }
        let reserved = self.reserved.iter().any(|reserved| reserved.matches(room));
        let opens = |glob: &&Glob| !(reserved && glob.is_any());
        self.allowed
            .iter()
            .filter(opens)
            .any(|glob| glob.matches(room))
    }
}

/// The longest name of a room that a client may name, in bytes.
pub(super) const MAX_NAME: usize = 256;
