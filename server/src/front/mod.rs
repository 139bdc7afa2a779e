//! A server front of our own: actix-web for everything but open WebSockets.
//!
//! [`FrontServer`] takes an App as [`HttpServer`](actix_web::HttpServer) does, and every request
//! goes through it: its middlewares, its guards, its routes. But once the App has accepted a
//! WebSocket for a session, the connection leaves actix-web's dispatcher, which would keep some
//! 10 kB of buffers for it, and is served by a task of its own, which keeps next to nothing. WebSockets of
//! other routes are relayed to the App.

mod accept;
mod batch;
mod client;
mod crowd;
mod listener;
mod proxy;
mod relay;
mod seat;
mod server;
mod stats;
mod stream;
mod turnstile;

#[cfg(feature = "testing")]
pub(crate) use self::proxy::read_header_of;
pub(crate) use self::{
    listener::{BACKLOG, bind},
    seat::{Seat, Seated},
};
pub use self::{
    server::FrontServer,
    stats::{FrontCounts, FrontStats},
};
