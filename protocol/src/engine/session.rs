//! The state machine of one session.
//!
//! ```text
//!                   ┌──────────────────────── Open ────────────────────────┐
//!                   │                                                      │
//!  open(Polling) ───┼─► Polling ── WebSocketOpened ──► Polling + candidate │
//!                   │      ▲                             │      │          │
//!                   │      └── bad message, its end, ────┘      │ `5`      │
//!                   │          upgrade_timeout                  ▼          │
//!  open(WebSocket) ─┼─────────────────────────────────────► WebSocket      │
//!                   │                                                      │
//!                   └──────┬────────────────────────────────────┬──────────┘
//!                          │ close()                            │ abort(), `1`, a fault,
//!                          ▼                                    │ its end, no pong
//!                       Closing ────────────────────────────────┴─────► Closed
//!              the queue goes out   all delivered, close_grace,
//!                                   abort(), the peer is gone
//! ```
//!
//! A close() with a GET waiting and nothing queued goes to Closed at once. In Closing, a client
//! that was about to change to its candidate may still do so, and gets the queue there.
//!
//! Beside the state stand only answers that are already decided: one to a GET, and the close
//! of one WebSocket. [`Session::poll_transmit`] hands them out.

mod deadline;
mod heartbeat;
mod io;
mod outbox;
mod poll;
mod receive;
mod state;
mod transmit;
mod upgrade;

use std::{
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

pub use self::io::{Event, Input, PostFault, Transmit, WebSocketFault};
use self::{
    deadline::deadline,
    heartbeat::Heartbeat,
    outbox::Outbox,
    poll::Poll,
    state::{Answer, Drain, Grace, Link, Release, State},
    upgrade::Candidate,
};
use super::{
    CloseReason, EngineConfig, Packet, SendError, Transport, TransportFault, handshake::open_packet,
};
use crate::{Prepared, Sid, queue::Queue};

/// One Engine.IO session, from its handshake over an upgrade to its close.
///
/// Its methods are of four kinds. *Inputs* ([`handle_input`](Self::handle_input),
/// [`handle_timeout`](Self::handle_timeout)) tell it what happened and when. *Commands*
/// ([`send`](Self::send), [`close`](Self::close), ...) tell it what the application wants.
/// *Outputs* ([`poll_transmit`](Self::poll_transmit), [`poll_event`](Self::poll_event),
/// [`poll_timeout`](Self::poll_timeout)) are to be drained after every call of the former
/// two; only frames may be left when the WebSocket's writer is full, and they count in the
/// bound of the queue. *Queries* change nothing.
///
/// For the handshake over polling the driver opens the session, lets the application send
/// what it likes, and then tells of the GET with [`Input::PollOpened`]: its answer is the
/// open packet and all of that.
///
/// ```
/// use std::{sync::Arc, time::Instant};
///
/// use sockeye_protocol::{
///     Prepared, Sid,
///     engine::{EngineConfig, Event, Input, Session, Transmit, Transport},
/// };
///
/// let (sid, now) = (Sid::from_random([0; 15]), Instant::now());
/// let config = Arc::new(EngineConfig::default());
/// let mut session = Session::open(sid, Transport::WebSocket, false, config, now);
/// assert!(matches!(session.poll_transmit(), Some(Transmit::Frame(_))));
///
/// session.handle_input(Input::WebSocketMessage("4ping".into()), now)?;
/// assert_eq!(session.poll_event(), Some(Event::Message("ping".into())));
///
/// session.send(&Prepared::text("pong"))?;
/// let frame = Transmit::Frame((&b"\x81\x054pong"[..]).into());
/// assert_eq!(session.poll_transmit(), Some(frame));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Session {
    config: Arc<EngineConfig>,
    state: State,
    outbox: Outbox,
    events: Queue<Event>,
    /// The last time that an input told.
    seen: Instant,
    sid: Sid,
    /// A POST is being read.
    posting: bool,
    /// The answer of a GET that waits no longer.
    answer: Option<Answer>,
    /// The close of a WebSocket that is the session's no longer.
    release: Option<Release>,
}

/// Commands and queries.
impl Session {
    /// Opens a session and queues its open packet, and the initial packet behind it.
    ///
    /// `text_only` is for a client on WebSocket that can't take binary frames (the `b64`
    /// query parameter); polling is text in any case.
    #[must_use]
    pub fn open(
        sid: Sid,
        transport: Transport,
        text_only: bool,
        config: Arc<EngineConfig>,
        now: Instant,
    ) -> Self {
        let link = match transport {
            Transport::Polling => Link::Polling {
                poll: Poll::Absent,
                candidate: None,
            },
            Transport::WebSocket => Link::WebSocket { text_only },
        };
        let mut outbox = Outbox::default();
        outbox.push_text(open_packet(sid, transport, &config));
        if let Some(packet) = config.initial_packet() {
            // An empty queue takes anything.
            let _ = outbox.push(packet.clone(), &config);
        }
        Self {
            state: State::Open {
                link,
                heartbeat: Heartbeat::start(now, &config),
            },
            outbox,
            events: Queue::default(),
            seen: now,
            sid,
            posting: false,
            answer: None,
            release: None,
            config,
        }
    }

