use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use actix::ArbiterHandle;
use futures_util::future::AbortHandle;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::{
    Adapter, AdapterError, Awaited, Channel, ClusterMessage, Content, Inbox, Members, NodeId,
    RequestId, heartbeat, requests::Requests,
};
use crate::{Hub, NamespaceRef, hub::HubInner, namespace::NamespaceInner};

/// A hub's part in a cluster.
pub(crate) struct Cluster {
    adapter: Arc<dyn Adapter>,
    /// The arbiter that requests of other nodes are answered on.
    home: ArbiterHandle,
    left: AtomicBool,
}

impl Cluster {
    pub(crate) fn new(adapter: Arc<dyn Adapter>, home: ArbiterHandle) -> Self {
        Self {
            adapter,
            home,
            left: AtomicBool::new(false),
        }
    }

    pub(crate) fn has_left(&self) -> bool {
        self.left.load(Ordering::Acquire)
    }

    /// Leaves for good; returns whether it had not left before.
    pub(crate) fn leave(&self) -> bool {
        !self.left.swap(true, Ordering::AcqRel)
    }
}

/// A namespace's part in a cluster: what it waits for, and what it does for others.
pub(crate) struct Port {
    node: NodeId,
    namespace: Arc<str>,
    hub: Weak<HubInner>,
    inner: Weak<NamespaceInner>,
    home: ArbiterHandle,
    channel: Box<dyn Channel>,
    pub(super) requests: Requests,
    /// What is being done for other nodes, so that they can take it back.
    serving: Mutex<HashMap<(NodeId, RequestId), AbortHandle>>,
    /// When each other node was last heard of, where nodes find each other by heartbeats.
    peers: Option<Mutex<HashMap<NodeId, Instant>>>,
    /// Bounds what is being done for other nodes.
    places: Arc<Semaphore>,
    left: AtomicBool,
}

impl Port {
    /// Connects a namespace.
    pub(crate) fn open(hub: &Hub, cluster: &Cluster, inner: &Arc<NamespaceInner>) -> Arc<Self> {
        let node = NodeId::random();
        let namespace: Arc<str> = inner.name.as_str().into();
        let inbox = Inbox::new(namespace.clone(), node.clone(), cluster.home.clone());
        let channel = cluster.adapter.connect(inbox.clone());
        let heartbeats = matches!(channel.members(), Members::Heartbeats);
        let port = Arc::new(Self {
            node,
            namespace,
            hub: Arc::downgrade(&hub.0),
            inner: Arc::downgrade(inner),
            home: cluster.home.clone(),
            channel,
            requests: Requests::default(),
            serving: Mutex::default(),
            peers: heartbeats.then(Mutex::default),
            places: Arc::new(Semaphore::new(MAX_WORK)),
            left: AtomicBool::new(false),
        });
        inbox.open(&port);
        if port.peers.is_some() {
            port.log(port.publish(Content::Heartbeat { first: true }));
            port.spawn(heartbeat::run(Arc::downgrade(&port)));
        }
        port
    }

    pub(super) fn namespace(&self) -> Option<NamespaceRef> {
        let hub = Hub(self.hub.upgrade()?);
        Some(NamespaceRef::new(hub, self.inner.upgrade()?))
    }

    pub(super) fn has_left(&self) -> bool {
        self.left.load(Ordering::Acquire)
    }

    /// Says something to all other nodes.
    pub(crate) fn publish(&self, content: Content) -> Result<(), AdapterError> {
        self.channel()?.publish(&self.message(content))
    }

    /// Answers a node.
    pub(super) fn respond(&self, to: &NodeId, content: Content) {
        let sent = self
            .channel()
            .and_then(|channel| channel.respond(to, &self.message(content)));
        self.log(sent);
    }

    /// Reports an error that nobody else is told of.
    pub(crate) fn log(&self, result: Result<(), AdapterError>) {
        if let Err(error) = result {
            tracing::warn!(namespace = %self.namespace, %error, "message to other nodes lost");
        }
    }

