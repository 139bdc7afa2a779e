//! The rooms that a socket is in.

use std::collections::HashSet;

use super::{SocketCell, handle::State};
use crate::{Limit, selector::RoomName};

impl SocketCell {
    pub(crate) fn join(&self, room: RoomName) {
        if !self.shared().with_rooms(|rooms| rooms.contains(&room)) {
            self.enter(room);
        }
    }

    /// Joins many rooms, in time that grows with their number alone.
    pub(crate) fn join_all(&self, rooms: Vec<RoomName>) {
        if rooms.len() <= FEW {
            return rooms.into_iter().for_each(|room| self.join(room));
        }
        let mut known: HashSet<_> = self
            .shared()
            .with_rooms(|rooms| rooms.iter().cloned().collect());
        for room in rooms {
            if known.insert(room.clone()) {
                self.enter(room);
            }
        }
    }

    pub(crate) fn leave(&self, room: &RoomName) {
        let left = self.shared().with_rooms(|rooms| {
            let at = rooms.iter().position(|name| name == room);
            at.map(|at| rooms.remove(at)).is_some()
        });
        if left {
            self.has_left(room);
        }
    }

    /// Leaves many rooms, in time that grows with their number and that of the socket's.
    pub(crate) fn leave_all(&self, rooms: &[RoomName]) {
        if rooms.len() <= FEW {
            return rooms.iter().for_each(|room| self.leave(room));
        }
        let leaving: HashSet<_> = rooms.iter().collect();
        let left: Vec<_> = self.shared().with_rooms(|rooms| {
            rooms
                .extract_if(.., |room| leaving.contains(room))
                .collect()
        });
        left.iter().for_each(|room| self.has_left(room));
    }

    /// Joins a room that the socket is not in.
    fn enter(&self, room: RoomName) {
        if self.shared().state() == State::Closed || *room == *self.id().as_str() {
            return;
        }
        let limit = self.client().hub().0.config.rooms_per_socket;
        let joined = self.shared().with_rooms(|rooms| {
            let has_room = rooms.len() < limit;
            if has_room {
                rooms.push(room.clone());
            }
            has_room
        });
        if !joined {
            self.client().hub().limits().count(Limit::Rooms);
            tracing::debug!(socket = %self.id(), limit, "room limit reached, join ignored");
        } else if self.tracked.is_some() {
            self.note_joined(&room);
        } else {
            self.client().local().join(self, &room);
        }
    }

    fn has_left(&self, room: &RoomName) {
        if self.tracked.is_some() {
            self.note_left(room);
        } else {
            self.client().local().leave(self, room);
        }
    }
}

/// Up to so many are looked for one by one.
const FEW: usize = 8;
