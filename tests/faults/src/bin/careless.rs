#![forbid(unsafe_code)]
//! A server that embeds Sockeye, with handlers that panic and handlers that never end.

use std::{future::pending, net::TcpListener, time::Duration};

use actix_web::App;
use sockeye::{Ack, EmitError, FrontServer, Namespace, SocketIo, engine::EngineConfig};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = EngineConfig::default()
        .with_ping_interval(Duration::from_secs(4))
        .with_ping_timeout(Duration::from_secs(4));
    let io = SocketIo::builder()
        .engine(engine)
        .namespace(
            Namespace::new("/")
                .on("echo", echo)
                .on("panic", panic_at_once)
                .on("late panic", panic_later)
                .on("hang", hang),
        )
        .build()?;
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    let mounted = io.clone();
    let server = FrontServer::new(move || App::new().configure(mounted.mount()))
        .shutdown_signal(io.close_on_signal(Duration::from_secs(1)))
        .listen(listener)?
        .run();
    println!("careless listening on http://{address}");
    server.await?;
    Ok(())
}

async fn echo(ack: Ack) -> Result<(), EmitError> {
    ack.send(&"yes")
}

#[expect(clippy::panic, reason = "that is what it is for")]
async fn panic_at_once() {
    panic!("as it was told to");
}

#[expect(clippy::panic, reason = "that is what it is for")]
async fn panic_later() {
    tokio::task::yield_now().await;
    panic!("as it was told to");
}

async fn hang() {
    pending::<()>().await;
}
