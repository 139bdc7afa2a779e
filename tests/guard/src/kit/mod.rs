//! Clients that can send any byte, and say what came back.

mod failure;
mod handshake;
mod peer;
mod polling;
mod response;
mod stream;
mod token;
mod wait;
mod websocket;

pub use self::{
    failure::{Checked, Failure, ensure},
    handshake::Upgrade,
    peer::{Peer, Transport},
    polling::Polling,
    response::Response,
    stream::{PATIENCE, Stream},
    token::Token,
    wait::{eventually, pause},
    websocket::{Frame, Received, WebSocket},
};

/// What separates the packets of a polling payload.
pub const RS: &str = "\x1e";

/// The answer's body where a request is refused with this code.
#[must_use]
pub fn code(code: u8) -> String {
    let message = match code {
        0 => "Transport unknown",
        1 => "Session ID unknown",
        2 => "Bad handshake method",
        3 => "Bad request",
        4 => "Forbidden",
        _ => "Unsupported protocol version",
    };
    format!(r#"{{"code":{code},"message":"{message}"}}"#)
}
