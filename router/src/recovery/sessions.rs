use std::{
    collections::{BTreeSet, HashMap},
    time::{Duration, Instant},
};

use sockeye_protocol::Sid;

/// The sessions of one namespace by their keys: those of connected sockets, and those that were
/// broken off and may come back.
///
/// Pure. What it forgets it hands back, as dropping it may run code of the application.
#[derive(Debug)]
pub(crate) struct Sessions<S> {
    places: HashMap<Sid, Place<S>>,
    /// The saved ones, the longest broken first.
    order: BTreeSet<(Instant, Sid)>,
    /// Those of them that are large.
    large: BTreeSet<(Instant, Sid)>,
    bytes: usize,
    max_saved: usize,
    max_bytes: usize,
    duration: Duration,
}

#[derive(Debug)]
enum Place<S> {
    Live(Sid),
    Saved {
        broken_at: Instant,
        bytes: usize,
        session: S,
    },
}

/// What came of asking for a session.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Claim<S> {
    /// It is the asker's now: nobody else gets it.
    Granted {
        session: S,
        broken_at: Instant,
    },
    /// Its socket, which has this id, is still connected.
    Live(Sid),
    Expired(S),
    Unknown,
}

impl<S> Sessions<S> {
    pub(crate) fn new(max_saved: usize, max_bytes: usize, duration: Duration) -> Self {
        Self {
            places: HashMap::new(),
            order: BTreeSet::new(),
            large: BTreeSet::new(),
            bytes: 0,
            max_saved,
            max_bytes,
            duration,
        }
    }

    /// Notes that the session's socket is connected.
    pub(crate) fn connected(&mut self, key: Sid, socket: Sid) {
        self.places.insert(key, Place::Live(socket));
    }

    /// Ends a session for good.
    pub(crate) fn end(&mut self, key: Sid) -> Option<S> {
        let (_, session) = self.take(key)?;
        Some(session)
    }

    /// Keeps a session that was broken off, in place of the longest broken where there are too many,
    /// or too many bytes of them: then of those that are large, as long as there are any.
    pub(crate) fn save(
        &mut self,
        key: Sid,
        session: S,
        bytes: usize,
        broken_at: Instant,
        gone: &mut Vec<S>,
    ) {
        gone.extend(self.end(key));
        if bytes > self.max_bytes {
            return gone.push(session);
        }
        let saved = Place::Saved {
            broken_at,
            bytes,
            session,
        };
        self.places.insert(key, saved);
        self.order.insert((broken_at, key));
        if self.is_large(bytes) {
            self.large.insert((broken_at, key));
        }
        self.bytes = self.bytes.saturating_add(bytes);
        while self.order.len() > self.max_saved {
            self.forget_oldest(gone);
        }
        while self.bytes > self.max_bytes {
            match self.large.first().copied() {
                Some((_, key)) => gone.extend(self.end(key)),
                None => self.forget_oldest(gone),
            }
        }
    }

    /// Returns how many sessions are saved, and their bytes.
    pub(crate) fn saved(&self) -> (usize, usize) {
        (self.order.len(), self.bytes)
    }

    /// Asks for a session, which is then the asker's alone.
    pub(crate) fn claim(&mut self, key: Sid, now: Instant) -> Claim<S> {
        match self.places.get(&key) {
            None => return Claim::Unknown,
            Some(Place::Live(socket)) => return Claim::Live(*socket),
            Some(Place::Saved { .. }) => {}
        }
        let Some((broken_at, session)) = self.take(key) else {
            return Claim::Unknown;
        };
        if self.is_over(broken_at, now) {
            return Claim::Expired(session);
        }
        Claim::Granted { session, broken_at }
    }

    /// Forgets the sessions whose time is over.
    pub(crate) fn trim(&mut self, now: Instant, gone: &mut Vec<S>) {
        while let Some((broken_at, _)) = self.order.first() {
            if !self.is_over(*broken_at, now) {
                return;
            }
            self.forget_oldest(gone);
        }
    }

    /// Returns when the next session's time is over.
    pub(crate) fn next_end(&self) -> Option<Instant> {
        let (broken_at, _) = self.order.first()?;
        broken_at.checked_add(self.duration)
    }

    /// Takes a session off, and returns it if it was a saved one.
    fn take(&mut self, key: Sid) -> Option<(Instant, S)> {
        match self.places.remove(&key)? {
            Place::Live(_) => None,
            Place::Saved {
                broken_at,
                bytes,
                session,
            } => {
                self.order.remove(&(broken_at, key));
                self.large.remove(&(broken_at, key));
                self.bytes = self.bytes.saturating_sub(bytes);
                Some((broken_at, session))
            }
        }
    }

