use std::{cell::Cell, fmt, io, ops::Range};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{Buf as _, Bytes};

use crate::{
    attachments::{Attachments, apart},
    websocket::{FrameHeader, MAX_HEADER_LEN},
};

/// Messages encoded once and shared by every connection they are sent to.
///
/// One value holds what a Socket.IO packet becomes on the wire: at most one text message and
/// the binary messages that follow it, which no other message may separate. The text is
/// stored as a complete, unmasked WebSocket frame (a server's frames are the same for every
/// receiver), and the polling form is a slice of the same buffer. Cloning counts a reference;
/// nothing is encoded again per receiver.
#[derive(Clone, PartialEq, Eq)]
pub struct Prepared {
    /// A whole text frame whose payload starts with `4`, unless there is no text; then the header
    /// of each attachment's frame.
    head: Bytes,
    /// Where the text frame's payload starts.
    payload_at: u8,
    compressible: bool,
    attachments: Attachments,
}

impl Prepared {
    /// Prepares one text message.
    #[must_use]
    pub fn text(text: &str) -> Self {
        let mut buffer = PreparedText::with_capacity(text.len());
        buffer.push_str(text);
        buffer.finish(Vec::new())
    }

    /// Prepares one binary message. Data of less than 64 KiB is copied, as it may be a small part
    /// of what it was read with, all of which it would keep.
    #[must_use]
    pub fn binary(data: Bytes) -> Self {
        let data = apart(data);
        let header = FrameHeader::binary(data.len());
        Self {
            head: Bytes::copy_from_slice(header.as_bytes()),
            payload_at: 0,
            compressible: true,
            attachments: vec![data].into(),
        }
    }

    /// Returns the same messages, not worth compressing: they are compressed already, or secret.
    ///
    /// A polling payload is left as it is if nothing in it is compressible.
    #[must_use]
    pub fn without_compression(mut self) -> Self {
        self.compressible = false;
        self
    }

    /// Returns whether the transport may compress the messages; `true` by default.
    #[must_use]
    pub fn is_compressible(&self) -> bool {
        self.compressible
    }

    /// Returns how many Engine.IO packets this is.
    #[must_use]
    pub fn packet_count(&self) -> usize {
        usize::from(self.text_end() > 0) + self.attachments.len()
    }

    /// Returns the bytes that this occupies in an outgoing queue: frames, headers included.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        let attached: usize = self.attachments.iter().map(Bytes::len).sum();
        self.head.len() + attached
    }

    /// Returns the text message with its leading `4`, if there is one.
    #[must_use]
    pub fn text_packet(&self) -> Option<Bytes> {
        let end = self.text_end();
        (end > 0).then(|| self.head.slice(usize::from(self.payload_at)..end))
    }

    /// Returns the binary messages, in order.
    pub fn binary_messages(&self) -> impl Iterator<Item = &Bytes> {
        self.attachments.iter()
    }

    /// Calls `write` with the chunks of the WebSocket form, in order.
    ///
    /// The chunks are whole frames when put one after another. They share the buffers of
    /// this value.
    pub fn websocket_chunks(&self, mut write: impl FnMut(Bytes)) {
        let mut rest = self.clone();
        let mut next = Some(0);
        while let Some(at) = next {
            let (chunk, behind) = rest.take_websocket_chunk(at);
            write(chunk);
            next = behind;
        }
    }

    pub(crate) fn has_attachments(&self) -> bool {
        !self.attachments.is_empty()
    }

    /// Returns the text's whole frame, of a packet without attachments.
    pub(crate) fn into_text_frame(self) -> Bytes {
        self.head
    }

    /// Returns a chunk of the WebSocket form and the number of the next, if there is one. The
    /// first is number 0, and each can be taken only once.
    pub(crate) fn take_websocket_chunk(&mut self, at: usize) -> (Bytes, Option<usize>) {
        // The text's frame, if there is one, together with the first header, then data and
        // headers in turn.
        let attachment = at / 2;
        let chunk = if at % 2 == 1 {
            self.attachments.take(attachment)
        } else if self.attachments.len() <= 1 {
            std::mem::take(&mut self.head)
        } else {
            let end = self.header_end(attachment);
            let start = match attachment {
                0 => 0,
                _ => end - header_len(self.attachments.get(attachment)),
            };
            self.head.slice(start..end)
        };
        let mut next = at + 1;
        if next % 2 == 1 && self.attachments.get(next / 2).is_none_or(Bytes::is_empty) {
            next += 1;
        }
        (chunk, (next / 2 < self.attachments.len()).then_some(next))
    }

    /// Appends the polling form: packets separated by `0x1E`, binary as `b` and base64.
    ///
    /// A separator goes in front when `out` already holds a packet, so that several values
    /// make one payload (Engine.IO protocol, "HTTP long-polling").
    pub fn write_payload(&self, out: &mut Vec<u8>) {
        if let Some(text) = self.head.get(usize::from(self.payload_at)..self.text_end())
            && !text.is_empty()
        {
            separate(out);
            out.extend_from_slice(text);
        }
        for data in self.binary_messages() {
            separate(out);
            write_base64(data, out);
        }
    }

    /// Returns the text of a packet for a peer that can't take binary frames (`b64` on a
    /// WebSocket): binary messages are `b` and base64.
    pub(crate) fn text_only_packet(&self, at: usize) -> Option<Bytes> {
        let text = self.text_packet();
        let attachment = match (at, text) {
            (0, Some(text)) => return Some(text),
            (_, Some(_)) => at - 1,
            (_, None) => at,
        };
        let mut encoded = Vec::new();
        write_base64(self.attachments.get(attachment)?, &mut encoded);
        Some(encoded.into())
    }

    /// Returns how long the text's frame is.
    fn text_end(&self) -> usize {
        let headers = self.attachments.iter().map(|data| header_len(Some(data)));
        self.head.len() - headers.sum::<usize>()
    }

    /// Returns where the header of an attachment's frame ends.
    fn header_end(&self, attachment: usize) -> usize {
        let headers = self.attachments.iter().take(attachment + 1);
        self.text_end() + headers.map(|data| header_len(Some(data))).sum::<usize>()
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("text", &self.text_packet())
            .field("attachments", &self.attachments.len())
            .finish()
    }
}

