//! How the nodes of a cluster reach each other's sockets.
//!
//! A *node* is one hub. What it says to the others is a [`ClusterMessage`]; how that gets there is
//! the business of an [`Adapter`], which opens a [`Channel`] for each namespace and gives what it
//! receives to the channel's [`Inbox`]. Everything else is here: what a message does to the sockets
//! of this node, who has yet to answer a request, and when to stop waiting. The messages mean what
//! they mean to the reference server's cluster adapters, so that its nodes can be peers.
//!
//! To write an adapter, start with [`Channel`]; [`InProcess`] is a small one.

mod adapter;
mod ask;
mod awaited;
mod broadcast;
mod fetch;
mod heartbeat;
mod id;
mod in_process;
mod inbox;
mod message;
mod port;
mod record;
mod remote_socket;
mod requests;
mod serve;
mod server_event;

pub use self::{
    adapter::{Adapter, AdapterError, Channel, Members},
    fetch::FetchError,
    id::{NodeId, RequestId},
    in_process::InProcess,
    inbox::Inbox,
    message::{BroadcastOptions, ClusterMessage, Content, MissingReason},
    record::SocketRecord,
    remote_socket::{RemoteAck, RemoteSocket},
    server_event::{ServerEmit, ServerReply, ServerReport},
};
pub(crate) use self::{
    ask::AskedNodes,
    awaited::Awaited,
    port::{Cluster, Port},
    server_event::{ServerAck, is_reserved_server_event},
};
