//! What messages of other nodes do to the sockets of this one.

use std::sync::{Arc, Weak};

use futures_util::future::{AbortHandle, Abortable};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    BroadcastOptions, Content, MissingReason, NodeId, Port, RequestId, requests::Reply,
    server_event,
};
use crate::{
    AckError, BroadcastOperator, Missing, broadcast_ack::Collector, courier::Flags,
    outgoing::Outgoing,
};

/// Acts on a message.
pub(super) fn serve(port: &Arc<Port>, from: NodeId, content: Content) {
    match content {
        Content::Heartbeat { first } => {
            if first && port.has_heartbeats() {
                port.log(port.publish(Content::Heartbeat { first: false }));
            }
        }
        Content::Close => port.node_left(&from),
        Content::Broadcast {
            event,
            args,
            options,
            request: None,
        } => {
            let emitted = local(port, &options).map(|sockets| sockets.emit_raw(&event, &args));
            if let Some(Err(error)) = emitted {
                tracing::warn!(%from, event, %error, "broadcast of another node not delivered");
            }
        }
        Content::Broadcast {
            event,
            args,
            options,
            request: Some(request),
        } => {
            let (Some(sockets), Some(place)) = (local(port, &options), port.take_place(&from))
            else {
                return;
            };
            let namespace = sockets.namespace().inner();
            let id = namespace.next_ack_id();
            match Outgoing::event_raw(namespace, Some(id), &event, &args) {
                Ok(outgoing) => {
                    let outgoing = outgoing.with_compression(options.compress);
                    let wait = sockets.ack_timeout();
                    let collector = Collector::send(&sockets, id, &outgoing, wait, None);
                    gather_for(port, from, request, collector, place);
                }
                Err(error) => {
                    tracing::warn!(%from, event, %error, "broadcast of another node not delivered");
                    port.respond(&from, Content::AckCount { request, count: 0 });
                }
            }
        }
        Content::Join { options, rooms } => {
            if let Some(sockets) = local(port, &options) {
                drop(sockets.join(rooms));
            }
        }
        Content::Leave { options, rooms } => {
            if let Some(sockets) = local(port, &options) {
                drop(sockets.leave(rooms));
            }
        }
        Content::Disconnect { options, close } => {
            if let Some(sockets) = local(port, &options) {
                drop(sockets.disconnect(close));
            }
        }
        Content::FetchSockets { options, request } => {
            let (Some(selected), Some(place)) = (local(port, &options), port.take_place(&from))
            else {
                return;
            };
            let weak = Arc::downgrade(port);
            port.spawn(async move {
                let sockets = selected.local_records().await;
                if let Some(port) = weak.upgrade() {
                    port.respond(&from, Content::Sockets { request, sockets });
                }
                drop(place);
            });
        }
        Content::ServerEvent {
            event,
            args,
            request,
        } => server_event::run(port, from, event, args, request),
        Content::ForgetAcks { request } => port.served(&from, &request),
        answer => take_answer(port, from, answer),
    }
}

/// Takes the answer to a request of this node.
fn take_answer(port: &Port, from: NodeId, content: Content) {
    let requests = &port.requests;
    match content {
        Content::Sockets { request, sockets } => {
            requests.reply(from, &request, Reply::Sockets(sockets));
        }
        Content::ServerReply { request, args } => {
            requests.reply(from, &request, Reply::Args(args));
        }
        Content::AckCount { request, count } => {
            if let Some(gather) = requests.acks(&request) {
                gather.node_asked(&from, count);
            }
        }
        Content::AckReply {
            request,
            socket,
            args,
        } => {
            if let Some(gather) = requests.acks(&request) {
                gather.node_answered(&from, Ok((socket, args)));
            }
        }
        Content::AckMissing {
            request,
            socket,
            reason,
        } => {
            if let Some(gather) = requests.acks(&request) {
                let missing = Missing {
                    socket: Some(socket),
                    error: reason.into_error(),
                };
                gather.node_answered(&from, Err(missing));
            }
        }
        other => tracing::debug!(%from, ?other, "message of another node ignored"),
    }
}

/// Passes the answers of this node's sockets on to the node that asked, one by one.
fn gather_for(
    port: &Arc<Port>,
    from: NodeId,
    request: RequestId,
    mut collector: Collector,
    place: OwnedSemaphorePermit,
) {
    let weak = Arc::downgrade(port);
    let (handle, registration) = AbortHandle::new_pair();
    port.serve(from.clone(), request.clone(), handle);
    let work = async move {
        let respond = |content| respond(&weak, &from, content);
        let count = collector.asked().await;
        respond(Content::AckCount {
            request: request.clone(),
            count,
        });
        while let Some(gathered) = collector.next().await {
            match gathered {
                Ok((socket, args)) => respond(Content::AckReply {
                    request: request.clone(),
                    socket,
                    args,
                }),
                // Whoever asked has the same timeout.
                Err(Missing {
                    error: AckError::Timeout,
                    ..
                }) => {}
                Err(Missing {
                    socket: Some(socket),
                    error,
                }) => respond(Content::AckMissing {
                    request: request.clone(),
                    socket,
                    reason: MissingReason::of(&error),
                }),
                Err(Missing { socket: None, .. }) => {}
            }
        }
        if let Some(port) = weak.upgrade() {
            port.served(&from, &request);
        }
    };
    port.spawn(async move {
        // Aborted when the other node has left or waits no longer.
        let _ = Abortable::new(work, registration).await;
        drop(place);
    });
}

fn respond(port: &Weak<Port>, to: &NodeId, content: Content) {
    if let Some(port) = port.upgrade() {
        port.respond(to, content);
    }
}

/// Selects the sockets of this node that the options mean.
fn local(port: &Port, options: &BroadcastOptions) -> Option<BroadcastOperator> {
    let flags = Flags {
        volatile: options.volatile,
    };
    let namespace = port.namespace()?;
    let sockets = BroadcastOperator::selecting(namespace, options.selector(), flags)
        .local()
        .compress(options.compress);
    Some(match options.timeout {
        Some(timeout) => sockets.timeout(timeout),
        None => sockets,
    })
}
