//! Bounds that need a real connection to reach.

use std::{
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use actix_web::{App, HttpServer};
use sockeye::{HttpConfig, Namespace, SocketIo};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Serves on a free port until the test ends.
fn serve(io: &SocketIo) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let io = io.clone();
    let server = HttpServer::new(move || App::new().service(io.service()))
        .workers(1)
        .h1_allow_half_closed(false)
        .listen(listener)
        .unwrap();
    actix_web::rt::spawn(server.run());
    address
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

#[actix_web::test]
async fn a_session_that_does_not_take_its_last_packets_is_cut_at_the_deadline() {
    let io = SocketIo::builder()
        .namespace(Namespace::new("/"))
        .build()
        .unwrap();
    let address = serve(&io);
    // It has something waiting, and nobody polls for it.
    let _sid = open(address).await;
    assert_eq!(io.engine().session_count(), 1);

    io.close(Duration::from_millis(50)).await;
    tokio::time::timeout(CAP, async {
        while io.engine().session_count() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the session is cut");
}

/// Long enough for anything that comes at all.
const CAP: Duration = Duration::from_secs(30);
