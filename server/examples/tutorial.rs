//! The server of the tutorials: a token, a message each way, and rooms, on a port of its own.
//!
//! The client connects with a JWT signed with HS256 in `auth.token`, and is disconnected without
//! one. The room is `room-userId-` and the query's `roomNumber`, and everyone in it is told by
//! `room-userId` who has come. `message_from_client` is printed; `message_from_server` is
//! emitted five seconds after connecting. Pages of any origin may connect.
//!
//! ```sh
//! JWT_SECRET=0123456789abcdef0123456789abcdef cargo run -p sockeye --example tutorial
//! ```
//!
//! `PORT`, 3000 by default, is the Socket.IO server's, and `APP_PORT` that of the App beside it: any
//! free one by default.

use std::{env, error::Error, time::Duration};

use actix_web::{App, HttpServer, rt, web};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;
use serde_json::json;
use sockeye::{
    AllowedOrigins, Args, AuthPayload, Cors, EmitError, FrontServer, HttpConfig, Namespace, Reply,
    SocketIo, SocketRef, State,
};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Any origin is safe as there are no cookies: a page has a token, or nothing.
    let http = HttpConfig::default().with_cors(Cors::new(AllowedOrigins::Any));
    let io = SocketIo::builder()
        .http(http)
        .state(DecodingKey::from_secret(jwt_secret().as_bytes()))
        .namespace(
            Namespace::new("/")
                .on_connect(enter)
                .on("message_from_client", message_from_client),
        )
        .build()?;

    let app = HttpServer::new(|| App::new().route("/", web::get().to(hello)))
        .bind(("127.0.0.1", port("APP_PORT", 0)?))?;
    let mounted = io.clone();
    let sockets = FrontServer::new(move || App::new().configure(mounted.mount()))
        .shutdown_signal(io.close_on_signal(Duration::from_secs(5)))
        .bind(("127.0.0.1", port("PORT", 3000)?))?;
    println!("the App is on http://{}", app.addrs()[0]);
    println!("listening on http://{}", sockets.addrs()[0]);
    tokio::try_join!(app.run(), sockets.run())?;
    Ok(())
}

async fn hello() -> &'static str {
    "Hello World!"
}

#[derive(Deserialize)]
struct Credentials {
    token: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    sub: Option<String>,
}

/// Who a socket belongs to, kept with the socket.
struct User(String);

async fn enter(
    socket: SocketRef,
    AuthPayload(credentials): AuthPayload<Credentials>,
    key: State<DecodingKey>,
) -> Result<(), EmitError> {
    let token = credentials.token.unwrap_or_default();
    let mut validation = Validation::new(Algorithm::HS256);
    // Tokens may do without `exp`; one that is over is refused.
    validation.required_spec_claims.clear();
    let Ok(token) = decode::<Claims>(&token, &key, &validation) else {
        socket.disconnect(true).await;
        return Ok(());
    };
    let user = token.claims.sub.unwrap_or_else(|| "somebody".to_owned());
    if let Some(number) = room_number(&socket) {
        let room = format!("room-userId-{number}");
        socket.join(&room).await;
        let welcome = json!({"room": room, "userId": user});
        socket.namespace().to(room).emit("room-userId", &welcome)?;
    }
    socket.set_data(User(user));
    rt::spawn(greet_later(socket));
    Ok(())
}

/// Rooms are numbered: a client can't get into any other by what it asks for.
fn room_number(socket: &SocketRef) -> Option<u32> {
    socket.handshake().query("roomNumber")?.parse().ok()
}

async fn greet_later(socket: SocketRef) {
    rt::time::sleep(Duration::from_secs(5)).await;
    // The client may have gone by now, which is no error.
    let _ = socket.emit("message_from_server", &"Hello from the server");
}

async fn message_from_client(
    socket: SocketRef,
    Args((message,)): Args<(String,)>,
) -> Reply<&'static str> {
    let user = socket.data::<User>();
    let name = user.as_ref().map_or("nobody", |user| &user.0);
    println!("message from {name}: {message:?}");
    Reply("received")
}

fn port(name: &str, default: u16) -> Result<u16, Box<dyn Error>> {
    Ok(env::var(name).map_or(Ok(default), |port| port.parse())?)
}

fn jwt_secret() -> String {
    env::var("JWT_SECRET").unwrap_or_else(|_| {
        eprintln!(
            "JWT_SECRET is not set: tokens are checked with {DEV_SECRET:?}, which is no secret"
        );
        DEV_SECRET.to_owned()
    })
}

const DEV_SECRET: &str = "not a secret, but for development";
