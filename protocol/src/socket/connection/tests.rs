use proptest::prelude::*;

use super::*;
use crate::socket::encode;

mod pending;
mod samples;

/// A connection and an invented clock.
struct Wire {
    connection: Connection,
    now: Instant,
}

impl Wire {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        // No test waits: the clock's start is the only thing taken from the real one.
        let now = Instant::now();
        let connection = Connection::new(Arc::new(limits), Duration::from_secs(10), now);
        Self { connection, now }
    }

    /// In the main namespace already.
    fn connected() -> (Self, Slot) {
        let mut wire = Self::new();
        let slot = wire.enter("0");
        wire.connection.admit(slot);
        (wire, slot)
    }

    fn text(&mut self, text: &str) -> Result<(), ProtocolError> {
        let message = Message::from(text.to_owned());
        self.connection.handle_message(message, self.now)
    }

    fn binary(&mut self, data: &[u8]) -> Result<(), ProtocolError> {
        let message = Message::from(Bytes::copy_from_slice(data));
        self.connection.handle_message(message, self.now)
    }

    fn enter(&mut self, text: &str) -> Slot {
        self.text(text).unwrap();
        match self.connection.poll_event() {
            Some(Event::Connect { slot, .. }) => slot,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.connection.poll_event()).collect()
    }

    /// The events in a short form.
    fn shown(&mut self) -> Vec<String> {
        self.events().iter().map(show).collect()
    }

    fn advance(&mut self, milliseconds: u64) -> Option<Expired> {
        self.now += Duration::from_millis(milliseconds);
        self.connection.handle_timeout(self.now)
    }
}

fn show(event: &Event) -> String {
    match event {
        Event::Connect {
            namespace, auth, ..
        } => format!("connect {namespace} {}", auth.as_deref().unwrap_or("-")),
        Event::ConnectRefused { namespace, reason } => format!("refused {namespace}: {reason}"),
        Event::Disconnect { .. } => "disconnect".to_owned(),
        Event::Event { packet, .. } => {
            let id = packet.id.map(|id| id.to_string()).unwrap_or_default();
            let attached = packet.args.attachments().len();
            format!(
                "event {id}{} {} +{attached}",
                packet.name,
                packet.args.json()
            )
        }
        Event::Ack { id, args, .. } => {
            format!("ack {id} {} +{}", args.json(), args.attachments().len())
        }
    }
}

#[test]
fn an_idle_connection_is_small() {
    let (wire, _) = Wire::connected();

    assert!(
        size_of::<Connection>() <= 200,
        "{}",
        size_of::<Connection>()
    );
    assert!(wire.connection.backlog.is_none());
    assert_eq!(wire.connection.entries.capacity(), 1);
}

#[test]
fn connect_timeout_ends_with_the_first_admission() {
    let mut silent = Wire::new();
    let mut refused = Wire::new();
    let mut admitted = Wire::new();

    let slot = refused.enter("0/a,");
    refused.connection.refuse(slot);
    let slot = admitted.enter("0");
    assert_eq!(admitted.advance(9_999), None);
    admitted.connection.admit(slot);
    admitted.connection.leave(slot);

    assert_eq!(
        silent.connection.poll_timeout(),
        Some(silent.now + Duration::from_secs(10))
    );
    assert_eq!(silent.advance(9_999), None);
    assert_eq!(silent.advance(1), Some(Expired::ConnectTimeout));
    assert_eq!(silent.connection.poll_timeout(), None);
    assert_eq!(refused.advance(10_000), Some(Expired::ConnectTimeout));
    assert_eq!(admitted.connection.poll_timeout(), None);
    assert_eq!(admitted.advance(100_000), None);
}

#[test]
fn a_pending_namespace_does_not_stop_the_connect_timeout() {
    let mut wire = Wire::new();
    let slot = wire.enter("0");

    assert_eq!(wire.advance(10_000), Some(Expired::ConnectTimeout));

    wire.connection.admit(slot);
    assert!(!wire.connection.is_connected(slot));
    assert_eq!(wire.text("garbage"), Ok(()));
    assert_eq!(wire.advance(10_000), None);
}

