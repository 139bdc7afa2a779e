#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::todo,
        clippy::unimplemented,
        clippy::unreachable
    )
)]
//! Engine.IO v4 and Socket.IO v5 without any I/O.
//!
//! Bytes and time go in, bytes and events come out. The crate opens no socket,
//! reads no clock, draws no random number and spawns nothing: whoever drives it
//! does, so a whole conversation runs in a unit test with an invented clock.
//!
//! Reading order:
//!
//! 1. [`Message`] and [`Prepared`]: what travels in and what travels out.
//! 2. [`engine`]: packets, polling payloads, the handshake and [`engine::Session`],
//!    the state machine of one connection over polling, WebSocket and the upgrade
//!    between them.
//! 3. [`websocket`]: RFC 6455 frames, the server's side.
//! 4. [`socket`]: the seven Socket.IO packets, their binary attachments, the serde
//!    bridge for arguments and [`socket::Connection`], the namespaces of one session.

pub mod engine;
pub mod socket;
pub mod websocket;

mod attachments;
#[cfg(test)]
#[path = "tests/cases.rs"]
mod cases;
mod message;
mod prepared;
mod queue;
mod sid;

pub use self::{
    message::Message,
    prepared::{Prepared, PreparedText},
    sid::{InvalidSid, Sid},
};
