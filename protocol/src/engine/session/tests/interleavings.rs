//! Random interleavings of a server and a client on an invented clock.
//!
//! A polite client keeps the protocol, so it loses nothing and is never closed for a fault.
//! A rude one does anything at any time; what it gets must still be in order.

use proptest::prelude::*;

use super::*;
use crate::{PreparedText, cases::cases};

#[derive(Clone, Debug)]
enum Op {
    Get,
    AbortGet,
    StartPost,
    FinishPost(u8),
    BadPost,
    FailPost,
    OpenWebSocket,
    Probe,
    Upgrade,
    SendFrame,
    BadFrame,
    EndWebSocket,
    Pong,
    Emit,
    EmitGroup,
    Close,
    Abort,
    Suspend,
    Resume,
    Advance(u16),
    Drain,
}

fn any_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => Just(Op::Get),
        1 => Just(Op::AbortGet),
        4 => Just(Op::StartPost),
        6 => (0_u8..4).prop_map(Op::FinishPost),
        1 => Just(Op::BadPost),
        1 => Just(Op::FailPost),
        4 => Just(Op::OpenWebSocket),
        6 => Just(Op::Probe),
        6 => Just(Op::Upgrade),
        8 => Just(Op::SendFrame),
        1 => Just(Op::BadFrame),
        1 => Just(Op::EndWebSocket),
        5 => Just(Op::Pong),
        8 => Just(Op::Emit),
        4 => Just(Op::EmitGroup),
        1 => Just(Op::Close),
        1 => Just(Op::Abort),
        1 => Just(Op::Suspend),
        2 => Just(Op::Resume),
        4 => (0_u16..400).prop_map(Op::Advance),
        8 => Just(Op::Drain),
    ]
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum WebSocket {
    Absent,
    Open,
    /// `3probe` came: a polite client stops polling.
    Answered,
    Main,
}

struct World {
    wire: Wire,
    polite: bool,
    /// GETs without an answer.
    gets: usize,
    posting: bool,
    websocket: WebSocket,
    frames: Vec<u8>,
    pings: usize,
    /// Numbers of the messages that the server sent, and that the client received.
    emitted: u32,
    received: u32,
    /// The number whose attachment must be next.
    attachment: Option<u32>,
    /// Numbers of the messages that the client sent, and that must arrive.
    next: u32,
    accepted: Vec<u32>,
    delivered: Vec<u32>,
    closed: Option<CloseReason>,
    aborted: bool,
}

impl World {
    fn new(polite: bool, transport: Transport) -> Self {
        let config = EngineConfig::default()
            .with_ping_interval(300 * MS)
            .with_ping_timeout(800 * MS)
            .with_upgrade_timeout(250 * MS)
            // A polite client never has to be left behind.
            .with_close_grace(if polite { 60_000 * MS } else { 400 * MS })
            .with_max_payload_packets(8);
        let mut world = Self {
            wire: Wire::with_config(transport, config),
            polite,
            gets: 0,
            posting: false,
            websocket: WebSocket::Absent,
            frames: Vec::new(),
            pings: 0,
            emitted: 0,
            received: 0,
            attachment: None,
            next: 0,
            accepted: Vec::new(),
            delivered: Vec::new(),
            closed: None,
            aborted: false,
        };
        match transport {
            Transport::Polling => world.get(),
            Transport::WebSocket => world.websocket = WebSocket::Main,
        }
        world.drain();
        world
    }

