use std::{
    mem,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    Input, PostFault, Session, WebSocketFault,
    deadline::deadline,
    heartbeat::Beat,
    outbox::Outbox,
    poll::Poll,
    state::{Answer, Drain, Link, State},
    upgrade::{Candidate, Step},
};
use crate::{
    Message,
    engine::{CloseReason, InputError, Packet, Payload, PayloadError, Transport, TransportFault},
};

/// Inputs.
impl Session {
    /// Handles what came from the network.
    ///
    /// After the session is closed, everything is ignored or refused without effect.
    ///
    /// # Errors
    ///
    /// The answer to the request or WebSocket that the input tells of. A GET that was
    /// accepted is answered by [`Transmit::PollResponse`](super::Transmit::PollResponse), a POST by `ok`.
    pub fn handle_input(&mut self, input: Input, now: Instant) -> Result<(), InputError> {
        self.observe(now);
        match input {
            Input::PollOpened => self.open_poll(now),
            Input::PollAborted => {
                self.abort_poll();
                Ok(())
            }
            Input::PostStarted => self.start_post(),
            Input::PostReceived(body) => self.receive_post(body, now),
            Input::PostRejected(fault) => self.reject_post(fault),
            Input::WebSocketOpened { text_only } => self.open_websocket(text_only, now),
            Input::WebSocketMessage(message) => {
                self.receive_message(message, now);
                Ok(())
            }
            Input::WebSocketClosed(fault) => {
                self.lose_websocket(fault);
                Ok(())
            }
        }
    }

