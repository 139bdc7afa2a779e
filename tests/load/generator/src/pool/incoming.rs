//! What arrives: from bytes through frames to messages.

use std::io::{ErrorKind, Read as _};

use super::Pool;
use crate::{
    connection::Phase,
    frame,
    response::find,
    scenario::{After, Scenario},
    tally::lossy,
};

impl<S: Default> Pool<S> {
    pub(super) fn read<C: Scenario<State = S>>(&mut self, id: usize, scenario: &mut C) {
        let mut scratch = std::mem::take(&mut self.scratch);
        while let Some(stream) = self.connections[id].stream.as_mut() {
            match stream.read(&mut scratch) {
                Ok(0) => self.lose(id, "closed by the server".to_owned()),
                Ok(length) => {
                    if let Err(why) = self.receive(id, &scratch[..length], scenario) {
                        self.lose(id, why);
                    }
                    // A short read has drained the socket; what comes later is another event.
                    if length < scratch.len() {
                        break;
                    }
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock => break,
                    _ => self.lose(id, format!("read: {error}")),
                },
            }
        }
        self.scratch = scratch;
    }

    fn receive<C: Scenario<State = S>>(
        &mut self,
        id: usize,
        bytes: &[u8],
        scenario: &mut C,
    ) -> Result<(), String> {
        let now = self.now();
        if self.connections[id].partial.is_empty() {
            let used = self.consume(id, bytes, scenario, now)?;
            let rest = &bytes[used..];
            self.connections[id].partial.extend_from_slice(rest);
            return Ok(());
        }
        let mut joined = std::mem::take(&mut self.connections[id].partial);
        joined.extend_from_slice(bytes);
        let used = self.consume(id, &joined, scenario, now)?;
        joined.drain(..used);
        self.connections[id].partial = joined;
        Ok(())
    }

    /// Handles what is complete and returns how much of it was.
    fn consume<C: Scenario<State = S>>(
        &mut self,
        id: usize,
        bytes: &[u8],
        scenario: &mut C,
        now: u64,
    ) -> Result<usize, String> {
        let mut used = 0;
        if self.connections[id].phase == Phase::Upgrading {
            let Some(end) = find(bytes, b"\r\n\r\n") else {
                return Ok(0);
            };
            if !bytes.starts_with(b"HTTP/1.1 101") {
                return Err(format!("no upgrade: {}", lossy(bytes)));
            }
            used = end + 4;
            self.connections[id].phase = Phase::AwaitsOpen;
        }
        while let Some(head) = frame::head(&bytes[used..])? {
            let start = used + head.size;
            let Some(payload) = bytes[start..].get(..head.length) else {
                break;
            };
            used = start + head.length;
            self.frame(id, &head, payload, scenario, now)?;
            if matches!(self.connections[id].phase, Phase::Closed | Phase::Upgrading) {
                // Renewed: the rest was the old connection's.
                return Ok(bytes.len());
            }
        }
        Ok(used)
    }

    #[inline]
    fn frame<C: Scenario<State = S>>(
        &mut self,
        id: usize,
        head: &frame::Head,
        payload: &[u8],
        scenario: &mut C,
        now: u64,
    ) -> Result<(), String> {
        let connection = &mut self.connections[id];
        match head.opcode {
            frame::TEXT | frame::BINARY if head.is_final => {
                return self.message(id, head.opcode, payload, scenario, now);
            }
            frame::TEXT | frame::BINARY => connection.fragments = (head.opcode, payload.to_vec()),
            frame::CONTINUATION => {
                connection.fragments.1.extend_from_slice(payload);
                if head.is_final {
                    let (opcode, message) = std::mem::take(&mut connection.fragments);
                    return self.message(id, opcode, &message, scenario, now);
                }
            }
            frame::PING => connection.send(frame::PONG, payload),
            frame::PONG => {}
            frame::CLOSE => return Err("a close frame from the server".to_owned()),
            opcode => return Err(format!("opcode {opcode}")),
        }
        Ok(())
    }

    #[inline]
    fn message<C: Scenario<State = S>>(
        &mut self,
        id: usize,
        opcode: u8,
        message: &[u8],
        scenario: &mut C,
        now: u64,
    ) -> Result<(), String> {
        let connection = &mut self.connections[id];
        if connection.phase != Phase::Ready {
            return self.greet(id, message, scenario, now);
        }
        match message {
            _ if opcode == frame::BINARY => scenario.binary(connection, message, now),
            [b'4', ..] => scenario.text(connection, message, now),
            b"2" => connection.send_text(b"3"),
            b"6" => {}
            _ => return Err(format!("unexpected: {}", lossy(message))),
        }
        Ok(())
    }

    /// Goes on with the handshake.
    fn greet<C: Scenario<State = S>>(
        &mut self,
        id: usize,
        message: &[u8],
        scenario: &mut C,
        now: u64,
    ) -> Result<(), String> {
        let connection = &mut self.connections[id];
        match (connection.phase, message) {
            (_, b"2") => connection.send_text(b"3"),
            (Phase::AwaitsOpen, [b'0', b'{', ..]) => {
                connection.phase = Phase::AwaitsConnect;
                connection.send_text(&self.connect);
            }
            (Phase::AwaitsConnect, [b'4', b'0', b'{', ..]) => match self.welcome {
                Some(_) => connection.phase = Phase::AwaitsWelcome,
                None => self.admit(id, scenario, now),
            },
            (Phase::AwaitsWelcome, message) => {
                let welcome = self.welcome.as_deref().unwrap_or_default();
                if message.starts_with(welcome) {
                    self.admit(id, scenario, now);
                }
            }
            (phase, message) => {
                return Err(format!("unexpected in {phase:?}: {}", lossy(message)));
            }
        }
        Ok(())
    }

    fn admit<C: Scenario<State = S>>(&mut self, id: usize, scenario: &mut C, now: u64) {
        self.opening -= 1;
        self.ready += 1;
        let connection = &mut self.connections[id];
        connection.phase = Phase::Ready;
        if scenario.ready(connection, id, now) == After::Renew {
            self.renew(id);
        }
    }
}
