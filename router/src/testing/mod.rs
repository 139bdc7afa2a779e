//! Clients in the same process, to test one's own handlers, rooms and authentication: no port, no
//! network, and a clock that the test moves.
//!
//! Behind the cargo feature `testing`, which belongs among the dev-dependencies.
//!
//! ```
//! use sockeye_router::{
//!     Args, EmitError, Hub, Namespace, Reply, SocketRef,
//!     testing::{TestClient, TestError},
//! };
//!
//! async fn join(socket: SocketRef, Args((room,)): Args<(String,)>) -> Reply<usize> {
//!     socket.join(&room).await;
//!     Reply(socket.rooms().len())
//! }
//!
//! async fn say(socket: SocketRef, Args((room, text)): Args<(String, String)>) -> Result<(), EmitError> {
//!     socket.to(room).emit("said", &text)
//! }
//!
//! #[actix::main] // in a test: #[actix::test]
//! async fn main() -> Result<(), TestError> {
//!     let hub = Hub::builder()
//!         .namespace(Namespace::new("/").on("join", join).on("say", say))
//!         .build()
//!         .unwrap();
//!     let ann = TestClient::connect(&hub, "/").await?;
//!     let bob = TestClient::connect(&hub, "/").await?;
//!
//!     let rooms: usize = ann.emit_with_ack("join", &"lobby").await?;
//!     bob.emit("say", &("lobby", "hi"))?;
//!
//!     assert_eq!(rooms, 1);
//!     assert_eq!(ann.receive::<String>("said").await?, "hi");
//!     bob.expect_nothing().await
//! }
//! ```
//!
//! A client belongs to the thread that it was made on, which must be an arbiter, as in
//! `#[actix::test]`. What it emits has reached the handlers when the call returns, and those that
//! need not wait have run. What it hears waits in the order of arrival until the test takes it.
//! No wait is without an end: with a stopped clock it is an hour of that clock, which takes no
//! time, otherwise ten seconds; then the error says what was heard instead, and where the test
//! waited.
//!
//! All of it is built on [`Client`](crate::Client) and [`Outlet`](crate::Outlet), as a transport
//! of one's own would be. What it leaves out is Engine.IO: there are no pings, no upgrade, no
//! limits of a transport.

mod builder;
mod client;
mod clock;
mod connection;
mod ending;
mod error;
mod incoming;
mod line;
mod packet;

pub use self::{
    builder::TestClientBuilder,
    client::TestClient,
    clock::{advance, settle, stop_clock},
    connection::TestConnection,
    ending::Ending,
    error::{TestError, TestErrorKind},
    incoming::{Incoming, Request},
    packet::RawPacket,
};
