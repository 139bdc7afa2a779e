//! HTTP to sessions and back: the only part that knows status codes and headers.

mod admit;
mod client_address;
mod client_files;
mod compression;
mod config;
mod cookie;
mod cors;
mod handshake;
mod header_limits;
mod hooks;
mod negotiation;
mod opening;
mod origin;
mod polling;
mod refused;
mod reply;
mod service;
mod stuck;
mod verify;
mod websocket;

pub(crate) use self::service::EngineService;
pub(crate) use self::stuck::cut_stuck;
pub use self::{
    client_address::{ForwardedHeader, InvalidProxy, TrustedProxies},
    compression::Compression,
    config::HttpConfig,
    cookie::SessionCookie,
    cors::{AllowedOrigins, Cors, OriginPredicate},
    hooks::{Forbidden, Intercept},
    origin::{InvalidOrigin, OriginPattern},
    refused::ConnectionError,
    stuck::cut_stuck_clients,
};
#[cfg(feature = "testing")]
pub(crate) use self::{
    opening::shake_hands,
    verify::{asks_for_websocket, is_of},
    websocket::echo as echo_websocket,
};
