//! Messages that are answered: echo, ack and binary echo.

use std::collections::VecDeque;

use crate::{
    connection::Connection, frame, pace::Pace, payload, pool::Pool, scenario::Scenario,
    tally::Tally,
};

/// How a message is answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Echo,
    Ack,
    Binary,
}

/// Keeps `window` messages under way on each connection, or sends at a rate.
#[derive(Debug)]
pub(crate) struct Requests {
    pub(crate) tally: Tally,
    kind: Kind,
    window: usize,
    pace: Option<Pace>,
    /// The encoded message; of an ack, what follows its id.
    message: Vec<u8>,
    expected: Vec<u8>,
    attachment: Vec<u8>,
    scratch: Vec<u8>,
    is_over: bool,
}

/// What one connection waits for.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    /// When each was sent, oldest first, or [`ANSWERED`].
    sent: VecDeque<u64>,
    next_id: u64,
    /// The text of a binary event has come, its attachment has not.
    awaits_attachment: bool,
}

impl Requests {
    pub(crate) fn new(kind: Kind, size: usize, window: usize) -> Self {
        let text = payload::text(size);
        let (mut message, mut attachment) = (Vec::new(), Vec::new());
        let expected = match kind {
            Kind::Echo => {
                let expected = format!("42[\"echo\",{text}]").into_bytes();
                frame::encode(&mut message, frame::TEXT, &expected);
                expected
            }
            Kind::Ack => {
                message = format!("[\"ack\",{text}]").into_bytes();
                format!("[{text}]").into_bytes()
            }
            Kind::Binary => {
                attachment = payload::bytes(size);
                let expected = b"451-[\"echo\",{\"_placeholder\":true,\"num\":0}]".to_vec();
                frame::encode(&mut message, frame::TEXT, &expected);
                frame::encode(&mut message, frame::BINARY, &attachment);
                expected
            }
        };
        Self {
            tally: Tally::default(),
            kind,
            window,
            pace: None,
            message,
            expected,
            attachment,
            scratch: Vec::new(),
            is_over: false,
        }
    }

    /// Sends at a rate from now on, whatever is answered.
    pub(crate) fn set_rate(&mut self, per_second: f64, now: u64) {
        self.pace = Some(Pace::new(per_second, now));
    }

    /// Fills the window of every connection.
    pub(crate) fn fill(&mut self, pool: &mut Pool<InFlight>) {
        let now = pool.now();
        for id in 0..pool.len() {
            pool.with(id, |connection| {
                for _ in 0..self.window {
                    self.send(connection, now);
                }
            });
        }
    }

    /// Sends nothing any more.
    pub(crate) fn end(&mut self) {
        self.is_over = true;
    }

    pub(crate) fn unanswered(pool: &Pool<InFlight>) -> u64 {
        pool.states().map(|state| state.sent.len() as u64).sum()
    }

    #[inline]
    fn send(&mut self, connection: &mut Connection<InFlight>, now: u64) {
        if self.is_over {
            return;
        }
        connection.state.sent.push_back(now);
        if self.kind != Kind::Ack {
            return connection.send_frames(&self.message);
        }
        self.scratch.clear();
        self.scratch.extend_from_slice(b"42");
        payload::push_number(&mut self.scratch, connection.state.next_id);
        self.scratch.extend_from_slice(&self.message);
        connection.state.next_id += 1;
        connection.send_text(&self.scratch);
    }

    #[inline]
    fn answered(&mut self, connection: &mut Connection<InFlight>, now: u64) {
        let Some(sent) = connection.state.sent.pop_front() else {
            return self.tally.miss(b"an answer that nobody asked for");
        };
        self.hit(connection, sent, now);
    }

    /// Acks may come in any order: a server may run its handlers as tasks of their own.
    #[inline]
    fn acked(&mut self, connection: &mut Connection<InFlight>, id: u64, now: u64) {
        let InFlight { sent, next_id, .. } = &mut connection.state;
        let oldest = *next_id - sent.len() as u64;
        let index = id.checked_sub(oldest).map(|index| index as usize);
        let entry = index.and_then(|index| sent.get_mut(index));
        let Some(entry) = entry.filter(|entry| **entry != ANSWERED) else {
            return self.tally.miss(b"an ack for an id that is not in flight");
        };
        let at = std::mem::replace(entry, ANSWERED);
        while sent.front() == Some(&ANSWERED) {
            sent.pop_front();
        }
        self.hit(connection, at, now);
    }

    #[inline]
    fn hit(&mut self, connection: &mut Connection<InFlight>, sent: u64, now: u64) {
        self.tally.hit(sent, now);
        if self.pace.is_none() {
            self.send(connection, now);
        }
    }
}

impl Scenario for Requests {
    type State = InFlight;

    #[inline]
    fn text(&mut self, connection: &mut Connection<InFlight>, message: &[u8], now: u64) {
        match self.kind {
            Kind::Echo if message == self.expected => self.answered(connection, now),
            Kind::Ack => match message.strip_prefix(b"43").and_then(payload::take_number) {
                Some((id, rest)) if rest == self.expected => self.acked(connection, id, now),
                _ => self.tally.miss(message),
            },
            Kind::Binary
                if message.starts_with(b"451-[\"echo\",")
                    && !connection.state.awaits_attachment =>
            {
                connection.state.awaits_attachment = true;
            }
            _ => self.tally.miss(message),
        }
    }

    fn binary(&mut self, connection: &mut Connection<InFlight>, message: &[u8], now: u64) {
        let awaited = std::mem::take(&mut connection.state.awaits_attachment);
        match awaited && message == self.attachment {
            true => self.answered(connection, now),
            false => self.tally.miss(b"an attachment that nobody waits for"),
        }
    }

    fn tick(&mut self, pool: &mut Pool<InFlight>, now: u64) {
        let Some(mut pace) = self.pace.take() else {
            return;
        };
        while let Some((id, since)) = pace.due(now, pool.len()) {
            pool.with(id, |connection| self.send(connection, since));
        }
        self.pace = Some(pace);
    }

    fn next_at(&self) -> Option<u64> {
        self.pace.as_ref().map(Pace::next_at)
    }
}

/// Instead of a time of sending.
const ANSWERED: u64 = u64::MAX;