    /// Returns the session's identifier.
    #[must_use]
    pub fn sid(&self) -> Sid {
        self.sid
    }

    /// Returns the transport in use, or last in use if the session is closed.
    #[must_use]
    pub fn transport(&self) -> Transport {
        match &self.state {
            State::Open { link, .. } => link.transport(),
            State::Closing { drain, .. } => drain.transport(),
            State::Closed { last } => *last,
        }
    }

    /// Returns whether messages go in and out.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// Returns whether the session is closed and all outputs are drained.
    ///
    /// The driver may then drop it and forget its identifier; no input does anything more.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(self.state, State::Closed { .. })
            && self.outbox.is_empty()
            && self.answer.is_none()
            && self.release.is_none()
            && self.events.is_empty()
    }

    /// Returns whether the driver may send at once: over polling a GET waits, over WebSocket
    /// nothing else is queued.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        match &self.state {
            State::Open { link, .. } => match link {
                Link::Polling { poll, .. } => poll.is_present(),
                Link::WebSocket { .. } => self.outbox.is_empty(),
            },
            State::Closing { .. } | State::Closed { .. } => false,
        }
    }

    /// Returns the bytes of queued messages, as WebSocket frames.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.outbox.bytes()
    }

    /// Returns how many packets of the application are queued.
    #[must_use]
    pub fn queued_packets(&self) -> usize {
        self.outbox.packets()
    }

    /// Queues messages, which stay together on the wire.
    ///
    /// A value that alone exceeds the bounds of the queue is accepted while nothing else of
    /// the application is queued.
    ///
    /// # Errors
    ///
    /// The queue is full, or the session is not open.
    pub fn send(&mut self, packet: &Prepared) -> Result<(), SendError> {
        self.send_owned(packet.clone()).map_err(|(error, _)| error)
    }

    /// Like [`send`](Self::send), for messages that go to nobody else: with one owner, nothing has
    /// to count who uses them.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); gives the messages back.
    pub fn send_owned(&mut self, packet: Prepared) -> Result<(), (SendError, Prepared)> {
        if self.is_open() {
            self.outbox.push(packet, &self.config)
        } else {
            Err((SendError::Closed, packet))
        }
    }

    /// Sends messages if that is possible [at once](Self::is_writable), and returns whether.
    pub fn send_volatile(&mut self, packet: &Prepared) -> bool {
        self.is_writable() && self.send(packet).is_ok()
    }

    /// Closes the session; what is queued still goes out, for at most the close grace.
    ///
    /// [`Event::Closed`] comes at once. Nothing happens if the session is not open.
    pub fn close(&mut self, reason: CloseReason) {
        let State::Open { link, .. } = &mut self.state else {
            return;
        };
        let drain = match link {
            Link::Polling { poll, candidate } => {
                if poll.is_present() && self.outbox.is_empty() {
                    return self.end(reason, Answer::Close, None);
                }
                let probing = candidate.as_ref().is_some_and(Candidate::is_probing);
                let mut candidate = candidate.take();
                if candidate.is_some() && (!probing || self.outbox.is_empty()) {
                    // Its client still polls, or there is nothing to deliver.
                    candidate = None;
                    self.release = Some(Release { code: None });
                }
                Drain::Polling {
                    waiting: poll.is_present(),
                    candidate,
                }
            }
            Link::WebSocket { text_only } => Drain::WebSocket {
                text_only: *text_only,
            },
        };
        self.state = State::Closing {
            drain,
            grace: Grace::Unarmed(self.seen),
        };
        self.events.push_back(Event::Closed(reason));
    }

    /// Gives a session that is being closed no longer than this to deliver what is queued, however
    /// long the close grace is.
    pub fn hurry(&mut self, within: Duration, now: Instant) {
        self.observe(now);
        if let State::Closing { grace, .. } = &mut self.state {
            *grace = Grace::Until(grace.deadline().min(deadline(now, within)));
        }
    }

    /// Closes the session and discards what is queued; a waiting GET is answered with a
    /// `close` packet.
    ///
    /// This ends a graceful close, too, whose reason stays.
    pub fn abort(&mut self, reason: CloseReason) {
        self.end(reason, Answer::Close, None);
    }

    /// Stops the time in which a ping must be answered.
    ///
    /// For a driver that stops reading for a while: it could not see the pong. Pings go on, and one that
    /// is not taken in time closes the session all the same.
    pub fn suspend_heartbeat(&mut self, now: Instant) {
        if let State::Open { heartbeat, .. } = &mut self.state {
            heartbeat.suspend(now, &self.config);
        }
    }

    /// Lets the time go on that [`suspend_heartbeat`](Self::suspend_heartbeat) stopped.
    pub fn resume_heartbeat(&mut self, now: Instant) {
        if let State::Open { heartbeat, .. } = &mut self.state {
            heartbeat.resume(now);
        }
    }
}