/// A buffer that a text message is written into so that it becomes a [`Prepared`] without a
/// copy: room for the frame header is kept in front of it, and the packet type `4` is written.
#[derive(Debug)]
pub struct PreparedText {
    // JSON is written in many small pieces, which a `Vec` takes in far fewer steps than a `BytesMut`.
    buffer: Vec<u8>,
}

impl PreparedText {
    /// Creates a buffer with room for `capacity` bytes of text.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        // A thread that is ending has none any more.
        let mut buffer = SCRATCH.try_with(Cell::take).unwrap_or_default();
        buffer.clear();
        buffer.reserve(MAX_HEADER_LEN + 1 + capacity);
        buffer.extend_from_slice(&[0; MAX_HEADER_LEN]);
        buffer.push(b'4');
        Self { buffer }
    }

    /// Appends text.
    pub fn push_str(&mut self, text: &str) {
        self.buffer.extend_from_slice(text.as_bytes());
    }

    /// Puts text in the place of what was written there, the packet type being at 0.
    pub(crate) fn replace(&mut self, range: Range<usize>, text: &str) {
        let range = MAX_HEADER_LEN + range.start..MAX_HEADER_LEN + range.end;
        if range.end <= self.buffer.len() {
            self.buffer.splice(range, text.bytes());
        }
    }

    /// Returns what has been written, behind the packet type.
    pub(crate) fn packet(&self) -> &[u8] {
        self.buffer.get(MAX_HEADER_LEN..).unwrap_or_default()
    }

    /// Finishes the message and attaches the binary messages that follow it.
    #[must_use]
    pub fn finish(self, data: Vec<Bytes>) -> Prepared {
        self.finish_with(data.into())
    }

    pub(crate) fn finish_with(mut self, attachments: Attachments) -> Prepared {
        let payload_len = self.buffer.len() - MAX_HEADER_LEN;
        let header = FrameHeader::text(payload_len);
        let header = header.as_bytes();
        let unused = MAX_HEADER_LEN - header.len();
        if let Some(room) = self.buffer.get_mut(unused..MAX_HEADER_LEN) {
            room.copy_from_slice(header);
        }
        let payload_at = header.len() as u8;
        for data in attachments.iter() {
            let header = FrameHeader::binary(data.len());
            self.buffer.extend_from_slice(header.as_bytes());
        }
        let head = if self.buffer.len() <= COPIED {
            // Exactly as long as it is, in one allocation, and the buffer serves the next.
            let head = Bytes::copy_from_slice(self.buffer.get(unused..).unwrap_or_default());
            // As above.
            let _ = SCRATCH.try_with(|scratch| scratch.set(self.buffer));
            head
        } else {
            let mut head = Bytes::from(self.buffer);
            head.advance(unused);
            head
        };
        Prepared {
            head,
            payload_at,
            compressible: true,
            attachments,
        }
    }
}

