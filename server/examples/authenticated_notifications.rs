//! Notifications for those who have said who they are.
//!
//! A client has ten seconds to emit `authentication` with its access token, a JWT signed with HS256.
//! It is answered `authenticated`, or `unauthorized` with the status 401, 403 or 500, and dropped.
//! From then on it receives `new-notification` and `updated-notification`. What is emitted to
//! everyone, here the time, reaches those who have not authenticated yet, too.
//!
//! ```sh
//! JWT_SECRET=0123456789abcdef0123456789abcdef cargo run -p sockeye --example authenticated_notifications
//! curl localhost:3000/notifications -H 'Content-Type: application/json' -d '{"text": "Hi"}'
//! curl -X PUT localhost:3000/notifications/1 -H 'Content-Type: application/json' -d '{"text": "Hello"}'
//! ```
//!
//! `PORT` is 3000 by default. `BLOCKED_USERS` may name a file with the ids of users who are not let
//! in, one a line, which is read at each login.

use std::{
    env,
    error::Error,
    fs, io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use actix_web::{App, HttpResponse, error::ErrorInternalServerError, rt, web};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::{Deserialize, Serialize};
use sockeye::{Auth, AuthError, Credentials, FrontServer, Identity, Namespace, SocketIo, Verifier};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let io = SocketIo::builder()
        .namespace(Namespace::new("/").auth(Auth::new(verifier(Users::from_env()))))
        .build()?;
    rt::spawn(tell_the_time(io.clone()));

    let port = env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let (mounted, ids) = (io.clone(), web::Data::new(Ids::default()));
    let server = FrontServer::new(move || {
        App::new()
            .configure(mounted.mount())
            .app_data(ids.clone())
            .route("/notifications", web::post().to(create))
            .route("/notifications/{id}", web::put().to(update))
    })
    .shutdown_signal(io.close_on_signal(Duration::from_secs(5)))
    .bind(("127.0.0.1", port))?;
    println!("listening on http://{}", server.addrs()[0]);
    server.run().await?;
    Ok(())
}

#[derive(Deserialize)]
struct Draft {
    text: String,
}

#[derive(Serialize)]
struct Notification {
    id: u64,
    text: String,
}

/// Numbers the notifications.
#[derive(Default)]
struct Ids(AtomicU64);

async fn create(
    io: SocketIo,
    draft: web::Json<Draft>,
    ids: web::Data<Ids>,
) -> actix_web::Result<HttpResponse> {
    let notification = Notification {
        id: ids.0.fetch_add(1, Ordering::Relaxed) + 1,
        text: draft.into_inner().text,
    };
    io.emit_authenticated("new-notification", &notification)
        .map_err(ErrorInternalServerError)?;
    Ok(HttpResponse::Created().json(notification))
}

async fn update(
    io: SocketIo,
    id: web::Path<u64>,
    draft: web::Json<Draft>,
) -> actix_web::Result<HttpResponse> {
    let notification = Notification {
        id: id.into_inner(),
        text: draft.into_inner().text,
    };
    io.emit_authenticated("updated-notification", &notification)
        .map_err(ErrorInternalServerError)?;
    Ok(HttpResponse::Ok().json(notification))
}

/// Emits to everyone, authenticated or not.
async fn tell_the_time(io: SocketIo) {
    let mut seconds = rt::time::interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        if let Err(error) = io.emit("server-time", &now.unwrap_or_default().as_secs()) {
            eprintln!("the time could not be told: {error}");
        }
    }
}

/// Who may log in: the bearers of access tokens, but for those who are blocked.
struct Users {
    key: DecodingKey,
    blocked: Option<PathBuf>,
}

/// What an access token says, `exp` being in seconds since 1970. One without `sub` is nobody's in
/// particular.
#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    sub: String,
    exp: u64,
}

fn verifier(users: Users) -> impl Verifier {
    let users = Arc::new(users);
    move |credentials: Credentials| {
        let users = users.clone();
        async move { users.identify(credentials.token()).await }
    }
}

impl Users {
    fn from_env() -> Self {
        Self {
            key: DecodingKey::from_secret(jwt_secret().as_bytes()),
            blocked: env::var_os("BLOCKED_USERS").map(PathBuf::from),
        }
    }

    /// Finds out whose token it is. What the client is told follows from the error: 401, 403 or 500.
    async fn identify(&self, token: &str) -> Result<Identity, AuthError> {
        let claims = decode::<Claims>(token, &self.key, &Validation::new(Algorithm::HS256))
            .map_err(|_| AuthError::Unauthorized)?
            .claims;
        if self.is_blocked(&claims.sub).await? {
            return Err(AuthError::Forbidden);
        }
        Ok(Identity::new(claims.sub).with_expiry_unix(claims.exp))
    }

    async fn is_blocked(&self, user: &str) -> Result<bool, AuthError> {
        let Some(path) = self.blocked.clone() else {
            return Ok(false);
        };
        let read = web::block(move || fs::read_to_string(path)).await;
        let blocked = read.map_err(io::Error::other).flatten().map_err(|error| {
            eprintln!("the blocked users can't be read: {error}");
            AuthError::Internal
        })?;
        Ok(blocked.lines().any(|line| line.trim() == user))
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
