//! Events from server to server.

use std::{
    fmt,
    future::{Future, IntoFuture},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::FutureExt as _;
use serde::{Serialize, de::DeserializeOwned};
use sockeye_protocol::socket::{ArgsError, EventName, RawArgs};

use super::{
    Content, NodeId, Port, RequestId,
    requests::{Answers, Reply},
};
use crate::{
    EmitError, NamespaceRef,
    extract::Call,
    handler::{EventFn, Task},
};

impl NamespaceRef {
    /// Emits an event to the handlers of [`Namespace::on_server_event`](crate::Namespace::on_server_event)
    /// on every other node that has the namespace; not on this one.
    ///
    /// Does nothing without other nodes.
    ///
    /// # Errors
    ///
    /// When the arguments can't be encoded, the name is reserved (`connect`, `connection` and
    /// `new_namespace`) or the adapter reports that some node may not get it.
    pub fn server_side_emit<A: Serialize + ?Sized>(
        &self,
        event: &str,
        args: &A,
    ) -> Result<(), EmitError> {
        let args = encode(event, args)?;
        let Some(port) = self.port() else {
            return Ok(());
        };
        port.publish(Content::ServerEvent {
            event: event.to_owned(),
            args,
            request: None,
        })?;
        Ok(())
    }

    /// Emits an event to every other node and, when awaited, waits for the answer of each, read
    /// into `T` as [`Args`](crate::Args) are.
    ///
    /// The event is sent when this is awaited, not before. A node without a handler that answers is
    /// waited for in vain, as is one whose handler takes longer than the timeout, 5 s by default.
    pub fn server_side_emit_with_ack<A, T>(&self, event: &str, args: &A) -> ServerEmit<T>
    where
        A: Serialize + ?Sized,
        T: DeserializeOwned + Send + 'static,
    {
        ServerEmit {
            namespace: self.clone(),
            event: event.to_owned(),
            args: encode(event, args),
            timeout: SERVER_TIMEOUT,
            read: |args| args.decode(),
        }
    }
}

fn encode<A: Serialize + ?Sized>(event: &str, args: &A) -> Result<RawArgs, EmitError> {
    if is_reserved_server_event(event) {
        return Err(EmitError::ReservedName(event.to_owned()));
    }
    Ok(RawArgs::encode(args)?)
}

/// An event to other servers that is sent, and whose answers are waited for, when it is awaited.
#[must_use = "nothing is sent until it is awaited"]
pub struct ServerEmit<T> {
    namespace: NamespaceRef,
    event: String,
    args: Result<RawArgs, EmitError>,
    timeout: Duration,
    read: fn(RawArgs) -> Result<T, ArgsError>,
}

impl<T: Send + 'static> ServerEmit<T> {
    /// Sets how long answers are waited for.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    async fn run(self) -> Result<ServerReport<T>, EmitError> {
        let args = self.args?;
        let mut report = ServerReport {
            replies: Vec::new(),
            errors: Vec::new(),
            missing: 0,
        };
        let Some(port) = self.namespace.port().cloned() else {
            return Ok(report);
        };
        let event = self.event;
        let asking = port.ask(self.timeout, |request| Content::ServerEvent {
            event,
            args,
            request: Some(request),
        });
        let Answers { replies, missing } = asking.await?;
        report.missing = missing;
        for (node, reply) in replies {
            if let Reply::Args(args) = reply {
                match (self.read)(args) {
                    Ok(value) => report.replies.push(ServerReply { node, value }),
                    Err(error) => report.errors.push((node, error)),
                }
            }
        }
        Ok(report)
    }
}

impl<T: Send + 'static> IntoFuture for ServerEmit<T> {
    type Output = Result<ServerReport<T>, EmitError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<T> fmt::Debug for ServerEmit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerEmit")
            .field("event", &self.event)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// What other servers have answered.
#[derive(Debug)]
#[non_exhaustive]
pub struct ServerReport<T> {
    /// The answers, in the order of arrival.
    pub replies: Vec<ServerReply<T>>,
    /// The answers that are not of the type that was asked for.
    pub errors: Vec<(NodeId, ArgsError)>,
    /// How many nodes have not answered in time.
    pub missing: usize,
}

impl<T> ServerReport<T> {
    /// Returns whether every other node has answered, with what was asked for.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing == 0 && self.errors.is_empty()
    }
}

/// One server's answer.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ServerReply<T> {
    /// The node; empty where the transport doesn't tell.
    pub node: NodeId,
    /// The arguments of its answer.
    pub value: T,
}

/// Another node's request for an answer.
#[derive(Clone, Debug)]
pub(crate) struct ServerAck {
    port: Weak<Port>,
    to: NodeId,
    request: RequestId,
}

impl ServerAck {
    pub(crate) fn send(self, args: RawArgs) {
        if let Some(port) = self.port.upgrade() {
            let request = self.request;
            port.respond(&self.to, Content::ServerReply { request, args });
        }
    }
}

/// Runs the handlers of an event that another node has emitted, on the cluster's arbiter.
pub(super) fn run(
    port: &Arc<Port>,
    from: NodeId,
    event: String,
    args: RawArgs,
    request: Option<RequestId>,
) {
    let Some(namespace) = port.namespace() else {
        return;
    };
    if !namespace.inner().spec.server_events.contains_key(&event) {
        tracing::debug!(%from, event, "no handler for an event of another server");
        return;
    }
    let Some(place) = port.take_place(&from) else {
        return;
    };
    let ack = request.map(|request| ServerAck {
        port: Arc::downgrade(port),
        to: from,
        request,
    });
    port.spawn_fn(move || {
        let mut call = Call::server_event(namespace.clone(), EventName::from(&*event), args, ack);
        let spec = &namespace.inner().spec;
        let handlers = spec.server_events.get(&event).into_iter().flatten();
        let tasks: Vec<_> = handlers
            .filter_map(|handler| prepare(handler, &mut call, &event))
            .collect();
        actix_rt::spawn(async move {
            for task in tasks {
                match AssertUnwindSafe(task).catch_unwind().await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::warn!(event, %error, "server event handler failed"),
                    Err(_) => tracing::error!(event, "server event handler panicked"),
                }
            }
            drop(place);
        });
    });
}

fn prepare(handler: &EventFn, call: &mut Call, event: &str) -> Option<Task> {
    match catch_unwind(AssertUnwindSafe(|| handler(call))) {
        Ok(Ok(task)) => Some(task),
        Ok(Err(error)) => {
            tracing::warn!(event, %error, "server event handler not called");
            if let Some(ack) = call.take_ack() {
                ack.fail(&error.into());
            }
            None
        }
        Err(_) => {
            tracing::error!(event, "server event handler panicked");
            None
        }
    }
}

/// Returns whether `event` is a name that servers may not send each other.
pub(crate) fn is_reserved_server_event(event: &str) -> bool {
    matches!(event, "connect" | "connection" | "new_namespace")
}

const SERVER_TIMEOUT: Duration = Duration::from_secs(5);