    /// Whether so few of this size would fill the bound that they go before all others.
    fn is_large(&self, bytes: usize) -> bool {
        bytes > self.max_bytes / LARGE
    }

    fn forget_oldest(&mut self, gone: &mut Vec<S>) {
        if let Some((_, key)) = self.order.first().copied() {
            gone.extend(self.end(key));
        }
    }

    fn is_over(&self, broken_at: Instant, now: Instant) -> bool {
        now.saturating_duration_since(broken_at) > self.duration
    }
}

/// What part of the bound a session has to take to be a large one.
const LARGE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_BYTES: usize = 10_240;

    fn key(number: u8) -> Sid {
        Sid::from_random([number; 15])
    }

    fn sessions(max_saved: usize) -> Sessions<&'static str> {
        Sessions::new(max_saved, MAX_BYTES, Duration::from_secs(10))
    }

    #[test]
    fn a_session_is_granted_once() {
        let now = Instant::now();
        let mut sessions = sessions(5);
        sessions.connected(key(1), key(101));
        assert_eq!(sessions.claim(key(1), now), Claim::Live(key(101)));
        sessions.save(key(1), "a", 1, now, &mut Vec::new());

        let last_moment = now + Duration::from_secs(10);
        let first = sessions.claim(key(1), last_moment);
        let second = sessions.claim(key(1), last_moment);

        let granted = Claim::Granted {
            session: "a",
            broken_at: now,
        };
        assert_eq!(first, granted);
        assert_eq!(second, Claim::Unknown);
    }

    #[test]
    fn a_session_that_is_over_is_not_granted() {
        let now = Instant::now();
        let mut sessions = sessions(5);
        sessions.save(key(1), "a", 1, now, &mut Vec::new());
        sessions.save(key(2), "b", 1, now, &mut Vec::new());
        let late = now + Duration::from_millis(10_001);

        let claim = sessions.claim(key(1), late);
        let mut gone = Vec::new();
        sessions.trim(late, &mut gone);

        assert_eq!(claim, Claim::Expired("a"));
        assert_eq!(gone, ["b"]);
        assert_eq!(sessions.claim(key(2), late), Claim::Unknown);
        assert_eq!(sessions.next_end(), None);
    }

    #[test]
    fn the_longest_broken_makes_room() {
        let now = Instant::now();
        let mut sessions = sessions(2);
        let mut gone = Vec::new();

        sessions.save(key(1), "a", 1, now + Duration::from_secs(1), &mut gone);
        sessions.save(key(2), "b", 1, now, &mut gone);
        sessions.save(key(3), "c", 1, now + Duration::from_secs(2), &mut gone);

        assert_eq!(gone, ["b"]);
        assert_eq!(sessions.order.len(), 2);
    }

    #[test]
    fn too_many_bytes_are_made_room_for_by_the_longest_broken_large_one_then_by_any() {
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let mut sessions = sessions(5000);
        let mut gone = Vec::new();

        sessions.save(key(1), "small", 10, at(0), &mut gone);
        sessions.save(key(2), "large", 6_000, at(2), &mut gone);
        sessions.save(key(3), "older", 4_000, at(1), &mut gone);
        assert_eq!(sessions.saved(), (3, 10_010));
        sessions.save(key(4), "newer", 2_000, at(3), &mut gone);
        assert_eq!(gone, ["older"]);
        sessions.save(key(5), "larger than all", 10_241, at(4), &mut gone);
        assert_eq!(gone, ["older", "larger than all"]);

        sessions.end(key(2));
        sessions.claim(key(4), at(4));
        assert_eq!(sessions.saved(), (1, 10));
        for number in 0..1_024_u16 {
            let [high, low] = number.to_be_bytes();
            let mut random = [low; 15];
            random[0] = high;
            random[1] = 9;
            let key = Sid::from_random(random);
            sessions.save(key, "as small", 10, at(5), &mut gone);
        }
        assert_eq!(gone, ["older", "larger than all", "small"]);
        assert_eq!(sessions.saved(), (1_024, 10_240));
    }

    #[test]
    fn an_ended_session_is_unknown() {
        let now = Instant::now();
        let mut sessions = sessions(2);
        sessions.connected(key(1), key(101));
        sessions.save(key(2), "b", 1, now, &mut Vec::new());

        assert_eq!(sessions.end(key(1)), None);
        assert_eq!(sessions.end(key(2)), Some("b"));

        assert_eq!(sessions.claim(key(1), now), Claim::Unknown);
        assert_eq!(sessions.claim(key(2), now), Claim::Unknown);
        assert_eq!(sessions.next_end(), None);
    }
}
