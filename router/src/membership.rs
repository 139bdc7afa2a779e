use std::collections::{HashMap, hash_map::Entry};

use crate::selector::RoomName;

/// The members of each room on one thread, for one namespace.
///
/// Members are the keys of sockets in their courier's table. Pure: it knows neither sockets
/// nor threads. Which rooms a socket is in is kept by the socket.
#[derive(Debug, Default)]
pub(crate) struct Membership {
    rooms: HashMap<RoomName, Members>,
}

#[derive(Debug, Default)]
struct Members {
    keys: Vec<usize>,
    /// Where each key stands in `keys`, so that leaving costs the same in a large room.
    positions: HashMap<usize, usize>,
}

impl Membership {
    /// Adds a member; returns whether it is the room's first.
    ///
    /// The caller knows that the socket is not in the room yet.
    pub(crate) fn join(&mut self, room: &RoomName, key: usize) -> bool {
        match self.rooms.entry(room.clone()) {
            Entry::Occupied(entry) => {
                entry.into_mut().add(key);
                false
            }
            Entry::Vacant(entry) => {
                entry.insert(Members::default()).add(key);
                true
            }
        }
    }

    /// Removes a member; returns whether it was the room's last.
    pub(crate) fn leave(&mut self, room: &RoomName, key: usize) -> bool {
        let Some(members) = self.rooms.get_mut(room) else {
            return false;
        };
        members.remove(key);
        let empty = members.keys.is_empty();
        if empty {
            self.rooms.remove(room);
        }
        empty
    }

    /// Returns the members of a room on this thread, in no particular order.
    pub(crate) fn members(&self, room: &str) -> &[usize] {
        self.rooms
            .get(room)
            .map(|members| members.keys.as_slice())
            .unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rooms.is_empty()
    }
}

impl Members {
    fn add(&mut self, key: usize) {
        if self.position(key).is_some() {
            return;
        }
        self.keys.push(key);
        if self.keys.len() == INDEXED_FROM {
            self.positions = self
                .keys
                .iter()
                .enumerate()
                .map(|(at, key)| (*key, at))
                .collect();
        } else if self.keys.len() > INDEXED_FROM {
            self.positions.insert(key, self.keys.len() - 1);
        }
    }

    fn remove(&mut self, key: usize) {
        let Some(at) = self.position(key) else {
            return;
        };
        self.keys.swap_remove(at);
        if self.keys.len() < INDEXED_FROM {
            self.positions = HashMap::new();
            return;
        }
        self.positions.remove(&key);
        if let Some(moved) = self.keys.get(at) {
            self.positions.insert(*moved, at);
        }
    }

    fn position(&self, key: usize) -> Option<usize> {
        if self.keys.len() < INDEXED_FROM {
            self.keys.iter().position(|other| *other == key)
        } else {
            self.positions.get(&key).copied()
        }
    }
}

/// Rooms with fewer members are searched: a map would cost more memory than it saves time.
const INDEXED_FROM: usize = 32;

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_a_plain_model(
            steps in prop::collection::vec((any::<bool>(), 0..3_usize, 0..80_usize), 0..600)
        ) {
            let mut membership = Membership::default();
            let mut model = BTreeMap::<usize, BTreeSet<usize>>::new();

            for (join, room, key) in steps {
                let name: RoomName = room.to_string().into();
                let expected = model.entry(room).or_default();
                if join {
                    let first = expected.is_empty();
                    if expected.insert(key) {
                        prop_assert_eq!(membership.join(&name, key), first);
                    }
                } else {
                    let was_in = expected.remove(&key);
                    let emptied = was_in && expected.is_empty();
                    prop_assert_eq!(membership.leave(&name, key), emptied);
                }
                let members: BTreeSet<_> = membership.members(&name).iter().copied().collect();
                prop_assert_eq!(&members, &*expected);
                prop_assert_eq!(membership.members(&name).len(), expected.len());
            }

            prop_assert_eq!(membership.is_empty(), model.values().all(BTreeSet::is_empty));
        }
    }
}
