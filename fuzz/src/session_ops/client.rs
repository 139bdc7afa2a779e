use sockeye_protocol::{
    Message,
    engine::{Packet, Transmit},
};

/// The other end: takes what a session writes and checks it.
pub(super) struct Client {
    /// A GET has no answer yet.
    pub(super) waits: bool,
    pub(super) websocket: WebSocket,
    /// How many numbered messages came.
    pub(super) received: u32,
    /// The number of the attachment that must come next.
    attachment: Option<u32>,
    /// Bytes of frames that are not complete.
    frames: Vec<u8>,
}

/// The one WebSocket that a session may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum WebSocket {
    Absent,
    Open,
    /// Its stream ended, which the session has not acknowledged.
    Lost,
}

impl Client {
    pub(super) fn new(websocket: WebSocket) -> Self {
        Self {
            waits: false,
            websocket,
            received: 0,
            attachment: None,
            frames: Vec::new(),
        }
    }

    pub(super) fn open_websocket(&mut self) {
        assert_eq!(self.websocket, WebSocket::Absent, "two WebSockets");
        self.websocket = WebSocket::Open;
    }

    pub(super) fn lose_websocket(&mut self) {
        self.websocket = WebSocket::Lost;
        self.frames.clear();
        self.attachment = None;
    }

    pub(super) fn receive(&mut self, transmit: Transmit) {
        match transmit {
            Transmit::PollResponse { body, .. } => {
                assert!(self.waits, "an answer to no GET");
                self.waits = false;
                let body = str::from_utf8(&body).expect("a body is text");
                body.split('\x1e').for_each(|text| self.receive_text(text));
            }
            Transmit::Frame(bytes) => {
                assert_eq!(self.websocket, WebSocket::Open, "a frame to nobody");
                self.frames.extend_from_slice(&bytes);
                while let Some((first, payload)) = self.take_frame() {
                    match (first, str::from_utf8(&payload)) {
                        (0x81, Ok(text)) => self.receive_text(text),
                        (0x82, _) => self.receive_attachment(&payload),
                        _ => panic!("a strange frame {first:x}: {payload:x?}"),
                    }
                }
            }
            Transmit::WebSocketClose(_) => {
                assert_ne!(self.websocket, WebSocket::Absent, "closed twice");
                assert!(self.frames.is_empty(), "closed within a frame");
                self.websocket = WebSocket::Absent;
            }
        }
    }

    pub(super) fn assert_nothing_is_owed(&self) {
        assert!(!self.waits, "a GET without an answer");
        assert_eq!(self.websocket, WebSocket::Absent, "a WebSocket left open");
        assert_eq!(self.attachment, None, "half a group");
        assert!(self.frames.is_empty(), "half a frame");
    }

    /// Takes a whole unmasked frame with less than 64 KiB of payload.
    fn take_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let (first, len, start) = match self.frames[..] {
            [first, 126, high, low, ..] => (first, u16::from_be_bytes([high, low]), 4),
            [first, len @ 0..126, ..] => (first, len.into(), 2),
            _ => return None,
        };
        let end = start + usize::from(len);
        let payload = self.frames.get(start..end)?.to_vec();
        self.frames.drain(..end);
        Some((first, payload))
    }

    fn receive_text(&mut self, text: &str) {
        let packet = Packet::decode(&text.into()).expect("a session writes packets");
        if let Packet::Message(Message::Binary(data)) = packet {
            return self.receive_attachment(&data);
        }
        assert_eq!(self.attachment, None, "{text} within a group");
        if let Packet::Message(Message::Text(text)) = packet {
            self.receive_number(&text);
        }
    }

    fn receive_number(&mut self, text: &str) {
        let (kind, number) = text.split_at(1);
        assert_eq!(number.parse(), Ok(self.received), "lost or out of order");
        if kind == "a" {
            self.attachment = Some(self.received);
        }
        self.received += 1;
    }

    fn receive_attachment(&mut self, data: &[u8]) {
        let number = self.attachment.take().expect("an attachment of nothing");
        assert_eq!(data, number.to_be_bytes());
    }
}
