//! Who logged in over an ordinary route is known to the sockets.

use std::net::SocketAddr;

use actix_identity::{Identity, IdentityExt as _, IdentityMiddleware};
use actix_session::{Session, SessionExt as _, SessionMiddleware, storage::CookieSessionStore};
use actix_web::{App, HttpMessage as _, HttpRequest, HttpResponse, cookie::Key, web};
use serde_json::json;
use sockeye::{
    Forbidden, Handshake, HandshakeExtension, HttpConfig, Namespace, Refusal, SocketIo, SocketRef,
};

use super::served::{POLLING, listen, request};

#[derive(Clone, Debug)]
struct UserId(String);

/// Admits who is logged in, and tells them who they are.
async fn known(socket: SocketRef, user: Option<HandshakeExtension<UserId>>) -> Result<(), Refusal> {
    let Some(HandshakeExtension(UserId(user))) = user else {
        return Err(Refusal::new("unauthorized").with_data(json!({"status": 401})));
    };
    socket.join(format!("user:{user}")).await;
    Ok(())
}

fn from_session(request: &HttpRequest, handshake: Handshake) -> Handshake {
    match request.get_session().get("user") {
        Ok(Some(user)) => handshake.with_extension(UserId(user)),
        _ => handshake,
    }
}

fn from_identity(request: &HttpRequest, handshake: Handshake) -> Handshake {
    match request.get_identity().and_then(|identity| identity.id()) {
        Ok(user) => handshake.with_extension(UserId(user)),
        Err(_) => handshake,
    }
}

async fn log_in_by_session(session: Session) -> HttpResponse {
    session.insert("user", "ann").unwrap();
    HttpResponse::Ok().finish()
}

async fn log_in_by_identity(request: HttpRequest) -> HttpResponse {
    Identity::login(&request.extensions(), "ann".to_owned()).unwrap();
    HttpResponse::Ok().finish()
}

/// Serves an App with both kinds of login, and a server that admits who is logged in.
fn serve(http: HttpConfig) -> (SocketIo, SocketAddr) {
    let namespace = Namespace::new("/").middleware(known);
    let io = SocketIo::builder().http(http).namespace(namespace).build();
    let io = io.unwrap();
    let mounted = io.clone();
    let key = Key::generate();
    let address = listen(move || {
        let store = CookieSessionStore::default();
        let sessions = SessionMiddleware::builder(store, key.clone()).cookie_secure(false);
        App::new()
            .service(mounted.service())
            .route("/session", web::post().to(log_in_by_session))
            .route("/identity", web::post().to(log_in_by_identity))
            .wrap(IdentityMiddleware::default())
            .wrap(sessions.build())
    });
    (io, address)
}

/// Logs in and returns the cookie.
async fn log_in(address: SocketAddr, route: &str) -> String {
    let answer = request(address, "POST", route, &[], "").await;
    let cookie = answer.header("set-cookie").unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

/// Connects with these headers and returns the answer to CONNECT.
async fn connect(address: SocketAddr, headers: &[(&str, &str)]) -> String {
    let target = format!("/socket.io/?{POLLING}");
    let open = request(address, "GET", &target, headers, "").await;
    // The cookie goes with the handshake only: what it says has been taken over.
    let target = format!("{target}&sid={}", open.sid());
    request(address, "POST", &target, &[], "40").await;
    let connected = request(address, "GET", &target, &[], "").await;
    connected.text().to_owned()
}

#[actix_web::test]
async fn a_socket_knows_who_is_logged_in() {
    for (route, http) in [
        (
            "/session",
            HttpConfig::default().with_handshake(from_session),
        ),
        (
            "/identity",
            HttpConfig::default().with_handshake(from_identity),
        ),
    ] {
        let (io, address) = serve(http);
        let cookie = log_in(address, route).await;

        let stranger = connect(address, &[]).await;
        let ann = connect(address, &[("cookie", &cookie)]).await;
        let forged = connect(address, &[("cookie", &format!("{cookie}x"))]).await;

        let unauthorized = r#"44{"message":"unauthorized","data":{"status":401}}"#;
        assert_eq!(stranger, unauthorized, "{route}");
        assert_eq!(forged, unauthorized, "{route}");
        assert!(ann.starts_with(r#"40{"sid":""#), "{route}: {ann}");
        let hers = io.of("/").unwrap().to("user:ann");
        let reached = hers.emit_counted("hello", &()).await;
        assert_eq!(reached.unwrap(), 1, "{route}");
    }
}

async fn only_users(user: Option<Identity>) -> Result<(), Forbidden> {
    user.map(drop).ok_or_else(|| "log in first".into())
}

#[actix_web::test]
async fn strangers_may_not_even_open_a_session() {
    let http = HttpConfig::default()
        .with_handshake(from_identity)
        .with_allow_request(only_users);
    let (_, address) = serve(http);
    let cookie = log_in(address, "/identity").await;

    let target = format!("/socket.io/?{POLLING}");
    let stranger = request(address, "GET", &target, &[], "").await;
    let ann = connect(address, &[("cookie", &cookie)]).await;

    assert_eq!(stranger.status, 403);
    assert_eq!(stranger.text(), r#"{"code":4,"message":"log in first"}"#);
    assert!(ann.starts_with(r#"40{"sid":""#), "{ann}");
}
