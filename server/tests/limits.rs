//! Bounds that need a real connection to reach.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Mutex,
    time::Duration,
};

use actix_web::{App, HttpServer};
use sockeye::{
    EmitError, FrontServer, FrontStats, HttpConfig, Namespace, NamespaceRef, RouterConfig,
    SocketIo, SocketRef, State, cut_stuck_clients, engine::EngineConfig,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
};

/// Serves on a free port until the test ends.
fn serve(io: &SocketIo) -> SocketAddr {
    serve_on(io, 1)
}

fn serve_on(io: &SocketIo, workers: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let io = io.clone();
    let server = HttpServer::new(move || App::new().service(io.service()))
        .workers(workers)
        .on_connect(cut_stuck_clients(Duration::from_millis(500)))
        .h1_allow_half_closed(false)
        .listen(listener)
        .unwrap();
    actix_web::rt::spawn(server.run());
    address
}

/// Waits until the main namespace has a socket.
async fn joined(io: &SocketIo) -> NamespaceRef {
    let namespace = io.of("/").unwrap();
    let connected = async {
        while namespace.socket_count() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(CAP, connected)
        .await
        .expect("a socket");
    namespace
}

/// Waits until the server has no session left.
async fn emptied(io: &SocketIo) {
    tokio::time::timeout(CAP, async {
        while io.engine().session_count() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the session's end");
}

async fn answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    while !answer.windows(4).any(|four| four == b"\r\n\r\n") {
        let read = tokio::time::timeout(CAP, stream.read(&mut chunk)).await;
        match read.expect("an answer in time").unwrap() {
            0 => break,
            read => answer.extend_from_slice(&chunk[..read]),
        }
    }
    String::from_utf8(answer).unwrap()
}

async fn request(address: SocketAddr, head: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{head} HTTP/1.1\r\nHost: test\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn open(address: SocketAddr) -> String {
    let mut stream = request(address, "GET /socket.io/?EIO=4&transport=polling").await;
    stream.write_all(b"\r\n").await.unwrap();
    let answer = answer(&mut stream).await;
    let sid = answer.split("\"sid\":\"").nth(1).unwrap();
    sid[..20].to_owned()
}

/// Opens a WebSocket and connects to `/`.
async fn connect_web_socket(address: SocketAddr) -> TcpStream {
    let mut stream = request(address, "GET /socket.io/?EIO=4&transport=websocket").await;
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    stream.write_all(upgrade.as_bytes()).await.unwrap();
    // A masked `40`, the mask being zeroes.
    stream.write_all(b"\x81\x82\0\0\0\x0040").await.unwrap();
    stream
}

#[actix_web::test]
async fn a_body_that_does_not_come_is_given_up_and_its_session_too() {
    let http = HttpConfig::default().with_body_timeout(Duration::from_millis(50));
    let io = SocketIo::builder()
        .http(http)
        .namespace(Namespace::new("/"))
        .build()
        .unwrap();
    let address = serve(&io);
    let sid = open(address).await;

    let uri = format!("POST /socket.io/?EIO=4&transport=polling&sid={sid}");
    let mut stream = request(address, &uri).await;
    stream
        .write_all(b"Content-Length: 5\r\n\r\n4")
        .await
        .unwrap();
    let answer = answer(&mut stream).await;

    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    io.close(CAP).await;
    assert_eq!(io.engine().session_count(), 0);
}

/// On another thread than the session's the request is over before the session has heard of it.
#[actix_web::test]
async fn a_post_that_is_broken_off_at_once_ends_its_session() {
    let io = SocketIo::builder()
        .namespace(Namespace::new("/"))
        .build()
        .unwrap();
    let address = serve_on(&io, 2);

    for _ in 0..20 {
        let sid = open(address).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        let post = format!(
            "POST /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: test\r\n\
             Content-Length: 5\r\n\r\n4"
        );
        stream.write_all(post.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
    }

    emptied(&io).await;
}

#[actix_web::test]
async fn a_session_that_does_not_take_its_last_packets_is_cut_at_the_deadline() {
    let io = SocketIo::builder()
        .namespace(Namespace::new("/"))
        .build()
        .unwrap();
    let address = serve(&io);
    let sid = open(address).await;
    // The answer to this waits, and nobody polls for it.
    let uri = format!("POST /socket.io/?EIO=4&transport=polling&sid={sid}");
    let mut stream = request(address, &uri).await;
    stream
        .write_all(b"Content-Length: 2\r\n\r\n40")
        .await
        .unwrap();
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200"));

    io.close(Duration::from_millis(50)).await;
    emptied(&io).await;
}

#[actix_web::test]
async fn a_client_that_never_reads_is_cut_off() {
    let io = SocketIo::builder()
        .namespace(Namespace::new("/"))
        .build()
        .unwrap();
    let address = serve(&io);
    let mut stream = connect_web_socket(address).await;
    let namespace = joined(&io).await;

    let text = "x".repeat(100_000);
    let emitting = async {
        while namespace.socket_count() > 0 {
            namespace.emit("much", &text).unwrap();
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(CAP, emitting)
        .await
        .expect("dropped as a slow consumer");

    // The session doesn't wait for its client.
    emptied(&io).await;
    let mut rest = vec![0; 1 << 20];
    // What has left before the cut can still be read; then the connection ends.
    let ended = async { while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {} };
    tokio::time::timeout(CAP, ended)
        .await
        .expect("the end of the connection");
}

#[actix_web::test]
async fn a_post_behind_one_that_is_still_to_be_answered_ends_the_session() {
    async fn slow() {
        std::future::pending::<()>().await;
    }
    let io = SocketIo::builder()
        .router(RouterConfig::default().with_inbound_queue(1))
        .namespace(Namespace::new("/").on("slow", slow))
        .build()
        .unwrap();
    let address = serve(&io);
    let sid = open(address).await;
    let post = async |body: &'static str| {
        let uri = format!("POST /socket.io/?EIO=4&transport=polling&sid={sid}");
        let mut stream = request(address, &uri).await;
        let rest = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(rest.as_bytes()).await.unwrap();
        stream
    };

    let mut first = post("40\x1e42[\"slow\"]\x1e42[\"slow\"]").await;
    let stopped = async {
        // It is dispatched, and its answer withheld, when the socket is there.
        while io.of("/").unwrap().socket_count() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(CAP, stopped).await.expect("a socket");
    let second = answer(&mut post("42[\"slow\"]").await).await;
    let first = answer(&mut first).await;

    assert!(second.starts_with("HTTP/1.1 400"), "{second}");
    assert!(first.starts_with("HTTP/1.1 200"), "{first}");
    emptied(&io).await;
}

#[actix_web::test]
async fn an_idle_polling_session_does_not_hold_up_a_shutdown() {
    let io = SocketIo::builder()
        .namespace(Namespace::new("/"))
        .build()
        .unwrap();
    let _sid = open(serve(&io)).await;

    // Not even a turn of the clock: what can't be told is not waited for.
    let closed = tokio::time::timeout(CAP, io.close(CAP * 10)).await;

    assert!(closed.is_ok());
    assert_eq!(io.engine().session_count(), 0);
}

#[actix_web::test]
async fn a_shutdown_is_over_when_the_last_words_are_read() {
    let io = SocketIo::builder()
        .namespace(Namespace::new("/"))
        .build()
        .unwrap();
    let (address, _) = serve_with_front(&io);
    let mut stream = connect_web_socket(address).await;
    joined(&io).await;

    let closed = tokio::time::timeout(CAP, io.close(CAP * 10)).await;

    assert!(closed.is_ok());
    assert_eq!(io.engine().stats().websockets, 0);
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).await.unwrap();
    assert!(heard.ends_with(b"\x88\0"), "{heard:?}");
}

#[actix_web::test]
async fn a_thread_that_a_handler_blocks_does_not_hold_up_a_shutdown() {
    struct Gate {
        reached: mpsc::UnboundedSender<()>,
        opened: Mutex<std::sync::mpsc::Receiver<()>>,
    }
    async fn block(gate: State<Gate>) {
        gate.reached.send(()).unwrap();
        // Until the test has dropped the other end.
        let _ = gate.opened.lock().unwrap().recv();
    }
    let (reached, mut blocked) = mpsc::unbounded_channel();
    let (opener, opened) = std::sync::mpsc::channel();
    let io = SocketIo::builder()
        .namespace(Namespace::new("/").on_connect(block))
        .state(Gate {
            reached,
            opened: Mutex::new(opened),
        })
        .build()
        .unwrap();
    let _stream = connect_web_socket(serve(&io)).await;
    let reached = tokio::time::timeout(CAP, blocked.recv()).await;
    assert_eq!(reached, Ok(Some(())));

    let closed = tokio::time::timeout(CAP, io.close(Duration::from_millis(50))).await;

    assert!(closed.is_ok());
    drop(opener);
}

/// Long enough for anything that comes at all.
const CAP: Duration = Duration::from_secs(30);

#[actix_web::test]
async fn an_emit_that_waits_for_room_sends_more_than_the_queue_holds() {
    async fn flood(socket: SocketRef) -> Result<(), EmitError> {
        for n in 0..FLOOD {
            socket.emit_when_ready("n", &n).await?;
        }
        Ok(())
    }
    let engine = EngineConfig::default()
        .with_send_queue_packets(16)
        .with_send_queue_bytes(1024);
    let io = SocketIo::builder()
        .engine(engine)
        .namespace(Namespace::new("/").on_connect(flood))
        .build()
        .unwrap();
    let address = serve(&io);

    let over_web_socket = async {
        let mut stream = connect_web_socket(address).await;
        let mut heard = Vec::new();
        while !is_complete(&heard) {
            assert!(stream.read_buf(&mut heard).await.unwrap() > 0);
        }
        numbers(&heard)
    };
    let over_polling = async {
        let sid = open(address).await;
        let session = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
        let mut post = request(address, &format!("POST {session}")).await;
        let body = b"Content-Length: 2\r\n\r\n40";
        post.write_all(body).await.unwrap();
        let mut heard = Vec::new();
        while !is_complete(&heard) {
            let mut poll = request(address, &format!("GET {session}")).await;
            poll.write_all(b"Connection: close\r\n\r\n").await.unwrap();
            poll.read_to_end(&mut heard).await.unwrap();
        }
        numbers(&heard)
    };

    let both = futures_util::future::join(over_web_socket, over_polling);
    let (over_web_socket, over_polling) = tokio::time::timeout(CAP, both).await.unwrap();
    let expected: Vec<_> = (0..FLOOD).collect();
    assert_eq!(over_web_socket, expected);
    assert_eq!(over_polling, expected);
}

const FLOOD: usize = 5000;

/// Returns the numbers of the events `n` in what was heard, in order.
fn numbers(heard: &[u8]) -> Vec<usize> {
    let heard = String::from_utf8_lossy(heard);
    let events = heard.split(r#"42["n","#).skip(1);
    let number = |event: &str| event.split(']').next().unwrap().parse().unwrap();
    events.map(number).collect()
}

fn is_complete(heard: &[u8]) -> bool {
    let last = format!(r#"42["n",{}]"#, FLOOD - 1);
    let tail = &heard[heard.len().saturating_sub(512)..];
    tail.windows(last.len()).any(|part| part == last.as_bytes())
}

/// Serves with the front, which wants something read in half a second.
fn serve_with_front(io: &SocketIo) -> (SocketAddr, FrontStats) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // Accepted connections inherit it: little fits between server and client.
    let socket = socket2::SockRef::from(&listener);
    socket.set_send_buffer_size(16 * 1024).unwrap();
    let address = listener.local_addr().unwrap();
    let io = io.clone();
    let server = FrontServer::new(move || App::new().service(io.service()))
        .workers(1)
        .write_timeout(Duration::from_millis(500))
        .disable_signals();
    let stats = server.stats();
    actix_web::rt::spawn(server.listen(listener).unwrap().run());
    (address, stats)
}

/// Reads a few bytes now and then, until the connection ends.
async fn drip(mut stream: TcpStream) {
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    let dripping = async {
        loop {
            ticks.tick().await;
            if !stream.read(&mut [0; 16]).await.is_ok_and(|read| read > 0) {
                return;
            }
        }
    };
    tokio::time::timeout(CAP, dripping).await.expect("the end");
}

#[actix_web::test]
async fn a_web_socket_that_is_read_drop_by_drop_is_dropped() {
    let io = SocketIo::builder()
        .namespace(Namespace::new("/"))
        .build()
        .unwrap();
    let (address, stats) = serve_with_front(&io);
    let stream = connect_web_socket(address).await;
    socket2::SockRef::from(&stream)
        .set_recv_buffer_size(4096)
        .unwrap();
    let namespace = joined(&io).await;

    namespace.emit("much", &"x".repeat(900_000)).unwrap();
    let dripping = actix_web::rt::spawn(drip(stream));
    emptied(&io).await;

    let closed = io.engine().counters().closed();
    let slow = closed
        .into_iter()
        .find(|(reason, _)| *reason == "slow consumer");
    assert_eq!(slow, Some(("slow consumer", 1)));
    assert_eq!(stats.read().stalled, 1);
    dripping.abort();
}

#[actix_web::test]
async fn a_poll_that_is_read_drop_by_drop_loses_its_connection() {
    async fn much(socket: SocketRef) -> Result<(), EmitError> {
        socket.emit("much", &"x".repeat(900_000))
    }
    let io = SocketIo::builder()
        .namespace(Namespace::new("/").on_connect(much))
        .build()
        .unwrap();
    let (address, stats) = serve_with_front(&io);
    let sid = open(address).await;
    let session = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
    let mut post = request(address, &format!("POST {session}")).await;
    post.write_all(b"Content-Length: 2\r\n\r\n40")
        .await
        .unwrap();
    assert!(answer(&mut post).await.starts_with("HTTP/1.1 200"));
    drop(post);

    let mut poll = request(address, &format!("GET {session}")).await;
    socket2::SockRef::from(&poll)
        .set_recv_buffer_size(4096)
        .unwrap();
    poll.write_all(b"\r\n").await.unwrap();
    let dripping = actix_web::rt::spawn(drip(poll));
    let cut = async {
        while stats.read().stalled == 0 || stats.read().connections > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(CAP, cut).await.expect("the cut");
    dripping.abort();
}
