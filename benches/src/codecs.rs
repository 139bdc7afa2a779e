//! What bytes cost, without a server: one call takes a whole message in or puts one out.

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use serde::{Deserialize, Serialize};
use sockeye::standalone::{ApiKey, Secret};
use sockeye_protocol::{
    Message, Prepared, Sid,
    engine::{EngineConfig, Input, Packet, Payload, Session, Transport},
    socket::{Connection, Event, Limits, RawArgs, encode},
    websocket::Decoder,
};

/// One codec with its input: each call does the same again.
pub type Codec = Box<dyn FnMut()>;

/// Makes a codec and its input.
pub type Make = fn() -> Codec;

/// What events carry: an object that makes a text of 64 bytes or so.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Note {
    id: u32,
    text: String,
}

impl Note {
    pub(crate) fn sample() -> Self {
        Self {
            id: 4_711,
            text: "the quick brown fox jumps over it".to_owned(),
        }
    }
}

/// The API's key is presented.
pub fn api_key_right() -> Codec {
    api_key("Bearer the-key-of-the-emit-api-0123")
}

/// A key is presented whose first character is another.
pub fn api_key_wrong_first() -> Codec {
    api_key("Bearer Xhe-key-of-the-emit-api-0123")
}

/// A key is presented whose last character is another.
pub fn api_key_wrong_last() -> Codec {
    api_key("Bearer the-key-of-the-emit-api-012X")
}

fn api_key(presented: &'static str) -> Codec {
    let key = ApiKey::new(&Secret::new("the-key-of-the-emit-api-0123"));
    // Where a text lies decides how it is copied, and a header lies where it was read.
    let presented = presented.to_owned();
    Box::new(move || {
        black_box(key.authorizes(black_box(&presented)));
    })
}

/// A text frame of 64 bytes is read, checked and unmasked.
pub fn frame_64() -> Codec {
    frame_decode(64)
}

/// A text frame of 16 KiB is read, checked and unmasked.
pub fn frame_16k() -> Codec {
    frame_decode(16 * 1024)
}

fn frame_decode(len: usize) -> Codec {
    let frame = masked_frame(&"a".repeat(len));
    let mut decoder = Decoder::new(1_000_000, 1_024);
    Box::new(move || {
        // As the front does: an idle connection has no buffer.
        let mut read = BytesMut::new();
        read.extend_from_slice(&frame);
        let _ = black_box(decoder.decode(&mut read));
    })
}

/// A text engine packet is decoded.
pub fn engine_packet() -> Codec {
    let text = ByteString::from_static("42[\"echo\",{\"id\":1}]");
    Box::new(move || {
        let _ = black_box(Packet::decode(&text));
    })
}

/// A polling payload of eight packets is taken apart.
pub fn payload_decode() -> Codec {
    let packets = ["42[\"echo\",{\"id\":1}]"; 8];
    let body = Bytes::from(packets.join("\u{1e}"));
    Box::new(move || {
        for packet in Payload::parse(body.clone(), 64).into_iter().flatten() {
            let _ = black_box(packet);
        }
    })
}

/// Eight packets are put into one polling payload, one of them binary.
pub fn payload_encode() -> Codec {
    let mut packets = vec![Prepared::text("2[\"echo\",{\"id\":1}]"); 7];
    packets.push(Prepared::binary(Bytes::from_static(&[7; 48])));
    Box::new(move || {
        let mut body = Vec::new();
        for packet in &packets {
            packet.write_payload(&mut body);
        }
        black_box(body);
    })
}

/// A message becomes an event, and its arguments a value of the handler's type.
pub fn event_decode() -> Codec {
    let text = text_of(encode::event("/", None, "echo", &Note::sample()));
    let (mut connection, now) = connected();
    Box::new(move || {
        let args = event_args(&mut connection, [Message::Text(text.clone())], now);
        let _ = black_box(args.map(|args| args.decode::<Note>()));
    })
}

/// A value becomes an event, ready for any number of receivers.
pub fn event_encode() -> Codec {
    let note = Note::sample();
    Box::new(move || {
        let _ = black_box(encode::event("/", None, "echo", &note));
    })
}

/// A value becomes the ack of an event.
pub fn ack_encode() -> Codec {
    let note = Note::sample();
    Box::new(move || {
        let _ = black_box(encode::ack("/", 17, &note));
    })
}

