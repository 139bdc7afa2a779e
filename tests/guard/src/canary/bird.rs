use std::{net::SocketAddr, time::Instant};

use serde_json::{Value, json};

use crate::kit::{Checked, Failure, Peer, Token, Transport, ensure};

/// What a canary can expect of the server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// The binary: `chat` is answered, and sent on to the room.
    Product,
    /// `message-with-ack` is answered with its arguments.
    Echo,
}

impl Style {
    /// Returns its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::Echo => "echo",
        }
    }

    /// Returns the style of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Product, Self::Echo]
            .into_iter()
            .find(|style| style.name() == name)
    }
}

/// One canary.
#[derive(Debug)]
pub(super) struct Bird {
    name: String,
    peer: Peer,
    style: Style,
    room: String,
    sent: u64,
    heard: u64,
}

impl Bird {
    pub(super) fn connect(address: SocketAddr, style: Style, number: usize) -> Checked<Self> {
        let transport = Transport::BOTH[number % 2];
        let mut peer = Peer::open(address, transport)?;
        let room = format!("canaries:{}", number / 2);
        peer.connect("/", &json!({ "token": Token::of("canary").sign() }))?;
        if style == Style::Product {
            peer.join(&room)?;
        }
        Ok(Self {
            name: format!("canary {number} ({transport:?})"),
            peer,
            style,
            room,
            sent: 0,
            heard: 0,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Sends an event and waits for its answer; everything that comes before has to be in order.
    pub(super) fn sing(&mut self) -> Checked<std::time::Duration> {
        self.sent += 1;
        let (event, expected) = match self.style {
            Style::Product => (
                json!(["chat", { "room": self.room, "n": self.sent }]),
                json!([{ "status": "ok", "sockets": 1 }]),
            ),
            Style::Echo => (json!(["message-with-ack", self.sent]), json!([self.sent])),
        };
        let start = Instant::now();
        self.peer.send(format!("2{}{event}", self.sent))?;
        let prefix = format!("3{}[", self.sent);
        loop {
            let packet = self.peer.receive()?;
            if packet.starts_with(&prefix) {
                let answer: Option<Value> = serde_json::from_str(&packet[prefix.len() - 1..]).ok();
                ensure(
                    answer == Some(expected),
                    format!("it is answered {packet:.100}"),
                )?;
                return Ok(start.elapsed());
            }
            self.hear(&packet)?;
        }
    }

    /// What the partner sends has to be the next of its events.
    fn hear(&mut self, packet: &str) -> Checked {
        let event = packet
            .strip_prefix('2')
            .and_then(|event| serde_json::from_str::<Value>(event).ok());
        let event = event.ok_or_else(|| Failure::new("an unexpected packet").on(packet))?;
        if event.get(0) != Some(&json!("chat")) {
            // Others may emit to everybody.
            return Ok(());
        }
        self.heard += 1;
        let number = event.pointer("/1/n").and_then(Value::as_u64);
        ensure(
            number == Some(self.heard),
            format!("{number:?} comes instead of {}", self.heard),
        )
    }
}
