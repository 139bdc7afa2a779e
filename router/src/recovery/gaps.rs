use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
};

use sockeye_protocol::Sid;

use super::history::History;
use crate::{Selector, auth::AUTHENTICATED_ROOM};

/// Where the log has lost entries in its middle, and for whom these were: who may have been one of
/// them can't be recovered, and everybody else can.
///
/// Pure. It errs on the safe side: of each room it knows only the first and the last entry that is
/// missing, and takes whatever is between them for missing, too.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    hasher: RandomState,
    /// By a hash of the room's name, as names are long and gaps should take next to nothing. Two
    /// rooms with the same are taken for one, which is safe.
    by_room: HashMap<u64, Gap>,
    /// How many there may be before those are dropped that the log doesn't reach back to.
    sweep_at: usize,
}

#[derive(Clone, Copy, Debug)]
struct Gap {
    first: u64,
    last: u64,
    /// The socket that all of it was sent by, and so was for others only.
    sender: Option<Sid>,
}

#[derive(Hash)]
enum Place<'a> {
    Everyone,
    Room(&'a str),
}

impl Gaps {
    /// Notes that an entry for one socket is missing.
    pub(crate) fn add_for_socket(&mut self, number: u64, id: &Sid, first: u64) {
        self.add_at(number, &Place::Room(id.as_str()), None);
        self.sweep(first);
    }

    /// Notes that a broadcast is missing; `first` is the oldest entry that there still is.
    pub(crate) fn add(&mut self, number: u64, selector: &Selector, first: u64) {
        if selector.rooms.is_empty() {
            let place = match selector.authenticated {
                true => Place::Room(AUTHENTICATED_ROOM),
                false => Place::Everyone,
            };
            self.add_at(number, &place, selector.sender);
        }
        for room in &selector.rooms {
            self.add_at(number, &Place::Room(room), selector.sender);
        }
        self.sweep(first);
    }

    /// Returns whether an entry after `after` may be missing that was for this session.
    pub(crate) fn concern(&self, id: &Sid, history: &History, after: u64) -> bool {
        if self.by_room.is_empty() {
            return false;
        }
        let is_missing = |place: Place<'_>, from: u64, to: u64| {
            let gap = self.by_room.get(&self.hasher.hash_one(place));
            gap.is_some_and(|gap| {
                gap.last > after.max(from) && gap.first <= to && gap.sender != Some(*id)
            })
        };
        let began = history.began();
        is_missing(Place::Everyone, began, u64::MAX)
            || is_missing(Place::Room(id.as_str()), began, u64::MAX)
            || history.any_stay(|room, from, to| is_missing(Place::Room(room), from, to))
    }

    fn add_at(&mut self, number: u64, place: &Place<'_>, sender: Option<Sid>) {
        let new = Gap {
            first: number,
            last: number,
            sender,
        };
        let key = self.hasher.hash_one(place);
        self.by_room
            .entry(key)
            .and_modify(|gap| gap.extend(&new))
            .or_insert(new);
    }

    /// Drops what the log doesn't reach back to any more, now and then.
    fn sweep(&mut self, first: u64) {
        let sweep_at = self.sweep_at.clamp(SMALLEST_SWEEP, MAX_ROOMS);
        if self.by_room.len() <= sweep_at {
            return;
        }
        self.by_room.retain(|_, gap| gap.last >= first);
        // Each sweep has to make room for many.
        if self.by_room.len() > MAX_ROOMS / 4 * 3 {
            let mut all = Gap {
                first: u64::MAX,
                last: 0,
                sender: None,
            };
            self.by_room.values().for_each(|gap| all.extend(gap));
            self.by_room = HashMap::from([(self.hasher.hash_one(Place::Everyone), all)]);
        }
        self.by_room.shrink_to(2 * self.by_room.len());
        self.sweep_at = 2 * self.by_room.len();
    }
}

impl Gap {
    fn extend(&mut self, other: &Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        if self.sender != other.sender {
            self.sender = None;
        }
    }
}

/// Fewer than this aren't worth a look.
const SMALLEST_SWEEP: usize = 256;

