//! Frames as they arrive, where actix does not parse them.

use bytes::{Bytes, BytesMut};

use crate::{
    crowd,
    packet::{self, BINARY, CLOSE, Packet, TEXT},
};

/// What a chunk of received bytes asks for, besides the answers.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Bytes of complete frames.
    pub(crate) used: usize,
    pub(crate) closes: bool,
    pub(crate) broadcasts: Vec<Bytes>,
}

/// Handles every complete frame, unmasking in place; answers go to `out`.
pub(crate) fn handle(bytes: &mut [u8], out: &mut BytesMut) -> Outcome {
    let mut outcome = Outcome::default();
    while let Some((opcode, head, length)) = head(&bytes[outcome.used..]) {
        let Some(frame) = bytes[outcome.used..].get_mut(..head + length) else {
            break;
        };
        let (head, payload) = frame.split_at_mut(head);
        if let Some(key) = head.last_chunk() {
            unmask(payload, *key);
        }
        outcome.used += head.len() + length;
        match opcode {
            TEXT => match Packet::parse(payload) {
                Packet::Connect => packet::frame(out, TEXT, &[packet::connect().as_bytes()]),
                Packet::Echo => packet::frame(out, TEXT, &[payload]),
                Packet::Ack { id, args } => packet::frame(out, TEXT, &[b"43", id, b"[", args]),
                Packet::Broadcast => outcome.broadcasts.push(Bytes::copy_from_slice(payload)),
                Packet::Other => {}
            },
            BINARY => packet::frame(out, BINARY, &[payload]),
            CLOSE => {
                outcome.closes = true;
                break;
            }
            _ => {}
        }
    }
    outcome
}

/// Returns a frame's opcode, and the lengths of its head and its payload.
fn head(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let &[first, second, ref rest @ ..] = bytes else {
        return None;
    };
    let (head, length) = match second & 0x7f {
        126 => (8, usize::from(u16::from_be_bytes(*rest.first_chunk()?))),
        127 => (14, u64::from_be_bytes(*rest.first_chunk()?) as usize),
        length => (6, usize::from(length)),
    };
    Some((first & 15, head, length))
}

fn unmask(bytes: &mut [u8], key: [u8; 4]) {
    let narrow = u64::from(u32::from_ne_bytes(key));
    let wide = narrow << 32 | narrow;
    let (chunks, rest) = bytes.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

/// Handles a chunk whose buffer may be taken; `rest` keeps what is incomplete. Returns whether the
/// client closes.
pub(crate) fn feed(rest: &mut BytesMut, chunk: Bytes, out: &mut BytesMut) -> bool {
    let mut bytes = match chunk.try_into_mut() {
        Ok(bytes) if rest.is_empty() => bytes,
        Ok(bytes) => joined(rest, &bytes),
        Err(bytes) => joined(rest, &bytes),
    };
    let outcome = handle(&mut bytes, out);
    rest.extend_from_slice(&bytes[outcome.used..]);
    for message in &outcome.broadcasts {
        crowd::broadcast(message);
    }
    outcome.closes
}

fn joined(rest: &mut BytesMut, bytes: &[u8]) -> BytesMut {
    rest.extend_from_slice(bytes);
    std::mem::take(rest)
}
