use std::{
    iter,
    sync::Arc,
    time::{Duration, Instant},
};

use bytestring::ByteString;
use sockeye_protocol::{
    Message, Prepared,
    socket::{Connection, Event, Limits},
};

/// A connection that is in one namespace.
pub(crate) fn connection(limits: Limits, namespace: &str, now: Instant) -> Connection {
    let mut connection = Connection::new(Arc::new(limits), Duration::MAX, now);
    let connect = Message::from(format!("0{namespace},"));
    connection
        .handle_message(connect, now)
        .expect("CONNECT is allowed");
    let slots = events(&mut connection)
        .into_iter()
        .filter_map(|event| event.slot());
    slots.for_each(|slot| connection.admit(slot));
    connection
}

/// All events that are ready.
pub(crate) fn events(connection: &mut Connection) -> Vec<Event> {
    iter::from_fn(|| connection.poll_event()).collect()
}

/// The messages that a receiver of the packet sees.
pub(crate) fn messages(packet: &Prepared) -> Vec<Message> {
    let text = packet.text_packet().map(|text| {
        let text = ByteString::try_from(text.slice(1..)).expect("a packet's text is UTF-8");
        Message::Text(text)
    });
    let data = packet.binary_messages().cloned().map(Message::Binary);
    text.into_iter().chain(data).collect()
}