#[test]
fn attachments_must_arrive_in_time() {
    let (mut wire, _) = Wire::connected();
    wire.text(r#"52-["x"]"#).unwrap();
    let deadline = wire.now + Duration::from_secs(20);

    wire.advance(19_000);
    wire.binary(b"1").unwrap();

    assert_eq!(wire.connection.poll_timeout(), Some(deadline));
    assert_eq!(wire.advance(999), None);
    assert_eq!(wire.advance(1), Some(Expired::Reassembly));
    assert!(wire.connection.backlog.is_none());
    assert!(wire.events().is_empty());
}

#[test]
fn a_complete_packet_has_no_deadline() {
    let (mut wire, _) = Wire::connected();

    wire.text(r#"52-["x"]"#).unwrap();
    wire.binary(b"1").unwrap();
    wire.binary(b"").unwrap();

    assert_eq!(wire.connection.poll_timeout(), None);
    assert_eq!(wire.shown(), ["event x [] +2"]);
    assert!(wire.connection.backlog.is_none());
}

#[test]
fn only_attachments_may_follow_a_binary_header() {
    let (mut wire, _) = Wire::connected();
    wire.text(r#"51-["x"]"#).unwrap();

    assert_eq!(wire.text("2[\"y\"]"), Err(ProtocolError::UnexpectedText));

    let (mut wire, _) = Wire::connected();
    assert_eq!(wire.binary(b""), Err(ProtocolError::UnexpectedBinary));
}

#[test]
fn text_and_attachments_count_together() {
    let text = r#"52-["x"]"#;
    let limits = || Limits::default().with_max_packet_bytes(text.len() + 10);
    let start = || {
        let mut wire = Wire::with(limits());
        let slot = wire.enter("0");
        wire.connection.admit(slot);
        wire.text(text).unwrap();
        wire.binary(&[0; 6]).unwrap();
        wire
    };

    assert_eq!(start().binary(&[0; 4]), Ok(()));
    assert_eq!(start().binary(&[0; 5]), Err(DecodeError::TooLarge.into()));
    let mut wire = Wire::with(limits().with_max_packet_bytes(text.len() - 1));
    let slot = wire.enter("0");
    wire.connection.admit(slot);
    assert_eq!(wire.text(text), Err(DecodeError::TooLarge.into()));
}

#[test]
fn attachments_of_a_namespace_left_meanwhile_are_swallowed() {
    let (mut wire, slot) = Wire::connected();
    wire.text(r#"51-["x"]"#).unwrap();

    wire.connection.leave(slot);

    assert_eq!(wire.binary(b"1"), Ok(()));
    assert!(wire.events().is_empty());
    assert_eq!(wire.binary(b"1"), Err(ProtocolError::UnexpectedBinary));
}

#[test]
fn placeholders_are_checked_when_the_packet_is_complete() {
    let (mut wire, _) = Wire::connected();

    wire.text(r#"51-["x",{"_placeholder":true,"num":1}]"#)
        .unwrap();

    assert_eq!(
        wire.binary(b"1"),
        Err(DecodeError::IllegalPlaceholder.into())
    );
    assert!(wire.events().is_empty());
}

#[test]
fn after_an_error_everything_is_ignored() {
    let (mut wire, slot) = Wire::connected();
    wire.text("2[\"first\"]").unwrap();

    assert_eq!(wire.text("2["), Err(DecodeError::InvalidPayload.into()));

    assert_eq!(wire.text("garbage"), Ok(()));
    assert_eq!(wire.text("0"), Ok(()));
    assert_eq!(wire.binary(b""), Ok(()));
    assert!(!wire.connection.is_connected(slot));
    assert_eq!(wire.connection.connected_count(), 0);
    assert_eq!(wire.shown(), ["event first [] +0"]);
}

#[test]
fn close_drops_everything() {
    let (mut wire, _) = Wire::connected();
    let other = wire.enter("0/a,");
    wire.text("2/a,[\"held\"]").unwrap();
    wire.text("2[\"x\"]").unwrap();

    wire.connection.close();

    wire.connection.admit(other);
    assert!(wire.events().is_empty());
    assert_eq!(wire.connection.poll_timeout(), None);
    assert_eq!(wire.connection.namespace(other), None);
}

#[test]
fn events_come_in_the_order_of_their_packets() {
    let (mut wire, main) = Wire::connected();
    let other = wire.enter("0/a,");
    wire.connection.admit(other);

    for text in ["2[1]", "2/a,[2]", "31[3]", "1/a,", "0/a,{}", "2[4]"] {
        wire.text(text).unwrap();
    }

    let events = wire.events();
    let slots: Vec<_> = events.iter().filter_map(Event::slot).collect();
    let again = *slots.get(4).unwrap();
    assert_eq!(slots, [main, other, main, other, again, main]);
    assert_ne!(again, other);
    let shown: Vec<_> = events.iter().map(show).collect();
    assert_eq!(
        shown,
        [
            "event 1 [] +0",
            "event 2 [] +0",
            "ack 1 [3] +0",
            "disconnect",
            "connect /a {}",
            "event 4 [] +0"
        ]
    );
}

#[test]
fn a_namespace_over_the_limit_is_refused_alone() {
    let mut wire = Wire::with(Limits::default().with_max_namespaces(2));
    let first = wire.enter("0");
    wire.connection.admit(first);
    let second = wire.enter("0/b");

    wire.text("0/c,").unwrap();
    assert_eq!(wire.shown(), ["refused /c: too many namespaces"]);

    wire.connection.refuse(second);
    let third = wire.enter("0/c,");
    wire.connection.admit(third);
    assert_eq!(wire.connection.connected_count(), 2);
    assert_eq!(wire.connection.namespace(third), Some("/c"));
}

#[test]
fn a_handshake_payload_over_the_limit_is_refused_alone() {
    let mut wire = Wire::with(Limits::default().with_max_auth_bytes(10));

    wire.text(r#"0{"a":12345}"#).unwrap();
    wire.text(r#"0/b,{"a":123456}"#).unwrap();
    assert_eq!(
        wire.shown(),
        [
            "refused /: handshake payload too large",
            "refused /b: handshake payload too large",
        ]
    );
    let slot = wire.enter(r#"0{"a":1234}"#);
    wire.text("1").unwrap();
    assert_eq!(
        wire.text(r#"0{"a":12345}"#),
        Err(DecodeError::TooLarge.into())
    );
    assert!(!wire.connection.is_pending(slot));
    // Nobody is told what is wrong with what breaks the protocol.
    let broken = Wire::with(Limits::default().with_max_auth_bytes(10)).text(r#"0{"a":123456"#);
    assert_eq!(broken, Err(DecodeError::InvalidPayload.into()));
}

#[test]
fn a_handshake_payload_keeps_no_more_than_itself() {
    let mut wire = Wire::new();
    let read = Bytes::from(format!(r#"0{{"a":1}}{}"#, " ".repeat(1000)));
    let text = ByteString::try_from(read.slice(..8)).unwrap();

    wire.connection
        .handle_message(Message::Text(text), wire.now)
        .unwrap();

    let event = wire.connection.poll_event();
    assert!(
        matches!(&event, Some(Event::Connect { auth: Some(auth), .. }) if auth == r#"{"a":1}"#)
    );
    assert!(read.is_unique());
}

#[test]
fn slots_of_the_past_stand_for_nothing() {
    let (mut wire, old) = Wire::connected();
    wire.text("1").unwrap();
    assert_eq!(wire.shown(), ["disconnect"]);

    let new = wire.enter("0");
    wire.connection.admit(old);
    wire.connection.refuse(old);
    wire.connection.leave(old);

    assert_ne!(old, new);
    assert!(wire.connection.is_pending(new));
}

#[test]
fn slots_are_found_after_all_numbers_were_used() {
    let (mut wire, main) = Wire::connected();

    for _ in 0..=u16::MAX {
        let slot = wire.enter("0/a,");
        assert_ne!(slot, main);
        wire.connection.admit(slot);
        wire.connection.leave(slot);
    }

    assert_eq!(wire.connection.connected_count(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_conversation_is_taken_without_a_panic(
        messages in prop::collection::vec(
            prop_oneof![
                "[0-9]{0,2}-?(/a?,)?[0-9]{0,2}[\\[{]?[\\[\\]{}\",:\\\\0-9a-c]{0,8}".prop_map(Message::from),
                any::<String>().prop_map(Message::from),
                "[0123](/a,)?".prop_map(Message::from),
                Just(Message::from("2[\"a\"]")),
                Just(Message::from("51-[\"a\",{\"_placeholder\":true,\"num\":0}]")),
                prop::collection::vec(any::<u8>(), 0..4).prop_map(|data| Message::from(Bytes::from(data))),
            ],
            0..12,
        ),
        answers in prop::collection::vec(0..4_u8, 12),
    ) {
        let mut wire = Wire::new();
        for (message, answer) in messages.into_iter().zip(answers) {
            let _ = wire.connection.handle_message(message, wire.now);
            for event in wire.events() {
                if let Event::Connect { slot, .. } = event {
                    match answer {
                        0 => wire.connection.refuse(slot),
                        1 => wire.connection.leave(slot),
                        2 => {}
                        _ => wire.connection.admit(slot),
                    }
                }
            }
        }

        wire.connection.close();

        prop_assert!(wire.connection.backlog.is_none());
        prop_assert_eq!(wire.connection.poll_timeout(), None);
    }

    #[test]
    fn what_is_encoded_is_decoded(
        namespace in "(/|/[a-zé ]{1,8})",
        id in prop::option::of(0..=(1_u64 << 53) - 1),
        name in any::<String>(),
        number in any::<i32>(),
        texts in prop::collection::vec(any::<String>(), 0..3),
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..5).prop_map(Bytes::from), 0..=10),
    ) {
        prop_assume!(!packet::is_reserved(&name) && name.len() <= 256);
        let mut wire = Wire::new();
        let slot = wire.enter(&format!("0{namespace},"));
        wire.connection.admit(slot);

        let prepared = encode::event(&namespace, id, &name, &(number, &texts, &parts)).unwrap();
        let text = prepared.text_packet().unwrap();
        wire.text(std::str::from_utf8(&text[1..]).unwrap()).unwrap();
        for data in prepared.binary_messages() {
            prop_assert!(wire.events().is_empty());
            wire.binary(data).unwrap();
        }

        let events = wire.events();
        let [Event::Event { packet, .. }] = &events[..] else {
            panic!("{events:?}");
        };
        prop_assert_eq!((packet.id, packet.name.as_str()), (id, name.as_str()));
        prop_assert_eq!(packet.args.decode::<(i32, Vec<String>, Vec<Bytes>)>().unwrap(), (number, texts, parts));
        prop_assert_eq!(encode::event_raw(&namespace, id, &name, &packet.args), prepared);
    }
}
