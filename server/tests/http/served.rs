//! A server on a free port, and a client that says exactly what it is told to.

use std::{
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use actix_web::{
    App, HttpServer,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
};
use sockeye::{HttpConfig, Namespace, SocketIo, engine::EngineConfig};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A running server; it ends with the test.
pub(crate) struct Served {
    pub(crate) io: SocketIo,
    pub(crate) address: SocketAddr,
}

/// An answer as it came.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// What the answer came on, for what follows a 101.
    pub(crate) stream: TcpStream,
}

pub(crate) fn serve(http: HttpConfig) -> Served {
    serve_engine(EngineConfig::default(), http)
}

pub(crate) fn serve_engine(engine: EngineConfig, http: HttpConfig) -> Served {
    let io = SocketIo::builder()
        .engine(engine)
        .http(http)
        .namespace(Namespace::new("/"))
        .build()
        .unwrap();
    let mounted = io.clone();
    let address = listen(move || App::new().service(mounted.service()));
    Served { io, address }
}

/// Serves an App on a free port until the test ends.
pub(crate) fn listen<T, B>(app: impl Fn() -> App<T> + Clone + Send + 'static) -> SocketAddr
where
    T: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = actix_web::Error,
            InitError = (),
        > + 'static,
    B: MessageBody + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = HttpServer::new(app)
        .workers(1)
        .h1_allow_half_closed(false)
        .listen(listener)
        .unwrap();
    actix_web::rt::spawn(server.run());
    address
}

impl Served {
    pub(crate) async fn get(&self, query: &str, headers: &[(&str, &str)]) -> Answer {
        self.request("GET", &format!("/socket.io/?{query}"), headers, "")
            .await
    }

    /// Asks for a WebSocket.
    pub(crate) async fn upgrade(&self, query: &str, headers: &[(&str, &str)]) -> Answer {
        let mut all = vec![
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        all.extend(headers);
        self.request("GET", &format!("/socket.io/?{query}"), &all, "")
            .await
    }

    /// Opens a session over polling and returns the query of its requests.
    pub(crate) async fn open(&self) -> String {
        let answer = self.get(POLLING, &[]).await;
        format!("{POLLING}&sid={}", answer.sid())
    }

    pub(crate) async fn post(&self, query: &str, body: &str) -> Answer {
        self.request("POST", &format!("/socket.io/?{query}"), &[], body)
            .await
    }

    pub(crate) async fn request(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        request(self.address, method, target, headers, body).await
    }
}

impl Answer {
    /// Returns the values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let matching = self.headers.iter().filter(|(key, _)| key == name);
        matching.map(|(_, value)| value.as_str()).collect()
    }

    /// Returns the value of a header that comes once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let values = self.all(name);
        assert!(values.len() < 2, "{name}: {values:?}");
        values.first().copied()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Returns the id in an open packet.
    pub(crate) fn sid(&self) -> &str {
        assert_eq!(self.status, 200, "{}", self.text());
        self.text().split('"').nth(3).unwrap()
    }
}

/// Sends one request on a connection of its own.
pub(crate) async fn request(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut request = format!("{method} {target} HTTP/1.1\r\nhost: test\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() {
        request += &format!("content-length: {}\r\n", body.len());
    }
    let request = format!("{request}\r\n{body}");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let read = read(stream, method == "HEAD");
    tokio::time::timeout(CAP, read).await.expect("an answer")
}

async fn read(mut stream: TcpStream, no_body: bool) -> Answer {
    let mut bytes = Vec::new();
    let head_end = loop {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        match end {
            Some(end) => break end,
            None => assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "an answer"),
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let header = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_ascii_lowercase(), value.to_owned())
    };
    let headers: Vec<_> = lines.map(header).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = bytes[head_end + 4..].to_vec();
    while !no_body && body.len() < length {
        assert_ne!(stream.read_buf(&mut body).await.unwrap(), 0, "the body");
    }
    Answer {
        status: status.parse().unwrap(),
        headers,
        body,
        stream,
    }
}

pub(crate) const POLLING: &str = "EIO=4&transport=polling";
pub(crate) const WEBSOCKET: &str = "EIO=4&transport=websocket";
pub(crate) const CAP: Duration = Duration::from_secs(10);
