use std::{
    fmt,
    sync::{Arc, OnceLock, Weak},
};

use actix::ArbiterHandle;

use super::{ClusterMessage, NodeId, Port, serve::serve};

/// Where a [`Channel`](super::Channel) gives what it receives. Works from any thread.
///
/// It doesn't keep the namespace alive.
#[derive(Clone)]
pub struct Inbox {
    /// Set once the channel is there.
    port: Arc<OnceLock<Weak<Port>>>,
    namespace: Arc<str>,
    node: NodeId,
    home: ArbiterHandle,
}

impl Inbox {
    pub(super) fn new(namespace: Arc<str>, node: NodeId, home: ArbiterHandle) -> Self {
        Self {
            port: Arc::default(),
            namespace,
            node,
            home,
        }
    }

    /// Lets messages in.
    pub(super) fn open(&self, port: &Arc<Port>) {
        // Opened once, by whoever has made it.
        let _ = self.port.set(Arc::downgrade(port));
    }

    /// Returns the name of the namespace, with its leading `/`.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns what this node calls itself.
    #[must_use]
    pub fn node(&self) -> &NodeId {
        &self.node
    }

    /// Returns whether a socket of this node is in the room: what is for this room alone need not
    /// even be read otherwise.
    #[must_use]
    pub fn has_members(&self, room: &str) -> bool {
        let namespace = self.port().and_then(|port| port.namespace());
        namespace.is_some_and(|namespace| namespace.has_members(room))
    }

    /// Takes a message, in the order of arrival. It is acted on before this returns, at sockets of
    /// other threads soon after.
    ///
    /// This node's own messages, those for other namespaces and answers that nobody waits for are
    /// ignored.
    pub fn receive(&self, message: ClusterMessage) {
        if message.from == self.node || *message.namespace != *self.namespace {
            return;
        }
        if let Some(port) = self.port() {
            port.heard_of(&message.from);
            serve(&port, message.from, message.content);
        }
    }

    /// Takes the news that another node is gone: it is no longer waited for.
    pub fn left(&self, node: &NodeId) {
        if let Some(port) = self.port() {
            port.node_left(node);
        }
    }

    /// Runs a task of the adapter, such as one that reads from a connection.
    ///
    /// It runs on the arbiter that the hub was built on, whatever thread this is called on. Returns
    /// `false` when that has ended.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        self.home.spawn(task)
    }

    /// Waits for another thread that is still making the channel.
    fn port(&self) -> Option<Arc<Port>> {
        self.port.wait().upgrade().filter(|port| !port.has_left())
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox")
            .field("namespace", &self.namespace)
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}
