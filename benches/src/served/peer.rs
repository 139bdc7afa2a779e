use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use crate::codecs::masked_frame;

/// A client that says what it is told to and waits for answers, on one TCP connection.
///
/// Once it has heard the longest answer it allocates nothing, so that all that is allocated is the
/// server's.
pub(super) struct Peer {
    stream: BufReader<TcpStream>,
    heard: Vec<u8>,
}

impl Peer {
    pub(super) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(CAP))?;
        Ok(Self {
            stream: BufReader::with_capacity(64 * 1024, stream),
            heard: Vec::with_capacity(4 * 1024),
        })
    }

    /// Opens a session on a WebSocket and enters a namespace by this CONNECT packet.
    pub(super) fn connect(address: SocketAddr, packet: &str) -> io::Result<Self> {
        let mut peer = Self::open(address)?;
        peer.send(UPGRADE)?;
        peer.read_head()?;
        if !peer.heard.starts_with(b"HTTP/1.1 101") {
            return Err(peer.unexpected());
        }
        peer.expect(b"0{\"sid\"")?;
        peer.send(&masked_frame(packet))?;
        peer.expect(b"40")?;
        Ok(peer)
    }

    /// Says goodbye, and waits until the server has closed the connection.
    pub(super) fn leave(mut self) -> io::Result<()> {
        self.send(CLOSE)?;
        self.heard.clear();
        self.stream.read_to_end(&mut self.heard)?;
        Ok(())
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Returns the payload of the next frame.
    pub(super) fn frame(&mut self) -> io::Result<&[u8]> {
        let mut start = [0; 2];
        self.stream.read_exact(&mut start)?;
        let len = match start[1] {
            127 => {
                let mut len = [0; 8];
                self.stream.read_exact(&mut len)?;
                usize::try_from(u64::from_be_bytes(len)).map_err(io::Error::other)?
            }
            126 => {
                let mut len = [0; 2];
                self.stream.read_exact(&mut len)?;
                u16::from_be_bytes(len).into()
            }
            len => len.into(),
        };
        self.read(len)?;
        Ok(&self.heard)
    }

    /// Takes the next frame, whose payload must start like this.
    pub(super) fn expect(&mut self, start: &[u8]) -> io::Result<()> {
        if self.frame()?.starts_with(start) {
            return Ok(());
        }
        Err(self.unexpected())
    }

    /// Returns the body of the next HTTP response.
    pub(super) fn body(&mut self) -> io::Result<&[u8]> {
        self.read_head()?;
        let head = str::from_utf8(&self.heard).map_err(io::Error::other)?;
        let length = head.split("content-length: ").nth(1);
        let length = length.and_then(|rest| rest.split("\r\n").next()?.parse().ok());
        match length {
            Some(length) if head.starts_with("HTTP/1.1 200") => self.read(length)?,
            _ => return Err(self.unexpected()),
        }
        Ok(&self.heard)
    }

    fn read_head(&mut self) -> io::Result<()> {
        self.heard.clear();
        while !self.heard.ends_with(b"\r\n\r\n") {
            if self.stream.read_until(b'\n', &mut self.heard)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    fn read(&mut self, len: usize) -> io::Result<()> {
        self.heard.resize(len, 0);
        self.stream.read_exact(&mut self.heard)
    }

    fn unexpected(&self) -> io::Error {
        io::Error::other(format!("unexpected: {}", self.heard.escape_ascii()))
    }
}

/// The packet that enters the namespace `/`.
pub(super) const ENTER: &str = "40";

const UPGRADE: &[u8] = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n\
    Host: example.com\r\n\
    User-Agent: benches\r\n\
    Connection: Upgrade\r\n\
    Upgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

/// A close frame with the code 1000, the mask being zeroes.
const CLOSE: &[u8] = b"\x88\x82\0\0\0\0\x03\xe8";

/// How long the server may take for anything: it is slow where its instructions are counted.
const CAP: Duration = Duration::from_secs(60);
