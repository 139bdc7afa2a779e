mod close;
mod heartbeat;
mod interleavings;
mod polling;
mod upgrade;
mod websocket;

use std::time::Duration;

use super::*;
use crate::{Message, engine::InputError};

const MS: Duration = Duration::from_millis(1);

/// A session and a clock; everything that comes out is collected.
struct Wire {
    session: Session,
    now: Instant,
}

impl Wire {
    fn open(transport: Transport) -> Self {
        Self::with_config(transport, EngineConfig::default())
    }

    fn with_config(transport: Transport, config: EngineConfig) -> Self {
        let now = Instant::now();
        let sid = Sid::from_random([0; 15]);
        let session = Session::open(sid, transport, false, Arc::new(config), now);
        Self { session, now }
    }

    /// A session on polling whose handshake is over.
    fn polling() -> Self {
        let mut wire = Self::open(Transport::Polling);
        wire.get().unwrap();
        assert_eq!(wire.sent().len(), 1);
        wire
    }

    /// A session on polling with a GET that waits.
    fn waiting() -> Self {
        let mut wire = Self::polling();
        wire.get().unwrap();
        assert_eq!(wire.sent(), []);
        wire
    }

    /// A session that began on WebSocket.
    fn websocket() -> Self {
        let mut wire = Self::open(Transport::WebSocket);
        assert_eq!(wire.sent().len(), 1);
        wire
    }

    /// A session on polling with a WebSocket that was not probed yet.
    fn candidate() -> Self {
        let mut wire = Self::polling();
        wire.open_websocket().unwrap();
        wire
    }

    /// A session on polling with a WebSocket that was probed.
    fn probed() -> Self {
        let mut wire = Self::candidate();
        wire.frame("2probe");
        assert_eq!(wire.sent(), [frame(b"\x81\x063probe")]);
        wire
    }

    /// A session that was upgraded.
    fn upgraded() -> Self {
        let mut wire = Self::probed();
        wire.frame("5");
        assert_eq!(wire.sent(), []);
        assert_eq!(wire.events(), [Event::Upgraded]);
        wire
    }

    fn input(&mut self, input: Input) -> Result<(), InputError> {
        self.session.handle_input(input, self.now)
    }

    fn get(&mut self) -> Result<(), InputError> {
        self.input(Input::PollOpened)
    }

    fn post(&mut self, body: &'static str) -> Result<(), InputError> {
        self.input(Input::PostStarted)?;
        self.input(Input::PostReceived(Bytes::from_static(body.as_bytes())))
    }

    fn open_websocket(&mut self) -> Result<(), InputError> {
        self.input(Input::WebSocketOpened { text_only: false })
    }

    fn frame(&mut self, text: &'static str) {
        self.input(Input::WebSocketMessage(text.into())).unwrap();
    }

    fn send(&mut self, text: &str) {
        self.session.send(&Prepared::text(text)).unwrap();
    }

    /// Lets time pass, with every timer on time.
    fn advance(&mut self, after: Duration) {
        let target = self.now + after;
        while let Some(at) = self.session.poll_timeout()
            && at <= target
        {
            self.now = self.now.max(at);
            self.session.handle_timeout(self.now);
            let next = self.session.poll_timeout();
            assert!(next.is_none_or(|next| next > self.now), "time stands still");
        }
        self.now = target;
    }

    fn sent(&mut self) -> Vec<Transmit> {
        std::iter::from_fn(|| self.session.poll_transmit()).collect()
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.session.poll_event()).collect()
    }

    /// Asserts that the session is closed for this reason and that nothing is left of it.
    #[track_caller]
    fn assert_over(&mut self, reason: CloseReason) {
        assert_eq!(self.events(), [Event::Closed(reason)]);
        assert_eq!(self.sent(), []);
        assert!(self.session.is_finished());
        assert_eq!(self.session.poll_timeout(), None);
        assert_eq!(self.session.queued_bytes(), 0);
        assert_eq!(self.session.queued_packets(), 0);
    }
}

fn response(body: &'static str) -> Transmit {
    Transmit::PollResponse {
        body: body.into(),
        compressible: true,
    }
}

fn frame(bytes: &'static [u8]) -> Transmit {
    Transmit::Frame(Bytes::from_static(bytes))
}

fn message(text: &'static str) -> Event {
    Event::Message(Message::from(text))
}

fn fault(fault: TransportFault) -> CloseReason {
    CloseReason::TransportError(fault)
}

#[test]
fn an_idle_session_is_small() {
    assert!(size_of::<Session>() <= 300, "{}", size_of::<Session>());
}
