use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use sockeye_guard::kit::{Checked, Failure, Frame, Received, Upgrade};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::{Instant, timeout_at},
};

/// A client over WebSocket, in one namespace. It answers pings while it is read from.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    received: Vec<u8>,
    id: String,
    /// How long a ping waits for its pong, which stands for a slow network.
    delay: Duration,
    pong_at: Option<Instant>,
    pings: Arc<AtomicUsize>,
}

/// What a client is sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// An event, with its name and arguments as one array.
    Event(Value),
    /// The answer to an event, by the number that it was sent with.
    Ack(u64, Value),
    /// The namespace's end.
    Disconnect,
    /// The close frame, with the code and reason that it has.
    End(Option<(u16, String)>),
    /// The connection's end without a close frame.
    Cut,
    /// Anything else.
    Other(String),
}

impl Client {
    /// Connects to the main namespace with this payload.
    ///
    /// # Errors
    ///
    /// When the server refuses, or there is none.
    pub async fn connect(address: SocketAddr, auth: &Value) -> Checked<Self> {
        Self::connect_from(None, address, auth).await
    }

    /// Connects from one of this machine's addresses, as one has about 28,000 ports.
    ///
    /// # Errors
    ///
    /// When the server refuses, or there is none.
    pub async fn connect_from(
        source: Option<IpAddr>,
        address: SocketAddr,
        auth: &Value,
    ) -> Checked<Self> {
        let socket = TcpSocket::new_v4()?;
        if let Some(source) = source {
            socket.bind(SocketAddr::new(source, 0))?;
        }
        Self::connect_on(socket, address, auth).await
    }

    /// Connects on a socket that may be bound, or have small buffers.
    ///
    /// # Errors
    ///
    /// When the server refuses, or there is none.
    pub async fn connect_on(socket: TcpSocket, address: SocketAddr, auth: &Value) -> Checked<Self> {
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        let mut client = Self::over(stream, String::new());
        client.stream.write_all(&Upgrade::new().bytes()).await?;
        client.read_head().await?;
        client.expect("0").await?;
        client.send(&format!("40{auth}")).await?;
        let answer = client.expect("40").await?;
        client.id = id_of(&answer)?;
        Ok(client)
    }

    /// Takes a polling session over, which is in its namespace already.
    ///
    /// # Errors
    ///
    /// When the server doesn't let it.
    pub(super) async fn upgrade(address: SocketAddr, sid: &str, id: String) -> Checked<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut client = Self::over(stream, id);
        client.stream.write_all(&Upgrade::of(sid).bytes()).await?;
        client.read_head().await?;
        client.send("2probe").await?;
        client.expect("3probe").await?;
        Ok(client)
    }

    fn over(stream: TcpStream, id: String) -> Self {
        Self {
            stream,
            received: Vec::new(),
            id,
            delay: Duration::ZERO,
            pong_at: None,
            pings: Arc::default(),
        }
    }

    /// Returns the socket's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Answers pings so long after they have come; at once by default.
    pub fn pong_after(&mut self, delay: Duration) {
        self.delay = delay;
    }

    /// Counts the pings that come here.
    pub fn count_pings(&mut self, pings: Arc<AtomicUsize>) {
        self.pings = pings;
    }

    /// Sends an Engine.IO packet as it is.
    ///
    /// # Errors
    ///
    /// When the connection has ended.
    pub async fn send(&mut self, packet: &str) -> Checked {
        Ok(self.stream.write_all(&Frame::text(packet).bytes()).await?)
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    ///
    /// When the connection has ended.
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> Checked {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// Sends an event: its name and arguments as one array, and a number where an answer is wanted.
    ///
    /// # Errors
    ///
    /// When the connection has ended.
    pub async fn emit(&mut self, event: &Value, ack: Option<u64>) -> Checked {
        let ack = ack.map_or_else(String::new, |ack| ack.to_string());
        self.send(&format!("42{ack}{event}")).await
    }

    /// Waits for what comes next; pings are answered and not shown. Dropping the future loses
    /// nothing.
    ///
    /// # Errors
    ///
    /// When it is nothing that a server may send, or the connection is broken off.
    pub async fn next(&mut self) -> Checked<Incoming> {
        loop {
            let received = match self.pong_at {
                None => self.frame().await?,
                Some(at) => match timeout_at(at, self.frame()).await {
                    Ok(received) => received?,
                    Err(_) => {
                        self.pong_at = None;
                        self.send("3").await?;
                        continue;
                    }
                },
            };
            match received {
                Received::Text(packet) if packet == "2" => {
                    self.pings.fetch_add(1, Ordering::Relaxed);
                    self.pong_at = Some(Instant::now() + self.delay);
                }
                Received::Text(packet) => return parse(packet),
                Received::Close(reason) => return Ok(Incoming::End(reason)),
                Received::End => return Ok(Incoming::Cut),
                other => return Ok(Incoming::Other(format!("{other:?}"))),
            }
        }
    }

    async fn expect(&mut self, start: &str) -> Checked<String> {
        match self.frame().await? {
            Received::Text(packet) if packet.starts_with(start) => Ok(packet),
            other => Err(Failure::new(format!("{other:.200?} instead of {start}"))),
        }
    }

    async fn frame(&mut self) -> Checked<Received> {
        loop {
            if let Some((received, length)) = Received::parse(&self.received)? {
                self.received.drain(..length);
                return Ok(received);
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Ok(Received::End);
            }
        }
    }

    async fn read_head(&mut self) -> Checked {
        loop {
            let end = self
                .received
                .windows(4)
                .position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                let head: Vec<_> = self.received.drain(..end + 4).collect();
                if head.starts_with(b"HTTP/1.1 101") {
                    return Ok(());
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                return Err(Failure::new("no upgrade").on(head));
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(Failure::new("the connection ends instead of an answer"));
            }
        }
    }
}

pub(super) fn id_of(answer: &str) -> Checked<String> {
    let payload = answer.strip_prefix("40").unwrap_or_default();
    let id = serde_json::from_str::<Value>(payload)
        .ok()
        .and_then(|payload| Some(payload.get("sid")?.as_str()?.to_owned()));
    id.ok_or_else(|| Failure::new("no id").on(answer))
}

pub(super) fn parse(packet: String) -> Checked<Incoming> {
    let strange = || Failure::new("a strange packet").on(&packet);
    let value = |text: &str| serde_json::from_str(text).map_err(|_| strange());
    if let Some(event) = packet.strip_prefix("42") {
        return Ok(Incoming::Event(value(event)?));
    }
    if let Some(ack) = packet.strip_prefix("43") {
        let digits = ack.find('[').ok_or_else(strange)?;
        let (number, arguments) = ack.split_at(digits);
        let number = number.parse().map_err(|_| strange())?;
        return Ok(Incoming::Ack(number, value(arguments)?));
    }
    Ok(match &*packet {
        "41" => Incoming::Disconnect,
        _ => Incoming::Other(packet),
    })
}