/// Transitions.
impl Session {
    fn observe(&mut self, now: Instant) {
        self.seen = self.seen.max(now);
        if let State::Closing { grace, .. } = &mut self.state
            && let Grace::Unarmed(_) = grace
        {
            *grace = Grace::Until(deadline(now, self.config.close_grace()));
        }
    }

    fn handle_packet(&mut self, packet: Packet, now: Instant) {
        match packet {
            Packet::Message(message) => self.events.push_back(Event::Message(message)),
            Packet::Pong(_) => self.handle_pong(now),
            Packet::Ping(_) => self.fail(TransportFault::BadHeartbeatDirection),
            Packet::Close => self.end(CloseReason::TransportClose, Answer::Noop, None),
            Packet::Open(_) | Packet::Upgrade | Packet::Noop => {}
        }
    }

    fn handle_pong(&mut self, now: Instant) {
        // What comes before the ping went out is no answer to it.
        if let State::Open { heartbeat, .. } = &mut self.state
            && !self.outbox.has_ping()
        {
            heartbeat.handle_pong(now, &self.config);
        }
    }

    fn upgrade(&mut self, now: Instant) {
        let State::Open { link, heartbeat } = &mut self.state else {
            return;
        };
        let Link::Polling { poll, candidate } = link else {
            return;
        };
        let Some(mut candidate) = candidate.take() else {
            return;
        };
        if poll.take() {
            self.answer = Some(Answer::Noop);
        }
        if candidate.take_reply() {
            self.outbox.push_text_first(Bytes::from_static(PROBE_REPLY));
        }
        heartbeat.handle_upgrade(now, &self.config);
        *link = Link::WebSocket {
            text_only: candidate.text_only(),
        };
        self.events.push_back(Event::Upgraded);
    }

    fn drop_candidate(&mut self, code: Option<u16>) {
        let dropped = match &mut self.state {
            State::Open {
                link: Link::Polling { poll, candidate },
                ..
            } => {
                let dropped = candidate.take().is_some();
                if dropped {
                    poll.handle_candidate_dropped();
                }
                dropped
            }
            State::Closing {
                drain: Drain::Polling { candidate, .. },
                ..
            } => candidate.take().is_some(),
            _ => false,
        };
        if dropped {
            self.release = Some(Release { code });
        }
    }

    /// Moves what is left of a closing session to the WebSocket that its client has changed to.
    fn upgrade_closing(&mut self) {
        let State::Closing { drain, .. } = &mut self.state else {
            return;
        };
        let Drain::Polling { waiting, candidate } = drain else {
            return;
        };
        let Some(mut candidate) = candidate.take() else {
            return;
        };
        if mem::take(waiting) {
            self.answer = Some(Answer::Noop);
        }
        if candidate.take_reply() {
            self.outbox.push_text_first(Bytes::from_static(PROBE_REPLY));
        }
        *drain = Drain::WebSocket {
            text_only: candidate.text_only(),
        };
    }

    fn fail(&mut self, fault: TransportFault) {
        self.end(CloseReason::TransportError(fault), Answer::Close, None);
    }

    /// Closes the session now, and tells why unless that was told already. A waiting GET
    /// gets `answer`, the WebSocket a close frame with `code`.
    fn end(&mut self, reason: CloseReason, answer: Answer, code: Option<u16>) {
        if self.is_open() {
            self.events.push_back(Event::Closed(reason));
        }
        self.finish(answer, code);
    }

    /// Closes the session, whose closing is already told.
    fn finish(&mut self, answer: Answer, code: Option<u16>) {
        let last = self.transport();
        let (waiting, released) = match mem::replace(&mut self.state, State::Closed { last }) {
            State::Open { link, .. } => match link {
                Link::Polling { poll, candidate } => (poll.is_present(), candidate.is_some()),
                Link::WebSocket { .. } => (false, true),
            },
            State::Closing { drain, .. } => match drain {
                Drain::Polling { waiting, candidate } => (waiting, candidate.is_some()),
                Drain::WebSocket { .. } => (false, true),
            },
            State::Closed { .. } => return,
        };
        if waiting {
            self.answer = Some(answer);
        }
        if released {
            self.release = Some(Release { code });
        }
        self.outbox.discard();
    }
}

const PROBE_REPLY: &[u8] = b"3probe";

#[cfg(test)]
mod tests;
