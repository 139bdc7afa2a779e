use std::{
    future::{Future as _, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::Sleep;

use super::{
    delivery::forget,
    gather::{Gather, Gathered, Places},
};
use crate::{BroadcastOperator, Hub, cluster::AskedNodes, outgoing::Outgoing};

/// Waits for the answers to a broadcast that has been sent, until the time is over.
///
/// Dropping it takes back what is pending on every thread and node.
#[derive(Debug)]
pub(crate) struct Collector {
    gather: Arc<Gather>,
    hub: Hub,
    id: u64,
    timeout: Duration,
    /// Started when it is first waited for.
    timer: Option<Pin<Box<Sleep>>>,
    /// The other nodes that were asked.
    nodes: Option<AskedNodes>,
}

impl Collector {
    /// Sends the packet to the selected sockets of this process.
    pub(crate) fn send(
        operator: &BroadcastOperator,
        id: u64,
        outgoing: &Outgoing,
        timeout: Duration,
        asked: Option<(Arc<Gather>, AskedNodes)>,
    ) -> Self {
        let (gather, nodes) = asked.unzip();
        let gather = gather.unwrap_or_default();
        operator.deliver_with_ack(id, outgoing, &gather);
        Self {
            gather,
            hub: operator.namespace().hub().clone(),
            id,
            timeout,
            timer: None,
            nodes,
        }
    }

    pub(super) fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
        self.timer = None;
    }

    /// Waits until every thread has said who it has; resolves to the number of sockets here.
    pub(crate) async fn asked(&self) -> usize {
        poll_fn(|cx| self.gather.poll_asked(cx)).await
    }

    pub(crate) async fn next(&mut self) -> Option<Gathered> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Gathered>> {
        if let Poll::Ready(next) = self.gather.poll_next(cx) {
            return Poll::Ready(next);
        }
        let timeout = self.timeout;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        ready!(timer.as_mut().poll(cx));
        let places = self.gather.expire();
        self.forget(places);
        self.gather.poll_next(cx)
    }

    /// Returns how many sockets of other nodes, and how many nodes and threads, are unaccounted for.
    pub(super) fn rest(&self) -> (usize, usize) {
        self.gather.rest()
    }

    fn forget(&self, places: Places) {
        forget(&self.hub, self.id, places);
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        if let Some(nodes) = &mut self.nodes {
            let (unheard, silent) = self.gather.rest();
            nodes.finish(unheard > 0 || silent > 0);
        }
        self.forget(self.gather.close());
    }
}
