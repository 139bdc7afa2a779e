//! How many connections there may be, and how many of one address.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    net::IpAddr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use sockeye_router::Limit;

use crate::admission::AddressKey;

/// The open connections of a front, on all of its listeners.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    open: AtomicUsize,
    hasher: RandomState,
    /// An address without connections is in none of them.
    addresses: [Mutex<HashMap<AddressKey, usize>>; SHARDS],
}

/// How many there may be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Room {
    pub(super) connections: Option<usize>,
    pub(super) per_address: Option<usize>,
}

impl Crowd {
    pub(super) fn enter(&self, room: Room) -> Result<(), Limit> {
        let max = room.connections.unwrap_or(usize::MAX);
        let more = |open: usize| (open < max).then(|| open.saturating_add(1));
        self.open
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .map(drop)
            .map_err(|_| Limit::Connections)
    }

    pub(super) fn leave(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Counts a connection of an address; returns what [`give_back`](Self::give_back) wants, or
    /// nothing where addresses aren't limited.
    pub(super) fn take(&self, address: IpAddr, room: Room) -> Result<Option<AddressKey>, Limit> {
        let Some(max) = room.per_address else {
            return Ok(None);
        };
        let address = AddressKey::from(address);
        let mut shard = self.shard(address);
        let open = shard.get(&address).copied().unwrap_or_default();
        if open >= max {
            return Err(Limit::ConnectionsPerAddress);
        }
        shard.insert(address, open + 1);
        Ok(Some(address))
    }

    pub(super) fn give_back(&self, address: AddressKey) {
        let mut shard = self.shard(address);
        let Some(open) = shard.get_mut(&address) else {
            return;
        };
        *open -= 1;
        if *open == 0 {
            shard.remove(&address);
        }
        if shard.is_empty() {
            // A crowd that has gone leaves no memory behind.
            *shard = HashMap::new();
        }
    }

    fn shard(&self, address: AddressKey) -> MutexGuard<'_, HashMap<AddressKey, usize>> {
        let at = self.hasher.hash_one(address) as usize % SHARDS;
        self.addresses[at]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

const SHARDS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_limited_alone_and_forgotten_with_its_last_connection() {
        let crowd = Crowd::default();
        let room = Room {
            per_address: Some(2),
            ..Room::default()
        };
        let take = |address: &str| crowd.take(address.parse().unwrap(), room);

        let first = take("192.0.2.1").unwrap().unwrap();
        take("::ffff:192.0.2.1").unwrap();
        assert_eq!(take("192.0.2.1"), Err(Limit::ConnectionsPerAddress));
        let network = take("2001:db8::1").unwrap().unwrap();
        take("2001:db8::2").unwrap();
        assert_eq!(take("2001:db8::3"), Err(Limit::ConnectionsPerAddress));
        crowd.give_back(first);
        take("192.0.2.1").unwrap();
        for address in [first, first, network, network] {
            crowd.give_back(address);
        }

        let is_empty = |shard: &Mutex<HashMap<_, _>>| shard.lock().unwrap().capacity() == 0;
        assert!(crowd.addresses.iter().all(is_empty));
    }

    #[test]
    fn one_too_many_has_no_room_until_one_leaves() {
        let crowd = Crowd::default();
        let room = Room {
            connections: Some(1),
            ..Room::default()
        };

        crowd.enter(room).unwrap();
        assert_eq!(crowd.enter(room), Err(Limit::Connections));
        crowd.leave();

        assert_eq!(crowd.open(), 0);
        crowd.enter(room).unwrap();
    }
}
