//! Requests to other nodes.

use std::{sync::Arc, time::Duration};

use sockeye_protocol::socket::RawArgs;
use tokio::time::{Instant, timeout_at};

use super::{AdapterError, Awaited, BroadcastOptions, Content, Port, RequestId, requests::Answers};
use crate::broadcast_ack::Gather;

impl Port {
    /// Returns how many nodes there are, this one included.
    pub(crate) async fn node_count(&self) -> Result<usize, AdapterError> {
        Ok(1 + self.awaited().await?.missing())
    }

    /// Asks every other node, and waits until all have answered or the time is over.
    pub(super) async fn ask(
        self: &Arc<Self>,
        timeout: Duration,
        question: impl FnOnce(RequestId) -> Content,
    ) -> Result<Answers, AdapterError> {
        let deadline = after(timeout);
        let awaited = self.awaited_until(deadline).await?;
        let request = RequestId::random();
        let ending = Ending {
            port: self.clone(),
            request: request.clone(),
        };
        if awaited.missing() > 0 {
            let all = self.requests.begin(request.clone(), awaited);
            self.publish(question(request))?;
            // Whether all have come or time is over: what is there is taken.
            let _ = timeout_at(deadline, all).await;
        }
        Ok(ending.port.requests.end(&ending.request))
    }

    /// Asks the sockets of all other nodes, whose answers then come to `gather`.
    pub(crate) async fn ask_for_acks(
        self: &Arc<Self>,
        gather: &Arc<Gather>,
        event: String,
        args: RawArgs,
        options: BroadcastOptions,
    ) -> AskedNodes {
        let deadline = after(options.timeout.unwrap_or_default());
        let request = RequestId::random();
        let asked = AskedNodes(Some(Ending {
            port: self.clone(),
            request: request.clone(),
        }));
        let awaited = match self.awaited_until(deadline).await {
            Ok(awaited) => awaited,
            Err(error) => {
                self.log(Err(error));
                gather.refused();
                return asked;
            }
        };
        if awaited.missing() == 0 {
            return asked;
        }
        gather.expect_nodes(awaited);
        self.requests.begin_acks(request.clone(), gather.clone());
        let published = self.publish(Content::Broadcast {
            event,
            args,
            options,
            request: Some(request),
        });
        if published.is_err() {
            // Those that did get it may still answer; nobody knows who they are.
            gather.nodes_not_asked();
        }
        self.log(published);
        asked
    }

    async fn awaited_until(&self, deadline: Instant) -> Result<Awaited, AdapterError> {
        let counting = timeout_at(deadline, self.awaited()).await;
        counting.map_err(|_| AdapterError::new("counting the other nodes took too long"))?
    }
}

/// Returns the end of a wait, however long.
fn after(timeout: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(timeout).unwrap_or(now + AGES)
}

/// A broadcast with ack that other nodes were asked for. Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct AskedNodes(Option<Ending>);

impl AskedNodes {
    /// Ends the request; if it is `incomplete`, the others are told that nobody waits any more.
    pub(crate) fn finish(&mut self, incomplete: bool) {
        if let Some(ending) = self.0.take().filter(|_| incomplete) {
            let forget = Content::ForgetAcks {
                request: ending.request.clone(),
            };
            if !ending.port.has_left() {
                ending.port.log(ending.port.publish(forget));
            }
        }
    }
}

/// Takes a request off the table when nobody waits for it any more.
#[derive(Debug)]
struct Ending {
    port: Arc<Port>,
    request: RequestId,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.port.requests.end(&self.request);
    }
}

const AGES: Duration = Duration::from_secs(365 * 24 * 3600);
