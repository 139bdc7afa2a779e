use bytes::{Buf as _, Bytes, BytesMut};
use bytestring::ByteString;

use super::{
    FrameError, close_code,
    mask::Mask,
    start::{FrameStart, Opcode},
    utf8::Utf8Check,
};
use crate::{Message, attachments::SHARED};

/// Turns the bytes that a client sends after the opening handshake into messages.
///
/// The driver appends what it reads to one buffer and calls [`decode`](Self::decode) until it
/// needs more. A payload is unmasked where it lies and leaves the buffer without a copy; only
/// the fragments of a fragmented message are put together in a buffer of their own. What is
/// held is bounded by what arrived, never by what a header declares.
///
/// ```text
///            header complete            payload complete
///   Header ───────────────────► Payload ─────────────────┐
///     ▲ │                          │                     │
///     └─┼──────────────────────────┼─────────────────────┤
///       │ error                    │ error               │ a close frame
///       └────────► Failed ◄────────┘                     └──────────► Closed
/// ```
#[derive(Debug)]
pub struct Decoder {
    max_message: usize,
    max_fragments: u32,
    state: State,
    /// The text of the current message, as far as its end was not in sight when it arrived.
    utf8: Utf8Check,
    fragments: Option<Box<Fragments>>,
}

/// One thing that a client sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Incoming {
    /// A whole text or binary message, in however many fragments it came.
    Message(Message),
    /// A ping, whose payload the answering pong must repeat.
    Ping(Bytes),
    /// A pong with the payload of some ping, or an unasked one.
    Pong(Bytes),
    /// The client closes the connection, with the code it gives. Nothing follows.
    Close(Option<u16>),
}

#[derive(Clone, Copy, Debug)]
enum State {
    Header,
    Payload(Frame),
    Closed,
    Failed(FrameError),
}

/// A frame whose header has been read and left the buffer.
#[derive(Clone, Copy, Debug)]
struct Frame {
    last: bool,
    opcode: Opcode,
    mask: Mask,
    len: usize,
    /// How much of the payload, at the front of the buffer, is unmasked already.
    unmasked: usize,
}

/// The beginning of a fragmented message.
#[derive(Debug)]
struct Fragments {
    is_text: bool,
    /// How many frames, empty ones included.
    count: u32,
    data: BytesMut,
}

impl Decoder {
    /// Creates a decoder for messages of at most `max_message` bytes in at most
    /// `max_fragments` frames.
    #[must_use]
    pub fn new(max_message: usize, max_fragments: usize) -> Self {
        Self {
            max_message,
            max_fragments: u32::try_from(max_fragments).unwrap_or(u32::MAX),
            state: State::Header,
            utf8: Utf8Check::default(),
            fragments: None,
        }
    }

    /// Takes one message or control frame from the front of `input`.
    ///
    /// `None` means that more bytes are needed. Between calls the driver may only append to
    /// `input`: part of a payload in it may be unmasked already. After a close frame the rest
    /// is discarded. The outcome depends on the bytes alone, not on how they were cut.
    ///
    /// # Errors
    ///
    /// The client broke the protocol or a limit, which is noticed on the first byte that
    /// decides it, or on the last byte of a header field. Every later call discards its
    /// input and returns the same error.
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Incoming>, FrameError> {
        let outcome = self.next(input);
        match outcome {
            Err(error) => self.end(State::Failed(error), input),
            Ok(Some(Incoming::Close(_))) => self.end(State::Closed, input),
            Ok(_) => {}
        }
        outcome
    }

    /// Returns how many bytes `input` lacks of a payload whose header has been read.
    #[must_use]
    pub fn missing(&self, input: &BytesMut) -> usize {
        match self.state {
            State::Payload(frame) => frame.len.saturating_sub(input.len()),
            State::Header | State::Closed | State::Failed(_) => 0,
        }
    }

    fn next(&mut self, input: &mut BytesMut) -> Result<Option<Incoming>, FrameError> {
        loop {
            let frame = match self.state {
                State::Header => match self.read_header(input)? {
                    Some(frame) => frame,
                    None => return Ok(None),
                },
                State::Payload(frame) => frame,
                State::Closed => {
                    input.clear();
                    return Ok(None);
                }
                State::Failed(error) => return Err(error),
            };
            if input.len() < frame.len {
                self.state = State::Payload(self.read_ahead(frame, input)?);
                return Ok(None);
            }
            self.state = State::Header;
            if let Some(incoming) = self.finish_frame(frame, input)? {
                return Ok(Some(incoming));
            }
        }
    }

    /// Reads a whole header and removes it, or leaves `input` as it is.
    fn read_header(&self, input: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
        let Some(start) = FrameStart::parse(input)? else {
            return Ok(None);
        };
        // Before the masking key has arrived: a peer that announces too much is not waited for.
        let len = self.admit(start)?;
        let key = input.get(start.mask_at..).and_then(<[u8]>::first_chunk);
        let Some(&key) = key else {
            return Ok(None);
        };
        input.advance(start.mask_at + key.len());
        Ok(Some(Frame {
            last: start.last,
            opcode: start.opcode,
            mask: Mask::new(key),
            len,
            unmasked: 0,
        }))
    }

