//! One Engine.IO session over WebSocket, as the client has it.

use std::io::{self, ErrorKind, Write as _};

use mio::net::TcpStream;

use crate::frame;

/// How far a connection has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    Closed,
    Upgrading,
    AwaitsOpen,
    AwaitsConnect,
    AwaitsWelcome,
    Ready,
}

/// A connection and what the scenario keeps about it.
#[derive(Debug)]
pub(crate) struct Connection<S> {
    pub(crate) state: S,
    pub(crate) phase: Phase,
    pub(crate) stream: Option<TcpStream>,
    /// The start of a frame that has not arrived whole.
    pub(crate) partial: Vec<u8>,
    /// A message of several frames and its opcode, until it is complete.
    pub(crate) fragments: (u8, Vec<u8>),
    pub(crate) started: u64,
    pub(crate) is_dirty: bool,
    out: Vec<u8>,
    written: usize,
}

impl<S: Default> Connection<S> {
    pub(crate) fn new() -> Self {
        Self {
            state: S::default(),
            phase: Phase::Closed,
            stream: None,
            partial: Vec::new(),
            fragments: (0, Vec::new()),
            started: 0,
            is_dirty: false,
            out: Vec::new(),
            written: 0,
        }
    }

    /// Begins anew over another stream.
    pub(crate) fn reopen(&mut self, stream: TcpStream, request: &[u8], now: u64) {
        *self = Self {
            phase: Phase::Upgrading,
            stream: Some(stream),
            started: now,
            is_dirty: self.is_dirty,
            ..Self::new()
        };
        self.out.extend_from_slice(request);
    }
}

impl<S> Connection<S> {
    #[inline]
    pub(crate) fn send_text(&mut self, message: &[u8]) {
        frame::encode(&mut self.out, frame::TEXT, message);
    }

    /// Queues frames that are already encoded.
    #[inline]
    pub(crate) fn send_frames(&mut self, frames: &[u8]) {
        self.out.extend_from_slice(frames);
    }

    pub(crate) fn send(&mut self, opcode: u8, payload: &[u8]) {
        frame::encode(&mut self.out, opcode, payload);
    }

    /// When its TCP connection was begun.
    pub(crate) fn started(&self) -> u64 {
        self.started
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
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
                    _ => return Err(error),
                },
            }
        }
        self.out.clear();
        self.written = 0;
        Ok(())
    }
}
