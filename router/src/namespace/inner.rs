use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use actix::WeakAddr;

use super::Spec;
use crate::{Auth, Room, directory::Directory, selector::RoomName};

/// A namespace that runs.
pub(crate) struct NamespaceInner {
    pub(crate) name: String,
    pub(crate) spec: Arc<Spec>,
    pub(crate) directory: Directory,
    /// Ack ids are per namespace, so that a broadcast with ack is encoded once too.
    next_ack: AtomicU64,
    /// Rooms whose address somebody holds.
    pub(super) rooms: Mutex<HashMap<RoomName, WeakAddr<Room>>>,
}

impl NamespaceInner {
    pub(crate) fn new(name: String, spec: Arc<Spec>) -> Self {
        Self {
            name,
            spec,
            directory: Directory::new(),
            next_ack: AtomicU64::new(0),
            rooms: Mutex::default(),
        }
    }

    pub(crate) fn auth(&self) -> Option<&Auth> {
        self.spec.auth.as_ref()
    }

    pub(crate) fn next_ack_id(&self) -> u64 {
        self.next_ack.fetch_add(1, Ordering::Relaxed)
    }
}

impl fmt::Debug for NamespaceInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
