//! The server that load generators measure: ordinary typed handlers, nothing special.
//!
//! Every socket is in the room `bench`. `echo` comes back, `ack` is answered with its argument, and
//! `bcast` goes to the room, the sender included; `join` enters more rooms, and `bcast-to` reaches
//! one of them. From the environment: `PORT` (3900 by default), `WORKERS` (1), `BINARY=1` for an
//! `echo` of bytes, `AUTH=1` to demand the token that is then printed, and `EVENT_RATE` for how many
//! packets a client may send in a second (any number by default). `--host` says what
//! carries WebSockets: the `front` of Sockeye (by default) or an `app` of actix-web.
//!
//! ```sh
//! cargo run --release --example bench_server -- --host front
//! ```

use std::{
    env,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use actix_web::{App, HttpServer};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sockeye::{
    Ack, Args, Auth, AuthError, Binary, Credentials, EmitError, EventRate, FrontServer, HttpConfig,
    Identity, Namespace, Reply, RouterConfig, SocketIo, SocketRef, engine::EngineConfig,
};

/// The system's allocator keeps what a crowd needed that has gone; this one gives it back.
#[cfg(all(feature = "standalone", target_os = "linux"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = env::var("PORT").map_or(Ok(3900), |port| port.parse())?;
    let workers = env::var("WORKERS").map_or(Ok(1), |workers| workers.parse())?;
    let io = SocketIo::builder()
        .http(HttpConfig::default().with_kept_headers(NO_HEADERS))
        .engine(EngineConfig::default().with_send_queue_bytes(8 << 20))
        // Load generators send as fast as they can.
        .router(RouterConfig::default().with_event_rate(event_rate()?))
        .namespace(namespace()?)
        .build()?;
    let app = move || App::new().service(io.service());
    let address = ("127.0.0.1", port);
    let (address, server) = match host()?.as_str() {
        "app" => {
            let server = HttpServer::new(app).workers(workers).backlog(4096);
            let server = server.h1_allow_half_closed(false).tcp_nodelay(true);
            let server = server.max_connections(100_000).bind(address)?;
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

/// Returns the rate that `EVENT_RATE` says, with twice as many at once.
fn event_rate() -> Result<Option<EventRate>, std::num::ParseIntError> {
    let rate = env::var("EVENT_RATE").ok();
    let rate = rate.map(|rate| rate.parse()).transpose()?;
    Ok(rate.map(|rate: u32| EventRate::new(rate, rate.saturating_mul(2))))
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

fn namespace() -> Result<Namespace, Box<dyn std::error::Error>> {
    let namespace = Namespace::new("/")
        .on("ack", ack)
        .on("bcast", bcast)
        .on("join", join)
        .on("bcast-to", bcast_to);
    let namespace = match is_set("BINARY") {
        true => namespace.on("echo", echo_bytes),
        false => namespace.on("echo", echo),
    };
    if !is_set("AUTH") {
        return Ok(namespace.on_connect(enter));
    }
    println!("token {}", token()?);
    let key = Arc::new(DecodingKey::from_secret(SECRET));
    let auth = Auth::new(move |credentials: Credentials| {
        let key = key.clone();
        async move { identify(credentials.token(), &key) }
    });
    Ok(namespace.on_connect(welcome).auth(auth))
}

fn is_set(variable: &str) -> bool {
    env::var(variable).as_deref() == Ok("1")
}

async fn enter(socket: SocketRef) {
    socket.join("bench").await;
}

/// Runs once the token has been verified, and says so.
async fn welcome(socket: SocketRef) -> Result<(), EmitError> {
    socket.join("bench").await;
    socket.emit("welcome", &socket.id())
}

async fn echo(socket: SocketRef, Args(argument): Args<String>) -> Result<(), EmitError> {
    socket.emit("echo", &argument)
}

async fn echo_bytes(socket: SocketRef, Args(argument): Args<Binary>) -> Result<(), EmitError> {
    socket.emit("echo", &argument)
}

async fn ack(Args(argument): Args<String>) -> Reply<String> {
    Reply(argument)
}

async fn bcast(socket: SocketRef, Args(argument): Args<String>) -> Result<(), EmitError> {
    socket.namespace().to("bench").emit("bcast", &argument)
}

async fn join(
    socket: SocketRef,
    Args((rooms,)): Args<(Vec<String>,)>,
    ack: Ack,
) -> Result<(), EmitError> {
    socket.join(rooms).await;
    ack.send(&"joined")
}

async fn bcast_to(
    socket: SocketRef,
    Args((room, argument)): Args<(String, Value)>,
) -> Result<(), EmitError> {
    socket.namespace().to(room).emit("bcast", &argument)
}

/// Whom a token is for, `exp` being in seconds since 1970.
#[derive(Deserialize, Serialize)]
struct Claims {
    sub: String,
    exp: u64,
}

fn identify(token: &str, key: &DecodingKey) -> Result<Identity, AuthError> {
    let claims = decode::<Claims>(token, key, &Validation::new(Algorithm::HS256))
        .map_err(|_| AuthError::Unauthorized)?
        .claims;
    Ok(Identity::new(claims.sub).with_expiry_unix(claims.exp))
}

/// Returns a token that is good for a day.
fn token() -> Result<String, Box<dyn std::error::Error>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let claims = Claims {
        sub: "load".to_owned(),
        exp: now.as_secs() + 86_400,
    };
    let key = EncodingKey::from_secret(SECRET);
    Ok(encode(&Header::new(Algorithm::HS256), &claims, &key)?)
}

/// No handler asks for the headers of a handshake.
const NO_HEADERS: [&str; 0] = [];

/// No secret: whoever starts this server is told a token.
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
