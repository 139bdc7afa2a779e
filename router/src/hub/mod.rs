//! The hub: all namespaces of a server, and the threads that its sockets live on.

mod builder;
mod counters;
mod couriers;
mod memory;

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::oneshot;

pub use self::{builder::HubBuilder, counters::HubCounters, memory::HubMemory};
use self::{
    builder::{NewNamespaceFn, validate_name},
    couriers::Couriers,
};
pub(crate) use self::{
    counters::Totals,
    memory::{Gauges, Held},
};
use crate::{
    Completion, LimitCounters, NamespaceRef, NamespaceRequest, ParentRef, RecoveryStats,
    RouterConfig,
    closing::CloseClients,
    cluster::Cluster,
    courier::Stop,
    namespace::{Children, NamespaceInner, Parent},
    state::StateMap,
};

/// All namespaces of one Socket.IO server, and the threads that its sockets live on.
///
/// A handle: cloning is cheap, every clone is the same hub, and it works from any thread. A
/// transport creates a [`Client`](crate::Client) for each connection; everything else reaches
/// sockets through [`Hub::of`].
#[derive(Clone)]
pub struct Hub(pub(crate) Arc<HubInner>);

pub(crate) struct HubInner {
    /// Tells hubs apart, as a thread may serve several.
    pub(crate) id: u64,
    pub(crate) config: RouterConfig,
    pub(crate) state: StateMap,
    pub(crate) couriers: Couriers,
    pub(crate) stats: Counters,
    pub(crate) memory: Arc<Gauges>,
    pub(crate) totals: Totals,
    pub(crate) children: Children,
    namespaces: HashMap<String, Arc<NamespaceInner>>,
    /// The namespace `/`; one that no client can enter where none was described.
    root: Arc<NamespaceInner>,
    /// Dynamic namespaces, in the order of registration.
    parents: Vec<Arc<Parent>>,
    new_namespace: Vec<NewNamespaceFn>,
    /// None where the hub is alone.
    pub(crate) cluster: Option<Cluster>,
}

impl Hub {
    /// Starts the description of a hub.
    pub fn builder() -> HubBuilder {
        HubBuilder::default()
    }

    /// Returns a namespace by its exact name, or `None` if there is none of that name.
    ///
    /// A name that matches a [pattern](crate::Namespace::pattern) is that of a child, which is made if it
    /// is not there; it stays for as long as the handle is held or a socket is in it.
    #[must_use]
    pub fn of(&self, namespace: &str) -> Option<NamespaceRef> {
        let inner = self.existing(namespace).or_else(|| {
            validate_name(namespace, self.0.config.limits.max_name_len()).ok()?;
            let accepts = |parent: &&Arc<Parent>| parent.rule.accepts_name(namespace);
            let parent = self.0.parents.iter().find(accepts)?;
            Some(self.child(parent, namespace))
        })?;
        Some(NamespaceRef::new(self.clone(), inner))
    }

    /// Returns the namespace `/`.
    ///
    /// Where none was described, clients can't enter it, and what is emitted reaches nobody.
    #[must_use]
    pub fn root(&self) -> NamespaceRef {
        NamespaceRef::new(self.clone(), self.0.root.clone())
    }

    /// Returns a dynamic namespace by its pattern or label.
    #[must_use]
    pub fn parent(&self, label: &str) -> Option<ParentRef> {
        let parent = self.0.parents.iter().find(|parent| parent.label == label)?;
        Some(ParentRef::new(self.clone(), parent.clone()))
    }

    /// Returns every namespace that exists, children of dynamic ones included.
    pub fn namespaces(&self) -> impl Iterator<Item = NamespaceRef> {
        let fixed = self.0.namespaces.values().cloned();
        fixed
            .chain(self.0.children.all())
            .map(|inner| NamespaceRef::new(self.clone(), inner))
    }

    /// Closes every client with [`DisconnectReason::ServerShuttingDown`](crate::DisconnectReason::ServerShuttingDown), and when awaited, waits
    /// until all are closed.
    ///
    /// Few are closed at once. Many are closed a few at a time, evenly over `within`, so that they
    /// don't all come back in one moment. A client with a handler that runs is given until then.
    /// What is queued for a client still goes out; no `disconnect` packet is sent, so clients try
    /// to come back. The transport should let no new client in.
    pub fn close(&self, within: Duration) -> Completion {
        let waits = self.0.couriers.all().into_iter().map(|courier| {
            let (done, wait) = oneshot::channel();
            courier.addr.do_send(CloseClients { within, done });
            wait
        });
        Completion::waiting_for(waits.collect())
    }

