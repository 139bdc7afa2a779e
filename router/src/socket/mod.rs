//! A socket: one client in one namespace.
//!
//! [`SocketRef`] is the handle that works anywhere; `SocketCell` is the socket itself, which never
//! leaves its thread; [`Socket`] is the actor that others address.

mod actor;
mod admission;
mod authentication;
mod backlog;
mod cell;
mod dispatch;
mod handle;
mod operation;
mod rooms;

pub use self::{
    actor::{Disconnect, Emit, GetRooms, Join, Leave, Socket},
    handle::SocketRef,
};
pub(crate) use self::{
    cell::SocketCell,
    handle::{Memory, State},
    operation::Operation,
};
