//! The little of RFC 6455 that a well-behaved client needs.

/// Appends one masked frame.
pub(crate) fn encode(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    out.push(FINAL | opcode);
    match payload.len() {
        length @ 0..=125 => out.push(MASKED | length as u8),
        length @ 126..=65_535 => {
            out.push(MASKED | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(MASKED | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&KEY);
    let start = out.len();
    out.extend_from_slice(payload);
    mask(&mut out[start..]);
}

fn mask(bytes: &mut [u8]) {
    let (wide, rest) = bytes.as_chunks_mut::<8>();
    for chunk in wide {
        *chunk = (u64::from_ne_bytes(*chunk) ^ WIDE_KEY).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(KEY.iter().cycle()) {
        *byte ^= key;
    }
}

/// The start of a frame from the server, up to its payload.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Head {
    pub(crate) is_final: bool,
    pub(crate) opcode: u8,
    /// Bytes before the payload.
    pub(crate) size: usize,
    /// Bytes of payload.
    pub(crate) length: usize,
}

/// Parses the start of a frame from the server; `None` while it is incomplete.
#[inline]
pub(crate) fn head(bytes: &[u8]) -> Result<Option<Head>, &'static str> {
    let &[first, second, ref rest @ ..] = bytes else {
        return Ok(None);
    };
    if second & MASKED != 0 {
        return Err("a masked frame from the server");
    }
    if first & RESERVED != 0 {
        return Err("reserved bits are set");
    }
    let (size, length) = match second {
        126 => match rest.first_chunk() {
            Some(length) => (4, usize::from(u16::from_be_bytes(*length))),
            None => return Ok(None),
        },
        127 => match rest.first_chunk() {
            Some(length) => (10, u64::from_be_bytes(*length) as usize),
            None => return Ok(None),
        },
        length => (2, usize::from(length)),
    };
    Ok(Some(Head {
        is_final: first & FINAL != 0,
        opcode: first & OPCODE,
        size,
        length,
    }))
}

pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

const FINAL: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;

/// Clients must mask; with one fixed key a scenario can encode a frame once.
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const WIDE_KEY: u64 = u64::from_ne_bytes([0x37, 0xfa, 0x21, 0x3d, 0x37, 0xfa, 0x21, 0x3d]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_masked_and_sized() {
        for (length, head) in [
            (0, 2),
            (7, 2),
            (125, 2),
            (126, 4),
            (65_535, 4),
            (65_536, 10),
        ] {
            let payload: Vec<u8> = (0..length).map(|i| i as u8).collect();
            let mut out = Vec::new();

            encode(&mut out, TEXT, &payload);

            let masked = out[head + 4..].iter().zip(KEY.iter().cycle());
            let unmasked: Vec<u8> = masked.map(|(byte, key)| byte ^ key).collect();
            assert_eq!(unmasked, payload, "{length}");
        }
    }

    #[test]
    fn a_head_waits_for_its_length() {
        assert_eq!(head(&[0x81]), Ok(None));
        assert_eq!(head(&[0x81, 126, 1]), Ok(None));

        let complete = head(&[0x81, 126, 1, 0]);

        let expected = Head {
            is_final: true,
            opcode: TEXT,
            size: 4,
            length: 256,
        };
        assert_eq!(complete, Ok(Some(expected)));
    }

    #[test]
    fn masked_frames_from_the_server_are_refused() {
        assert!(head(&[0x81, 0x80]).is_err());
    }
}
