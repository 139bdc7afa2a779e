//! Who may open one more session, and as whom.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_web::{App, HttpRequest};
use sockeye::{
    Admission, Auth, AuthError, Credentials, ForwardedHeader, FrontServer, HttpConfig, Identity,
    Intercept, Limit, Namespace, SocketIo, TrustedProxies,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

const WEB_SOCKET: &str = "/socket.io/?EIO=4&transport=websocket";

#[actix_web::test]
async fn one_session_too_many_is_refused_over_both_transports_until_one_ends() {
    let io = server(Admission::default().max_sessions(2));
    let address = serve(&io, None);
    let first = get(address, POLLING, "").await;
    let second = web_socket(address, "").await;

    for refused in [
        get(address, POLLING, "").await,
        rest(web_socket(address, "").await).await,
    ] {
        assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
        assert!(
            refused.ends_with(r#"{"code":6,"message":"Server overloaded"}"#),
            "{refused}"
        );
        assert!(refused.contains("connection: close"), "{refused}");
    }
    let end = format!("{POLLING}&sid={}", sid(&first));
    post(address, &end, "1").await;
    drop(second);
    within(async {
        while io.engine().admission_stats().sessions > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let again = get(address, POLLING, "").await;

    assert!(again.starts_with("HTTP/1.1 200"), "{again}");
    assert_eq!(reached(&io, Limit::Sessions), 2);
}

#[actix_web::test]
async fn places_are_kept_for_clients_that_authenticate() {
    let io = server(Admission::default().max_sessions(3).max_unauthenticated(1));
    let address = serve(&io, None);
    let mut clients = Vec::new();

    for connect in ["40{\"token\":\"good\"}", "40/open,"] {
        let opened = get(address, POLLING, "").await;
        assert!(opened.starts_with("HTTP/1.1 200"), "{opened}");
        let session = format!("{POLLING}&sid={}", sid(&opened));
        let refused = get(address, POLLING, "").await;
        assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
        post(address, &session, connect).await;
        let connected = get(address, &session, "").await;
        assert!(connected.contains("{\"sid\":"), "{connected}");
        clients.push(session);
    }
    let last = get(address, POLLING, "").await;
    let full = get(address, POLLING, "").await;

    assert!(last.starts_with("HTTP/1.1 200"), "{last}");
    assert!(full.starts_with("HTTP/1.1 503"), "{full}");
    assert_eq!(io.engine().admission_stats().unauthenticated, 1);
    assert_eq!(reached(&io, Limit::Unauthenticated), 2);
    assert_eq!(reached(&io, Limit::Sessions), 1);
}

#[actix_web::test]
async fn who_has_left_its_last_namespace_is_unauthenticated_again() {
    let io = server(Admission::default().max_sessions(3).max_unauthenticated(1));
    let address = serve(&io, None);
    let opened = get(address, POLLING, "").await;
    let session = format!("{POLLING}&sid={}", sid(&opened));
    let mut unauthenticated = Vec::new();

    for packets in [
        "40{\"token\":\"good\"}",
        "40/open,",
        "41",
        "41/open,",
        "40/open,",
    ] {
        post(address, &session, packets).await;
        unauthenticated.push(io.engine().admission_stats().unauthenticated);
    }

    assert_eq!(unauthenticated, [0, 0, 0, 1, 0]);
    post(address, &session, "41/open,").await;
    let refused = get(address, POLLING, "").await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
}

#[actix_web::test]
async fn middlewares_are_not_asked_about_who_is_refused_and_give_back_whom_they_refuse() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let refuse = move |_: HttpRequest| {
        count.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Intercept::Refuse)
    };
    let http = HttpConfig::default().with_middleware(refuse);
    let io = server_with(Admission::default().max_sessions(1), http);
    let address = serve(&io, None);

    for target in [POLLING, POLLING, WEB_SOCKET] {
        let refused = get(address, target, "").await;
        assert!(refused.starts_with("HTTP/1.1 400"), "{refused}");
        assert_eq!(io.engine().admission_stats().sessions, 0);
    }
    let none = server_with(
        Admission::default().max_sessions(0),
        HttpConfig::default().with_middleware(|| -> std::future::Ready<()> { unreachable!() }),
    );
    let full = get(serve(&none, None), POLLING, "").await;

    assert_eq!(asked.load(Ordering::Relaxed), 3);
    assert!(full.starts_with("HTTP/1.1 503"), "{full}");
}

#[actix_web::test]
async fn an_address_is_what_a_trusted_proxy_says() {
    let admission = Admission::default().max_sessions_per_address(1);
    for (header, name, hops) in [
        (
            ForwardedHeader::XForwardedFor,
            "X-Forwarded-For",
            ["192.0.2.1", "6.6.6.6, 192.0.2.1", "192.0.2.2"],
        ),
        (
            ForwardedHeader::Forwarded,
            "Forwarded",
            [
                "for=192.0.2.1",
                "for=6.6.6.6, for=\"192.0.2.1:4711\"",
                "for=192.0.2.2",
            ],
        ),
    ] {
        let proxies = TrustedProxies::parse(["127.0.0.1"]).unwrap().header(header);
        let io = server_with(
            admission.clone(),
            HttpConfig::default().with_trusted_proxies(proxies),
        );
        let address = serve(&io, None);
        let [first, again, other] = hops.map(|hops| format!("{name}: {hops}\r\n"));

        let first = get(address, POLLING, &first).await;
        let again = get(address, POLLING, &again).await;
        let other = get(address, POLLING, &other).await;

        assert!(first.starts_with("HTTP/1.1 200"), "{first}");
        assert!(again.starts_with("HTTP/1.1 429"), "{again}");
        assert!(again.ends_with(r#"{"code":7,"message":"Too many requests"}"#));
        assert!(other.starts_with("HTTP/1.1 200"), "{other}");
        assert_eq!(reached(&io, Limit::SessionsPerAddress), 1);
    }
}

#[actix_web::test]
async fn a_stranger_s_header_is_not_believed() {
    let io = server(Admission::default().max_sessions_per_address(1));
    let address = serve(&io, None);

    let first = get(address, POLLING, "X-Forwarded-For: 192.0.2.1\r\n").await;
    let second = get(address, POLLING, "X-Forwarded-For: 192.0.2.2\r\n").await;

    assert!(first.starts_with("HTTP/1.1 200"), "{first}");
    assert!(second.starts_with("HTTP/1.1 429"), "{second}");
}

#[actix_web::test]
async fn who_resets_its_connection_at_once_is_counted_all_the_same() {
    let io = server(Admission::default().max_unauthenticated_per_address(3));
    let address = serve(&io, None);

    for _ in 0..300 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {POLLING} HTTP/1.1\r\nHost: a\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        socket2::SockRef::from(&stream)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }
    // Whoever comes behind them is served when they have been.
    let mut behind = TcpStream::connect(address).await.unwrap();
    behind
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    behind.read_u8().await.unwrap();

    assert!(io.engine().admission_stats().sessions <= 3);
}

#[actix_web::test]
async fn handshakes_of_an_address_are_limited() {
    let io = server(Admission::default().handshake_rate(1, 3));
    let address = serve(&io, None);
    let mut answers = Vec::new();

    for _ in 0..4 {
        answers.push(get(address, POLLING, "").await);
    }

    let last = answers.pop().unwrap();
    assert!(
        answers
            .iter()
            .all(|answer| answer.starts_with("HTTP/1.1 200"))
    );
    assert!(last.starts_with("HTTP/1.1 429"), "{last}");
    assert_eq!(reached(&io, Limit::HandshakeRate), 1);
}

#[actix_web::test]
async fn the_proxy_protocol_tells_handlers_whose_a_connection_is() {
    let io = server(Admission::default().max_sessions_per_address(1));
    let proxies = TrustedProxies::parse(["127.0.0.1"]).unwrap();
    let address = serve(&io, Some(proxies));
    let via = async |header: &[u8]| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {POLLING} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        stream.write_all(header).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        rest(stream).await
    };

    let first = via(b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n").await;
    let again = via(b"PROXY TCP4 192.0.2.1 10.0.0.1 4712 80\r\n").await;
    let other =
        via(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x02\x0a\0\0\x01\x12\x67\0\x50").await;
    let session = format!("{POLLING}&sid={}", sid(&other));
    let without = via(b"").await;

    assert!(first.starts_with("HTTP/1.1 200"), "{first}");
    assert!(again.starts_with("HTTP/1.1 429"), "{again}");
    assert!(other.starts_with("HTTP/1.1 200"), "{other}");
    assert_eq!(without, "", "a proxy that doesn't say so is not served");
    // The session's own requests are as welcome from elsewhere.
    let asking =
        format!("PROXY TCP4 10.9.9.9 10.0.0.1 1 80\r\nPOST {session} HTTP/1.1\r\nHost: a\r\n");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(asking.as_bytes()).await.unwrap();
    let body = "Content-Length: 8\r\nConnection: close\r\n\r\n40/open,";
    stream.write_all(body.as_bytes()).await.unwrap();
    assert!(rest(stream).await.starts_with("HTTP/1.1 200"));
    let open = io.of("/open").unwrap();
    let sockets = within(open.fetch_sockets()).await.unwrap();
    assert_eq!(sockets[0].handshake().address(), Some("192.0.2.2"));
}

fn server(admission: Admission) -> SocketIo {
    server_with(admission, HttpConfig::default())
}

/// A server with a namespace that wants a token, and `/open`, which doesn't.
fn server_with(admission: Admission, http: HttpConfig) -> SocketIo {
    let auth = Auth::new(async |credentials: Credentials| match credentials.token() {
        "good" => Ok(Identity::new("me")),
        _ => Err(AuthError::Unauthorized),
    });
    let builder = SocketIo::builder()
        .admission(admission)
        .http(http)
        .namespace(Namespace::new("/").auth(auth))
        .namespace(Namespace::new("/open"));
    builder.build().unwrap()
}

fn serve(io: &SocketIo, proxies: Option<TrustedProxies>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mounted = io.clone();
    let mut server = FrontServer::new(move || App::new().service(mounted.service()))
        .workers(1)
        .disable_signals();
    if let Some(proxies) = proxies {
        server = server.proxy_protocol(proxies);
    }
    actix_web::rt::spawn(server.listen(listener).unwrap().run());
    address
}

fn reached(io: &SocketIo, wanted: Limit) -> u64 {
    io.engine().limits().get(wanted)
}

async fn get(address: SocketAddr, target: &str, headers: &str) -> String {
    exchange(
        address,
        &format!("GET {target} HTTP/1.1\r\nHost: a\r\n{headers}"),
    )
    .await
}

async fn post(address: SocketAddr, target: &str, body: &str) {
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n",
        body.len()
    );
    let answer = exchange(address, &format!("{head}Connection: close\r\n\r\n{body}")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// Sends a request, whose head is completed if need be, and reads to the end.
async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    if !request.contains("\r\n\r\n") {
        stream
            .write_all(b"Connection: close\r\n\r\n")
            .await
            .unwrap();
    }
    rest(stream).await
}

/// Asks for a WebSocket, and waits until something has come.
async fn web_socket(address: SocketAddr, headers: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "GET {WEB_SOCKET} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    within(stream.peek(&mut [0])).await.unwrap();
    stream
}

async fn rest(mut stream: TcpStream) -> String {
    let mut heard = Vec::new();
    // A reset behind the answer takes nothing of it away.
    let _ = within(stream.read_to_end(&mut heard)).await;
    String::from_utf8_lossy(&heard).into_owned()
}

fn sid(answer: &str) -> &str {
    let (_, rest) = answer.split_once("\"sid\":\"").unwrap();
    &rest[..20]
}

async fn within<T>(waiting: impl Future<Output = T>) -> T {
    tokio::time::timeout(CAP, waiting).await.expect("in time")
}

const CAP: Duration = Duration::from_secs(20);
