#![forbid(unsafe_code)]
//! Socket.IO sockets and rooms as actix actors.
//!
//! A [`Hub`] holds the namespaces and their handlers. A transport creates a [`Client`] for each
//! connection on the arbiter that it lives on, gives it the messages that arrive, and implements
//! [`Outlet`] for those that leave; the `server` crate does so for polling and WebSocket, and
//! `examples/in_process.rs` for a channel. Everything else reaches sockets through handles that
//! work from any thread: [`SocketRef`], [`NamespaceRef`] and [`BroadcastOperator`], or through the
//! actors [`Socket`] and [`Room`] and their messages.
//!
//! Reading order: [`Namespace`] (handlers), [`Handler`] and the extractors ([`Args`], [`Ack`],
//! [`State`], ...), [`SocketRef`], [`BroadcastOperator`], [`Auth`], then [`Client`] and [`Outlet`].
//!
//! What it promises: the events of a socket are handled one at a time in the order of arrival;
//! what one task does through handles, and awaits, takes effect in that order; a socket in several
//! targeted rooms gets one copy; no queue is without a bound.

mod ack;
mod args_list;
mod auth;
mod broadcast_ack;
mod client;
mod clock;
mod closing;
pub mod cluster;
mod completion;
mod config;
mod courier;
mod deadline;
mod directory;
mod emit_operator;
mod error;
mod event_rate;
mod extract;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod fuzzing;
mod handler;
mod handler_error;
mod handshake;
mod hub;
mod ids;
mod inbox;
mod limit;
mod members;
mod membership;
mod namespace;
mod operator;
mod outgoing;
mod outlet;
mod reason;
mod recovery;
mod refusal;
mod room;
mod selector;
mod slots;
mod socket;
mod state;
mod task;
#[cfg(feature = "testing")]
pub mod testing;
mod timers;

pub use sockeye_protocol::{
    Message, Prepared, Sid,
    socket::{Binary, EventName, Limits, RawArgs},
};

pub use self::{
    ack::{Ack, EmitWithAck},
    args_list::ArgsList,
    auth::{
        AUTHENTICATED_ROOM, Auth, AuthError, Credentials, Dialect, Identity, InvalidTemplate,
        RESERVED_ROOMS, RoomTemplate, Verifier,
    },
    broadcast_ack::{AckReply, AckReport, AckStream, BroadcastAck, Missing},
    client::Client,
    clock::{Turn, now},
    cluster::{
        Adapter, FetchError, RemoteAck, RemoteSocket, ServerEmit, ServerReply, ServerReport,
    },
    completion::Completion,
    config::RouterConfig,
    emit_operator::EmitOperator,
    error::{AckError, BuildError, EmitError},
    event_rate::EventRate,
    extract::{
        Args, AuthPayload, Call, Event, ExtractError, FromCall, HandshakeExtension, Need, State,
    },
    handler::{EventVerdict, Handler, Outcome, Reply, Verdict},
    handler_error::HandlerError,
    handshake::{Handshake, Headers},
    hub::{Hub, HubBuilder, HubCounters, HubMemory, Stats},
    ids::{is_socket_id, new_sid},
    limit::{Limit, LimitCounters},
    members::{json_members, json_text},
    namespace::{Namespace, NamespaceRef, NamespaceRequest, ParentOperator, ParentRef},
    operator::BroadcastOperator,
    outgoing::OutgoingEvent,
    outlet::{Outlet, OutletError},
    reason::DisconnectReason,
    recovery::{Recovery, RecoveryStats, RecoveryStatus},
    refusal::Refusal,
    room::{Broadcast, Empty, GetMembers, Room},
    selector::{IntoRooms, RoomName, Selector},
    socket::{Disconnect, Emit, GetRooms, Join, Leave, Socket, SocketRef},
    timers::{Timed, Timers},
};