    /// Leaves the cluster: other nodes no longer count on this one, and it is alone from now on.
    ///
    /// Does nothing without an adapter. Dropping the last handle of the hub does the same.
    pub fn leave_cluster(&self) {
        let cluster = self.0.cluster.as_ref();
        if cluster.is_some_and(Cluster::leave) {
            self.0.root.leave_cluster();
            for namespace in self.namespaces() {
                namespace.inner().leave_cluster();
            }
        }
    }

    /// Returns how many objects of each kind are alive.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let counters = &self.0.stats;
        Stats {
            clients: counters.clients.load(Ordering::Relaxed),
            sockets: counters.sockets.load(Ordering::Relaxed),
            pending_acks: counters.pending_acks.load(Ordering::Relaxed),
            rooms: self
                .namespaces()
                .map(|namespace| namespace.inner().directory.room_names().len())
                .sum(),
            children: self.0.children.all().len(),
        }
    }

    /// Returns what the hub has in memory beyond what [`Hub::stats`] counts as alive.
    #[must_use]
    pub fn memory(&self) -> HubMemory {
        let waiting = self
            .0
            .couriers
            .all()
            .iter()
            .map(|courier| courier.waiting())
            .sum();
        self.0.memory.read(waiting)
    }

    /// Returns what the hub keeps for clients that may come back.
    #[must_use]
    pub fn recovery_stats(&self) -> RecoveryStats {
        let mut stats = RecoveryStats::default();
        for namespace in self.namespaces() {
            if let Some(recoverer) = &namespace.inner().recovery {
                recoverer.add_to(&mut stats);
            }
        }
        stats
    }

    /// Returns what the hub has counted since it was built.
    #[must_use]
    pub fn counters(&self) -> HubCounters {
        self.0.totals.read()
    }

    /// Returns how often each limit of sockets and packets was reached.
    #[must_use]
    pub fn limits(&self) -> &LimitCounters {
        &self.0.totals.limits
    }

    pub(crate) fn existing(&self, name: &str) -> Option<Arc<NamespaceInner>> {
        let fixed = self.0.namespaces.get(name).cloned();
        fixed.or_else(|| self.0.children.get(name))
    }

    pub(crate) fn has_parents(&self) -> bool {
        !self.0.parents.is_empty()
    }

    /// Finds the namespace that a client asks for, making it if a dynamic one accepts its name.
    pub(crate) async fn resolve(self, request: NamespaceRequest) -> Option<Arc<NamespaceInner>> {
        for parent in &self.0.parents {
            if parent.rule.accepts(&request).await {
                return Some(self.child(parent, request.name()));
            }
        }
        None
    }

    fn child(&self, parent: &Arc<Parent>, name: &str) -> Arc<NamespaceInner> {
        let keep = !self.0.config.cleanup_empty_children;
        let (child, is_new) = self.0.children.get_or_insert(name, keep, || {
            NamespaceInner::child(name.to_owned(), parent.clone(), Arc::downgrade(&self.0))
                .with_recovery(self.0.config.recovery.as_ref())
        });
        if is_new {
            tracing::debug!(namespace = name, parent = parent.label, "namespace created");
            let created = NamespaceRef::new(self.clone(), child.clone());
            // Joins the cluster, if there is one.
            let _ = created.port();
            self.0.new_namespace.iter().for_each(|hook| hook(&created));
        }
        child
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("namespaces", &self.0.namespaces.keys())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl Drop for HubInner {
    fn drop(&mut self) {
        for courier in self.couriers.all() {
            courier.addr.do_send(Stop);
        }
    }
}

/// How many objects of each kind a hub has alive.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections.
    pub clients: usize,
    /// Sockets, connected or being admitted.
    pub sockets: usize,
    /// Rooms with members, sockets' own not counted.
    pub rooms: usize,
    /// Acks that the server waits for.
    pub pending_acks: usize,
    /// Children of dynamic namespaces.
    pub children: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) clients: AtomicUsize,
    pub(crate) sockets: AtomicUsize,
    pub(crate) pending_acks: AtomicUsize,
}