    /// Checks a frame against the message it belongs to and returns its length.
    fn admit(&self, start: FrameStart) -> Result<usize, FrameError> {
        let len = usize::try_from(start.len).map_err(|_| FrameError::MessageTooBig)?;
        if start.opcode.is_control() {
            return Ok(len);
        }
        let (count, held) = match (&self.fragments, start.opcode) {
            (Some(begun), Opcode::Continuation) => (begun.count, begun.data.len()),
            (None, Opcode::Continuation) => return Err(FrameError::UnexpectedContinuation),
            (Some(_), _) => return Err(FrameError::UnfinishedMessage),
            (None, _) => (0, 0),
        };
        if len > self.max_message.saturating_sub(held) {
            return Err(FrameError::MessageTooBig);
        }
        if count >= self.max_fragments {
            return Err(FrameError::TooManyFragments);
        }
        Ok(len)
    }

    /// Unmasks and checks what has arrived of an incomplete payload.
    ///
    /// So the cost is spread over the reads, and invalid text is refused before its end.
    fn read_ahead(&mut self, frame: Frame, input: &mut BytesMut) -> Result<Frame, FrameError> {
        if frame.opcode.is_control() {
            return Ok(frame);
        }
        let arrived = input.len();
        let part = input.get_mut(frame.unmasked..).unwrap_or_default();
        frame.mask.apply(part, frame.unmasked);
        if self.is_text(frame.opcode) {
            self.utf8.push(part)?;
        }
        Ok(Frame {
            unmasked: arrived,
            ..frame
        })
    }

    fn finish_frame(
        &mut self,
        frame: Frame,
        input: &mut BytesMut,
    ) -> Result<Option<Incoming>, FrameError> {
        let mut payload = input.split_to(frame.len);
        if frame.len >= SHARED && !input.is_empty() {
            // What follows a large message must not keep its memory.
            *input = BytesMut::from(&**input);
        }
        let masked = payload.get_mut(frame.unmasked..).unwrap_or_default();
        frame.mask.apply(masked, frame.unmasked);
        match frame.opcode {
            Opcode::Ping => Ok(Some(Incoming::Ping(payload.freeze()))),
            Opcode::Pong => Ok(Some(Incoming::Pong(payload.freeze()))),
            Opcode::Close => read_close(&payload).map(|code| Some(Incoming::Close(code))),
            _ if !frame.last => {
                if self.is_text(frame.opcode) {
                    let unchecked = payload.get(frame.unmasked..).unwrap_or_default();
                    self.utf8.push(unchecked)?;
                }
                self.hold(frame.opcode, &payload);
                Ok(None)
            }
            opcode => self.finish_message(opcode, payload).map(Some),
        }
    }

    /// Puts a fragment behind those before it.
    fn hold(&mut self, opcode: Opcode, payload: &[u8]) {
        let fragments = self.fragments.get_or_insert_with(|| {
            Box::new(Fragments {
                is_text: opcode == Opcode::Text,
                count: 0,
                data: BytesMut::new(),
            })
        });
        fragments.count += 1;
        fragments.data.extend_from_slice(payload);
    }

    fn finish_message(&mut self, opcode: Opcode, last: BytesMut) -> Result<Incoming, FrameError> {
        self.utf8 = Utf8Check::default();
        let (is_text, data) = match self.fragments.take() {
            Some(mut fragments) => {
                fragments.data.extend_from_slice(&last);
                (fragments.is_text, fragments.data)
            }
            None => (opcode == Opcode::Text, last),
        };
        let data = data.freeze();
        let message = if is_text {
            let text = ByteString::try_from(data).map_err(|_| FrameError::InvalidUtf8)?;
            Message::Text(text)
        } else {
            Message::Binary(data)
        };
        Ok(Incoming::Message(message))
    }

    fn is_text(&self, opcode: Opcode) -> bool {
        match &self.fragments {
            Some(fragments) => fragments.is_text,
            None => opcode == Opcode::Text,
        }
    }

    fn end(&mut self, state: State, input: &mut BytesMut) {
        self.state = state;
        self.fragments = None;
        input.clear();
    }
}

/// Reads the code of a close frame; a reason is checked and dropped (RFC 6455 §5.5.1).
fn read_close(payload: &[u8]) -> Result<Option<u16>, FrameError> {
    if payload.is_empty() {
        return Ok(None);
    }
    let Some((&code, reason)) = payload.split_first_chunk() else {
        return Err(FrameError::InvalidCloseCode);
    };
    let code = u16::from_be_bytes(code);
    if !close_code::may_be_sent(code) {
        return Err(FrameError::InvalidCloseCode);
    }
    if str::from_utf8(reason).is_err() {
        return Err(FrameError::InvalidUtf8);
    }
    Ok(Some(code))
}

#[cfg(test)]
mod tests;