    fn run(&mut self, op: Op) {
        if self.polite && !self.may(&op) {
            return;
        }
        match op {
            Op::Get => self.get(),
            Op::AbortGet if self.gets > 0 => {
                self.gets = 0;
                self.wire.input(Input::PollAborted).unwrap();
            }
            Op::StartPost => self.posting |= self.wire.input(Input::PostStarted).is_ok(),
            Op::FinishPost(count) if self.posting => self.post(count),
            Op::BadPost if self.posting => {
                self.posting = false;
                let body = Bytes::from_static(b"4999\x1e3\x1e9");
                let _ = self.wire.input(Input::PostReceived(body));
            }
            Op::FailPost if self.posting => {
                self.posting = false;
                let _ = self.wire.input(Input::PostRejected(PostFault::Aborted));
            }
            Op::OpenWebSocket => {
                let opened = self.wire.open_websocket();
                if opened.is_ok() {
                    assert_eq!(self.websocket, WebSocket::Absent);
                    self.websocket = WebSocket::Open;
                    self.frames.clear();
                }
            }
            Op::Probe => self.frame("2probe".into()),
            Op::Upgrade => self.frame("5".into()),
            Op::SendFrame if self.websocket != WebSocket::Absent => {
                let number = self.next;
                self.next += 1;
                let session = &self.wire.session;
                if session.is_open() && session.transport() == Transport::WebSocket {
                    self.accepted.push(number);
                }
                self.frame(format!("4{number}").into());
            }
            Op::BadFrame => self.frame("nonsense".into()),
            Op::EndWebSocket if self.websocket != WebSocket::Absent => {
                self.wire.input(Input::WebSocketClosed(None)).unwrap();
            }
            Op::Pong if self.websocket == WebSocket::Main => {
                self.pings = 0;
                self.frame("3".into());
            }
            Op::Pong if !self.posting => {
                self.pings = 0;
                let _ = self.wire.post("3");
            }
            Op::Emit => self.emit(false),
            Op::EmitGroup => self.emit(true),
            Op::Close => self.wire.session.close(CloseReason::ForcedClose),
            Op::Abort => {
                self.aborted = true;
                self.wire.session.abort(CloseReason::SlowConsumer);
            }
            Op::Suspend => self.wire.session.suspend_heartbeat(self.wire.now),
            Op::Resume => self.wire.session.resume_heartbeat(self.wire.now),
            Op::Advance(ms) => {
                self.wire.advance(u32::from(ms) * MS);
                self.drain();
            }
            Op::Drain => self.drain(),
            _ => {}
        }
        if self.polite {
            self.drain();
        }
    }

    /// Returns whether a polite client, or the server that it talks to, would do this.
    fn may(&self, op: &Op) -> bool {
        let upgrading = matches!(self.websocket, WebSocket::Answered | WebSocket::Main);
        match op {
            Op::Get => self.gets == 0 && !upgrading,
            Op::StartPost => !self.posting && !upgrading,
            Op::Pong => self.pings > 0 && !self.posting && self.websocket != WebSocket::Answered,
            Op::Probe => self.websocket == WebSocket::Open,
            Op::Upgrade => self.websocket == WebSocket::Answered && self.gets == 0 && !self.posting,
            Op::SendFrame => self.websocket == WebSocket::Main,
            // A candidate may fail at any time.
            Op::EndWebSocket | Op::BadFrame => {
                matches!(self.websocket, WebSocket::Open | WebSocket::Answered)
            }
            Op::AbortGet | Op::BadPost | Op::FailPost => false,
            _ => true,
        }
    }

    fn get(&mut self) {
        match self.wire.get() {
            Ok(()) => {
                assert_eq!(self.gets, 0, "two GETs wait");
                self.gets = 1;
            }
            Err(error) => assert!(!self.polite || self.closed.is_some(), "{error}"),
        }
    }

    fn post(&mut self, count: u8) {
        self.posting = false;
        let first = self.next;
        self.next += u32::from(count);
        let packets: Vec<_> = (first..self.next)
            .map(|number| format!("4{number}"))
            .collect();
        let body = match packets.is_empty() {
            true => "6".to_owned(),
            false => packets.join("\x1e"),
        };
        let was_open = self.wire.session.is_open();
        let answer = self.wire.input(Input::PostReceived(body.into()));
        assert_eq!(answer, Ok(()));
        if was_open {
            self.accepted.extend(first..self.next);
        }
    }

    fn frame(&mut self, message: Message) {
        if self.websocket != WebSocket::Absent {
            let upgrades = message == Message::from("5")
                && self.wire.session.is_open()
                && self.wire.session.transport() == Transport::Polling;
            self.wire.input(Input::WebSocketMessage(message)).unwrap();
            if upgrades && self.wire.session.transport() == Transport::WebSocket {
                self.websocket = WebSocket::Main;
            }
        }
    }

    fn emit(&mut self, group: bool) {
        let number = self.emitted;
        let mut text = PreparedText::with_capacity(0);
        text.push_str(&format!("{}{number}", if group { "g" } else { "" }));
        let data = match group {
            true => vec![Bytes::copy_from_slice(&number.to_be_bytes())],
            false => vec![],
        };
        let sent = self.wire.session.send(&text.finish(data));
        assert_eq!(sent.is_ok(), self.wire.session.is_open());
        self.emitted += u32::from(sent.is_ok());
    }

