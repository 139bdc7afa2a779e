//! One HTTP connection, with one request under way at a time.

use std::io::{ErrorKind, Read as _, Write as _};

use mio::net::TcpStream;

use crate::response::{Response, response};

#[derive(Debug, Default)]
pub(super) struct Exchange {
    stream: Option<TcpStream>,
    received: Vec<u8>,
    out: Vec<u8>,
    written: usize,
    is_busy: bool,
}

impl Exchange {
    pub(super) fn open(&mut self, stream: TcpStream) {
        self.stream = Some(stream);
    }

    pub(super) fn is_busy(&self) -> bool {
        self.is_busy
    }

    pub(super) fn send(&mut self, request: &str) -> Result<(), String> {
        self.is_busy = true;
        self.out.extend_from_slice(request.as_bytes());
        self.flush()
    }

    pub(super) fn flush(&mut self) -> Result<(), String> {
        let Some(stream) = self.stream.as_mut() else {
            return Ok(());
        };
        while self.written < self.out.len() {
            match stream.write(&self.out[self.written..]) {
                Ok(written) => self.written += written,
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    // The second is a connection still being made.
                    ErrorKind::WouldBlock | ErrorKind::NotConnected => return Ok(()),
                    _ => return Err(format!("write: {error}")),
                },
            }
        }
        self.out.clear();
        self.written = 0;
        Ok(())
    }

    /// Reads the response, if it is there as a whole.
    pub(super) fn read(&mut self, scratch: &mut [u8]) -> Result<Option<Response>, String> {
        loop {
            let Some(stream) = self.stream.as_mut() else {
                return Ok(None);
            };
            match stream.read(scratch) {
                Ok(0) => return Err("closed by the server".to_owned()),
                Ok(length) => {
                    self.received.extend_from_slice(&scratch[..length]);
                    // A short read has drained the socket; what comes later is another event.
                    if length < scratch.len() {
                        break;
                    }
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock | ErrorKind::NotConnected => break,
                    _ => return Err(format!("read: {error}")),
                },
            }
        }
        let response = response(&self.received)?;
        if response.is_some() {
            self.received.clear();
            self.is_busy = false;
        }
        Ok(response)
    }
}
