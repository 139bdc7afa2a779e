use std::{collections::BTreeMap, time::Instant};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sockeye_protocol::{
    Message, Prepared,
    engine::{Packet, Payload},
    socket::{EncodeError, Event, Limits, RawArgs, encode},
};

use crate::{
    script::Script,
    wire::{connection, events, messages},
};

/// Checks that arguments arrive as they were sent, on either transport and when relayed.
///
/// The bytes spell the name of an event and three values, nested and with attachments
/// anywhere.
pub fn args_round_trip(data: &[u8]) {
    let mut script = Script::new(data);
    let name = script.text();
    let args = Args(
        Tree::read(&mut script, MAX_DEPTH),
        Tree::read(&mut script, MAX_DEPTH),
        Tree::read(&mut script, MAX_DEPTH),
    );
    let packet = match encode::event(NAMESPACE, Some(7), &name, &args) {
        Ok(packet) => packet,
        Err(EncodeError::ReservedEvent) => return,
        Err(error) => panic!("{args:?}: {error}"),
    };

    assert_eq!(receive(&name, messages(&packet)), args);
    assert_eq!(receive(&name, polled(&packet)), args);

    let raw = RawArgs::encode(&args).expect("it was encoded before");
    assert_eq!(encode::event_raw(NAMESPACE, Some(7), &name, &raw), packet);
    let ack = encode::ack(NAMESPACE, 7, &args).expect("it was encoded before");
    assert_eq!(encode::ack_raw(NAMESPACE, 7, &raw), ack);
}

/// A tuple is the list of arguments.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Args(Tree, Tree, Tree);

#[derive(Debug, Deserialize, PartialEq, Serialize)]
enum Tree {
    Nothing,
    Flag(bool),
    Number(i64),
    Text(String),
    Data(Bytes),
    List(Vec<Self>),
    Blobs(Vec<Bytes>),
    Pair(Box<Self>, Box<Self>),
    Map(BTreeMap<String, Self>),
    Record {
        data: Option<Bytes>,
        rest: Box<Self>,
    },
    Flat(Flat),
    Plain(Plain),
}

/// Serde buffers what it flattens before it knows the type.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Flat {
    name: String,
    #[serde(flatten)]
    rest: Inner,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Inner {
    data: Bytes,
    more: Vec<Bytes>,
}

/// As it does where no tag names the variant. Text is left out: to serde, bytes are text where
/// they are UTF-8.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
enum Plain {
    Number(u8),
    Data(Bytes),
}

impl Tree {
    fn read(script: &mut Script<'_>, depth: usize) -> Self {
        let kind = script.byte().unwrap_or_default();
        let Some(below) = depth.checked_sub(1) else {
            return Self::Nothing;
        };
        match kind % 12 {
            0 => Self::Nothing,
            1 => Self::Flag(kind > 12),
            2 => {
                let digits = script.chunk().iter().take(size_of::<i64>());
                Self::Number(digits.fold(0, |number, byte| number << 8 | i64::from(*byte)))
            }
            3 => Self::Text(script.text()),
            4 => Self::Data(data(script)),
            5 => Self::List(items(script, |script| Self::read(script, below))),
            6 => Self::Blobs(items(script, data)),
            7 => {
                let first = Self::read(script, below);
                Self::Pair(first.into(), Self::read(script, below).into())
            }
            8 => {
                let entry = |script: &mut Script<'_>| (script.text(), Self::read(script, below));
                Self::Map(items(script, entry).into_iter().collect())
            }
            9 => Self::Record {
                data: script
                    .byte()
                    .filter(|byte| byte & 1 != 0)
                    .map(|_| data(script)),
                rest: Self::read(script, below).into(),
            },
            10 => Self::Flat(Flat {
                name: script.text(),
                rest: Inner {
                    data: data(script),
                    more: items(script, data),
                },
            }),
            _ if kind > 12 => Self::Plain(Plain::Number(kind)),
            _ => Self::Plain(Plain::Data(data(script))),
        }
    }
}

fn data(script: &mut Script<'_>) -> Bytes {
    Bytes::copy_from_slice(script.chunk())
}

/// Reads up to three items.
fn items<T>(script: &mut Script<'_>, mut read: impl FnMut(&mut Script<'_>) -> T) -> Vec<T> {
    let count = script.byte().unwrap_or_default() % 4;
    (0..count).map(|_| read(script)).collect()
}

/// The messages that a client on polling gets.
fn polled(packet: &Prepared) -> Vec<Message> {
    let mut body = Vec::new();
    packet.write_payload(&mut body);
    let payload = Payload::parse(body.into(), usize::MAX).expect("a payload");
    let packets = payload.map(|packet| packet.expect("an engine packet"));
    let message = |packet| match packet {
        Packet::Message(message) => message,
        other => panic!("not a message: {other:?}"),
    };
    packets.map(message).collect()
}

fn receive(name: &str, messages: Vec<Message>) -> Args {
    let now = Instant::now();
    let limits = Limits::default()
        .with_max_attachments(usize::MAX)
        .with_max_packet_bytes(usize::MAX)
        .with_max_name_len(usize::MAX);
    let mut connection = connection(limits, NAMESPACE, now);
    for message in messages {
        let handled = connection.handle_message(message, now);
        assert_eq!(handled, Ok(()));
    }
    match &events(&mut connection)[..] {
        [Event::Event { packet, .. }] => {
            assert_eq!((packet.id, packet.name.as_str()), (Some(7), name));
            packet.args.decode().expect("what was sent")
        }
        other => panic!("not one event: {other:?}"),
    }
}

const NAMESPACE: &str = "/n";
const MAX_DEPTH: usize = 5;
