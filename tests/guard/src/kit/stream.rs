use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use super::{Checked, Failure, Response, ensure};

/// How long an answer may take before it counts as missing.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A TCP connection on which any byte can be sent.
#[derive(Debug)]
pub struct Stream {
    tcp: TcpStream,
    received: Vec<u8>,
}

impl Stream {
    /// Connects.
    ///
    /// # Errors
    ///
    /// When the server doesn't accept within [`PATIENCE`].
    pub fn open(address: SocketAddr) -> Checked<Self> {
        let tcp = TcpStream::connect_timeout(&address, PATIENCE)
            .map_err(|error| Failure::new(format!("connecting: {error}")))?;
        Self::of(tcp)
    }

    /// Connects with a receive buffer of so many bytes, so that what isn't read stays with the
    /// server.
    ///
    /// # Errors
    ///
    /// When the server doesn't accept.
    pub fn open_narrow(address: SocketAddr, receive_buffer: usize) -> Checked<Self> {
        let socket = socket2::Socket::new(
            socket2::Domain::for_address(address),
            socket2::Type::STREAM,
            None,
        )?;
        socket.set_recv_buffer_size(receive_buffer)?;
        socket.connect_timeout(&address.into(), PATIENCE)?;
        Self::of(socket.into())
    }

    /// Connects from another address of this machine.
    ///
    /// # Errors
    ///
    /// When the server doesn't accept, or the address isn't the machine's.
    pub fn open_from(address: SocketAddr, from: Ipv4Addr) -> Checked<Self> {
        let socket = socket2::Socket::new(
            socket2::Domain::for_address(address),
            socket2::Type::STREAM,
            None,
        )?;
        socket.bind(&SocketAddr::from((from, 0)).into())?;
        socket.connect_timeout(&address.into(), PATIENCE)?;
        Self::of(socket.into())
    }

    fn of(tcp: TcpStream) -> Checked<Self> {
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        tcp.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            tcp,
            received: Vec::new(),
        })
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    ///
    /// When the connection has ended, or the server takes nothing for [`PATIENCE`].
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Checked {
        self.tcp
            .write_all(bytes.as_ref())
            .map_err(|error| Failure::new(format!("sending: {error}")))
    }

    /// Sends a chunk again and again until the server ends the connection, or `most` bytes are
    /// sent; returns how many the server's side took, buffers included.
    pub fn pour(&mut self, chunk: &[u8], most: usize) -> usize {
        let mut sent = 0;
        while sent < most {
            match self.tcp.write(chunk) {
                Ok(0) | Err(_) => break,
                Ok(count) => sent += count,
            }
        }
        sent
    }

    /// Sets how long a read may take.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn be_patient(&mut self, patience: Duration) -> Checked {
        Ok(self.tcp.set_read_timeout(Some(patience))?)
    }

    /// Reads more; 0 when the server has ended the connection.
    ///
    /// # Errors
    ///
    /// When nothing comes in time.
    pub(super) fn fill(&mut self) -> Checked<usize> {
        let mut buffer = [0; 16 * 1024];
        match self.tcp.read(&mut buffer) {
            Ok(count) => {
                self.received.extend_from_slice(&buffer[..count]);
                Ok(count)
            }
            Err(error) if ended(&error) => Ok(0),
            Err(error) if is_timeout(&error) => Err(Failure::new("no answer in time")),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads one byte; says whether the server has left the connection open.
    ///
    /// # Errors
    ///
    /// When nothing comes in time.
    pub fn sip(&mut self) -> Checked<bool> {
        match self.tcp.read(&mut [0]) {
            Ok(count) => Ok(count > 0),
            Err(error) if ended(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn received(&mut self) -> &mut Vec<u8> {
        &mut self.received
    }

    /// Reads an HTTP response.
    ///
    /// # Errors
    ///
    /// When there is none, or it isn't one.
    pub fn response(&mut self) -> Checked<Response> {
        match self.response_or_end()? {
            Some(response) => Ok(response),
            None => Err(Failure::new("the connection ended without an answer")),
        }
    }

    /// Reads an HTTP response, or `None` where the connection ends without one.
    ///
    /// # Errors
    ///
    /// When nothing comes in time, or something that is no response.
    pub fn response_or_end(&mut self) -> Checked<Option<Response>> {
        loop {
            if let Some((response, length)) = Response::parse(&self.received)? {
                self.received.drain(..length);
                return Ok(Some(response));
            }
            if self.fill()? == 0 {
                let complete = Response::parse_at_end(&self.received)?;
                ensure(
                    complete.is_some() || self.received.is_empty(),
                    "the connection ended within an answer",
                )?;
                self.received.clear();
                return Ok(complete);
            }
        }
    }

    /// Expects the server to end the connection without sending any more.
    ///
    /// # Errors
    ///
    /// When it sends something, or doesn't end it.
    pub fn ends(&mut self) -> Checked {
        while self.received.is_empty() {
            if self
                .fill()
                .map_err(|_| Failure::new("the connection is left open"))?
                == 0
            {
                return Ok(());
            }
        }
        let rest = String::from_utf8_lossy(&self.received);
        Err(Failure::new("it went on to send something").on(rest))
    }

    /// Waits for the connection's end, whatever comes before it; returns after how long.
    ///
    /// # Errors
    ///
    /// When it hasn't ended after `cap`.
    pub fn ends_within(&mut self, cap: Duration) -> Checked<Duration> {
        let start = Instant::now();
        loop {
            let left = cap.saturating_sub(start.elapsed());
            ensure(
                !left.is_zero(),
                format!("the connection is open after {cap:?}"),
            )?;
            self.be_patient(left.max(Duration::from_millis(1)))?;
            if matches!(self.fill(), Ok(0)) {
                return Ok(start.elapsed());
            }
            self.received.clear();
        }
    }

    /// Ends what this side sends, as a client that is through does.
    pub fn finish(&mut self) {
        let _ = self.tcp.shutdown(Shutdown::Write);
    }

    /// Breaks the connection off with a reset.
    pub fn reset(self) {
        let _ = socket2::SockRef::from(&self.tcp).set_linger(Some(Duration::ZERO));
    }
}

fn ended(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe
    )
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
