use bytes::{Bytes, BytesMut};
use sockeye_protocol::websocket::pong_frame;

/// The answers to a client's pings that have not left yet.
///
/// Each ping is answered, unless the client sends them faster than it reads: then the latest are,
/// as RFC 6455 §5.5.3 allows.
#[derive(Debug, Default)]
pub(crate) struct Pongs(BytesMut);

impl Pongs {
    /// Answers a ping with this payload.
    pub(crate) fn push(&mut self, payload: &[u8]) {
        let pong = pong_frame(payload);
        if self.0.len() + pong.len() > MAX_BYTES {
            self.0.clear();
        }
        self.0.extend_from_slice(&pong);
    }

    /// Takes the frames to write, if there are any.
    pub(crate) fn take(&mut self) -> Option<Bytes> {
        let pongs = std::mem::take(&mut self.0);
        (!pongs.is_empty()).then(|| pongs.freeze())
    }
}

/// What may wait for one client: thirty pongs and more.
const MAX_BYTES: usize = 4 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ping_is_answered_in_order() {
        let mut pongs = Pongs::default();

        pongs.push(b"1");
        pongs.push(b"");

        assert_eq!(pongs.take(), Some(Bytes::from_static(b"\x8a\x011\x8a\x00")));
        assert_eq!(pongs.take(), None);
    }

    #[test]
    fn a_flood_of_pings_leaves_the_latest_answers_within_the_bound() {
        let mut pongs = Pongs::default();

        for number in 0..10_000_u32 {
            pongs.push(&[number.to_be_bytes(); 25].concat());
            assert!(pongs.0.len() <= MAX_BYTES);
        }

        let frames = pongs.take().unwrap();
        assert!(frames.ends_with(&9_999_u32.to_be_bytes()));
    }
}
