use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasher as _, RandomState},
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use sockeye_protocol::Sid;
use tokio::sync::Notify;

use super::DeskHandle;

/// On which thread each session lives.
///
/// Two requests of one polling session may arrive on different threads; a WebSocket asks once.
pub(crate) struct Directory {
    hasher: RandomState,
    shards: Vec<RwLock<HashMap<Sid, DeskHandle>>>,
    desks: RwLock<Vec<DeskHandle>>,
    len: AtomicUsize,
    on_websocket: AtomicUsize,
    emptied: Notify,
}

impl Directory {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            desks: RwLock::default(),
            len: AtomicUsize::new(0),
            on_websocket: AtomicUsize::new(0),
            emptied: Notify::new(),
        }
    }

    /// Notes where a session is to live, or returns false: its identifier is in use.
    pub(crate) fn insert(&self, sid: Sid, desk: DeskHandle) -> bool {
        let mut shard = self
            .shard(&sid)
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let Entry::Vacant(vacant) = shard.entry(sid) else {
            return false;
        };
        vacant.insert(desk);
        self.len.fetch_add(1, Ordering::AcqRel);
        true
    }

    pub(crate) fn remove(&self, sid: &Sid) {
        let mut shard = self
            .shard(sid)
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if shard.remove(sid).is_none() {
            return;
        }
        if shard.is_empty() {
            // A crowd that has gone leaves no memory behind.
            *shard = HashMap::new();
        }
        drop(shard);
        if self.len.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.emptied.notify_waiters();
        }
    }

    pub(crate) fn get(&self, sid: &Sid) -> Option<DeskHandle> {
        let shard = self
            .shard(sid)
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        shard.get(sid).cloned()
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    pub(crate) fn on_websocket(&self) -> usize {
        self.on_websocket.load(Ordering::Relaxed)
    }

    /// Notes that a session has come to WebSocket, or that one there has ended.
    pub(crate) fn count_websocket(&self, is_there: bool) {
        if is_there {
            self.on_websocket.fetch_add(1, Ordering::Relaxed);
        } else {
            self.on_websocket.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Waits until there is no session.
    pub(crate) async fn emptied(&self) {
        loop {
            // Registered before looking, so that no end is missed.
            let notified = self.emptied.notified();
            if self.len() == 0 {
                return;
            }
            notified.await;
        }
    }

    pub(crate) fn add_desk(&self, desk: DeskHandle) {
        let mut desks = self.desks.write().unwrap_or_else(PoisonError::into_inner);
        desks.retain(|desk| desk.addr.connected());
        desks.push(desk);
    }

    pub(crate) fn each_desk(&self, each: impl FnMut(&DeskHandle)) {
        let desks = self.desks.read().unwrap_or_else(PoisonError::into_inner);
        desks.iter().for_each(each);
    }

    fn shard(&self, sid: &Sid) -> &RwLock<HashMap<Sid, DeskHandle>> {
        &self.shards[self.hasher.hash_one(sid) as usize % SHARDS]
    }
}

const SHARDS: usize = 16;
