use super::{
    super::{glob::Glob, settings::Settings},
    allowance::RelayAllowance,
};
use crate::{RESERVED_ROOMS, RoomTemplate, SocketRef, is_socket_id};

/// Which rooms clients may join, and how much they may relay.
#[derive(Debug)]
pub(in crate::standalone) struct ClientRules {
    allowed: Vec<Glob>,
    /// What makes rooms from claims, and what all such rooms look like.
    claimed: Vec<(RoomTemplate, Glob)>,
    /// How many rooms a socket may be in.
    pub(super) max_rooms: usize,
    /// How many arguments a relayed event may have.
    pub(super) max_arguments: usize,
    pub(super) allowance: RelayAllowance,
}

impl ClientRules {
    pub(in crate::standalone) fn new(settings: &Settings) -> Self {
        let claimed = settings.auth.rooms.iter().filter_map(|template| {
            // One that can't be parsed is refused elsewhere.
            Some((template.parse().ok()?, Glob::of_template(template)))
        });
        Self {
            allowed: settings.client.join.iter().map(Glob::new).collect(),
            claimed: claimed.collect(),
            max_rooms: settings.limits.rooms,
            max_arguments: settings.client.relay_arguments,
            allowance: RelayAllowance::new(&settings.client),
        }
    }

    /// Returns whether a client may join the room.
    ///
    /// No pattern opens a room that claims could make, but to those whose claims do, and one that is
    /// nothing but stars not even to them. Nothing opens a socket's own room, which it comes back to when it is recovered: a name that could be one is
    /// none for clients, whether there is such a socket or not.
    pub(super) fn allows(&self, room: &str, socket: &SocketRef) -> bool {
        let well_formed =
            !room.is_empty() && room.len() <= MAX_NAME && !room.chars().any(char::is_control);
        if !well_formed || room.starts_with(RESERVED_ROOMS) || is_socket_id(room) {
            return false;
        }
        let is_claimed = self.claimed.iter().any(|(_, glob)| glob.matches(room));
        let opens = |glob: &Glob| !(is_claimed && glob.is_any()) && glob.matches(room);
        self.allowed.iter().any(opens) && (!is_claimed || self.is_own(room, socket))
    }

    fn is_own(&self, room: &str, socket: &SocketRef) -> bool {
        let identity = socket.identity();
        identity.is_some_and(|identity| {
            let mut rooms = self
                .claimed
                .iter()
                .flat_map(|(template, _)| template.rooms(&identity));
            rooms.any(|own| *own == *room)
        })
    }
}

/// The longest name of a room that a client may name, in bytes.
pub(super) const MAX_NAME: usize = 256;
