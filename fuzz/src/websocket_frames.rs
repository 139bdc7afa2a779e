use bytes::{BufMut as _, BytesMut};
use sockeye_protocol::{
    Message,
    websocket::{Decoder, FrameError, FrameHeader, Incoming},
};

use crate::memory::{FACTOR, bounded};

/// Checks that what a client's frames mean does not depend on how their bytes arrive.
///
/// The first byte chooses the sizes of the parts, the others are the stream. What was
/// accepted is also encoded and decoded again.
pub fn websocket_frames(data: &[u8]) {
    let Some((&seed, stream)) = data.split_first() else {
        return;
    };

    let whole = bounded(stream.len(), FACTOR, || decode([stream]));
    assert_eq!(decode(parts(stream, seed)), whole);
    assert_eq!(decode(stream.chunks(1)), whole);

    let (accepted, _) = whole;
    for incoming in &accepted {
        if let Incoming::Message(message) = incoming {
            assert!(message.len() <= MAX_MESSAGE);
        }
    }
    let again: Vec<u8> = accepted.iter().flat_map(encode).collect();
    assert_eq!(decode([&*again]), (accepted, None));
}

fn decode<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Incoming>, Option<FrameError>) {
    let mut decoder = Decoder::new(MAX_MESSAGE, MAX_FRAGMENTS);
    let mut input = BytesMut::new();
    let mut accepted = Vec::new();
    for part in parts {
        input.extend_from_slice(part);
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(incoming)) => accepted.push(incoming),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.decode(&mut input), Err(error));
                    return (accepted, Some(error));
                }
            }
        }
    }
    (accepted, None)
}

/// Cuts the stream into parts of 1 to 32 bytes in a sequence that `seed` chooses.
fn parts(stream: &[u8], seed: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = stream;
    let mut state = seed;
    std::iter::from_fn(move || {
        state = state.wrapping_mul(77).wrapping_add(41);
        let size = usize::from(state >> 3) + 1;
        let (part, tail) = rest.split_at(size.min(rest.len()));
        rest = tail;
        (!part.is_empty()).then_some(part)
    })
}

/// Encodes as a client does: one final frame, masked.
fn encode(incoming: &Incoming) -> Vec<u8> {
    match incoming {
        Incoming::Message(Message::Text(text)) => masked(0x81, text.as_bytes()),
        Incoming::Message(Message::Binary(data)) => masked(0x82, data),
        Incoming::Ping(payload) => masked(0x89, payload),
        Incoming::Pong(payload) => masked(0x8a, payload),
        Incoming::Close(code) => {
            let code = code.map(u16::to_be_bytes);
            masked(0x88, code.as_ref().map_or(&[][..], |code| &code[..]))
        }
    }
}

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = FrameHeader::binary(payload.len()).as_bytes().to_vec();
    frame[0] = first;
    frame[1] |= 0x80;
    frame.put_slice(&KEY);
    frame.extend(payload.iter().zip(KEY.iter().cycle()).map(|(b, k)| b ^ k));
    frame
}

/// Small, so that short inputs reach the limits.
const MAX_MESSAGE: usize = 300;
const MAX_FRAGMENTS: usize = 4;
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
