//! What came of an input, in a form that both decoders' results can be brought into.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use serde_json::Value as Json;
use sockeye_protocol::{
    Message, engine,
    socket::{Connection, Event, Limits, ProtocolError, RawArgs, Slot},
};

use super::{input, reference, value::Value};

/// The packets, and why the rest was refused if it was.
#[derive(Debug)]
pub(crate) struct Outcome<E> {
    pub(crate) packets: Vec<Packet>,
    pub(crate) refusal: Option<E>,
    /// A packet that waits for attachments, where that is known.
    pub(crate) due: Option<Packet>,
    /// Of the first packet, also of one that nobody looks at.
    pub(crate) namespace: Option<String>,
}

impl<E> Outcome<E> {
    pub(crate) fn any(&self, is: impl Fn(&Packet) -> bool) -> bool {
        self.packets.iter().chain(&self.due).any(is)
    }

    fn new(refusal: Option<E>) -> Self {
        Self {
            packets: Vec::new(),
            refusal,
            due: None,
            namespace: None,
        }
    }
}

/// A packet of either protocol; what its receiver doesn't look at is left out.
#[derive(Debug)]
pub(crate) struct Packet {
    pub(crate) kind: &'static str,
    pub(crate) namespace: String,
    pub(crate) id: Option<f64>,
    pub(crate) data: Value,
}

impl PartialEq for Packet {
    fn eq(&self, other: &Self) -> bool {
        let same_data = match (self.kind, &self.data, &other.data) {
            ("event", Value::List(one), Value::List(other)) => same_event(one, other),
            (_, one, other) => one == other,
        };
        self.kind == other.kind
            && self.namespace == other.namespace
            && self.id == other.id
            && same_data
    }
}

/// Our names are text, also those that were sent as numbers.
fn same_event(one: &[Value], other: &[Value]) -> bool {
    let (Some((name, args)), Some((other_name, other_args))) =
        (one.split_first(), other.split_first())
    else {
        return false;
    };
    let same_name = match (name, other_name) {
        (Value::Number(number), Value::Text(text)) | (Value::Text(text), Value::Number(number)) => {
            text.parse()
                .is_ok_and(|parsed| Value::Number(parsed) == Value::Number(*number))
        }
        _ => name == other_name,
    };
    same_name && args == other_args
}

/// What the reference made of the messages of a session.
pub(crate) fn socket_of_reference(decoded: reference::Decoded) -> Outcome<()> {
    let mut outcome = Outcome::new(decoded.refused.then_some(()));
    let due = decoded.due.into_iter().map(|packet| (packet, true));
    let packets = decoded.packets.into_iter().map(|packet| (packet, false));
    for ((kind, namespace, id, data), is_due) in packets.chain(due) {
        let Value::Text(namespace) = Value::of_reference(&namespace) else {
            panic!("{namespace} is no text");
        };
        outcome.namespace.get_or_insert_with(|| namespace.clone());
        let id = match Value::of_reference(&id) {
            Value::Number(id) => Some(id),
            _ => None,
        };
        let (kind, id, data) = match (kind, Value::of_reference(&data)) {
            (0, data) => ("connect", None, data),
            (1, data) => ("disconnect", None, data),
            (2, data) => ("event", id, data),
            // Its server ignores them.
            (3, _) if id.is_none() => continue,
            (3, Value::Undefined) => ("ack", id, Value::List(Vec::new())),
            (3, data) => ("ack", id, data),
            // A packet of a server's, which the decoder is not the one to refuse.
            _ => {
                outcome.refusal = Some(());
                break;
            }
        };
        let packet = Packet {
            kind,
            namespace,
            id,
            data,
        };
        if is_due {
            outcome.due = Some(packet);
        } else {
            outcome.packets.push(packet);
        }
    }
    outcome
}

/// What our decoder makes of the messages of a session that is in `namespaces`.
pub(crate) fn socket_of_ours(
    messages: &[input::Message],
    namespaces: &[&str],
) -> Outcome<ProtocolError> {
    let now = Instant::now();
    let limits = Arc::new(Limits::default().with_max_namespaces(namespaces.len() + 1));
    let mut connection = Connection::new(limits, Duration::MAX, now);
    let mut slots = Vec::new();
    for namespace in namespaces {
        let connect = Message::from(format!("0{namespace},"));
        let refused = connection.handle_message(connect, now).err();
        if refused.is_some() {
            return Outcome::new(refused);
        }
        if let Some(Event::Connect { slot, .. }) = connection.poll_event() {
            connection.admit(slot);
            slots.push((slot, (*namespace).to_owned()));
        }
    }
    let mut outcome = Outcome::new(None);
    for message in messages {
        let message = match message {
            input::Message::Text(text) => Message::from(text.clone()),
            input::Message::Binary(data) => Message::from(Bytes::from(data.clone())),
        };
        outcome.refusal = connection.handle_message(message, now).err();
        while let Some(event) = connection.poll_event() {
            outcome.packets.push(packet(event, &slots));
        }
        if outcome.refusal.is_some() {
            break;
        }
    }
    outcome
}

