//! A client that says exactly what it is told to, and goes away however it is told to.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

/// One TCP connection to the server.
pub(crate) struct Wire {
    stream: TcpStream,
    heard: Vec<u8>,
}

/// An HTTP answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Wire {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        Self::of(TcpSocket::new_v4()?, address).await
    }

    /// Opens a connection whose client's side has room for little.
    pub(crate) async fn open_narrow(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(4096)?;
        Self::of(socket, address).await
    }

    async fn of(socket: TcpSocket, address: SocketAddr) -> io::Result<Self> {
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        let heard = Vec::new();
        Ok(Self { stream, heard })
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await
    }

    pub(crate) async fn get(&mut self, query: &str) -> io::Result<()> {
        let head = format!("GET /socket.io/?{query} HTTP/1.1\r\nHost: test\r\n\r\n");
        self.send(head).await
    }

    pub(crate) async fn post(&mut self, query: &str, length: usize, body: &str) -> io::Result<()> {
        let head = format!("POST /socket.io/?{query} HTTP/1.1\r\nHost: test\r\n");
        let length = format!("Content-Length: {length}\r\n\r\n");
        self.send(head + &length + body).await
    }

    /// Asks for a WebSocket; returns whether it is granted.
    pub(crate) async fn upgrade(&mut self, query: &str) -> io::Result<bool> {
        let head = format!("GET /socket.io/?{query} HTTP/1.1\r\nHost: test\r\n");
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
        self.send(head + upgrade).await?;
        let head = self.until("\r\n\r\n").await?;
        Ok(head.starts_with("HTTP/1.1 101"))
    }

    /// Sends a text frame, its mask being zeroes.
    pub(crate) async fn say(&mut self, text: &str) -> io::Result<()> {
        let length = u8::try_from(text.len()).unwrap();
        assert!(length < 126, "a short text");
        let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
        frame.extend_from_slice(text.as_bytes());
        self.send(frame).await
    }

    /// Sends a close frame with the code 1000.
    pub(crate) async fn say_goodbye(&mut self) -> io::Result<()> {
        self.send(b"\x88\x82\0\0\0\0\x03\xe8").await
    }

    /// Reads up to and with `needle`.
    pub(crate) async fn until(&mut self, needle: &str) -> io::Result<String> {
        let needle = needle.as_bytes();
        let mut from = 0;
        loop {
            let found = self.heard[from..]
                .windows(needle.len())
                .position(|part| part == needle);
            if let Some(at) = found {
                let rest = self.heard.split_off(from + at + needle.len());
                let read = std::mem::replace(&mut self.heard, rest);
                return Ok(String::from_utf8_lossy(&read).into_owned());
            }
            from = self.heard.len().saturating_sub(needle.len() - 1);
            self.read().await.map_err(|error| {
                let wanted = String::from_utf8_lossy(needle);
                let heard = self.heard.escape_ascii();
                io::Error::other(format!("{error}, no {wanted:?} but {heard}"))
            })?;
        }
    }

    pub(crate) async fn answer(&mut self) -> io::Result<Answer> {
        let head = self.until("\r\n\r\n").await?.to_ascii_lowercase();
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let length = head.split("content-length: ").nth(1);
        let length = length.and_then(|rest| rest.split("\r\n").next()?.parse().ok());
        let (Some(status), Some(length)) = (status, length) else {
            return Err(io::Error::other(head));
        };
        while self.heard.len() < length {
            self.read().await?;
        }
        let rest = self.heard.split_off(length);
        let body = std::mem::replace(&mut self.heard, rest);
        Ok(Answer {
            status,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }

    /// Reads until the server ends the connection; returns what came.
    pub(crate) async fn rest(mut self) -> Vec<u8> {
        while self.read().await.is_ok() {}
        self.heard
    }

    async fn read(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.heard).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Ends the connection by a reset.
    pub(crate) fn reset(self) -> io::Result<()> {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))
    }
}
