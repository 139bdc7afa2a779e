use bytes::{BufMut as _, Bytes, BytesMut};

use super::{FrameHeader, close_code, start::Opcode};

/// The most bytes that a control frame's payload has (RFC 6455 §5.5).
pub const MAX_CONTROL_LEN: usize = 125;

/// Builds a whole ping frame with the first 125 bytes of `payload` (RFC 6455 §5.5.2).
#[must_use]
pub fn ping_frame(payload: &[u8]) -> Bytes {
    frame(Opcode::Ping, payload)
}

/// Builds a whole pong frame with the first 125 bytes of `payload`.
///
/// The answer to a ping repeats its payload, which is never longer (RFC 6455 §5.5.3).
#[must_use]
pub fn pong_frame(payload: &[u8]) -> Bytes {
    frame(Opcode::Pong, payload)
}

/// Builds a whole close frame with a code and no reason, or with no payload at all.
///
/// A code that must not appear on the wire, such as 1005, is left out (RFC 6455 §7.4.1).
#[must_use]
pub fn close_frame(code: Option<u16>) -> Bytes {
    match code {
        Some(code) if close_code::may_be_sent(code) => frame(Opcode::Close, &code.to_be_bytes()),
        _ => Bytes::from_static(EMPTY_CLOSE),
    }
}

fn frame(opcode: Opcode, payload: &[u8]) -> Bytes {
    let payload = payload.get(..MAX_CONTROL_LEN).unwrap_or(payload);
    let header = FrameHeader::new(opcode as u8, payload.len());
    let header = header.as_bytes();
    let mut frame = BytesMut::with_capacity(header.len() + payload.len());
    frame.put_slice(header);
    frame.put_slice(payload);
    frame.freeze()
}

const EMPTY_CLOSE: &[u8] = b"\x88\x00";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_frames_are_final_and_unmasked() {
        assert_eq!(ping_frame(b""), b"\x89\x00"[..]);
        assert_eq!(ping_frame(b"beat"), b"\x89\x04beat"[..]);
        assert_eq!(pong_frame(b"1"), b"\x8a\x011"[..]);
    }

    #[test]
    fn a_payload_too_long_for_a_control_frame_is_cut() {
        let frame = pong_frame(&[b'x'; 126]);

        assert_eq!(frame.len(), 2 + MAX_CONTROL_LEN);
        assert_eq!(frame[1], 125);
    }

    #[test]
    fn a_close_frame_carries_only_codes_of_the_wire() {
        assert_eq!(close_frame(None), b"\x88\x00"[..]);
        assert_eq!(close_frame(Some(1000)), b"\x88\x02\x03\xe8"[..]);
        assert_eq!(close_frame(Some(1009)), b"\x88\x02\x03\xf1"[..]);
        assert_eq!(close_frame(Some(1005)), b"\x88\x00"[..]);
    }
}
