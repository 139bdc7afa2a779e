//! Who a socket belongs to, and by when it must have said so.

mod dialect;
mod identity;
mod policy;
mod template;
mod verifier;

pub(crate) use self::dialect::{Answer, handshake_token};
pub use self::{
    dialect::Dialect,
    identity::Identity,
    policy::Auth,
    template::{InvalidTemplate, RoomTemplate},
    verifier::{AuthError, Credentials, Verifier},
};

/// The room that authenticated sockets are in, so that emitting to them needs no look at others.
pub const AUTHENTICATED_ROOM: &str = "sockeye:authenticated";

/// What the names of the server's own rooms begin with, such as [`AUTHENTICATED_ROOM`]'s; no
/// template makes one.
pub const RESERVED_ROOMS: &str = "sockeye:";
