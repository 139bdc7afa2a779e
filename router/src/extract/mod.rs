//! What a handler's arguments can be, one extractor a file.

mod args;
mod call;
mod context;
mod event;
mod handshake;
mod payload;
mod state;

pub(crate) use self::call::Setting;
pub use self::{
    args::Args,
    call::{Call, ExtractError, FromCall, Need},
    event::Event,
    handshake::HandshakeExtension,
    payload::AuthPayload,
    state::State,
};
