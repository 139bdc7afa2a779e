//! The server front: the App decides, and WebSockets of sessions leave it.

use std::{
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use actix::{Actor, ActorContext as _, StreamHandler};
use actix_web::{
    App, Error, HttpRequest, HttpResponse,
    dev::Service as _,
    guard,
    http::header::{HeaderName, HeaderValue},
    web,
};
use actix_web_actors::ws;
use sockeye::{FrontServer, Namespace, SocketIo};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

#[actix_web::test]
async fn plain_routes_and_polling_are_served_as_ever() {
    let (address, _) = serve();

    let hello = exchange(address, "GET /hello").await;
    let handshake = exchange(address, "GET /socket.io/?EIO=4&transport=polling").await;
    let missing = exchange(address, "GET /nothing").await;

    assert!(
        hello.starts_with("HTTP/1.1 200") && hello.ends_with("hello"),
        "{hello}"
    );
    assert!(handshake.contains(r#"0{"sid":""#), "{handshake}");
    assert!(missing.starts_with("HTTP/1.1 404"), "{missing}");
}

#[actix_web::test]
async fn a_session_s_web_socket_is_served_behind_middlewares_and_guards() {
    let (address, io) = serve();

    let mut stream = upgrade(address, "/socket.io/?EIO=4&transport=websocket", "").await;
    let head = until(&mut stream, "\"maxPayload\":1000000}").await;
    // A masked `40`, the mask being zeroes.
    stream.write_all(b"\x81\x82\0\0\0\x0040").await.unwrap();
    let connected = until(&mut stream, "40{\"sid\":\"").await;
    io.emit("news", &1).unwrap();
    until(&mut stream, r#"42["news",1]"#).await;
    let guarded = upgrade(
        address,
        "/socket.io/?EIO=4&transport=websocket",
        "x-no: 1\r\n",
    )
    .await;
    let guarded = rest(guarded).await;

    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    assert!(head.contains("x-seen: yes"), "{head}");
    assert!(!connected.is_empty());
    assert!(guarded.starts_with("HTTP/1.1 404"), "{guarded}");
}

#[actix_web::test]
async fn a_web_socket_of_another_route_reaches_the_app() {
    let (address, _) = serve();

    let mut stream = upgrade(address, "/own", "").await;
    // Behind the head already, and after it: masked texts, the mask being zeroes.
    stream.write_all(b"\x81\x82\0\0\0\0hi").await.unwrap();
    let echo = until(&mut stream, "hi").await;
    stream.write_all(b"\x81\x85\0\0\0\0there").await.unwrap();
    until(&mut stream, "there").await;
    stream.write_all(b"\x88\x80\0\0\0\0").await.unwrap();
    let end = rest(stream).await;

    assert!(echo.starts_with("HTTP/1.1 101"), "{echo}");
    assert_eq!(end, "\u{88}\0", "a close frame");
}

#[actix_web::test]
async fn a_frame_right_behind_the_handshake_is_not_lost() {
    let (address, _) = serve();

    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut both = head("/socket.io/?EIO=4&transport=websocket", "").into_bytes();
    both.extend_from_slice(b"\x81\x82\0\0\0\x0040");
    stream.write_all(&both).await.unwrap();

    until(&mut stream, "40{\"sid\":\"").await;
}

#[actix_web::test]
async fn a_server_that_closes_says_so() {
    let (address, io) = serve();
    let mut stream = upgrade(address, "/socket.io/?EIO=4&transport=websocket", "").await;
    until(&mut stream, "\"maxPayload\":1000000}").await;

    let closing = actix_web::rt::spawn(async move { io.close(CAP).await });
    let mut end = [0; 2];
    within(stream.read_exact(&mut end)).await.unwrap();
    stream.write_all(b"\x88\x80\0\0\0\0").await.unwrap();

    assert_eq!(end, *b"\x88\0");
    assert_eq!(rest(stream).await, "");
    closing.await.unwrap();
}

fn serve() -> (SocketAddr, SocketIo) {
    let io = SocketIo::builder().namespace(Namespace::new("/")).build();
    let io = io.unwrap();
    let mounted = io.clone();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = FrontServer::new(move || {
        let not_refused = guard::Not(guard::Header("x-no", "1"));
        App::new()
            .wrap_fn(|request, app| {
                let answering = app.call(request);
                async move {
                    let mut response = answering.await?;
                    let seen = HeaderName::from_static("x-seen");
                    response
                        .headers_mut()
                        .insert(seen, HeaderValue::from_static("yes"));
                    Ok(response)
                }
            })
            .route("/hello", web::get().to(async || "hello"))
            .route("/own", web::get().to(own))
            .service(web::scope("").guard(not_refused).service(mounted.service()))
    });
    let server = server.workers(1).disable_signals().listen(listener);
    actix_web::rt::spawn(server.unwrap().run());
    (address, io)
}

/// A WebSocket that the App has for itself.
struct Own;

impl Actor for Own {
    type Context = ws::WebsocketContext<Self>;
}

impl StreamHandler<Result<ws::Message, ws::ProtocolError>> for Own {
    fn handle(&mut self, message: Result<ws::Message, ws::ProtocolError>, ctx: &mut Self::Context) {
        match message {
            Ok(ws::Message::Text(text)) => ctx.text(text),
            _ => {
                ctx.close(None);
                ctx.stop();
            }
        }
    }
}

async fn own(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Error> {
    ws::start(Own, &request, payload)
}

fn head(target: &str, more: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{more}\r\n"
    )
}

async fn upgrade(address: SocketAddr, target: &str, more: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = head(target, more);
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

async fn exchange(address: SocketAddr, line: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{line} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    rest(stream).await
}

/// Reads until something has come.
async fn until(stream: &mut TcpStream, something: &str) -> String {
    let mut heard = Vec::new();
    let reading = async {
        loop {
            let text = String::from_utf8_lossy(&heard).into_owned();
            if text.contains(something) {
                return text;
            }
            assert!(stream.read_buf(&mut heard).await.unwrap() > 0, "{text}");
        }
    };
    within(reading).await
}

/// Reads to the end.
async fn rest(mut stream: TcpStream) -> String {
    let mut heard = Vec::new();
    within(stream.read_to_end(&mut heard)).await.unwrap();
    // Frames are no text, yet each byte is a char here.
    String::from_utf8(heard)
        .unwrap_or_else(|error| error.into_bytes().into_iter().map(char::from).collect())
}

async fn within<T>(waiting: impl Future<Output = T>) -> T {
    tokio::time::timeout(CAP, waiting).await.expect("in time")
}

const CAP: Duration = Duration::from_secs(20);