fn packet(event: Event, slots: &[(Slot, String)]) -> Packet {
    let name = |slot| {
        let known = slots.iter().find(|(known, _)| *known == slot);
        known.map(|(_, name)| name.clone()).unwrap_or_default()
    };
    match event {
        Event::Connect {
            namespace, auth, ..
        } => Packet {
            kind: "connect",
            namespace: namespace.to_string(),
            id: None,
            data: auth.map_or(Value::Undefined, |auth| {
                let args = RawArgs::from_json(format!("[{auth}]"), Vec::new());
                args.map_or(Value::Undefined, |args| value(&args))
            }),
        },
        Event::Disconnect { slot } => Packet {
            kind: "disconnect",
            namespace: name(slot),
            id: None,
            data: Value::Undefined,
        },
        Event::Event { slot, packet } => {
            let mut data = vec![Value::Text(packet.name.to_string())];
            data.extend(values(&packet.args));
            Packet {
                kind: "event",
                namespace: name(slot),
                id: packet.id.map(|id| id as f64),
                data: Value::List(data),
            }
        }
        Event::Ack { slot, id, args } => Packet {
            kind: "ack",
            namespace: name(slot),
            id: Some(id as f64),
            data: Value::List(values(&args).collect()),
        },
        Event::ConnectRefused { .. } => unreachable!("there is room for one more"),
    }
}

fn values(args: &RawArgs) -> impl Iterator<Item = Value> {
    (0..args.len()).map(|at| value(&args.skip(at)))
}

/// The first argument; what can't be decoded is nothing.
fn value(args: &RawArgs) -> Value {
    let value = args.decode::<Value>().unwrap_or(Value::Undefined);
    match args.attachments() {
        [] => value,
        attachments => value.with_attachments(attachments),
    }
}

/// What the reference made of packets of the engine.
pub(crate) fn engine_of_reference(packets: &Json) -> Outcome<()> {
    let packets: Vec<(String, Json)> =
        serde_json::from_value(packets.clone()).expect("types and data");
    let mut outcome = Outcome::new(None);
    for (kind, data) in packets {
        let data = Value::of_reference(&data);
        let (kind, data) = match &*kind {
            "open" => ("open", or_empty(data)),
            "ping" => ("ping", or_empty(data)),
            "pong" => ("pong", or_empty(data)),
            "message" => ("message", or_empty(data)),
            "close" => ("close", Value::Undefined),
            "upgrade" => ("upgrade", Value::Undefined),
            "noop" => ("noop", Value::Undefined),
            _ => {
                outcome.refusal = Some(());
                break;
            }
        };
        outcome.packets.push(engine_packet(kind, data));
    }
    outcome
}

fn or_empty(data: Value) -> Value {
    match data {
        Value::Undefined => Value::Text(String::new()),
        data => data,
    }
}

/// What our decoder makes of packets of the engine.
pub(crate) fn engine_of_ours<E>(
    packets: impl IntoIterator<Item = Result<engine::Packet, E>>,
) -> Outcome<E> {
    let mut outcome = Outcome::new(None);
    for decoded in packets {
        let packet = match decoded {
            Ok(packet) => packet,
            Err(error) => {
                outcome.refusal = Some(error);
                break;
            }
        };
        let text = |text: &str| Value::Text(text.to_owned());
        let (kind, data) = match packet {
            engine::Packet::Open(data) => ("open", text(&data)),
            engine::Packet::Ping(data) => ("ping", text(&data)),
            engine::Packet::Pong(data) => ("pong", text(&data)),
            engine::Packet::Message(Message::Text(data)) => ("message", text(&data)),
            engine::Packet::Message(Message::Binary(data)) => {
                ("message", Value::Data(reference::hex(&data)))
            }
            engine::Packet::Close => ("close", Value::Undefined),
            engine::Packet::Upgrade => ("upgrade", Value::Undefined),
            engine::Packet::Noop => ("noop", Value::Undefined),
        };
        outcome.packets.push(engine_packet(kind, data));
    }
    outcome
}

fn engine_packet(kind: &'static str, data: Value) -> Packet {
    Packet {
        kind,
        namespace: String::new(),
        id: None,
        data,
    }
}
