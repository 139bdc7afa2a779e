//! What the official protocol test suites expect to find on port 3000: Engine.IO that echoes at
//! `/engine.io/`, and Socket.IO with the suites' namespaces and events at `/socket.io/`.
//!
//! ```sh
//! cargo run --release --example conformance
//! ```
//!
//! Timers are as short as the suites want them. `PORT`, `PING_INTERVAL_MS`, `PING_TIMEOUT_MS`,
//! `CONNECT_TIMEOUT_MS`, `CORS=off` and `HOSTED_BY=app` change the fixture for other tests, for which there are some
//! events more than the suites use.

use std::{
    collections::BTreeMap,
    env, io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    str::FromStr,
    sync::Mutex,
    time::Duration,
};

use actix_web::{App, HttpServer};
use serde::{Deserialize, Serialize};
use sockeye::{
    Ack, AllowedOrigins, Args, AuthPayload, Cors, DisconnectReason, EmitError, EventName,
    FrontServer, Handshake, HttpConfig, Message, Namespace, Prepared, RawArgs, Reply, RouterConfig,
    SocketIo, SocketRef, State, cut_stuck_clients,
    engine::{Application, CloseReason, Connection, Engine, EngineConfig, Receiver},
};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = EngineConfig::default()
        .with_ping_interval(milliseconds("PING_INTERVAL_MS", 300))
        .with_ping_timeout(milliseconds("PING_TIMEOUT_MS", 200));
    let http = match env::var("CORS").as_deref() {
        Ok("off") => HttpConfig::default(),
        _ => HttpConfig::default().with_cors(Cors::new(AllowedOrigins::Any)),
    };
    let engine = Engine::new(config.clone(), Echo)?;
    let io = SocketIo::builder()
        .engine(config)
        .router(
            RouterConfig::default()
                // The reference has no such limit, and some tests send more at once.
                .with_event_rate(None)
                .with_connect_timeout(milliseconds("CONNECT_TIMEOUT_MS", 1000)),
        )
        .http(http.clone())
        .state(Reasons::default())
        .namespace(fixture("/"))
        .namespace(fixture("/custom"))
        .build()?;
    let (v6, v4) = listeners(number("PORT", 3000))?;
    let port = v4.local_addr()?.port();
    let app = move || {
        App::new()
            .service(engine.service("/engine.io", http.clone()))
            .service(io.service())
    };
    let listeners = [Some(v4), v6].into_iter().flatten();
    let server = if env::var("HOSTED_BY").is_ok_and(|host| host == "app") {
        let mut server = HttpServer::new(app)
            .on_connect(cut_stuck_clients(Duration::from_secs(20)))
            .h1_allow_half_closed(false)
            .tcp_nodelay(true);
        for listener in listeners {
            server = server.listen(listener)?;
        }
        server.run()
    } else {
        let mut server = FrontServer::new(app).write_timeout(Duration::from_secs(20));
        for listener in listeners {
            server = server.listen(listener)?;
        }
        server.run()
    };
    println!("listening on http://127.0.0.1:{port}");
    server.await?;
    Ok(())
}

fn fixture(name: &str) -> Namespace {
    Namespace::new(name)
        .on_connect(greet)
        .on_disconnect(remember)
        .on("message", message)
        .on("message-with-ack", answer)
        .on("echo", echo)
        .on("1", number_back)
        .on("error", error_back)
        .on("join", join)
        .on("leave", leave)
        .on("to", to_rooms)
        .on_concurrent("ask", ask)
        .on("burst", burst)
        .on("late", late)
        .on("kick", kick)
        .on("kick-close", kick_close)
        .on("bye", bye)
        .on("handshake", first_request)
        .on("reasons", reasons)
        .on_fallback(again)
}

/// Later than the CONNECT packet on purpose: a client that starts to listen when that has come
/// loses nothing, however fast the server is.
async fn greet(
    socket: SocketRef,
    AuthPayload(auth): AuthPayload<serde_json::Value>,
) -> Result<(), EmitError> {
    let socket = socket.clone();
    actix_web::rt::spawn(async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        // The client may have gone.
        let _ = socket.emit("auth", &(auth,));
    });
    Ok(())
}

async fn message(socket: SocketRef, args: RawArgs) -> Result<(), EmitError> {
    socket.emit_raw("message-back", &args)
}

async fn answer(args: RawArgs, ack: Ack) -> Result<(), EmitError> {
    ack.send_raw(&args)
}

async fn echo(socket: SocketRef, args: RawArgs) -> Result<(), EmitError> {
    socket.emit_raw("echo", &args)
}

async fn number_back(socket: SocketRef, args: RawArgs) -> Result<(), EmitError> {
    socket.emit_raw("number-back", &args)
}

async fn error_back(socket: SocketRef, args: RawArgs) -> Result<(), EmitError> {
    socket.emit_raw("error-back", &args)
}

