use std::{slice, time::Instant};

use bytes::Bytes;
use bytestring::ByteString;
use serde::de::IgnoredAny;
use sockeye_protocol::{
    Message,
    socket::{Connection, Event, Limits, RawArgs, encode, is_reserved},
};

use crate::{
    memory::{FACTOR, bounded},
    wire::{connection, events, messages},
};

/// Checks that one packet, if it is one, means the same when it is relayed.
///
/// The bytes are the packet's text; attachments are supplied as long as they are due.
pub fn socket_packet(data: &[u8]) {
    let packet = ByteString::from(String::from_utf8_lossy(data).into_owned());
    let received = bounded(packet.len(), FACTOR, || receive([Message::Text(packet)]));
    let Some(received) = received else {
        return;
    };

    for event in &received {
        let namespace = event.slot().map_or("/", |_| NAMESPACE);
        match event {
            Event::Event { packet, .. } => {
                assert!(!is_reserved(&packet.name));
                check(&packet.args);
                let relayed = encode::event_raw(namespace, packet.id, &packet.name, &packet.args);
                let again = receive(messages(&relayed)).unwrap_or_default();
                let [Event::Event { packet: again, .. }] = &again[..] else {
                    panic!("{packet:?} became {again:?}");
                };
                assert_eq!(again, packet);
            }
            Event::Ack { id, args, .. } => {
                check(args);
                let relayed = encode::ack_raw(namespace, *id, args);
                let again = receive(messages(&relayed)).unwrap_or_default();
                assert_eq!(again, slice::from_ref(event));
            }
            Event::Connect { auth, .. } => {
                let auth = auth.as_deref().map(serde_json::from_str::<IgnoredAny>);
                assert!(!matches!(auth, Some(Err(_))), "auth is no JSON");
            }
            Event::Disconnect { .. } | Event::ConnectRefused { .. } => {}
        }
    }
}

/// What comes of the messages in a namespace, or nothing if they break the protocol.
fn receive(messages: impl IntoIterator<Item = Message>) -> Option<Vec<Event>> {
    let now = Instant::now();
    let mut connection = connection(Limits::default(), NAMESPACE, now);
    for message in messages {
        feed(&mut connection, message, now)?;
    }
    let mut supplied = 0_u8;
    // The connect timeout is over, so a timer means that attachments are due.
    while connection.poll_timeout().is_some() {
        supplied += 1;
        assert!(supplied <= 10, "more attachments are due than allowed");
        feed(
            &mut connection,
            Bytes::copy_from_slice(&[supplied]).into(),
            now,
        )?;
    }
    Some(events(&mut connection))
}

fn feed(connection: &mut Connection, message: Message, now: Instant) -> Option<()> {
    if connection.handle_message(message, now).is_ok() {
        return Some(());
    }
    assert_eq!(connection.poll_event(), None);
    assert_eq!(connection.poll_timeout(), None);
    assert_eq!(connection.connected_count(), 0);
    None
}

fn check(args: &RawArgs) {
    let is_json = |json: &str| serde_json::from_str::<IgnoredAny>(json).is_ok();
    assert!(is_json(&args.json()), "{args:?}");
    assert!(args.iter().all(is_json), "{args:?}");
    assert_eq!(args.iter().count(), args.len());
    assert!(args.decode::<()>().is_ok());
    // Numbers may be beyond what the type holds; it must only not panic.
    let _ = args.decode::<serde_json::Value>();
    let _ = args.decode::<(String, Option<Bytes>, Vec<Bytes>)>();
}

const NAMESPACE: &str = "/";
