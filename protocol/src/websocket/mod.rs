//! RFC 6455 frames, the server's side, without I/O.

mod header;

pub use self::header::{FrameHeader, MAX_HEADER_LEN};
