//! Connections before there is any session: how many there may be, and what becomes of those that
//! say nothing, or too much.

use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    time::Duration,
};

use actix_web::App;
use sockeye::{FrontCounts, FrontServer, FrontStats, Namespace, SocketIo, TrustedProxies};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

/// Serves with what is set of the front, whose type can't be named.
macro_rules! serve {
    (|$front:ident| $configured:expr) => {{
        let io = SocketIo::builder().namespace(Namespace::new("/"));
        let io = io.build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let $front = FrontServer::new(move || App::new().service(io.service()));
        let front = $configured.workers(1).disable_signals();
        let stats = front.stats();
        actix_web::rt::spawn(front.listen(listener).unwrap().run());
        (address, stats)
    }};
}

#[actix_web::test]
async fn one_connection_too_many_is_reset_until_one_ends() {
    let (address, stats) = serve!(|front| front.max_connections(2));
    let first = accepted(&stats, address, HOST).await;
    let second = accepted(&stats, address, HOST).await;

    for host in [HOST, Ipv4Addr::new(127, 0, 0, 2)] {
        is_reset(address, host, "").await;
    }
    assert_eq!(stats.read().connections, 2);
    assert_eq!(stats.read().turned_away, 2);
    drop(first);
    until(&stats, |counts| counts.connections == 1).await;
    is_served(address, HOST, "").await;

    drop(second);
    until(&stats, |counts| counts.connections == 0).await;
}

#[actix_web::test]
async fn an_address_that_has_its_share_keeps_nobody_else_out() {
    let (address, stats) = serve!(|front| front.max_connections_per_address(1));
    let first = accepted(&stats, address, HOST).await;

    is_reset(address, HOST, "").await;
    is_served(address, Ipv4Addr::new(127, 0, 0, 2), "").await;
    assert_eq!(stats.read().turned_away_by_address, 1);
    drop(first);

    until(&stats, |counts| counts.connections == 0).await;
    is_served(address, HOST, "").await;
}

#[actix_web::test]
async fn a_trusted_proxy_may_bring_any_number() {
    let proxies = TrustedProxies::parse(["127.0.0.1"]).unwrap();
    let (address, stats) = serve!(|front| {
        front
            .max_connections_per_address(1)
            .trusted_proxies(proxies)
    });

    let mut open = Vec::new();
    for _ in 0..5 {
        open.push(accepted(&stats, address, HOST).await);
    }
    is_served(address, HOST, "").await;

    assert_eq!(stats.read().turned_away_by_address, 0);
}

#[actix_web::test]
async fn what_the_proxy_protocol_tells_counts_as_the_client_s() {
    let proxies = TrustedProxies::parse(["127.0.0.1"]).unwrap();
    let (address, stats) =
        serve!(|front| { front.max_connections_per_address(1).proxy_protocol(proxies) });
    let header = |client: &str| format!("PROXY TCP4 {client} 192.0.2.9 4711 80\r\n");
    let mut first = connect(address, HOST).await;
    first
        .write_all(header("192.0.2.1").as_bytes())
        .await
        .unwrap();
    // It is served, so that it is known whose it is.
    first.write_all(GET.as_bytes()).await.unwrap();
    within(first.readable()).await.unwrap();

    is_reset(address, HOST, &header("192.0.2.1")).await;
    is_served(address, HOST, &header("192.0.2.2")).await;

    assert_eq!(stats.read().turned_away_by_address, 1);
}

#[actix_web::test]
async fn a_connection_that_says_nothing_is_given_up_at_the_deadline_of_heads() {
    let (address, stats) = serve!(|front| front.client_request_timeout(Duration::from_millis(200)));
    let mut silent = accepted(&stats, address, HOST).await;

    let mut heard = String::new();
    within(silent.read_to_string(&mut heard)).await.unwrap();

    assert!(heard.starts_with("HTTP/1.1 408"), "{heard}");
    until(&stats, |counts| counts.connections == 0).await;
}

/// What a client goes on to send is read for a second, so that it can read the answer.
#[actix_web::test]
async fn a_connection_that_was_told_413_counts_until_it_is_gone() {
    let (address, stats) = serve!(|front| front.max_connections(2));
    let mut open = connect(address, HOST).await;
    open.write_all(GET.as_bytes()).await.unwrap();
    let opened = until_contains(&mut open, "maxPayload").await;
    let (_, sid) = opened.split_once("\"sid\":\"").unwrap();
    let head = format!(
        "POST {POLLING}&sid={} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        &sid[..20]
    );
    let mut flood = connect(address, HOST).await;
    flood.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for _ in 0..20 {
        flood.write_all(chunk.as_bytes()).await.unwrap();
    }
    until_contains(&mut flood, "HTTP/1.1 413").await;

    is_reset(address, HOST, "").await;
    let pouring = async { while flood.write_all(chunk.as_bytes()).await.is_ok() {} };
    within(pouring).await;

    drop(open);
    until(&stats, |counts| counts.connections == 0).await;
}

async fn connect(address: SocketAddr, from: Ipv4Addr) -> TcpStream {
    within(try_connect(address, from)).await.unwrap()
}

async fn try_connect(address: SocketAddr, from: Ipv4Addr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect(address).await
}

/// Connects, and waits until the server has seen it.
async fn accepted(stats: &FrontStats, address: SocketAddr, from: Ipv4Addr) -> TcpStream {
    let before = stats.read().connections;
    let stream = connect(address, from).await;
    until(stats, |counts| counts.connections > before).await;
    stream
}

async fn is_reset(address: SocketAddr, from: Ipv4Addr, header: &str) {
    let trying = async {
        // As early as that, or later.
        let mut stream = try_connect(address, from).await?;
        stream.write_all(header.as_bytes()).await?;
        stream.read(&mut [0]).await
    };
    let end = within(trying).await;
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

async fn is_served(address: SocketAddr, from: Ipv4Addr, header: &str) {
    let mut stream = connect(address, from).await;
    let request = format!("{header}{GET}");
    stream.write_all(request.as_bytes()).await.unwrap();
    until_contains(&mut stream, "HTTP/1.1 200").await;
}

async fn until_contains(stream: &mut TcpStream, text: &str) -> String {
    let mut heard = Vec::new();
    loop {
        let so_far = String::from_utf8_lossy(&heard);
        if so_far.contains(text) {
            return so_far.into_owned();
        }
        let read = within(stream.read_buf(&mut heard)).await.unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&heard));
    }
}

async fn until(stats: &FrontStats, mut holds: impl FnMut(FrontCounts) -> bool) {
    within(async {
        while !holds(stats.read()) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

async fn within<T>(waiting: impl Future<Output = T>) -> T {
    tokio::time::timeout(CAP, waiting).await.expect("in time")
}

const HOST: Ipv4Addr = Ipv4Addr::LOCALHOST;

const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

const GET: &str = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n";

const CAP: Duration = Duration::from_secs(20);