    /// Returns whose answers a request waits for.
    pub(super) async fn awaited(&self) -> Result<Awaited, AdapterError> {
        let members = self.channel()?.members();
        Ok(match members {
            Members::Known(nodes) => {
                Awaited::nodes(nodes.into_iter().filter(|node| *node != self.node))
            }
            Members::Counted(counting) => Awaited::count(counting.await?),
            Members::Heartbeats => Awaited::nodes(self.peers()),
        })
    }

    /// Takes a place for something that another node wants and that may have to wait.
    pub(super) fn take_place(&self, from: &NodeId) -> Option<OwnedSemaphorePermit> {
        let place = self.places.clone().try_acquire_owned();
        if place.is_err() {
            tracing::warn!(namespace = %self.namespace, %from, "too much to do, request ignored");
        }
        place.ok()
    }

    /// Runs a future on the arbiter that requests of other nodes are answered on.
    pub(super) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        if !self.home.spawn(future) {
            tracing::error!("the arbiter of the cluster has ended");
        }
    }

    pub(super) fn spawn_fn(&self, call: impl FnOnce() + Send + 'static) {
        if !self.home.spawn_fn(call) {
            tracing::error!("the arbiter of the cluster has ended");
        }
    }

    /// Notes what is being done for another node.
    pub(super) fn serve(&self, from: NodeId, request: RequestId, work: AbortHandle) {
        lock(&self.serving).insert((from, request), work);
    }

    /// Notes that it is done, or has been taken back.
    pub(super) fn served(&self, from: &NodeId, request: &RequestId) {
        let work = lock(&self.serving).remove(&(from.clone(), request.clone()));
        if let Some(work) = work {
            work.abort();
        }
    }

    /// Notes that a node was heard of.
    pub(super) fn heard_of(&self, node: &NodeId) {
        if let Some(peers) = &self.peers
            && node.as_str() != EMITTER
            && !node.is_unknown()
        {
            lock(peers).insert(node.clone(), Instant::now());
        }
    }

    /// Waits no longer for a node, and does nothing more for it.
    pub(super) fn node_left(&self, node: &NodeId) {
        if let Some(peers) = &self.peers {
            lock(peers).remove(node);
        }
        lock(&self.serving).retain(|(from, _), work| {
            let stays = from != node;
            if !stays {
                work.abort();
            }
            stays
        });
        self.requests.node_left(node);
    }

    /// Returns the nodes that were heard of in time, and lets the others go.
    pub(super) fn peers(&self) -> Vec<NodeId> {
        let Some(peers) = &self.peers else {
            return Vec::new();
        };
        let mut gone = Vec::new();
        let mut there = Vec::new();
        for (node, heard) in lock(peers).iter() {
            if heard.elapsed() > heartbeat::DEAD_AFTER {
                gone.push(node.clone());
            } else {
                there.push(node.clone());
            }
        }
        for node in gone {
            tracing::info!(namespace = %self.namespace, %node, "node is gone");
            self.node_left(&node);
        }
        there
    }

    pub(super) fn has_heartbeats(&self) -> bool {
        self.peers.is_some()
    }

    /// Leaves: what others were asked for is given up, what they have asked for too.
    pub(crate) fn leave(&self) {
        if self.left.swap(true, Ordering::AcqRel) {
            return;
        }
        if self.has_heartbeats() {
            self.log(self.channel.publish(&self.message(Content::Close)));
        }
        self.channel.leave();
        for (_, work) in lock(&self.serving).drain() {
            work.abort();
        }
        self.requests.abandon();
    }

    fn channel(&self) -> Result<&dyn Channel, AdapterError> {
        if self.has_left() {
            return Err(AdapterError::new("this node has left"));
        }
        Ok(&*self.channel)
    }

    fn message(&self, content: Content) -> ClusterMessage {
        ClusterMessage::new(self.node.clone(), self.namespace.clone(), content)
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.leave();
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Port")
            .field("node", &self.node)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What programs call themselves that only emit; they are no members.
const EMITTER: &str = "emitter";

/// How many requests and events of other nodes may be waited for at once.
const MAX_WORK: usize = 4_096;