/// An event is put together with its attachment of 1 KiB, and decoded.
pub fn binary_event_decode() -> Codec {
    let data = Bytes::from_static(&[7; 1_024]);
    let text = text_of(encode::event("/", None, "echo", &data));
    let (mut connection, now) = connected();
    Box::new(move || {
        let messages = [Message::Text(text.clone()), data.clone().into()];
        let args = event_args(&mut connection, messages, now);
        let _ = black_box(args.map(|args| args.decode::<Bytes>()));
    })
}

/// An event with an attachment of 1 KiB is encoded.
pub fn binary_event_encode() -> Codec {
    let data = Bytes::from_static(&[7; 1_024]);
    Box::new(move || {
        let _ = black_box(encode::event("/", None, "echo", &data));
    })
}

/// A message passes a session on WebSocket, and another leaves it as a frame.
pub fn session_exchange() -> Codec {
    let now = Instant::now();
    let config = Arc::new(EngineConfig::default());
    let sid = Sid::from_random([0; Sid::RANDOM_LEN]);
    let mut session = Session::open(sid, Transport::WebSocket, false, config, now);
    let text = ByteString::from_static("42[\"echo\",{\"id\":1}]");
    let answer = Prepared::text("2[\"echo\",{\"id\":1}]");
    Box::new(move || {
        let input = Input::WebSocketMessage(Message::Text(text.clone()));
        let _ = black_box(session.handle_input(input, now));
        while let Some(event) = session.poll_event() {
            black_box(event);
        }
        let _ = black_box(session.send(&answer));
        while let Some(transmit) = session.poll_transmit() {
            black_box(transmit);
        }
    })
}

/// Returns a client's text frame.
pub(crate) fn masked_frame(text: &str) -> Vec<u8> {
    frame(0x81, text.as_bytes())
}

/// Returns a client's binary frame.
pub(crate) fn masked_binary_frame(data: &[u8]) -> Vec<u8> {
    frame(0x82, data)
}

fn frame(start: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![start];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(len), _) if len < 126 => frame.push(0x80 | len),
        (_, Ok(len)) => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&len.to_be_bytes());
        }
        _ => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&MASK);
    let masked = payload.iter().zip(MASK.iter().cycle());
    frame.extend(masked.map(|(byte, key)| byte ^ key));
    frame
}

/// Returns the text of an encoded packet as it comes in: without the engine's `4`.
fn text_of<E>(packet: Result<Prepared, E>) -> ByteString {
    let text = packet.ok().and_then(|packet| packet.text_packet());
    let text = text.and_then(|text| ByteString::try_from(text.slice(1..)).ok());
    text.unwrap_or_default()
}

/// Returns the arguments of the event that messages make.
fn event_args<const N: usize>(
    connection: &mut Connection,
    messages: [Message; N],
    now: Instant,
) -> Option<RawArgs> {
    for message in messages {
        connection.handle_message(message, now).ok()?;
    }
    match connection.poll_event()? {
        Event::Event { packet, .. } => Some(packet.args),
        _ => None,
    }
}

/// Returns a connection that is in the namespace `/`.
fn connected() -> (Connection, Instant) {
    let now = Instant::now();
    let limits = Arc::new(Limits::default());
    let mut connection = Connection::new(limits, Duration::from_secs(45), now);
    let _ = connection.handle_message("0".into(), now);
    if let Some(slot) = connection.poll_event().and_then(|event| event.slot()) {
        connection.admit(slot);
    }
    (connection, now)
}

/// Every codec by its name.
pub const ALL: &[(&str, Make)] = &[
    ("api-key-right", api_key_right),
    ("api-key-wrong-first", api_key_wrong_first),
    ("api-key-wrong-last", api_key_wrong_last),
    ("frame-decode-64", frame_64),
    ("frame-decode-16k", frame_16k),
    ("engine-packet-decode", engine_packet),
    ("payload-decode", payload_decode),
    ("payload-encode", payload_encode),
    ("event-decode", event_decode),
    ("event-encode", event_encode),
    ("ack-encode", ack_encode),
    ("binary-event-decode", binary_event_decode),
    ("binary-event-encode", binary_event_encode),
    ("session-exchange", session_exchange),
];

/// Those whose counts tell nothing of a secret, as they are the same.
pub const ALIKE: [&str; 3] = ["api-key-right", "api-key-wrong-first", "api-key-wrong-last"];

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
