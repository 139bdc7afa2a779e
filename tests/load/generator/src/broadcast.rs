//! Broadcasts: to one room that everybody is in, or to many rooms in turn.

use crate::{
    connection::Connection,
    pace::Pace,
    payload::{self, TIME_LENGTH},
    pool::Pool,
    rooms::Rooms,
    scenario::{After, Scenario},
    tally::Tally,
};

/// Keeps `window` broadcasts under way in all, or publishes at a rate.
#[derive(Debug)]
pub(crate) struct Broadcast {
    pub(crate) tally: Tally,
    rooms: Option<Rooms>,
    /// How many are in the room, or in each.
    members: u64,
    publishers: usize,
    window: u64,
    pace: Option<Pace>,
    /// The JSON string that is broadcast, whose first characters are the time.
    argument: Vec<u8>,
    expected_length: usize,
    scratch: Vec<u8>,
    turn: usize,
    published: u64,
    delivered: u64,
    is_publishing: bool,
}

impl Broadcast {
    pub(crate) fn new(size: usize, members: usize, publishers: usize, window: usize) -> Self {
        let argument = payload::text(size.max(TIME_LENGTH)).into_bytes();
        Self {
            tally: Tally::default(),
            rooms: None,
            members: members as u64,
            publishers,
            window: window as u64,
            pace: None,
            expected_length: DELIVERY.len() + argument.len(),
            argument,
            scratch: Vec::new(),
            turn: 0,
            published: 0,
            delivered: 0,
            is_publishing: false,
        }
    }

    /// Publishes to many rooms, which the connections join as they are let in.
    pub(crate) fn in_rooms(self, rooms: Rooms) -> Self {
        Self {
            members: rooms.members() as u64,
            rooms: Some(rooms),
            ..self
        }
    }

    /// Returns whether every connection is where it will hear of broadcasts.
    pub(crate) fn has_joined(&self, connections: usize) -> bool {
        let rooms = self.rooms.as_ref();
        rooms.is_none_or(|rooms| rooms.joined() == connections)
    }

    pub(crate) fn begin(&mut self, rate: Option<f64>, now: u64) {
        self.pace = rate.map(|rate| Pace::new(rate, now));
        self.is_publishing = true;
    }

    /// Publishes nothing any more.
    pub(crate) fn end(&mut self) {
        self.is_publishing = false;
        self.pace = None;
    }

    pub(crate) fn undelivered(&self) -> u64 {
        (self.published * self.members).saturating_sub(self.delivered)
    }

    fn publish(&mut self, pool: &mut Pool<()>, id: usize, now: u64) {
        payload::write_time(&mut self.argument[1..], now);
        self.scratch.clear();
        match &mut self.rooms {
            None => self.scratch.extend_from_slice(b"42[\"bcast\","),
            Some(rooms) => {
                self.scratch.extend_from_slice(b"42[\"bcast-to\",\"");
                self.scratch.extend_from_slice(rooms.next().as_bytes());
                self.scratch.extend_from_slice(b"\",");
            }
        }
        self.scratch.extend_from_slice(&self.argument);
        self.scratch.push(b']');
        self.published += 1;
        pool.with(id, |connection| connection.send_text(&self.scratch));
    }
}

impl Scenario for Broadcast {
    type State = ();

    fn ready(&mut self, connection: &mut Connection<()>, id: usize, _: u64) -> After {
        if let Some(rooms) = &self.rooms {
            connection.send_text(&rooms.join(id));
        }
        After::Keep
    }

    #[inline]
    fn text(&mut self, _: &mut Connection<()>, message: &[u8], now: u64) {
        if message.len() == self.expected_length && message.starts_with(DELIVERY) {
            self.delivered += 1;
            let sent = payload::read_time(&message[DELIVERY.len()..]);
            return self.tally.hit(sent, now);
        }
        match &mut self.rooms {
            Some(rooms) if Rooms::is_joined(message) => rooms.note_joined(),
            _ => self.tally.miss(message),
        }
    }

    fn tick(&mut self, pool: &mut Pool<()>, now: u64) {
        if !self.is_publishing {
            return;
        }
        if let Some(mut pace) = self.pace.take() {
            while let Some((id, since)) = pace.due(now, self.publishers) {
                self.publish(pool, id, since);
            }
            self.pace = Some(pace);
            return;
        }
        while self.undelivered() <= (self.window - 1) * self.members {
            self.turn = (self.turn + 1) % self.publishers;
            self.publish(pool, self.turn, now);
        }
    }

    fn next_at(&self) -> Option<u64> {
        self.pace.as_ref().map(Pace::next_at)
    }
}

/// How a delivery starts; the rest is the argument without its opening quote.
const DELIVERY: &[u8] = b"42[\"bcast\",\"";
