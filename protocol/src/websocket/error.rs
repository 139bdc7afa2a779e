/// The ways in which a client's frames break RFC 6455 or a limit; always the peer's fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A reserved bit is set, though no extension was agreed on (§5.2).
    #[error("reserved bit set")]
    ReservedBit,
    /// The opcode is none of the six that are defined (§5.2).
    #[error("unknown opcode")]
    UnknownOpcode,
    /// The frame is not masked, as every frame of a client must be (§5.1).
    #[error("unmasked frame")]
    Unmasked,
    /// A control frame is not final (§5.5).
    #[error("fragmented control frame")]
    FragmentedControl,
    /// A control frame has more than 125 bytes of payload (§5.5).
    #[error("control frame too long")]
    ControlTooLong,
    /// A length is written in more bytes than it needs (§5.2).
    #[error("length not in its shortest form")]
    NonMinimalLength,
    /// The most significant bit of a 64-bit length is set (§5.2).
    #[error("length above 63 bits")]
    LengthTooLarge,
    /// A continuation frame continues nothing (§5.4).
    #[error("continuation without a message")]
    UnexpectedContinuation,
    /// A new message starts inside a fragmented one (§5.4).
    #[error("message inside a fragmented message")]
    UnfinishedMessage,
    /// A close frame's payload is a single byte, or its code must not be sent (§5.5.1, §7.4).
    #[error("invalid close code")]
    InvalidCloseCode,
    /// A text message or the reason of a close frame is not UTF-8 (§8.1).
    #[error("invalid UTF-8")]
    InvalidUtf8,
    /// The message is longer than the limit.
    #[error("message too big")]
    MessageTooBig,
    /// The message has more fragments than the limit.
    #[error("too many fragments")]
    TooManyFragments,
}

impl FrameError {
    /// Returns the code to close the connection with (§7.4.1): 1002, 1007, 1008 or 1009.
    #[must_use]
    pub fn close_code(self) -> u16 {
        match self {
            Self::ReservedBit
            | Self::UnknownOpcode
            | Self::Unmasked
            | Self::FragmentedControl
            | Self::ControlTooLong
            | Self::NonMinimalLength
            | Self::LengthTooLarge
            | Self::UnexpectedContinuation
            | Self::UnfinishedMessage
            | Self::InvalidCloseCode => PROTOCOL_ERROR,
            Self::InvalidUtf8 => INVALID_PAYLOAD,
            Self::TooManyFragments => POLICY_VIOLATION,
            Self::MessageTooBig => MESSAGE_TOO_BIG,
        }
    }
}

const PROTOCOL_ERROR: u16 = 1002;
const INVALID_PAYLOAD: u16 = 1007;
const POLICY_VIOLATION: u16 = 1008;
const MESSAGE_TOO_BIG: u16 = 1009;
