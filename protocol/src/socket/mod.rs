//! Socket.IO protocol v5 on top of Engine.IO messages, without I/O.
//!
//! [`Connection`] turns what a client sends into [`Event`]s and keeps track of its
//! namespaces; [`encode`] builds what a server sends. Arguments stay JSON text until a
//! handler's type asks for them: see [`RawArgs`]. What a namespace, a handler or an ack means
//! is the driver's business.
//!
//! To read on: [`Connection`] for the states, `header.rs` and `json.rs` for the decoder,
//! `args.rs` for serde.

pub mod encode;

mod args;
mod connection;
mod error;
mod event;
mod header;
mod json;
mod limits;
mod packet;
mod reassembly;

pub use self::{
    args::{Binary, RawArgs},
    connection::Connection,
    error::{ArgsError, DecodeError, EncodeError, ProtocolError},
    event::{Event, Expired, RefusedReason, Slot},
    limits::Limits,
    packet::{EventName, EventPacket, is_reserved},
};
