use std::{cell::RefCell, collections::HashMap};

use actix_rt::SystemRunner;
use serde_json::{Value, value::RawValue};
use sockeye::{
    DisconnectReason, Hub, Namespace, Recovery, RouterConfig, fuzzing, testing::TestConnection,
};

use crate::memory::{FACTOR, bounded};

/// Checks that only the key of a session brings it back, once, with what its client has missed.
///
/// The bytes are the payload of a CONNECT packet, in which `$K` is the key of a session that was
/// broken off and `$0` to `$2` are the offsets of its events.
pub fn recovery(data: &[u8]) {
    let Ok(payload) = str::from_utf8(data) else {
        return;
    };
    let wish = bounded(data.len(), FACTOR, || fuzzing::wish_to_return(payload));
    if let Some([key, offset]) = said(payload) {
        assert_eq!(wish, key.map(|key| (key, offset)));
    }
    // The namespace's name and the id would begin elsewhere.
    if payload.starts_with('{') {
        SYSTEM.with_borrow(|system| system.block_on(come_back(payload)));
    }
}

async fn come_back(payload: &str) {
    let hub = Hub::builder()
        .config(RouterConfig::default().with_recovery(Recovery::new()))
        .namespace(Namespace::new("/"))
        .build()
        .expect("a hub");
    let old = enter(&hub, "{}").await.expect("it is let in");
    let namespace = hub.of("/").expect("a namespace");
    for number in 0..EVENTS {
        namespace.emit("n", &number).expect("it is connected");
    }
    let heard = old.connection.take_raw();
    let offsets: Vec<String> = heard.iter().map(|packet| offset(&packet.text)).collect();
    assert_eq!(offsets.len(), EVENTS);
    old.connection
        .drop_connection(DisconnectReason::TransportClose);

    let payload = offsets
        .iter()
        .enumerate()
        .fold(payload.replace("$K", &old.key), |payload, (at, offset)| {
            payload.replace(&format!("${at}"), offset)
        });
    let Some(back) = enter(&hub, &payload).await else {
        return;
    };
    // A key of JSON that is no text can't be read here.
    let Some([key, offset]) = said(&payload) else {
        return;
    };
    // An offset that the server has not given out is none.
    let received = offset.and_then(|offset| number(&offsets[0][..4], &offset));
    let received = received.unwrap_or_default();
    let is_back = key.as_deref() == Some(&*old.key) && received <= EVENTS as u64;
    assert_eq!(back.socket == old.socket, is_back, "{payload}");
    assert_eq!(back.key == old.key, is_back, "{payload}");
    if is_back {
        assert_eq!(back.missed, offsets[received as usize..], "{payload}");
        back.connection.send_raw("1");
        let late = enter(&hub, &payload).await.expect("it is let in again");
        assert_ne!(late.socket, old.socket, "the session was ended");
    } else {
        assert!(back.missed.is_empty(), "{payload}");
    }
}

/// Reads the texts that are the session's key and the offset.
fn said(payload: &str) -> Option<[Option<String>; 2]> {
    let said: HashMap<String, &RawValue> = serde_json::from_str(payload).ok()?;
    let text = |name| serde_json::from_str(said.get(name)?.get()).ok();
    Some([text("pid"), text("offset")])
}

struct Entered {
    connection: TestConnection,
    socket: String,
    key: String,
    /// The offsets of what came before the answer.
    missed: Vec<String>,
}

async fn enter(hub: &Hub, payload: &str) -> Option<Entered> {
    let connection = TestConnection::open(hub);
    connection.send_raw(format!("0{payload}"));
    let mut missed = Vec::new();
    let answer = loop {
        let packet = connection.next_raw().await.ok()?.text;
        match packet.strip_prefix('0') {
            Some(answer) => break serde_json::from_str::<Value>(answer).expect("JSON"),
            None => missed.push(offset(&packet)),
        }
    };
    Some(Entered {
        connection,
        socket: answer["sid"].as_str()?.to_owned(),
        key: answer["pid"].as_str()?.to_owned(),
        missed,
    })
}

/// The offset is the last argument.
fn offset(packet: &str) -> String {
    let event: Vec<Value> = serde_json::from_str(&packet[1..]).expect("an event");
    let last = event.last().and_then(Value::as_str);
    last.expect("an offset").to_owned()
}

/// Reads what is behind the mark of the log.
fn number(log: &str, offset: &str) -> Option<u64> {
    let digits = offset.strip_prefix(log)?;
    let is_plain = digits == "0" || !digits.is_empty() && !digits.starts_with('0');
    is_plain.then_some(())?;
    digits.bytes().try_fold(0_u64, |number, digit| {
        let digit = DIGITS.iter().position(|other| *other == digit)? as u64;
        number.checked_mul(64)?.checked_add(digit)
    })
}

thread_local! {
    static SYSTEM: RefCell<SystemRunner> = RefCell::new(actix_rt::System::new());
}
const EVENTS: usize = 3;
const DIGITS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