async fn join(
    socket: SocketRef,
    Args((room,)): Args<(String,)>,
    ack: Ack,
) -> Result<(), EmitError> {
    socket.join(&room).await;
    ack.send(&room)
}

async fn leave(
    socket: SocketRef,
    Args((room,)): Args<(String,)>,
    ack: Ack,
) -> Result<(), EmitError> {
    socket.leave(&room).await;
    ack.send(&room)
}

/// Relays what follows the rooms and the event's name.
async fn to_rooms(
    socket: SocketRef,
    Args((rooms, event)): Args<(Rooms, String)>,
    args: RawArgs,
) -> Result<(), EmitError> {
    let others = match rooms {
        Rooms::One(room) => socket.to(room),
        Rooms::Several(rooms) => socket.to(rooms),
    };
    others.emit_raw(&event, &args.skip(2))
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Rooms {
    One(String),
    Several(Vec<String>),
}

/// Asks the client and tells what it has answered.
async fn ask(
    socket: SocketRef,
    Args((event,)): Args<(String,)>,
    args: RawArgs,
) -> Result<(), EmitError> {
    if let Ok(answer) = socket.emit_with_ack_raw(&event, &args.skip(1)).await {
        socket.emit_raw("answered", &answer)?;
    }
    Ok(())
}

async fn burst(socket: SocketRef, Args((count,)): Args<(u32,)>) -> Result<(), EmitError> {
    (0..count).try_for_each(|number| socket.emit("burst", &number))
}

/// Takes its time, which is not the same for every event.
async fn late(
    socket: SocketRef,
    Args((milliseconds,)): Args<(u64,)>,
    args: RawArgs,
) -> Result<(), EmitError> {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    socket.emit_raw("late", &args.skip(1))
}

/// Says again what comes under a name that begins with `again`, under the same name.
async fn again(socket: SocketRef, name: EventName, args: RawArgs) -> Result<(), EmitError> {
    if name.starts_with("again") {
        socket.emit_raw(&name, &args)?;
    }
    Ok(())
}

/// Tells what the socket knows of the request that opened its session.
async fn first_request(socket: SocketRef) -> Reply<serde_json::Value> {
    let handshake = socket.handshake();
    let query: BTreeMap<_, _> = handshake.query_pairs().collect();
    Reply(serde_json::json!({
        "query": query,
        "url": handshake.url(),
        "xdomain": handshake.is_cross_domain(),
        "secure": handshake.is_secure(),
    }))
}

async fn kick(socket: SocketRef) {
    socket.disconnect(false).await;
}

async fn kick_close(socket: SocketRef) {
    socket.disconnect(true).await;
}

/// What is emitted after the disconnection must not arrive.
async fn bye(socket: SocketRef) -> Result<(), EmitError> {
    socket.emit("bye", &"before")?;
    socket.disconnect(false).await;
    let _ = socket.emit("bye", &"after");
    Ok(())
}

/// Why sockets have disconnected, since the start.
#[derive(Default)]
struct Reasons(Mutex<Vec<Reason>>);

#[derive(Clone, Serialize)]
struct Reason {
    id: String,
    reason: &'static str,
}

async fn remember(socket: SocketRef, reason: DisconnectReason, seen: State<Reasons>) {
    let reason = Reason {
        id: socket.id().to_string(),
        reason: reason.as_str(),
    };
    seen.0.0.lock().unwrap().push(reason);
}

async fn reasons(ack: Ack, seen: State<Reasons>) -> Result<(), EmitError> {
    let seen = seen.0.0.lock().unwrap().clone();
    ack.send(&(seen,))
}

struct Echo;

impl Application for Echo {
    fn connect(&self, connection: &Connection, _: Handshake) -> Box<dyn Receiver> {
        Box::new(EchoReceiver(connection.clone()))
    }
}

struct EchoReceiver(Connection);

impl Receiver for EchoReceiver {
    fn message(&self, message: Message) {
        let echo = match &message {
            Message::Text(text) => Prepared::text(text),
            Message::Binary(data) => Prepared::binary(data.clone()),
        };
        if self.0.send(&echo).is_err() {
            self.0.abort(CloseReason::SlowConsumer);
        }
    }

    fn closed(&self, _: CloseReason) {}
}

/// Listens on both stacks: Node resolves `localhost` to `::1` first. Without IPv6, on one.
fn listeners(port: u16) -> io::Result<(Option<TcpListener>, TcpListener)> {
    let v4 = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    let port = v4.local_addr()?.port();
    let v6 = TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, port))).ok();
    Ok((v6, v4))
}

fn milliseconds(name: &str, default: u64) -> Duration {
    Duration::from_millis(number(name, default))
}

fn number<T: FromStr>(name: &str, default: T) -> T {
    let value = env::var(name).ok();
    value
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}
