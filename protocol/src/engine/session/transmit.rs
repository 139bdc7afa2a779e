use std::time::Instant;

use bytes::Bytes;

use super::{
    Event, Session, Transmit,
    poll::Poll,
    state::{Answer, Drain, Link, Release, State},
    upgrade::Candidate,
};

/// Outputs.
impl Session {
    /// Returns the next thing to write.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        if let Some(answer) = self.answer.take() {
            return Some(answer.transmit());
        }
        match &mut self.state {
            State::Open { link, .. } => match link {
                Link::Polling { poll, candidate } => {
                    if poll.is_present() && !self.outbox.is_empty() {
                        *poll = Poll::Absent;
                        return Some(self.take_payload());
                    }
                    if *poll == Poll::NoopDue {
                        *poll = Poll::Absent;
                        return Some(Answer::Noop.transmit());
                    }
                    if candidate.as_mut().is_some_and(Candidate::take_reply) {
                        return Some(Transmit::Frame(Bytes::from_static(PROBE_FRAME)));
                    }
                }
                Link::WebSocket { text_only } => {
                    return self.outbox.take_frame(*text_only).map(Transmit::Frame);
                }
            },
            State::Closing { drain, .. } => match drain {
                Drain::Polling { waiting, candidate } => {
                    if *waiting && !self.outbox.is_empty() {
                        *waiting = false;
                        return Some(self.take_payload());
                    }
                    if candidate.as_mut().is_some_and(Candidate::take_reply) {
                        return Some(Transmit::Frame(Bytes::from_static(PROBE_FRAME)));
                    }
                }
                Drain::WebSocket { text_only } => {
                    if let Some(frame) = self.outbox.take_frame(*text_only) {
                        return Some(Transmit::Frame(frame));
                    }
                    self.finish(Answer::Close, None);
                }
            },
            State::Closed { .. } => {
                if let Some(frame) = self.outbox.take_begun() {
                    return Some(Transmit::Frame(frame));
                }
            }
        }
        let Release { code } = self.release.take()?;
        Some(Transmit::WebSocketClose(code))
    }

    fn take_payload(&mut self) -> Transmit {
        let (body, compressible) = self.outbox.take_payload();
        Transmit::PollResponse { body, compressible }
    }

    /// Returns the next thing that the application should know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout) next.
    ///
    /// It changes with every input and command. Right after a `close` it is in the past,
    /// which asks for a call at once.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Open { link, heartbeat } => {
                let (poll, candidate) = match link {
                    Link::Polling { poll, candidate } => {
                        (poll.deadline(), candidate.as_ref().map(Candidate::deadline))
                    }
                    Link::WebSocket { .. } => (None, None),
                };
                [heartbeat.next(), poll, candidate]
                    .into_iter()
                    .flatten()
                    .min()
            }
            State::Closing { drain, grace } => {
                let candidate = match drain {
                    Drain::Polling { candidate, .. } => candidate.as_ref(),
                    Drain::WebSocket { .. } => None,
                };
                let upgrade = candidate.map(Candidate::deadline);
                [Some(grace.deadline()), upgrade]
                    .into_iter()
                    .flatten()
                    .min()
            }
            State::Closed { .. } => None,
        }
    }
}

const PROBE_FRAME: &[u8] = b"\x81\x063probe";
