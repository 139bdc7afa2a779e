//! The server under load and how clients introduce themselves to it.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use mio::net::TcpStream;
use socket2::{Domain, Protocol, Socket, Type};

/// What every connection of a run has in common.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) path: String,
    /// Loopback addresses to connect from: one has about 28,000 ports.
    pub(crate) sources: u8,
    /// Whether to send the headers of a browser, about 1 kB more.
    pub(crate) browser: bool,
    /// The payload of the CONNECT packet: a JSON object, or nothing.
    pub(crate) auth: String,
    /// The event to wait for after the CONNECT.
    pub(crate) welcome: Option<String>,
}

impl Target {
    /// Starts to connect, without waiting.
    pub(crate) fn dial(&self, id: usize) -> io::Result<TcpStream> {
        if self.sources < 2 {
            let stream = TcpStream::connect(self.address)?;
            stream.set_nodelay(true)?;
            return Ok(stream);
        }
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        let source = Ipv4Addr::new(127, 0, 0, 1 + (id % usize::from(self.sources)) as u8);
        socket.bind(&SocketAddr::from((source, 0)).into())?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        match socket.connect(&self.address.into()) {
            Err(error) if error.raw_os_error() != Some(IN_PROGRESS) => Err(error),
            _ => Ok(TcpStream::from_std(socket.into())),
        }
    }

    /// Returns the request that opens a WebSocket.
    pub(crate) fn upgrade_request(&self) -> Vec<u8> {
        let Self { address, path, .. } = self;
        format!(
            "GET {path}?EIO=4&transport=websocket HTTP/1.1\r\nHost: {address}\r\n\
             Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n",
            self.browser_headers()
        )
        .into_bytes()
    }

    fn browser_headers(&self) -> String {
        if !self.browser {
            return String::new();
        }
        format!(
            "Origin: http://{}\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 \
             (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36\r\n\
             Accept-Language: en-GB,en;q=0.9\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
             Cache-Control: no-cache\r\nPragma: no-cache\r\nCookie: session={}; settings={}\r\n",
            self.address,
            "0123456789abcdef".repeat(32),
            "fedcba9876543210".repeat(24),
        )
    }

    /// Returns the packet that connects to the namespace `/`.
    pub(crate) fn connect_packet(&self) -> Vec<u8> {
        format!("40{}", self.auth).into_bytes()
    }

    /// Returns how the message starts that ends the connecting, where one is waited for.
    pub(crate) fn welcome_start(&self) -> Option<Vec<u8>> {
        let event = self.welcome.as_ref()?;
        Some(format!("42[\"{event}\"").into_bytes())
    }
}

/// `EINPROGRESS`, which is no error of a connect that does not wait.
const IN_PROGRESS: i32 = 115;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_sends_a_kilobyte_more() {
        let plain = target(false).upgrade_request();

        let browser = target(true).upgrade_request();

        assert!((1000..1500).contains(&(browser.len() - plain.len())));
        assert!(browser.ends_with(b"\r\n\r\n"));
    }

    fn target(browser: bool) -> Target {
        Target {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            path: "/socket.io/".to_owned(),
            sources: 1,
            browser,
            auth: String::new(),
            welcome: None,
        }
    }
}
