use std::{fmt, sync::Arc};

use futures_util::future::BoxFuture;

use super::{ClusterMessage, Inbox, NodeId};

/// How a hub reaches other nodes: a transport, and nothing else.
///
/// Set it with [`HubBuilder::adapter`](crate::HubBuilder::adapter). One value serves all namespaces
/// of a hub.
pub trait Adapter: Send + Sync + 'static {
    /// Connects a namespace to the other nodes that have it.
    ///
    /// Called once for each namespace: when the hub is built, or when a child of a dynamic
    /// namespace comes to be. It must not block: connecting is the work of a task, which
    /// [`Inbox::spawn`] starts. From now on the others may count on this node to answer; the inbox
    /// must not be given anything before this returns.
    fn connect(&self, inbox: Inbox) -> Box<dyn Channel>;
}

/// The connection of one namespace of this node to the other nodes.
///
/// Its methods are called from any thread and must not block.
pub trait Channel: Send + Sync + 'static {
    /// Sends a message to every other node that has the namespace.
    ///
    /// Messages that one task publishes arrive in that order. Getting one's own message back does no
    /// harm: the inbox drops it.
    ///
    /// # Errors
    ///
    /// When some node may not get it, such as when a bounded queue is full.
    fn publish(&self, message: &ClusterMessage) -> Result<(), AdapterError>;

    /// Sends a response to the node that asked. By default it is published: a node ignores responses
    /// to requests that are not its own.
    ///
    /// # Errors
    ///
    /// When the node may not get it.
    fn respond(&self, to: &NodeId, message: &ClusterMessage) -> Result<(), AdapterError> {
        let _ = to;
        self.publish(message)
    }

    /// Returns who else has the namespace: whose answers a request waits for.
    fn members(&self) -> Members;

    /// Leaves: nothing is received any more, and others stop to count on this node.
    ///
    /// Called once, last of all.
    fn leave(&self);
}

/// Who else is there.
pub enum Members {
    /// The transport knows each other node. It tells [`Inbox::left`] of those that go.
    Known(Vec<NodeId>),
    /// The transport can ask how many other nodes there are. One that goes while it is waited for
    /// is waited for until the timeout.
    Counted(BoxFuture<'static, Result<usize, AdapterError>>),
    /// The transport can't tell. The nodes then find each other by heartbeats: one every 5 s, and a
    /// node that has been silent for 10 s is gone.
    Heartbeats,
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(nodes) => f.debug_tuple("Known").field(nodes).finish(),
            Self::Counted(_) => f.write_str("Counted"),
            Self::Heartbeats => f.write_str("Heartbeats"),
        }
    }
}

/// Why other nodes were not, or not all, reached.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("other nodes were not reached: {0}")]
pub struct AdapterError(Arc<str>);

impl AdapterError {
    /// Creates an error from its text.
    #[must_use]
    pub fn new(problem: impl fmt::Display) -> Self {
        Self(problem.to_string().into())
    }
}
