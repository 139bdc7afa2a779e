use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, OnceLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use actix::WeakAddr;

use super::{Parent, Spec};
use crate::{
    Auth, Hub, Recovery, Room,
    cluster::{Cluster, Port},
    directory::Directory,
    hub::HubInner,
    outgoing::Outgoing,
    recovery::Recoverer,
    selector::RoomName,
};

/// A namespace that runs.
pub(crate) struct NamespaceInner {
    pub(crate) name: String,
    pub(crate) spec: Arc<Spec>,
    /// What it is a child of, if it exists because a client asked for it.
    pub(crate) parent: Option<Arc<Parent>>,
    hub: Weak<HubInner>,
    pub(crate) directory: Directory,
    /// What clients have missed, where it is kept.
    pub(crate) recovery: Option<Recoverer>,
    /// Ack ids are per namespace, so that a broadcast with ack is encoded once too.
    next_ack: AtomicU64,
    /// How other nodes are reached; set when the namespace has joined a cluster.
    port: OnceLock<Arc<Port>>,
    /// Rooms whose address somebody holds.
    pub(super) rooms: Mutex<HashMap<RoomName, WeakAddr<Room>>>,
}

impl NamespaceInner {
    pub(crate) fn new(name: String, spec: Arc<Spec>) -> Self {
        Self::of(name, spec, None, Weak::new())
    }

    /// Creates a child, which takes itself off the hub when nobody holds it any more.
    pub(crate) fn child(name: String, parent: Arc<Parent>, hub: Weak<HubInner>) -> Self {
        let spec = parent.spec.clone();
        Self::of(name, spec, Some(parent), hub)
    }

    fn of(name: String, spec: Arc<Spec>, parent: Option<Arc<Parent>>, hub: Weak<HubInner>) -> Self {
        Self {
            name,
            spec,
            parent,
            hub,
            directory: Directory::new(),
            recovery: None,
            next_ack: AtomicU64::new(0),
            port: OnceLock::new(),
            rooms: Mutex::default(),
        }
    }

    pub(crate) fn with_recovery(mut self, recovery: Option<&Recovery>) -> Self {
        self.recovery = recovery.cloned().map(Recoverer::new);
        self
    }

    /// Returns the log by which an event goes to its receivers, if there is one.
    pub(crate) fn recovery_of(&self, outgoing: &Outgoing) -> Option<&Recoverer> {
        self.recovery.as_ref().filter(|_| outgoing.is_recoverable)
    }

    pub(crate) fn auth(&self) -> Option<&Auth> {
        self.spec.auth.as_ref()
    }

    /// Returns how other nodes are reached, joining the cluster at the first call.
    pub(super) fn port(self: &Arc<Self>, hub: &Hub, cluster: &Cluster) -> &Arc<Port> {
        self.port.get_or_init(|| Port::open(hub, cluster, self))
    }

    /// Leaves the cluster that it has joined.
    pub(crate) fn leave_cluster(&self) {
        if let Some(port) = self.port.get() {
            port.leave();
        }
    }

    pub(crate) fn next_ack_id(&self) -> u64 {
        self.next_ack.fetch_add(1, Ordering::Relaxed)
    }
}

impl Drop for NamespaceInner {
    fn drop(&mut self) {
        if self.parent.is_some()
            && let Some(hub) = self.hub.upgrade()
        {
            hub.children.forget(&self.name);
            tracing::debug!(namespace = self.name, "empty namespace removed");
        }
    }
}

impl fmt::Debug for NamespaceInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
