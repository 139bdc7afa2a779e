//! Connections that do nothing, but for joining a room and sending a few echoes at first.

use crate::{
    connection::Connection,
    payload,
    scenario::{After, Scenario},
    tally::Tally,
};

/// Lets connections settle and then rest.
#[derive(Debug)]
pub(crate) struct Idle {
    pub(crate) tally: Tally,
    /// Members of the room that each joins, if it joins one.
    room_of: Option<usize>,
    echoes: usize,
    echo: Vec<u8>,
    awaited: usize,
}

impl Idle {
    pub(crate) fn new(room_of: Option<usize>, echoes: usize, size: usize) -> Self {
        Self {
            tally: Tally::default(),
            room_of,
            echoes,
            echo: format!("42[\"echo\",{}]", payload::text(size)).into_bytes(),
            awaited: 0,
        }
    }

    /// Returns whether all rest.
    pub(crate) fn is_settled(&self) -> bool {
        self.awaited == 0
    }
}

impl Scenario for Idle {
    type State = ();

    fn ready(&mut self, connection: &mut Connection<()>, id: usize, _: u64) -> After {
        if let Some(members) = self.room_of {
            let room = id / members;
            connection.send_text(format!("420[\"join\",[\"room-{room}\"]]").as_bytes());
            self.awaited += 1;
        }
        for _ in 0..self.echoes {
            connection.send_text(&self.echo);
            self.awaited += 1;
        }
        After::Keep
    }

    fn text(&mut self, _: &mut Connection<()>, message: &[u8], _: u64) {
        if message.starts_with(b"430[") || message == self.echo {
            self.awaited = self.awaited.saturating_sub(1);
        } else {
            self.tally.miss(message);
        }
    }
}