    /// Handles the passing of time; to be called when [`poll_timeout`](Self::poll_timeout)
    /// is over. Calling it early or late does no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.observe(now);
        match &mut self.state {
            State::Open { link, heartbeat } => {
                let taken = !self.outbox.has_ping();
                let beat = heartbeat.handle_timeout(now, taken, &self.config);
                if let Link::Polling { poll, candidate } = link {
                    if candidate.as_ref().is_some_and(|it| it.deadline() <= now) {
                        self.drop_candidate(None);
                    } else {
                        poll.handle_timeout(now);
                    }
                }
                match beat {
                    Some(Beat::Ping) => self.outbox.push_ping(),
                    Some(Beat::Dead) => self.end(CloseReason::PingTimeout, Answer::Close, None),
                    None => {}
                }
            }
            State::Closing { drain, grace } => {
                let late = matches!(
                    drain,
                    Drain::Polling { candidate: Some(candidate), .. } if candidate.deadline() <= now
                );
                if grace.deadline() <= now {
                    self.finish(Answer::Close, None);
                } else if late {
                    self.drop_candidate(None);
                }
            }
            State::Closed { .. } => {}
        }
    }

    fn open_poll(&mut self, now: Instant) -> Result<(), InputError> {
        let settled = self.answer.is_none();
        match &mut self.state {
            State::Open { link, .. } => match link {
                Link::Polling { poll, candidate } if settled && !poll.is_present() => {
                    let probing = candidate.as_ref().is_some_and(Candidate::is_probing);
                    *poll = if probing {
                        Poll::WaitingUntil(deadline(now, NOOP_INTERVAL))
                    } else {
                        Poll::Waiting
                    };
                    return Ok(());
                }
                Link::Polling { .. } => {}
                Link::WebSocket { .. } => return Err(InputError::TransportMismatch),
            },
            State::Closing { drain, .. } => match drain {
                Drain::Polling { waiting, .. } if settled && !*waiting => {
                    *waiting = true;
                    if self.outbox.is_empty() {
                        self.finish(Answer::NoopAndClose, None);
                    }
                    return Ok(());
                }
                Drain::Polling { .. } => {}
                Drain::WebSocket { .. } => return Err(InputError::TransportMismatch),
            },
            State::Closed { .. } => return Err(InputError::Closed),
        }
        self.fail(TransportFault::OverlappingPoll);
        Err(InputError::OverlappingPoll)
    }

    fn abort_poll(&mut self) {
        let waited = match &mut self.state {
            State::Open { link, .. } => match link {
                Link::Polling { poll, .. } => poll.take(),
                Link::WebSocket { .. } => false,
            },
            State::Closing { drain, .. } => match drain {
                Drain::Polling { waiting, .. } => mem::take(waiting),
                Drain::WebSocket { .. } => false,
            },
            State::Closed { .. } => false,
        };
        self.answer = None;
        if waited {
            self.fail(TransportFault::PrematureClose);
        }
    }

    fn start_post(&mut self) -> Result<(), InputError> {
        match &self.state {
            State::Open { link, .. } => {
                if link.transport() == Transport::WebSocket {
                    return Err(InputError::TransportMismatch);
                }
                if mem::replace(&mut self.posting, true) {
                    self.fail(TransportFault::OverlappingPost);
                    return Err(InputError::OverlappingPost);
                }
                Ok(())
            }
            State::Closing { drain, .. } => match drain.transport() {
                Transport::Polling => Ok(()),
                Transport::WebSocket => Err(InputError::TransportMismatch),
            },
            State::Closed { .. } => Err(InputError::Closed),
        }
    }

    fn receive_post(&mut self, body: Bytes, now: Instant) -> Result<(), InputError> {
        let started = mem::take(&mut self.posting);
        let State::Open { link, .. } = &self.state else {
            return Ok(());
        };
        if !started && link.transport() == Transport::WebSocket {
            return Err(InputError::TransportMismatch);
        }
        if body.len() > self.config.max_payload() {
            return Err(InputError::PayloadTooBig);
        }
        let payload = match Payload::parse(body, self.config.max_payload_packets()) {
            Ok(payload) => payload,
            Err(PayloadError::TooManyPackets) => {
                self.fail(TransportFault::TooManyPackets);
                return Err(InputError::TooManyPackets);
            }
            Err(PayloadError::InvalidUtf8) => {
                self.end(CloseReason::ParseError, Answer::Close, None);
                return Ok(());
            }
        };
        let before = self.events.len();
        for packet in payload {
            let Ok(packet) = packet else {
                self.events.truncate(before);
                self.end(CloseReason::ParseError, Answer::Close, None);
                break;
            };
            self.handle_packet(packet, now);
            if !self.is_open() {
                break;
            }
        }
        Ok(())
    }

    fn reject_post(&mut self, fault: PostFault) -> Result<(), InputError> {
        let started = mem::take(&mut self.posting);
        let (fault, answer) = match fault {
            // It was refused, and its client didn't wait to hear so.
            PostFault::Aborted if !started => return Ok(()),
            PostFault::PayloadTooBig => return Err(InputError::PayloadTooBig),
            PostFault::InvalidContent => (
                TransportFault::InvalidContent,
                Err(InputError::InvalidContent),
            ),
            PostFault::Timeout => (TransportFault::BodyTimeout, Err(InputError::BodyTimeout)),
            PostFault::Aborted => (TransportFault::PrematureClose, Ok(())),
        };
        if self.is_open() {
            self.fail(fault);
        }
        answer
    }

    fn open_websocket(&mut self, text_only: bool, now: Instant) -> Result<(), InputError> {
        match &mut self.state {
            State::Open {
                link: Link::Polling { candidate, .. },
                ..
            } if candidate.is_none() && self.release.is_none() => {
                *candidate = Some(Candidate::open(text_only, now, &self.config));
                Ok(())
            }
            _ => Err(InputError::WebSocketRefused),
        }
    }

    fn receive_message(&mut self, message: Message, now: Instant) {
        let link = match &mut self.state {
            State::Open { link, .. } => link,
            State::Closing { .. } => return self.receive_closing(&message),
            State::Closed { .. } => return,
        };
        match link {
            Link::WebSocket { .. } => {
                let packet = match message {
                    Message::Text(text) => Packet::decode(&text),
                    binary @ Message::Binary(_) => Ok(Packet::Message(binary)),
                };
                match packet {
                    Ok(packet) => self.handle_packet(packet, now),
                    Err(_) => self.end(CloseReason::ParseError, Answer::Close, None),
                }
            }
            Link::Polling { poll, candidate } => {
                match candidate.as_mut().map(|it| it.handle_message(&message)) {
                    Some(Step::Probe) => poll.handle_probe(),
                    Some(Step::Upgrade) => self.upgrade(now),
                    Some(Step::Drop) => self.drop_candidate(None),
                    None => {}
                }
            }
        }
    }

    /// A closing session listens only to a candidate, which may still become its transport.
    fn receive_closing(&mut self, message: &Message) {
        let State::Closing {
            drain: Drain::Polling { candidate, .. },
            ..
        } = &mut self.state
        else {
            return;
        };
        match candidate.as_mut().map(|it| it.handle_message(message)) {
            Some(Step::Upgrade) => self.upgrade_closing(),
            Some(Step::Drop) => self.drop_candidate(None),
            Some(Step::Probe) | None => {}
        }
    }

    fn lose_websocket(&mut self, fault: Option<WebSocketFault>) {
        let code = fault.and_then(WebSocketFault::close_code);
        match &self.state {
            State::Open { link, .. } => match link {
                Link::WebSocket { .. } => {
                    let reason = match fault {
                        Some(fault) => CloseReason::TransportError(fault.transport_fault()),
                        None => CloseReason::TransportClose,
                    };
                    self.outbox = Outbox::default();
                    self.end(reason, Answer::Close, code);
                }
                Link::Polling { .. } => self.drop_candidate(code),
            },
            State::Closing { drain, .. } => {
                if drain.transport() == Transport::WebSocket {
                    self.outbox = Outbox::default();
                    self.finish(Answer::Close, code);
                } else {
                    self.drop_candidate(code);
                }
            }
            // Nobody reads the rest of a group any more.
            State::Closed { .. } => self.outbox = Outbox::default(),
        }
    }
}

/// While a client upgrades, its GETs are answered this often so that it can stop polling.
const NOOP_INTERVAL: Duration = Duration::from_millis(100);
