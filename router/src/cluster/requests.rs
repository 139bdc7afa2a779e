use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sockeye_protocol::socket::RawArgs;
use tokio::sync::oneshot;

use super::{Awaited, NodeId, RequestId, SocketRecord};
use crate::broadcast_ack::Gather;

/// The requests of a node that wait for others, by id.
#[derive(Debug, Default)]
pub(super) struct Requests {
    pending: Mutex<HashMap<RequestId, Pending>>,
}

#[derive(Debug)]
enum Pending {
    Acks(Arc<Gather>),
    Replies(Replies),
}

#[derive(Debug)]
struct Replies {
    awaited: Awaited,
    replies: Vec<(NodeId, Reply)>,
    /// Told when nobody is waited for any more.
    done: Option<oneshot::Sender<()>>,
}

/// What one node answers.
#[derive(Debug)]
pub(super) enum Reply {
    Sockets(Vec<SocketRecord>),
    Args(RawArgs),
}

/// What came of a request.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) replies: Vec<(NodeId, Reply)>,
    /// How many nodes have not answered.
    pub(super) missing: usize,
}

impl Requests {
    /// Begins to wait for one answer of each node; the receiver is told when all are there.
    pub(super) fn begin(&self, id: RequestId, awaited: Awaited) -> oneshot::Receiver<()> {
        let (done, all) = oneshot::channel();
        let replies = Replies {
            awaited,
            replies: Vec::new(),
            done: Some(done),
        };
        self.lock().insert(id, Pending::Replies(replies));
        all
    }

    /// Begins to wait for the acks of other nodes' sockets.
    pub(super) fn begin_acks(&self, id: RequestId, gather: Arc<Gather>) {
        self.lock().insert(id, Pending::Acks(gather));
    }

    /// Ends a request; returns the answers that have come.
    pub(super) fn end(&self, id: &RequestId) -> Answers {
        match self.lock().remove(id) {
            Some(Pending::Replies(replies)) => Answers {
                missing: replies.awaited.missing(),
                replies: replies.replies,
            },
            Some(Pending::Acks(_)) | None => Answers {
                replies: Vec::new(),
                missing: 0,
            },
        }
    }

    pub(super) fn reply(&self, from: NodeId, id: &RequestId, reply: Reply) {
        if let Some(Pending::Replies(pending)) = self.lock().get_mut(id)
            && pending.awaited.answered(&from)
        {
            pending.replies.push((from, reply));
            pending.finish_if_complete();
        }
    }

    /// Returns where the acks of a request are gathered.
    pub(super) fn acks(&self, id: &RequestId) -> Option<Arc<Gather>> {
        match self.lock().get(id) {
            Some(Pending::Acks(gather)) => Some(gather.clone()),
            _ => None,
        }
    }

    /// Waits no longer for a node.
    pub(super) fn node_left(&self, node: &NodeId) {
        let mut gathers = Vec::new();
        for pending in self.lock().values_mut() {
            match pending {
                Pending::Acks(gather) => gathers.push(gather.clone()),
                Pending::Replies(replies) => {
                    replies.awaited.left(node);
                    replies.finish_if_complete();
                }
            }
        }
        for gather in gathers {
            gather.node_left(node);
        }
    }

    /// Waits no longer for anyone: this node is alone.
    pub(super) fn abandon(&self) {
        let mut gathers = Vec::new();
        for pending in self.lock().values_mut() {
            match pending {
                Pending::Acks(gather) => gathers.push(gather.clone()),
                Pending::Replies(replies) => drop(replies.done.take()),
            }
        }
        for gather in gathers {
            gather.nodes_not_asked();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Replies {
    fn finish_if_complete(&mut self) {
        if self.awaited.missing() == 0
            && let Some(done) = self.done.take()
        {
            // Whoever asked may have stopped waiting.
            let _ = done.send(());
        }
    }
}
