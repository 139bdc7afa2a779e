//! A back office that tells its users what happens to records, over their cookie session.
//!
//! `POST /session` `{token}`, a JWT of the company's sign-on, opens the session, and `DELETE /session`
//! ends it. The cookie identifies the sockets, too: without one, they get the `connect_error`
//! `unauthorized`. A socket is in the rooms of its user's id and its session's id, in `ALL`, and in
//! `ADMIN` if the token's `role` says so. The controllers of `/records` attach to their responses what
//! is to be told to whom, which goes out when they have succeeded.
//!
//! ```sh
//! JWT_SECRET=0123456789abcdef0123456789abcdef ORIGIN=http://localhost:5173 \
//!     cargo run -p sockeye --example events_back_office
//! ```
//!
//! `PORT` is 3000 by default. Only pages of `ORIGIN`, `http://localhost:5173` by default, may use it.

mod records;
mod session;

use std::{env, error::Error, time::Duration};

use actix_cors::Cors;
use actix_session::{SessionExt as _, SessionMiddleware, storage::CookieSessionStore};
use actix_web::{
    App, HttpRequest,
    cookie::Key,
    http::header::CONTENT_TYPE,
    web::{Data, ServiceConfig, delete, post, put},
};
use jsonwebtoken::DecodingKey;
use sockeye::{
    EmitOnSuccess, FrontServer, Handshake, HandshakeExtension, HttpConfig, Namespace, Refusal,
    SocketIo, SocketRef,
};

use self::{records::Records, session::User};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let origin = env::var("ORIGIN").unwrap_or_else(|_| "http://localhost:5173".to_owned());
    let http = HttpConfig::default()
        // Browsers send the cookie with WebSockets of every page, and CORS doesn't apply to them.
        .with_allowed_origins([origin.parse()?])
        .with_handshake(identify);
    let io = SocketIo::builder()
        .http(http)
        .namespace(Namespace::new("/").middleware(admit))
        .build()?;

    let port = env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let sign_on = Data::new(DecodingKey::from_secret(jwt_secret().as_bytes()));
    let records = Data::new(Records::default());
    // Sessions end with the process: to outlive it, they need a key that does.
    let key = Key::generate();
    let mounted = io.clone();
    let server = FrontServer::new(move || {
        let sessions = SessionMiddleware::builder(CookieSessionStore::default(), key.clone())
            // For development over plain HTTP; leave it out behind TLS.
            .cookie_secure(false);
        let cors = Cors::default()
            .allowed_origin(&origin)
            .allowed_methods(["GET", "POST", "PUT", "DELETE"])
            .allowed_header(CONTENT_TYPE)
            .supports_credentials();
        App::new()
            .app_data(sign_on.clone())
            .app_data(records.clone())
            .configure(mounted.mount())
            .configure(routes)
            .wrap(EmitOnSuccess::new(mounted.clone()))
            .wrap(sessions.build())
            .wrap(cors)
    })
    .shutdown_signal(io.close_on_signal(Duration::from_secs(5)))
    .bind(("127.0.0.1", port))?;
    println!("listening on http://{}", server.addrs()[0]);
    server.run().await?;
    Ok(())
}

fn routes(app: &mut ServiceConfig) {
    app.route("/session", post().to(session::log_in))
        .route("/session", delete().to(session::log_out))
        .route("/records", post().to(records::create))
        .route("/records/{id}", put().to(records::change))
        .route("/records/{id}", delete().to(records::remove));
}

/// Takes the session's user over into the handshake, where the sockets find it.
fn identify(request: &HttpRequest, handshake: Handshake) -> Handshake {
    match User::of(&request.get_session()) {
        Some(user) => handshake.with_extension(user),
        None => handshake,
    }
}

async fn admit(socket: SocketRef, user: Option<HandshakeExtension<User>>) -> Result<(), Refusal> {
    let Some(HandshakeExtension(user)) = user else {
        return Err("unauthorized".into());
    };
    socket.join(user.rooms()).await;
    Ok(())
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
