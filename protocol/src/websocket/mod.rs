//! RFC 6455 frames, the server's side, without I/O.
//!
//! [`Decoder`] turns what a client sends into messages and control frames.
//! [`FrameHeader`] and the `*_frame` functions build what a server sends, which is never
//! masked and never fragmented. The opening handshake and what to do on a close are the
//! driver's; extensions are not supported, so a reserved bit is always an error.

mod close_code;
mod control;
mod decoder;
mod error;
mod header;
mod mask;
mod start;
mod utf8;

pub use self::{
    control::{MAX_CONTROL_LEN, close_frame, ping_frame, pong_frame},
    decoder::{Decoder, Incoming},
    error::FrameError,
    header::{FrameHeader, MAX_HEADER_LEN},
};
