//! A helper that services send through, and clients that choose their rooms.
//!
//! A client connects to the path `/io` with a token, a JWT signed with HS256, in `auth.token` or an
//! `Authorization` header, and emits `authenticate`. It is answered `authenticated` `{id, time}`, or
//! `unauthenticated` and dropped. From then on it is in `io-default` and `io-notification`, and may
//! `join` and `leave` `{rooms}` where [`may_join`] lets it. Services send by [`IoHelper`].
//!
//! ```sh
//! JWT_SECRET=0123456789abcdef0123456789abcdef cargo run -p sockeye --example service_helper
//! curl localhost:3000/send -H 'Content-Type: application/json' \
//!     -d '{"destination": "io-notification", "topic": "news", "data": {"text": "Hi"}}'
//! curl localhost:3000/broadcast -H 'Content-Type: application/json' -d '{"topic": "news", "data": 1}'
//! ```
//!
//! `PORT` is 3000 by default.

use std::{env, error::Error, future::ready, time::Duration};

use actix_web::{
    App, HttpResponse,
    error::{ErrorBadRequest, ErrorInternalServerError},
    web,
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sockeye::{
    Args, Auth, AuthError, Credentials, Dialect, EmitError, FrontServer, Identity, Namespace,
    NamespaceRef, Reply, SocketIo, SocketRef, Verifier,
};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let auth = Auth::new(verifier(jwt_secret()))
        .dialect(Dialect::authenticate())
        .rooms(["io-default".parse()?, "io-notification".parse()?]);
    let io = SocketIo::builder()
        .path("/io")
        .namespace(
            Namespace::new("/")
                .auth(auth)
                .on("join", join)
                .on("leave", leave),
        )
        .build()?;
    let helper = web::Data::new(IoHelper::new(&io));

    let port = env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let mounted = io.clone();
    let server = FrontServer::new(move || {
        App::new()
            .configure(mounted.mount())
            .app_data(helper.clone())
            .route("/send", web::post().to(send))
            .route("/broadcast", web::post().to(broadcast))
    })
    .shutdown_signal(io.close_on_signal(Duration::from_secs(5)))
    .bind(("127.0.0.1", port))?;
    println!("listening on http://{}", server.addrs()[0]);
    server.run().await?;
    Ok(())
}

/// Sends to sockets, for services that know nothing of them.
struct IoHelper {
    sockets: NamespaceRef,
}

impl IoHelper {
    fn new(io: &SocketIo) -> Self {
        Self { sockets: io.root() }
    }

    /// Sends to a room, or to one socket by its id, and returns how many sockets that are.
    async fn send(&self, destination: &str, topic: &str, data: &Value) -> Result<usize, EmitError> {
        let receivers = self.sockets.to(destination).authenticated();
        receivers.emit_counted(topic, data).await
    }

    /// Sends to every authenticated socket, and returns how many they are.
    async fn broadcast(&self, topic: &str, data: &Value) -> Result<usize, EmitError> {
        let receivers = self.sockets.authenticated();
        receivers.emit_counted(topic, data).await
    }
}

#[derive(Deserialize)]
struct Message {
    destination: String,
    topic: String,
    data: Value,
}

async fn send(
    helper: web::Data<IoHelper>,
    message: web::Json<Message>,
) -> actix_web::Result<HttpResponse> {
    let sockets = helper
        .send(&message.destination, &message.topic, &message.data)
        .await
        .map_err(not_sent)?;
    Ok(HttpResponse::Ok().json(json!({"sockets": sockets})))
}

#[derive(Deserialize)]
struct Announcement {
    topic: String,
    data: Value,
}

async fn broadcast(
    helper: web::Data<IoHelper>,
    announcement: web::Json<Announcement>,
) -> actix_web::Result<HttpResponse> {
    let sockets = helper
        .broadcast(&announcement.topic, &announcement.data)
        .await
        .map_err(not_sent)?;
    Ok(HttpResponse::Ok().json(json!({"sockets": sockets})))
}

fn not_sent(error: EmitError) -> actix_web::Error {
    match error {
        EmitError::ReservedName(_) => ErrorBadRequest(error),
        _ => ErrorInternalServerError(error),
    }
}

/// Validates rooms: anybody may join those that are public, and every user its own.
fn may_join(user: &Identity, room: &str) -> bool {
    let own = room.strip_prefix("user-") == Some(user.subject());
    room.starts_with("public-") || (own && !user.subject().is_empty())
}

/// What clients ask for, and what they are answered: the rooms that they have joined or left.
#[derive(Deserialize, Serialize)]
struct Rooms {
    rooms: Vec<String>,
}

async fn join(socket: SocketRef, user: Identity, Args(mut wanted): Args<Rooms>) -> Reply<Rooms> {
    wanted.rooms.retain(|room| may_join(&user, room));
    socket.join(&wanted.rooms).await;
    Reply(wanted)
}

async fn leave(socket: SocketRef, user: Identity, Args(mut left): Args<Rooms>) -> Reply<Rooms> {
    // Those that the server has put it in, it stays in.
    left.rooms.retain(|room| may_join(&user, room));
    socket.leave(&left.rooms).await;
    Reply(left)
}

/// What a token says, `exp` being in seconds since 1970. One without `sub` is nobody's in particular.
#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    sub: String,
    exp: u64,
}

fn verifier(secret: String) -> impl Verifier {
    let key = DecodingKey::from_secret(secret.as_bytes());
    let validation = Validation::new(Algorithm::HS256);
    move |credentials: Credentials| {
        let verified = decode::<Claims>(credentials.token(), &key, &validation)
            .map(|token| Identity::new(token.claims.sub).with_expiry_unix(token.claims.exp))
            .map_err(|_| AuthError::Unauthorized);
        ready(verified)
    }
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
