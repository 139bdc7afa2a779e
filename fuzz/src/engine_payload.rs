use bytes::Bytes;
use sockeye_protocol::engine::{DecodeError, Packet, Payload};

use crate::memory::{FACTOR, bounded};

/// Checks that the packets of a polling body keep their meaning when they are encoded again.
pub fn engine_payload(data: &[u8]) {
    bounded(data.len(), FACTOR, || {
        let payload = Payload::parse(Bytes::copy_from_slice(data), MAX_PACKETS);
        payload.into_iter().flatten().for_each(drop);
    });
    let Ok(payload) = Payload::parse(Bytes::copy_from_slice(data), MAX_PACKETS) else {
        return;
    };
    let Ok(packets) = payload.collect::<Result<Vec<_>, _>>() else {
        return;
    };
    assert!((1..=MAX_PACKETS).contains(&packets.len()));

    let body = Payload::encode(&packets);

    assert_eq!(decode(body.clone()), Ok(packets.clone()));
    // One packet at a time, as on a WebSocket.
    let alone = body.split('\x1e').map(|text| Packet::decode(&text.into()));
    assert_eq!(alone.collect::<Result<Vec<_>, _>>(), Ok(packets));
}

fn decode(body: String) -> Result<Vec<Packet>, DecodeError> {
    let payload = Payload::parse(body.into(), MAX_PACKETS);
    payload
        .expect("it was encoded from no more packets")
        .collect()
}

/// Small, so that short inputs reach it.
const MAX_PACKETS: usize = 16;