/// With about as many rooms as this, everyone may have missed something.
const MAX_ROOMS: usize = 65_536;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(number: u8) -> Sid {
        Sid::from_random([number; 15])
    }

    fn to(rooms: &[&str]) -> Selector {
        Selector::rooms(rooms.iter().copied())
    }

    fn in_room(room: &str, from: u64) -> History {
        let mut history = History::new(0);
        history.connected(0);
        history.joined(room.into(), from);
        history
    }

    #[test]
    fn a_gap_concerns_those_who_were_there_and_have_not_received_it() {
        let mut gaps = Gaps::default();
        gaps.add(10, &to(&["a"]), 1);
        gaps.add(20, &to(&["a"]), 1);

        let concern = |room, from, after| gaps.concern(&id(1), &in_room(room, from), after);
        assert!(concern("a", 0, 0));
        assert!(concern("a", 19, 0));
        assert!(concern("a", 0, 19));
        assert!(!concern("a", 20, 0));
        assert!(!concern("a", 0, 20));
        assert!(!concern("b", 0, 0));
        let mut left = in_room("a", 0);
        left.left(&"a".into(), 9, 1);
        assert!(!gaps.concern(&id(1), &left, 0));
    }

    #[test]
    fn senders_and_those_who_are_meant_otherwise_are_told_apart() {
        let mut gaps = Gaps::default();
        let mut sent = to(&["a"]);
        sent.sender = Some(id(1));
        gaps.add(10, &sent, 1);
        let history = in_room("a", 0);
        assert!(!gaps.concern(&id(1), &history, 0));
        assert!(gaps.concern(&id(2), &history, 0));

        gaps.add(11, &to(&["a"]), 1);
        gaps.add_for_socket(12, &id(3), 1);
        assert!(gaps.concern(&id(1), &history, 0));
        assert!(gaps.concern(&id(3), &in_room("b", 0), 0));
        assert!(!gaps.concern(&id(4), &in_room("b", 0), 0));

        let mut authenticated = to(&[]);
        authenticated.authenticated = true;
        gaps.add(13, &authenticated, 1);
        assert!(gaps.concern(&id(4), &in_room(AUTHENTICATED_ROOM, 0), 0));
        assert!(!gaps.concern(&id(4), &in_room("b", 0), 0));
        gaps.add(14, &to(&[]), 1);
        assert!(gaps.concern(&id(4), &in_room("b", 0), 0));
    }

    #[test]
    fn gaps_are_dropped_behind_the_log_and_bounded() {
        let mut gaps = Gaps::default();
        for number in 1..=10_000 {
            gaps.add(number, &to(&[&number.to_string()]), number);
        }
        assert!(gaps.by_room.len() <= 2 * SMALLEST_SWEEP);

        for number in 0..3 * MAX_ROOMS as u64 {
            gaps.add(number, &to(&[&number.to_string()]), 0);
            assert!(gaps.by_room.len() <= MAX_ROOMS);
        }
        assert!(gaps.concern(&id(4), &in_room("b", 0), 0));
    }

    proptest! {
        #[test]
        fn nobody_is_recovered_who_has_missed_something(
            steps in prop::collection::vec((0..3_usize, 0..3_usize), 1..60),
            after in 0..60_u64,
        ) {
            let rooms = ["a", "b", "c"];
            let mut history = History::new(0);
            history.connected(0);
            let mut gaps = Gaps::default();
            let mut inside = [false; 3];
            let mut head = 0;
            let mut missed = false;

            for (step, room) in steps {
                match step {
                    0 if inside[room] => history.left(&rooms[room].into(), head, 1),
                    0 => history.joined(rooms[room].into(), head),
                    _ => {
                        head += 1;
                        if step == 1 {
                            gaps.add(head, &to(&[rooms[room]]), 1);
                            missed |= inside[room] && head > after;
                        }
                        continue;
                    }
                }
                inside[room] = !inside[room];
            }

            if missed {
                prop_assert!(gaps.concern(&id(1), &history, after));
            }
        }
    }
}
