use std::collections::{HashMap, VecDeque};

use sockeye_protocol::Sid;

use super::session::NAME_COST;
use crate::{Selector, auth::AUTHENTICATED_ROOM, selector::RoomName};

/// Between which entries of the log a socket was in which rooms: who an entry was for is judged by
/// the rooms of its time, so that one to a room that the socket has left since is not lost.
///
/// Pure. A number stands for the moment right after the entry of that number.
#[derive(Debug)]
pub(crate) struct History {
    opened: u64,
    connected: Option<u64>,
    /// Since when the socket is in the rooms where it is.
    stays: HashMap<RoomName, u64>,
    past: VecDeque<PastStay>,
    /// Up to which entry something of the past is forgotten.
    forgotten: u64,
}

#[derive(Debug)]
struct PastStay {
    room: RoomName,
    from: u64,
    to: u64,
}

impl History {
    pub(crate) fn new(head: u64) -> Self {
        Self {
            opened: head,
            connected: None,
            stays: HashMap::new(),
            past: VecDeque::new(),
            forgotten: 0,
        }
    }

    pub(crate) fn connected(&mut self, head: u64) {
        self.connected = Some(head);
    }

    pub(crate) fn joined(&mut self, room: RoomName, head: u64) {
        self.stays.insert(room, head);
    }

    /// Notes that the socket has left a room; `first` is the oldest entry that there still is.
    pub(crate) fn left(&mut self, room: &RoomName, head: u64, first: u64) {
        let Some(from) = self.stays.remove(room) else {
            return;
        };
        self.past.retain(|stay| stay.to >= first);
        if from < head {
            self.past.push_back(PastStay {
                room: room.clone(),
                from,
                to: head,
            });
        }
        if self.past.len() > MAX_PAST
            && let Some(oldest) = self.past.pop_front()
        {
            self.forgotten = self.forgotten.max(oldest.to);
        }
    }

    /// Returns about how many bytes it keeps, but the names of the rooms that the socket is in.
    pub(crate) fn bytes(&self) -> usize {
        let stays = self.stays.capacity() * (size_of::<(RoomName, u64)>() + 8);
        let past = self.past.capacity() * size_of::<PastStay>();
        let names = self.past.iter().map(|stay| stay.room.len() + NAME_COST);
        stays + past + names.sum::<usize>()
    }

    /// Returns where the session began.
    pub(crate) fn began(&self) -> u64 {
        self.opened
    }

    /// Returns whether it is known of every entry after `number` who it was for.
    pub(crate) fn covers(&self, number: u64) -> bool {
        number >= self.forgotten
    }

    /// Returns whether an entry to the socket itself concerns this session.
    pub(crate) fn includes(&self, number: u64) -> bool {
        number > self.opened
    }

    /// Returns whether a broadcast was, or would have been, for the socket.
    pub(crate) fn selects(&self, id: &Sid, number: u64, selector: &Selector) -> bool {
        if self.connected.is_none_or(|connected| number <= connected)
            || selector.sender == Some(*id)
        {
            return false;
        }
        let was_in = |room: &RoomName| self.was_in(id, room, number);
        (!selector.authenticated || self.was_in(id, AUTHENTICATED_ROOM, number))
            && (selector.rooms.is_empty() || selector.rooms.iter().any(was_in))
            && !selector.except.iter().any(was_in)
    }

    /// Calls `is` with the rooms that are known of, each with the entries between which the socket
    /// was there, until it returns true.
    pub(crate) fn any_stay(&self, mut is: impl FnMut(&str, u64, u64) -> bool) -> bool {
        self.stays
            .iter()
            .any(|(room, from)| is(room, *from, u64::MAX))
            || self.past.iter().any(|it| is(&it.room, it.from, it.to))
    }

    fn was_in(&self, id: &Sid, room: &str, number: u64) -> bool {
        if room == id.as_str() || self.stays.get(room).is_some_and(|from| *from < number) {
            return true;
        }
        let past = |stay: &PastStay| stay.from < number && number <= stay.to && *stay.room == *room;
        self.past.iter().any(past)
    }
}

/// How many stays that are over are remembered for one socket.
const MAX_PAST: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id() -> Sid {
        Sid::from_random([1; 15])
    }

    fn to(rooms: &[&str]) -> Selector {
        Selector::rooms(rooms.iter().copied())
    }

    #[test]
    fn nothing_is_for_a_socket_before_it_is_connected() {
        let mut history = History::new(3);
        history.joined("a".into(), 4);
        assert!(!history.selects(&id(), 5, &to(&["a"])));

        history.connected(6);

        assert!(!history.selects(&id(), 6, &to(&["a"])));
        assert!(history.selects(&id(), 7, &to(&["a"])));
        assert!(history.selects(&id(), 7, &to(&[])));
        assert!(history.selects(&id(), 7, &to(&[id().as_str()])));
        assert!(history.includes(4));
        assert!(!history.includes(3));
    }

    #[test]
    fn exceptions_senders_and_strangers_are_left_out() {
        let mut history = History::new(0);
        history.connected(0);
        history.joined("a".into(), 0);
        let selector = |change: fn(&mut Selector)| {
            let mut selector = to(&[]);
            change(&mut selector);
            selector
        };

        let except = selector(|s| s.except.push("a".into()));
        let sender = selector(|s| s.sender = Some(id()));
        let authenticated = selector(|s| s.authenticated = true);

        assert!(!history.selects(&id(), 1, &except));
        assert!(!history.selects(&id(), 1, &sender));
        assert!(!history.selects(&id(), 1, &authenticated));
        history.joined(AUTHENTICATED_ROOM.into(), 1);
        assert!(history.selects(&id(), 2, &authenticated));
    }

    #[test]
    fn more_than_can_be_remembered_is_said_to_be_forgotten() {
        let mut history = History::new(0);
        history.connected(0);

        for number in 0..=MAX_PAST as u64 {
            history.joined("a".into(), number * 2);
            history.left(&"a".into(), number * 2 + 1, 1);
        }

        assert!(!history.covers(0));
        assert!(history.covers(1));
    }

    proptest! {
        #[test]
        fn agrees_with_the_rooms_of_the_time(
            steps in prop::collection::vec(0..4_usize, 1..80),
            target in 0..2_usize,
        ) {
            let rooms: [RoomName; 2] = ["a".into(), "b".into()];
            let mut history = History::new(0);
            history.connected(0);
            let mut inside = [false, false];
            let mut expected = vec![];
            let mut head = 0;

            for step in steps {
                if step < 2 {
                    inside[step] = !inside[step];
                    if inside[step] {
                        history.joined(rooms[step].clone(), head);
                    } else {
                        history.left(&rooms[step], head, 1);
                    }
                } else {
                    head += 1;
                    expected.push((head, inside[target]));
                }
            }

            let selector = to(&[&rooms[target]]);
            for (number, was_in) in expected {
                prop_assert_eq!(history.selects(&id(), number, &selector), was_in);
            }
        }
    }
}
