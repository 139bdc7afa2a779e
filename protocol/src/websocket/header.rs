/// The most bytes that a server frame's header takes.
pub const MAX_HEADER_LEN: usize = 10;

/// The header of a final, unmasked frame, as a server sends it (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FrameHeader {
    bytes: [u8; MAX_HEADER_LEN],
    len: u8,
}

impl FrameHeader {
    /// The header of a text frame with `len` bytes of payload.
    #[must_use]
    pub fn text(len: usize) -> Self {
        Self::new(0x1, len)
    }

    /// The header of a binary frame with `len` bytes of payload.
    #[must_use]
    pub fn binary(len: usize) -> Self {
        Self::new(0x2, len)
    }

    /// Returns the header's bytes: 2, 4 or 10 of them, the shortest form.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    pub(crate) fn new(opcode: u8, len: usize) -> Self {
        let first = 0x80 | opcode;
        let mut bytes = [0; MAX_HEADER_LEN];
        let used = match len {
            0..=125 => {
                bytes[..2].copy_from_slice(&[first, len as u8]);
                2
            }
            126..=0xffff => {
                bytes[..2].copy_from_slice(&[first, 126]);
                bytes[2..4].copy_from_slice(&(len as u16).to_be_bytes());
                4
            }
            _ => {
                bytes[..2].copy_from_slice(&[first, 127]);
                bytes[2..].copy_from_slice(&(len as u64).to_be_bytes());
                10
            }
        };
        Self { bytes, len: used }
    }
}
