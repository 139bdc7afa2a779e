use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::mpsc;

use super::{Adapter, AdapterError, Channel, ClusterMessage, Inbox, Members, NodeId};

/// Links hubs of one process: for several servers in one program, and for tests.
///
/// Every clone is the same cluster; give one to each hub. A node's messages wait in a queue of its
/// own; when it is full, whoever publishes is told, and that node misses the message.
#[derive(Clone, Debug)]
pub struct InProcess {
    nodes: Arc<Nodes>,
    queue: usize,
}

impl Default for InProcess {
    fn default() -> Self {
        Self::new()
    }
}

impl InProcess {
    /// Creates a cluster without nodes, with room for 16,384 messages at each.
    #[must_use]
    pub fn new() -> Self {
        Self {
            nodes: Arc::default(),
            queue: 16_384,
        }
    }

    /// Sets how many messages may wait at a node that joins from now on; at least 1.
    #[must_use]
    pub fn with_queue(mut self, messages: usize) -> Self {
        self.queue = messages.max(1);
        self
    }
}

impl Adapter for InProcess {
    fn connect(&self, inbox: Inbox) -> Box<dyn Channel> {
        let (sender, mut receiver) = mpsc::channel(self.queue);
        let link = Link {
            nodes: self.nodes.clone(),
            namespace: inbox.namespace().into(),
            node: inbox.node().clone(),
        };
        let peer = Peer {
            node: inbox.node().clone(),
            inbox: inbox.clone(),
            queue: sender,
        };
        self.nodes
            .lock()
            .entry(link.namespace.clone())
            .or_default()
            .push(peer);
        let reader = inbox.clone();
        inbox.spawn(async move {
            while let Some(news) = receiver.recv().await {
                match news {
                    News::Message(message) => reader.receive(message),
                    News::Left(node) => reader.left(&node),
                }
            }
        });
        Box::new(link)
    }
}

#[derive(Debug, Default)]
struct Nodes {
    by_namespace: Mutex<HashMap<Arc<str>, Vec<Peer>>>,
}

#[derive(Debug)]
struct Peer {
    node: NodeId,
    inbox: Inbox,
    queue: mpsc::Sender<News>,
}

#[derive(Debug)]
enum News {
    Message(ClusterMessage),
    Left(NodeId),
}

impl Nodes {
    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Vec<Peer>>> {
        self.by_namespace
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// One node's channel.
struct Link {
    nodes: Arc<Nodes>,
    namespace: Arc<str>,
    node: NodeId,
}

impl Link {
    fn send(
        &self,
        message: &ClusterMessage,
        to: impl Fn(&NodeId) -> bool,
    ) -> Result<(), AdapterError> {
        let mut result = Ok(());
        for peer in self.nodes.lock().get(&self.namespace).into_iter().flatten() {
            if peer.node == self.node || peer.queue.is_closed() || !to(&peer.node) {
                continue;
            }
            if peer.queue.try_send(News::Message(message.clone())).is_err() {
                result = Err(AdapterError::new(format_args!(
                    "node {} has fallen behind",
                    peer.node
                )));
            }
        }
        result
    }
}

impl Channel for Link {
    fn publish(&self, message: &ClusterMessage) -> Result<(), AdapterError> {
        self.send(message, |_| true)
    }

    fn respond(&self, to: &NodeId, message: &ClusterMessage) -> Result<(), AdapterError> {
        self.send(message, |node| node == to)
    }

    fn members(&self) -> Members {
        let nodes = self.nodes.lock();
        let others = nodes.get(&self.namespace).into_iter().flatten();
        // A node whose arbiter has ended is gone, though it could not say so.
        let others = others.filter(|peer| peer.node != self.node && !peer.queue.is_closed());
        Members::Known(others.map(|peer| peer.node.clone()).collect())
    }

    fn leave(&self) {
        let mut behind = Vec::new();
        {
            let mut nodes = self.nodes.lock();
            let Some(peers) = nodes.get_mut(&self.namespace) else {
                return;
            };
            peers.retain(|peer| peer.node != self.node);
            for peer in &*peers {
                // Behind what this node has said before, unless there is no room for it.
                if peer.queue.try_send(News::Left(self.node.clone())).is_err() {
                    behind.push(peer.inbox.clone());
                }
            }
            if peers.is_empty() {
                nodes.remove(&self.namespace);
            }
        }
        for inbox in behind {
            inbox.left(&self.node);
        }
    }
}
