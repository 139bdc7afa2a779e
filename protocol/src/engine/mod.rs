//! Engine.IO v4: one reliable message channel over HTTP long-polling, WebSocket and the
//! upgrade from the first to the second.
//!
//! This module decides what every byte of that channel means and what is owed to the peer
//! next. It does no I/O: a driver carries requests and frames to [`Session`] and its answers
//! back, and tells it the time.
//!
//! Reading order:
//!
//! 1. [`Packet`] and [`Payload`]: the seven engine packets, alone and several to a body.
//! 2. [`Query`] and [`verify`]: what a request asks for, and the refusals ([`ErrorCode`]).
//! 3. [`Session`]: the state machine, drawn at the top of its file.
//! 4. [`EngineConfig`]: every timer and bound that it keeps.

mod close;
mod config;
mod error;
mod handshake;
mod packet;
mod payload;
mod query;
mod session;
mod transport;

pub use self::{
    close::{CloseReason, TransportFault},
    config::{ConfigError, EngineConfig},
    error::{ErrorCode, InputError, SendError},
    handshake::{Target, verify, verify_revision, verify_transport},
    packet::{DecodeError, Packet},
    payload::{Payload, PayloadError},
    query::Query,
    session::{Event, Input, PostFault, Session, Transmit, WebSocketFault},
    transport::{Transport, Transports, UnknownTransport},
};
