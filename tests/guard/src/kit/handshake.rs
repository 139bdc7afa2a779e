use std::net::SocketAddr;

use super::{Checked, Response, Stream, WebSocket};

/// A request to upgrade to WebSocket, of which every part can be wrong.
#[derive(Clone, Debug)]
pub struct Upgrade {
    query: String,
    headers: Vec<(String, String)>,
    behind: Vec<u8>,
}

impl Upgrade {
    /// Asks for a new session.
    #[must_use]
    pub fn new() -> Self {
        Self::with_query("EIO=4&transport=websocket")
    }

    /// Asks with this query.
    #[must_use]
    pub fn with_query(query: impl Into<String>) -> Self {
        Self {
            query: query.into(),
            headers: Vec::new(),
            behind: Vec::new(),
        }
    }

    /// Asks to take over a session.
    #[must_use]
    pub fn of(sid: &str) -> Self {
        Self::with_query(format!("EIO=4&transport=websocket&sid={sid}"))
    }

    /// Adds a header, before those of the upgrade.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sends bytes in the same write as the request.
    #[must_use]
    pub fn followed_by(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.behind = bytes.into();
        self
    }

    /// Returns the request's bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let headers = self.headers.iter();
        let headers: String = headers
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let head = format!(
            "GET /socket.io/?{} HTTP/1.1\r\nHost: localhost\r\n{headers}Connection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            self.query
        );
        [head.as_bytes(), &self.behind].concat()
    }

    /// Sends the request and reads the answer.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn attempt(&self, address: SocketAddr) -> Checked<(Response, Stream)> {
        let mut stream = Stream::open(address)?;
        stream.send(self.bytes())?;
        let response = stream.response()?;
        Ok((response, stream))
    }

    /// Upgrades.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub fn open(&self, address: SocketAddr) -> Checked<WebSocket> {
        let (response, stream) = self.attempt(address)?;
        response.is(101)?;
        Ok(WebSocket::over(stream))
    }
}

impl Default for Upgrade {
    fn default() -> Self {
        Self::new()
    }
}