/// Appends UTF-8 bytes. The writer must write only whole UTF-8 text, as `serde_json` does.
impl io::Write for PreparedText {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn header_len(data: Option<&Bytes>) -> usize {
    data.map_or(0, |data| FrameHeader::binary(data.len()).as_bytes().len())
}

fn separate(out: &mut Vec<u8>) {
    if !out.is_empty() {
        out.push(SEPARATOR);
    }
}

fn write_base64(data: &Bytes, out: &mut Vec<u8>) {
    out.push(b'b');
    let at = out.len();
    let len = data.len().div_ceil(3) * 4;
    out.resize(at + len, 0);
    if let Some(room) = out.get_mut(at..) {
        // The room is exactly as long as the padded text.
        let _ = STANDARD.encode_slice(data, room);
    }
}

thread_local! {
    /// What messages are written into, as how long they become is not known before.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A message up to this long is copied out of the buffer that it was written into.
const COPIED: usize = 16 * 1024;

/// The byte between the packets of a polling payload.
const SEPARATOR: u8 = 0x1e;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn websocket(prepared: &Prepared) -> Vec<u8> {
        let mut out = Vec::new();
        prepared.websocket_chunks(|chunk| out.extend_from_slice(&chunk));
        out
    }

    #[test]
    fn text_has_both_forms_in_one_buffer() {
        let prepared = Prepared::text("hello");

        let mut payload = Vec::new();
        prepared.write_payload(&mut payload);

        assert_eq!(payload, b"4hello");
        assert_eq!(websocket(&prepared), b"\x81\x064hello");
        assert_eq!(prepared.packet_count(), 1);
        assert_eq!(prepared.byte_len(), 8);
    }

    #[test]
    fn header_grows_with_the_text() {
        let medium = websocket(&Prepared::text(&"a".repeat(125)));
        let large = websocket(&Prepared::text(&"a".repeat(65_535)));

        assert_eq!(&medium[..5], b"\x81\x7e\x00\x7e4");
        assert_eq!(&large[..11], b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x004");
        assert_eq!(large.len(), 10 + 65_536);
    }

    #[test]
    fn attachments_follow_their_text() {
        let mut text = PreparedText::with_capacity(0);
        text.push_str("51-[\"x\",{\"_placeholder\":true,\"num\":0}]");
        let prepared = text.finish(vec![Bytes::from_static(b"\x01\x02\x03")]);

        let mut payload = Vec::new();
        Prepared::text("first").write_payload(&mut payload);
        prepared.write_payload(&mut payload);

        assert_eq!(
            payload,
            b"4first\x1e451-[\"x\",{\"_placeholder\":true,\"num\":0}]\x1ebAQID"
        );
        assert!(websocket(&prepared).ends_with(b"\x82\x03\x01\x02\x03"));
    }

    proptest! {
        #[test]
        fn chunks_are_the_frames_whoever_else_has_them(
            text in prop::option::of("[a-z]{0,200}"),
            data in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..4),
            is_shared: bool,
        ) {
            let data: Vec<_> = data.into_iter().map(Bytes::from).collect();
            let prepared = match text {
                Some(text) => {
                    let mut buffer = PreparedText::with_capacity(0);
                    buffer.push_str(&text);
                    buffer.finish(data.clone())
                }
                None => Prepared::binary(data[0].clone()),
            };
            let mut expected = Vec::new();
            if let Some(text) = prepared.text_packet() {
                expected.extend_from_slice(FrameHeader::text(text.len()).as_bytes());
                expected.extend_from_slice(&text);
            }
            for data in prepared.binary_messages() {
                expected.extend_from_slice(FrameHeader::binary(data.len()).as_bytes());
                expected.extend_from_slice(data);
            }
            let other = is_shared.then(|| prepared.clone());

            prop_assert_eq!(prepared.byte_len(), expected.len());
            let mut taken = prepared;
            let mut all = Vec::new();
            let mut next = Some(0);
            while let Some(at) = next {
                let (chunk, behind) = taken.take_websocket_chunk(at);
                prop_assert!(!chunk.is_empty());
                all.extend_from_slice(&chunk);
                next = behind;
            }

            prop_assert_eq!(&all, &expected);
            if let Some(other) = other {
                prop_assert_eq!(websocket(&other), expected);
            }
        }
    }

    #[test]
    fn compressing_is_the_rule_and_the_exception_costs_no_room() {
        let prepared = Prepared::text("a");
        let plain = prepared.clone().without_compression();

        assert!(prepared.is_compressible());
        assert!(!plain.is_compressible());
        assert_eq!(size_of::<Prepared>(), size_of::<(Bytes, Attachments, u8)>());
    }

    #[test]
    fn binary_alone_has_no_text() {
        let prepared = Prepared::binary(Bytes::from_static(b"\x01\x02\x03\x04"));

        let mut payload = Vec::new();
        prepared.write_payload(&mut payload);

        assert_eq!(payload, b"bAQIDBA==");
        assert_eq!(websocket(&prepared), b"\x82\x04\x01\x02\x03\x04");
        assert_eq!(prepared.text_packet(), None);
    }
}
