//! The server that load generators measure: ordinary typed handlers, nothing special.
//!
//! Every socket is in the room `bench`; `echo` comes back, `ack` is answered with its argument, and
//! `bcast` goes to the room, the sender included. From the environment: `PORT` (3900 by default),
//! `WORKERS` (1), and `BINARY=1` for an `echo` of bytes. `--host` says what carries WebSockets: the
//! `front` of Sockeye (by default) or an `app` of actix-web.
//!
//! ```sh
//! cargo run --release --example bench_server -- --host front
//! ```

use std::env;

use actix_web::{App, HttpServer, web::Bytes};
use serde_json::Value;
use sockeye::{
    Args, EmitError, FrontServer, HttpConfig, Namespace, Reply, SocketIo, SocketRef,
    engine::EngineConfig,
};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = env::var("PORT").map_or(Ok(3900), |port| port.parse())?;
    let workers = env::var("WORKERS").map_or(Ok(1), |workers| workers.parse())?;
    let namespace = Namespace::new("/")
        .on_connect(enter)
        .on("ack", ack)
        .on("bcast", bcast);
    let namespace = match env::var("BINARY").as_deref() {
        Ok("1") => namespace.on("echo", echo_bytes),
        _ => namespace.on("echo", echo),
    };
    let io = SocketIo::builder()
        .http(HttpConfig::default().with_kept_headers(NO_HEADERS))
        .engine(EngineConfig::default().with_send_queue_bytes(8 << 20))
        .namespace(namespace)
        .build()?;
    let app = move || App::new().service(io.service());
    let address = ("127.0.0.1", port);
    let (address, server) = match host()?.as_str() {
        "app" => {
            let server = HttpServer::new(app).workers(workers).backlog(4096);
            let server = server.h1_allow_half_closed(false).tcp_nodelay(true);
            let server = server.bind(address)?;
            (server.addrs()[0], server.run())
        }
        "front" => {
            let server = FrontServer::new(app).workers(workers).backlog(4096);
            let server = server.bind(address)?;
            (server.addrs()[0], server.run())
        }
        other => return Err(format!("--host is app or front, not {other:?}").into()),
    };
    println!("listening on http://{address}");
    server.await?;
    Ok(())
}

/// Returns what follows `--host`.
fn host() -> Result<String, &'static str> {
    let mut arguments = env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => Ok("front".to_owned()),
        (Some("--host"), Some(host)) => Ok(host),
        _ => Err("usage: bench_server [--host app|front]"),
    }
}

/// No handler asks for the headers of a handshake.
const NO_HEADERS: [&str; 0] = [];

async fn enter(socket: SocketRef) {
    socket.join("bench").await;
}

async fn echo(socket: SocketRef, Args(argument): Args<Value>) -> Result<(), EmitError> {
    socket.emit("echo", &argument)
}

async fn echo_bytes(socket: SocketRef, Args(argument): Args<Bytes>) -> Result<(), EmitError> {
    socket.emit("echo", &argument)
}

async fn ack(Args(argument): Args<Value>) -> Reply<Value> {
    Reply(argument)
}

async fn bcast(socket: SocketRef, Args(argument): Args<Value>) -> Result<(), EmitError> {
    socket.namespace().to("bench").emit("bcast", &argument)
}
