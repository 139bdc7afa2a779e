use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use serde_json::Value;
use sockeye_guard::kit::{Checked, Failure, Polling as Handshake, RS, Response, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::Instant,
};

use super::{
    Incoming,
    client::{Client, id_of, parse},
};

/// A client over polling, in one namespace: one connection polls, another posts. It answers pings
/// while it is read from.
#[derive(Debug)]
pub struct Polling {
    address: SocketAddr,
    sid: String,
    id: String,
    polls: Line,
    posts: Line,
    posted: Instant,
    packets: VecDeque<String>,
    /// Whether a ping has not been answered yet.
    pinged: bool,
}

/// A connection that is kept alive.
#[derive(Debug)]
struct Line {
    stream: TcpStream,
    received: Vec<u8>,
    /// Whether a request has not been answered yet.
    asked: bool,
}

impl Polling {
    /// Connects to the main namespace with this payload.
    ///
    /// # Errors
    ///
    /// When the server refuses, or there is none.
    pub async fn connect(address: SocketAddr, auth: &Value) -> Checked<Self> {
        let mut polls = Line::open(address).await?;
        let opened = polls.request(&Handshake::handshake()).await?.is(200)?;
        let mut client = Self {
            address,
            sid: Handshake::sid_of(&opened)?,
            id: String::new(),
            polls,
            posts: Line::open(address).await?,
            posted: Instant::now(),
            packets: VecDeque::new(),
            pinged: false,
        };
        client.send(&format!("40{auth}")).await?;
        client.id = id_of(&client.packet().await?.unwrap_or_default())?;
        Ok(client)
    }

    /// Goes on over WebSocket.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn upgrade(mut self) -> Checked<Client> {
        let mut client = Client::upgrade(self.address, &self.sid, self.id.clone()).await?;
        // The poll that waits is answered, so that nothing can come there any more.
        while self.polls.asked || !self.packets.is_empty() {
            let packet = self.packet().await?;
            let packet = packet.unwrap_or_default();
            ensure(packet == "6", format!("{packet:.100} before the upgrade"))?;
        }
        client.send("5").await?;
        Ok(client)
    }

    /// Returns the socket's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Posts an Engine.IO packet as it is.
    ///
    /// # Errors
    ///
    /// When it isn't accepted.
    pub async fn send(&mut self, packet: &str) -> Checked {
        self.posts.rest().await?;
        if self.posted.elapsed() > KEPT_ALIVE {
            self.posts = Line::open(self.address).await?;
        }
        self.posted = Instant::now();
        let (target, length) = (target(&self.sid), packet.len());
        let request = format!(
            "POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{packet}"
        );
        let response = match self.posts.request(&request).await {
            // The server has given the connection up just as it was used again.
            Err(_) if self.posts.received.is_empty() => {
                self.posts = Line::open(self.address).await?;
                self.posts.request(&request).await?
            }
            response => response?,
        };
        response.is(200)?;
        Ok(())
    }

    /// Sends an event: its name and arguments as one array, and a number where an answer is wanted.
    ///
    /// # Errors
    ///
    /// When it isn't accepted.
    pub async fn emit(&mut self, event: &Value, ack: Option<u64>) -> Checked {
        let ack = ack.map_or_else(String::new, |ack| ack.to_string());
        self.send(&format!("42{ack}{event}")).await
    }

    /// Waits for what comes next; pings are answered and not shown. Dropping the future loses
    /// nothing.
    ///
    /// # Errors
    ///
    /// When it is nothing that a server may send, or a connection is broken off.
    pub async fn next(&mut self) -> Checked<Incoming> {
        loop {
            if self.pinged {
                self.send("3").await?;
                self.pinged = false;
            }
            match self.packet().await? {
                Some(packet) if packet == "2" => self.pinged = true,
                Some(packet) if packet == "6" => {}
                Some(packet) if packet == "1" => return Ok(Incoming::End(None)),
                Some(packet) => return parse(packet),
                None => return Ok(Incoming::End(None)),
            }
        }
    }

    /// Returns the next packet, or `None` when there is no such session.
    async fn packet(&mut self) -> Checked<Option<String>> {
        loop {
            if let Some(packet) = self.packets.pop_front() {
                return Ok(Some(packet));
            }
            if !self.polls.asked {
                let target = target(&self.sid);
                let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
                self.polls.ask(&request).await?;
            }
            let response = self.polls.answer().await?;
            if response.status == 400 {
                return Ok(None);
            }
            let payload = response.is(200)?.text();
            self.packets.extend(payload.split(RS).map(str::to_owned));
        }
    }
}

impl Line {
    async fn open(address: SocketAddr) -> Checked<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::new(),
            asked: false,
        })
    }

    async fn request(&mut self, request: &str) -> Checked<Response> {
        self.ask(request).await?;
        self.answer().await
    }

    async fn ask(&mut self, request: &str) -> Checked {
        self.asked = true;
        Ok(self.stream.write_all(request.as_bytes()).await?)
    }

    /// Reads the answer of a request that was left to itself.
    async fn rest(&mut self) -> Checked {
        if self.asked {
            self.answer().await?;
        }
        Ok(())
    }

    async fn answer(&mut self) -> Checked<Response> {
        loop {
            if let Some((response, length)) = Response::parse(&self.received)? {
                self.received.drain(..length);
                self.asked = false;
                return Ok(response);
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(Failure::new("the connection ends instead of an answer"));
            }
        }
    }
}

fn target(sid: &str) -> String {
    format!("/socket.io/?EIO=4&transport=polling&sid={sid}")
}

/// The server ends a connection that is not used for five seconds.
const KEPT_ALIVE: Duration = Duration::from_secs(3);
