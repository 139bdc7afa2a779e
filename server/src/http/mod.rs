//! HTTP to sessions and back: the only part that knows status codes and headers.

mod cors;
mod origin;
mod polling;
mod reply;
mod service;
mod stuck;
mod websocket;

pub(crate) use self::service::EngineService;
pub use self::{
    cors::{AllowedOrigins, Cors},
    origin::{InvalidOrigin, OriginPattern},
    service::HttpConfig,
    stuck::cut_stuck_clients,
};
