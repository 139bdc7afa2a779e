use std::{
    iter,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use bytestring::ByteString;
use sockeye_protocol::{
    Message, Prepared, PreparedText, Sid,
    engine::{
        CloseReason, EngineConfig, Event, Input, Packet, Payload, PostFault, SendError, Session,
        Transport, WebSocketFault,
    },
};

use self::client::{Client, WebSocket};
use crate::{
    memory::{FACTOR, bounded},
    script::Script,
};

mod client;

/// Runs the operations that the bytes spell against one session and checks what must hold
/// whatever they are.
///
/// Every GET is answered once and every WebSocket closed once. What the session accepted
/// arrives once and in order, in both directions and across the upgrade. It closes once, and
/// then no timer and no queue is left.
pub fn session_ops(data: &[u8]) {
    bounded(data.len(), FACTOR, || run(data));
}

fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let mut world = World::open(script.byte().unwrap_or_default());
    while let Some(op) = script.byte() {
        world.run(op, &mut script);
    }
    world.finish();
}

struct World {
    session: Session,
    client: Client,
    now: Instant,
    posting: bool,
    upgraded: bool,
    /// How many numbered messages the session took for the client.
    emitted: u32,
    /// The messages of the client that the session must deliver, and those it did.
    accepted: Vec<Message>,
    delivered: Vec<Message>,
    closed: Option<CloseReason>,
}

impl World {
    fn open(flags: u8) -> Self {
        let config = EngineConfig::default()
            .with_ping_interval(300 * MS)
            .with_ping_timeout(800 * MS)
            .with_upgrade_timeout(250 * MS)
            .with_close_grace(400 * MS)
            .with_max_payload(200)
            .with_max_payload_packets(8)
            .with_send_queue_bytes(200)
            .with_send_queue_packets(MAX_QUEUED);
        let text_only = flags & 1 != 0;
        let (transport, websocket) = match flags & 2 {
            0 => (Transport::Polling, WebSocket::Absent),
            _ => (Transport::WebSocket, WebSocket::Open),
        };
        let now = Instant::now();
        let sid = Sid::from_random([0; Sid::RANDOM_LEN]);
        let mut world = Self {
            session: Session::open(sid, transport, text_only, Arc::new(config), now),
            client: Client::new(websocket),
            now,
            posting: false,
            upgraded: false,
            emitted: 0,
            accepted: Vec::new(),
            delivered: Vec::new(),
            closed: None,
        };
        if transport == Transport::Polling {
            world.get();
        }
        world.drain();
        world
    }

    fn run(&mut self, op: u8, script: &mut Script<'_>) {
        match op % 22 {
            0 => self.get(),
            1 if self.client.waits => {
                self.client.waits = false;
                self.input(Input::PollAborted);
            }
            2 => {
                let overlaps = self.posting && self.session.is_open();
                let accepted = self.input(Input::PostStarted);
                assert!(!(overlaps && accepted), "two POSTs at once");
                self.posting |= accepted;
            }
            3 if self.posting => self.post(script.chunk()),
            4 if self.posting => {
                self.posting = false;
                let fault = POST_FAULTS[usize::from(script.byte().unwrap_or_default() % 4)];
                self.input(Input::PostRejected(fault));
            }
            5 => {
                let text_only = script.byte().is_some_and(|byte| byte & 1 != 0);
                if self.input(Input::WebSocketOpened { text_only }) {
                    self.client.open_websocket();
                }
            }
            6 => self.frame(Message::from(script.text())),
            7 => self.frame(Message::from(Bytes::copy_from_slice(script.chunk()))),
            8 => self.frame(Message::from("2probe")),
            9 => self.frame(Message::from("5")),
            10 if self.client.websocket == WebSocket::Open => {
                let fault = match script.byte().unwrap_or_default() % 3 {
                    0 => None,
                    1 => Some(WebSocketFault::Io),
                    _ => Some(WebSocketFault::Protocol(1002)),
                };
                self.client.lose_websocket();
                self.input(Input::WebSocketClosed(fault));
            }
            11 if self.session.transport() == Transport::WebSocket => {
                self.frame(Message::from("3"));
            }
            11 if !self.posting && self.input(Input::PostStarted) => self.post(b"3"),
            12 => self.emit(&numbered(self.emitted, false)),
            13 => self.emit(&numbered(self.emitted, true)),
            14 => {
                let packet = numbered(self.emitted, true);
                self.emitted += u32::from(self.session.send_volatile(&packet));
            }
            15 => self.session.close(CloseReason::ForcedClose),
            16 => self.session.abort(CloseReason::SlowConsumer),
            17 => self.session.suspend_heartbeat(self.now),
            18 => self.session.resume_heartbeat(self.now),
            19 => {
                let ticks = u32::from(script.byte().unwrap_or_default());
                self.advance(ticks * 4 * MS);
            }
            20 => self.transmit(),
            21 => self.drain(),
            _ => {}
        }
        assert!(self.session.queued_packets() <= MAX_QUEUED);
    }

