use super::{FrameError, MAX_CONTROL_LEN};

/// What a frame's first bytes say, before the masking key (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct FrameStart {
    pub(super) last: bool,
    pub(super) opcode: Opcode,
    /// The declared length of the payload. Nothing is allocated on its word.
    pub(super) len: u64,
    /// Where the masking key starts.
    pub(super) mask_at: usize,
}

/// The kinds of frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(super) enum Opcode {
    Continuation = 0x0,
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xa,
}

impl FrameStart {
    /// Reads a client's frame up to its masking key; `None` means that more bytes are needed.
    pub(super) fn parse(input: &[u8]) -> Result<Option<Self>, FrameError> {
        let Some((&[first, second], rest)) = input.split_first_chunk() else {
            return Ok(None);
        };
        if first & RESERVED != 0 {
            return Err(FrameError::ReservedBit);
        }
        let opcode = Opcode::from_bits(first & OPCODE).ok_or(FrameError::UnknownOpcode)?;
        let last = first & FINAL != 0;
        if second & MASKED == 0 {
            return Err(FrameError::Unmasked);
        }
        let short = second & SHORT_LEN;
        if opcode.is_control() {
            if !last {
                return Err(FrameError::FragmentedControl);
            }
            if usize::from(short) > MAX_CONTROL_LEN {
                return Err(FrameError::ControlTooLong);
            }
        }
        let Some((len, mask_at)) = payload_len(short, rest)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            last,
            opcode,
            len,
            mask_at,
        }))
    }
}

impl Opcode {
    pub(super) fn is_control(self) -> bool {
        self as u8 & CONTROL != 0
    }

    fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            _ => return None,
        })
    }
}

/// Returns the payload's length and how many bytes of header there were up to its end.
fn payload_len(short: u8, rest: &[u8]) -> Result<Option<(u64, usize)>, FrameError> {
    let (len, minimum, end) = match short {
        126 => {
            let Some(&bytes) = rest.first_chunk() else {
                return Ok(None);
            };
            (u64::from(u16::from_be_bytes(bytes)), 126, 4)
        }
        127 => {
            let Some(&bytes) = rest.first_chunk() else {
                return Ok(None);
            };
            (u64::from_be_bytes(bytes), 0x1_0000, 10)
        }
        _ => (u64::from(short), 0, 2),
    };
    if len < minimum {
        return Err(FrameError::NonMinimalLength);
    }
    if len >> 63 != 0 {
        return Err(FrameError::LengthTooLarge);
    }
    Ok(Some((len, end)))
}

const FINAL: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0f;
const CONTROL: u8 = 0x08;
const MASKED: u8 = 0x80;
const SHORT_LEN: u8 = 0x7f;
