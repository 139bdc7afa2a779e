#![forbid(unsafe_code)]
//! A Socket.IO server on actix.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use actix_web::App;
//! use sockeye::{Args, FrontServer, Namespace, SocketIo, SocketRef};
//!
//! async fn say(socket: SocketRef, Args((text,)): Args<(String,)>) {
//!     // Everyone else, and the speaker too.
//!     let _ = socket.namespace().emit("said", &text);
//! }
//!
//! #[actix_web::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let io = SocketIo::builder()
//!         .namespace(Namespace::new("/").on("say", say))
//!         .build()?;
//!     let mounted = io.clone();
//!     FrontServer::new(move || App::new().service(mounted.service()))
//!         .shutdown_signal(io.close_on_signal(Duration::from_secs(5)))
//!         .bind(("127.0.0.1", 3000))?
//!         .run()
//!         .await?;
//!     Ok(())
//! }
//! ```
//!
//! Reading order: [`SocketIo`] and its builder, then [`Namespace`], [`Handler`] and the extractors,
//! [`SocketRef`] and [`BroadcastOperator`], which come from the `router` crate; [`engine`] for
//! Engine.IO alone; [`standalone`] for the parts of the `sockeye` binary.

mod admission;
pub mod engine;
mod front;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod mounted;
mod notification;
mod seldom;
mod socket_io;
#[cfg(feature = "standalone")]
pub mod standalone;

pub use sockeye_router::*;

pub use self::{
    admission::{Admission, AdmissionStats},
    front::{FrontCounts, FrontServer, FrontStats},
    http::{
        AllowedOrigins, Compression, ConnectionError, Cors, Forbidden, ForwardedHeader, HttpConfig,
        Intercept, InvalidOrigin, InvalidProxy, OriginPattern, OriginPredicate, SessionCookie,
        TrustedProxies, cut_stuck_clients,
    },
    mounted::NotMounted,
    notification::{EmitOnSuccess, Emitting, Notification, NotificationError, Notified, Notify},
    socket_io::{BuildServerError, SocketIo, SocketIoBuilder},
};

/// The examples of the documentation, which are compiled, and run where they can be.
#[cfg(doctest)]
mod documentation {
    #[doc = include_str!("../../README.md")]
    struct Readme;

    #[doc = include_str!("../../docs/embedding.md")]
    struct Embedding;

    #[doc = include_str!("../../docs/from-node.md")]
    struct FromNode;
}