    /// Returns whether the input was accepted.
    fn input(&mut self, input: Input) -> bool {
        self.session.handle_input(input, self.now).is_ok()
    }

    fn get(&mut self) {
        if self.input(Input::PollOpened) {
            assert!(!self.client.waits, "two GETs wait");
            self.client.waits = true;
        }
    }

    fn post(&mut self, body: &[u8]) {
        self.posting = false;
        let body = Bytes::copy_from_slice(body);
        let was_open = self.session.is_open();
        if self.input(Input::PostReceived(body.clone())) && was_open {
            self.accepted.extend(messages(body));
        }
    }

    fn frame(&mut self, message: Message) {
        if self.client.websocket != WebSocket::Open {
            return;
        }
        if self.session.is_open() && self.session.transport() == Transport::WebSocket {
            self.accepted.extend(message_of(&message));
        }
        assert!(self.input(Input::WebSocketMessage(message)));
    }

    fn emit(&mut self, packet: &Prepared) {
        let sent = self.session.send(packet);
        assert_eq!(sent == Err(SendError::Closed), !self.session.is_open());
        self.emitted += u32::from(sent.is_ok());
    }

    /// Lets time pass, with every timer on time.
    fn advance(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.session.poll_timeout()
            && at <= end
        {
            self.now = self.now.max(at);
            self.session.handle_timeout(self.now);
            let next = self.session.poll_timeout();
            assert!(next.is_none_or(|next| next > self.now), "time stands still");
        }
        self.now = end;
    }

    fn transmit(&mut self) {
        if let Some(transmit) = self.session.poll_transmit() {
            self.client.receive(transmit);
        }
    }

    fn drain(&mut self) {
        for transmit in iter::from_fn(|| self.session.poll_transmit()) {
            self.client.receive(transmit);
        }
        for event in iter::from_fn(|| self.session.poll_event()) {
            assert_eq!(self.closed, None, "{event:?} after the close");
            match event {
                Event::Message(message) => self.delivered.push(message),
                Event::Upgraded => assert!(!std::mem::replace(&mut self.upgraded, true)),
                Event::Closed(reason) => self.closed = Some(reason),
            }
        }
    }

    fn finish(mut self) {
        self.drain();
        if self.session.is_open() {
            if self.session.transport() == Transport::Polling && !self.client.waits {
                self.get();
            }
            self.drain();
            assert_eq!(self.client.received, self.emitted, "messages were lost");
        }
        assert_eq!(self.delivered, self.accepted);

        self.session.resume_heartbeat(self.now);
        self.advance(Duration::from_secs(60));
        self.drain();

        assert!(self.closed.is_some());
        assert!(self.session.is_finished());
        assert_eq!(self.session.poll_timeout(), None);
        assert_eq!(self.session.queued_bytes(), 0);
        assert_eq!(self.session.queued_packets(), 0);
        self.client.assert_nothing_is_owed();
    }
}

/// A message that tells its number, and whether an attachment with the same number follows.
fn numbered(number: u32, attached: bool) -> Prepared {
    let mut text = PreparedText::with_capacity(0);
    text.push_str(if attached { "a" } else { "n" });
    text.push_str(&number.to_string());
    let data = Bytes::copy_from_slice(&number.to_be_bytes());
    text.finish(if attached { vec![data] } else { Vec::new() })
}

/// The messages of a polling body that a session accepts: all up to a packet that closes it,
/// or none if there is something else than packets.
fn messages(body: Bytes) -> Vec<Message> {
    let mut messages = Vec::new();
    let payload = Payload::parse(body, usize::MAX);
    for packet in payload.into_iter().flatten() {
        match packet {
            Ok(Packet::Message(message)) => messages.push(message),
            Ok(Packet::Close | Packet::Ping(_)) => break,
            Ok(_) => {}
            Err(_) => return Vec::new(),
        }
    }
    messages
}

/// The message that a WebSocket message is, if it is one.
fn message_of(message: &Message) -> Option<Message> {
    let Message::Text(text) = message else {
        return Some(message.clone());
    };
    match Packet::decode(&ByteString::clone(text)) {
        Ok(Packet::Message(message)) => Some(message),
        _ => None,
    }
}

const MS: Duration = Duration::from_millis(1);
const MAX_QUEUED: usize = 8;
const POST_FAULTS: [PostFault; 4] = [
    PostFault::InvalidContent,
    PostFault::PayloadTooBig,
    PostFault::Timeout,
    PostFault::Aborted,
];
