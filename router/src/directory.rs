use std::{
    collections::HashMap,
    hash::{BuildHasher as _, Hash, RandomState},
    sync::{PoisonError, RwLock},
};

use sockeye_protocol::Sid;

use crate::{courier::CourierId, selector::RoomName, socket::SocketRef};

/// What every thread may look up about one namespace: which couriers have members of a room,
/// and where a socket lives.
///
/// Members themselves are known only to the courier of their thread. So a broadcast takes one
/// short read lock per targeted room, and joining takes a lock only when a thread gets its
/// first member of the room or loses its last.
#[derive(Debug)]
pub(crate) struct Directory {
    rooms: Sharded<RoomName, Vec<CourierId>>,
    sockets: Sharded<Sid, SocketRef>,
}

impl Directory {
    pub(crate) fn new() -> Self {
        Self {
            rooms: Sharded::new(),
            sockets: Sharded::new(),
        }
    }

    /// Notes that `courier` has its first member of `room`.
    pub(crate) fn room_gained(&self, room: &RoomName, courier: CourierId) {
        self.rooms.with_mut(room, |rooms| {
            let couriers = rooms.entry(room.clone()).or_default();
            if !couriers.contains(&courier) {
                couriers.push(courier);
            }
        });
    }

    /// Notes that `courier` has no member of `room` any more.
    pub(crate) fn room_lost(&self, room: &RoomName, courier: CourierId) {
        self.rooms.with_mut(room, |rooms| {
            if let Some(couriers) = rooms.get_mut(room) {
                couriers.retain(|other| *other != courier);
                if couriers.is_empty() {
                    rooms.remove(room);
                }
            }
        });
    }

    /// Calls `each` for every courier with members of `room`.
    pub(crate) fn couriers_of(&self, room: &str, mut each: impl FnMut(CourierId)) {
        let found = self.rooms.with(room, |rooms| rooms.get(room).cloned());
        for courier in found.into_iter().flatten() {
            each(courier);
        }
    }

    pub(crate) fn room_names(&self) -> Vec<RoomName> {
        let mut names = Vec::new();
        self.rooms.each(|rooms| names.extend(rooms.keys().cloned()));
        names
    }

    pub(crate) fn add_socket(&self, socket: SocketRef) {
        let id = socket.id();
        self.sockets.with_mut(&id, |sockets| {
            sockets.insert(id, socket);
        });
    }

    pub(crate) fn remove_socket(&self, id: &Sid) {
        self.sockets.with_mut(id, |sockets| {
            sockets.remove(id);
        });
    }

    pub(crate) fn socket(&self, id: &Sid) -> Option<SocketRef> {
        self.sockets.with(id, |sockets| sockets.get(id).cloned())
    }

    /// Returns the courier of the thread that a connected socket lives on.
    pub(crate) fn courier_of(&self, id: &Sid) -> Option<CourierId> {
        self.sockets
            .with(id, |sockets| Some(sockets.get(id)?.courier().id))
    }

    pub(crate) fn socket_count(&self) -> usize {
        let mut count = 0;
        self.sockets.each(|sockets| count += sockets.len());
        count
    }

    pub(crate) fn sockets(&self) -> Vec<SocketRef> {
        let mut all = Vec::new();
        self.sockets
            .each(|sockets| all.extend(sockets.values().cloned()));
        all
    }
}

/// A map cut into parts with a lock each, so that threads seldom meet.
#[derive(Debug)]
struct Sharded<K, V> {
    hasher: RandomState,
    shards: Vec<RwLock<HashMap<K, V>>>,
}

impl<K: Eq + Hash, V> Sharded<K, V> {
    fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
        }
    }

    fn with<Q: Hash + ?Sized, R>(&self, key: &Q, read: impl FnOnce(&HashMap<K, V>) -> R) -> R {
        let shard = self.shard(key).read();
        read(&shard.unwrap_or_else(PoisonError::into_inner))
    }

    fn with_mut<Q: Hash + ?Sized, R>(
        &self,
        key: &Q,
        write: impl FnOnce(&mut HashMap<K, V>) -> R,
    ) -> R {
        let shard = self.shard(key).write();
        write(&mut shard.unwrap_or_else(PoisonError::into_inner))
    }

    fn each(&self, mut read: impl FnMut(&HashMap<K, V>)) {
        for shard in &self.shards {
            read(&shard.read().unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn shard<Q: Hash + ?Sized>(&self, key: &Q) -> &RwLock<HashMap<K, V>> {
        &self.shards[self.hasher.hash_one(key) as usize % SHARDS]
    }
}

const SHARDS: usize = 16;