    fn drain(&mut self) {
        for transmit in self.wire.sent() {
            match transmit {
                Transmit::PollResponse { body, .. } => {
                    assert_eq!(self.gets, 1, "an answer to no GET");
                    self.gets = 0;
                    let body = String::from_utf8(body.to_vec()).unwrap();
                    for packet in body.split('\x1e') {
                        self.receive(packet);
                    }
                }
                Transmit::Frame(bytes) => {
                    assert_ne!(self.websocket, WebSocket::Absent, "a frame to nobody");
                    self.frames.extend_from_slice(&bytes);
                    self.receive_frames();
                }
                Transmit::WebSocketClose(_) => {
                    assert_ne!(self.websocket, WebSocket::Absent, "closed twice");
                    assert!(self.frames.is_empty(), "closed within a frame");
                    self.websocket = WebSocket::Absent;
                }
            }
        }
        for event in self.wire.events() {
            assert_eq!(self.closed, None, "{event:?} after the close");
            match event {
                Event::Message(Message::Text(text)) => self.delivered.push(text.parse().unwrap()),
                Event::Message(Message::Binary(_)) => panic!("nobody sent binary"),
                Event::Upgraded => {}
                Event::Closed(reason) => self.closed = Some(reason),
            }
        }
    }

    fn receive_frames(&mut self) {
        while let [kind, len, rest @ ..] = &self.frames[..] {
            let len = usize::from(*len);
            if rest.len() < len {
                break;
            }
            let (kind, payload) = (*kind, rest[..len].to_vec());
            self.frames.drain(..2 + len);
            match kind {
                0x81 => self.receive(std::str::from_utf8(&payload).unwrap()),
                _ => self.receive_attachment(&payload),
            }
        }
    }

    fn receive(&mut self, packet: &str) {
        if let Some(base64) = packet.strip_prefix('b') {
            let text = bytestring::ByteString::from(format!("b{base64}"));
            let Ok(Packet::Message(Message::Binary(data))) = Packet::decode(&text) else {
                panic!("{packet}");
            };
            return self.receive_attachment(&data);
        }
        assert_eq!(self.attachment, None, "{packet} within a group");
        match packet.split_at(1) {
            ("0", _) | ("1", "") | ("6", "") => {}
            ("2", "") => self.pings += 1,
            ("3", "probe") => {
                if self.websocket == WebSocket::Open {
                    self.websocket = WebSocket::Answered;
                }
            }
            ("4", text) => {
                let number = text.trim_start_matches('g');
                assert_eq!(number.parse(), Ok(self.received), "lost or out of order");
                if text != number {
                    self.attachment = Some(self.received);
                }
                self.received += 1;
            }
            _ => panic!("unexpected packet {packet}"),
        }
    }

    fn receive_attachment(&mut self, data: &[u8]) {
        let number = self.attachment.take().expect("an attachment of nothing");
        assert_eq!(data, number.to_be_bytes());
    }

    /// Lets the conversation end and checks what must be true then.
    fn finish(mut self) {
        self.drain();
        let graceful = self.polite && !self.aborted;
        if self.polite && self.wire.session.transport() == Transport::Polling {
            // Twice: the queue, and the close that may come after it.
            for _ in 0..2 {
                if self.gets == 0 && !self.wire.session.is_finished() {
                    self.get();
                }
                self.drain();
            }
        }
        if graceful && matches!(self.closed, None | Some(CloseReason::ForcedClose)) {
            assert_eq!(self.received, self.emitted, "messages were lost");
        }
        if self.polite {
            let expected = [
                None,
                Some(CloseReason::ForcedClose),
                Some(CloseReason::SlowConsumer),
                Some(CloseReason::PingTimeout),
            ];
            assert!(expected.contains(&self.closed), "{:?}", self.closed);
        }

        self.wire.session.resume_heartbeat(self.wire.now);
        self.wire.advance(Duration::from_secs(120));
        self.drain();

        assert!(self.closed.is_some());
        assert!(self.wire.session.is_finished());
        assert_eq!(self.wire.session.poll_timeout(), None);
        assert_eq!(self.wire.session.queued_bytes(), 0);
        assert_eq!(self.wire.session.queued_packets(), 0);
        assert_eq!(self.gets, 0, "a GET without an answer");
        assert_eq!(self.websocket, WebSocket::Absent, "a WebSocket left open");
        assert_eq!(self.attachment, None, "half a group");
        assert_eq!(self.delivered, self.accepted);
    }
}

fn any_transport() -> impl Strategy<Value = Transport> {
    prop_oneof![4 => Just(Transport::Polling), 1 => Just(Transport::WebSocket)]
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn a_polite_client_loses_nothing(
        transport in any_transport(),
        ops in prop::collection::vec(any_op(), 0..120),
    ) {
        let mut world = World::new(true, transport);
        for op in ops {
            world.run(op);
        }
        world.finish();
    }

    #[test]
    fn a_rude_client_harms_only_itself(
        transport in any_transport(),
        ops in prop::collection::vec(any_op(), 0..60),
    ) {
        let mut world = World::new(false, transport);
        for op in ops {
            world.run(op);
        }
        world.finish();
    }
}
