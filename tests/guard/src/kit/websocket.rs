use super::{Checked, Failure, Stream, ensure};

/// A WebSocket on which any frame can be sent.
#[derive(Debug)]
pub struct WebSocket {
    /// The connection below.
    pub stream: Stream,
}

/// A frame to be sent, of which every part can be wrong.
#[derive(Clone, Debug)]
pub struct Frame {
    /// FIN, the reserved bits and the opcode.
    pub first: u8,
    /// Whether the payload is masked, as it has to be.
    pub masked: bool,
    /// The payload.
    pub payload: Vec<u8>,
}

/// What the server has sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Received {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A pong.
    Pong(Vec<u8>),
    /// A close frame, with its code and reason where it has one.
    Close(Option<(u16, String)>),
    /// The connection has ended.
    End,
}

impl Frame {
    /// A frame whose first byte is this.
    #[must_use]
    pub fn of(first: u8, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            first,
            masked: true,
            payload: payload.into(),
        }
    }

    /// A whole text message.
    #[must_use]
    pub fn text(payload: impl Into<Vec<u8>>) -> Self {
        Self::of(0x81, payload)
    }

    /// A whole binary message.
    #[must_use]
    pub fn binary(payload: impl Into<Vec<u8>>) -> Self {
        Self::of(0x82, payload)
    }

    /// Without a mask.
    #[must_use]
    pub fn unmasked(mut self) -> Self {
        self.masked = false;
        self
    }

    /// Returns the frame's bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Self::header(self.first, self.masked, self.payload.len() as u64);
        if self.masked {
            let masked = self.payload.iter().zip(MASK.iter().cycle());
            bytes.extend(masked.map(|(byte, mask)| byte ^ mask));
        } else {
            bytes.extend_from_slice(&self.payload);
        }
        bytes
    }

    /// Returns the bytes of a frame's header that declares a length, mask included.
    #[must_use]
    pub fn header(first: u8, masked: bool, length: u64) -> Vec<u8> {
        let bit = if masked { 0x80 } else { 0 };
        let mut bytes = vec![first];
        match length {
            0..126 => bytes.push(bit | length as u8),
            126..0x1_0000 => {
                bytes.push(bit | 126);
                bytes.extend((length as u16).to_be_bytes());
            }
            _ => {
                bytes.push(bit | 127);
                bytes.extend(length.to_be_bytes());
            }
        }
        if masked {
            bytes.extend(MASK);
        }
        bytes
    }
}

impl Received {
    /// Parses a frame of the server's, none of which is masked or in fragments, and says how long it
    /// is; `None` as long as it isn't whole.
    ///
    /// # Errors
    ///
    /// When no server may send it.
    pub fn parse(bytes: &[u8]) -> Checked<Option<(Self, usize)>> {
        let [first, second, rest @ ..] = bytes else {
            return Ok(None);
        };
        let (length, head) = match (*second, rest) {
            (length @ 0..126, _) => (u64::from(length), 2),
            (126, [a, b, ..]) => (u64::from(u16::from_be_bytes([*a, *b])), 4),
            (127, [a, b, c, d, e, f, g, h, ..]) => {
                (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), 10)
            }
            (126 | 127, _) => return Ok(None),
            _ => return Err(Failure::new("the server masks its frames")),
        };
        let end = head + usize::try_from(length).map_err(|_| Failure::new("an absurd length"))?;
        let Some(payload) = bytes.get(head..end) else {
            return Ok(None);
        };
        let text = || String::from_utf8(payload.to_vec()).map_err(|_| Failure::new("not UTF-8"));
        let received = match first {
            0x81 => Self::Text(text()?),
            0x82 => Self::Binary(payload.to_vec()),
            0x8a => Self::Pong(payload.to_vec()),
            0x88 => Self::Close(match payload {
                [a, b, reason @ ..] => {
                    let reason = String::from_utf8_lossy(reason).into_owned();
                    Some((u16::from_be_bytes([*a, *b]), reason))
                }
                _ => None,
            }),
            _ => return Err(Failure::new(format!("a frame that begins with {first:#x}"))),
        };
        Ok(Some((received, end)))
    }
}

impl WebSocket {
    /// Goes on with a connection whose upgrade has been answered.
    #[must_use]
    pub fn over(stream: Stream) -> Self {
        Self { stream }
    }

    /// Sends a frame.
    ///
    /// # Errors
    ///
    /// When the connection has ended.
    pub fn send(&mut self, frame: &Frame) -> Checked {
        self.stream.send(frame.bytes())
    }

    /// Sends a text message.
    ///
    /// # Errors
    ///
    /// When the connection has ended.
    pub fn text(&mut self, text: impl Into<Vec<u8>>) -> Checked {
        self.send(&Frame::text(text))
    }

    /// Reads what comes next, also the connection's end.
    ///
    /// # Errors
    ///
    /// When nothing comes in time, or no server may send it.
    pub fn receive(&mut self) -> Checked<Received> {
        loop {
            if let Some((received, length)) = Received::parse(self.stream.received())? {
                self.stream.received().drain(..length);
                return Ok(received);
            }
            if self.stream.fill()? == 0 {
                return Ok(Received::End);
            }
        }
    }

    /// Expects this message.
    ///
    /// # Errors
    ///
    /// When something else comes.
    pub fn receives(&mut self, text: &str) -> Checked {
        let received = self.receive()?;
        let expected = Received::Text(text.to_owned());
        ensure(
            received == expected,
            format!("{received:.200?} instead of {expected:.200?}"),
        )
    }

    /// Expects a close frame and the connection's end; returns the code.
    ///
    /// Messages that were on their way already may come before.
    ///
    /// # Errors
    ///
    /// When it is not closed.
    pub fn closes(&mut self) -> Checked<Option<u16>> {
        loop {
            match self.receive()? {
                Received::Close(close) => {
                    let reason = close.as_ref().map_or("", |(_, reason)| reason);
                    ensure(reason.len() <= 123, "the reason of a close is too long")?;
                    self.stream.finish();
                    self.stream.ends_within(super::PATIENCE)?;
                    return Ok(close.map(|(code, _)| code));
                }
                Received::End => return Ok(None),
                _ => {}
            }
        }
    }

    /// Expects a close frame with this code, and the connection's end.
    ///
    /// # Errors
    ///
    /// When it is not closed, or with another code.
    pub fn closes_with(&mut self, code: u16) -> Checked {
        let found = self.closes()?;
        ensure(
            found == Some(code),
            format!("closed with {found:?} instead of {code}"),
        )
    }
}

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
