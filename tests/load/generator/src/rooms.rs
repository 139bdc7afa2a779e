//! Which connection is in which rooms.

/// Rooms of equal size, with every connection in the same number of them.
#[derive(Debug)]
pub(crate) struct Rooms {
    names: Vec<String>,
    /// Rooms of each connection.
    each: usize,
    members: usize,
    joined: usize,
    turn: usize,
}

impl Rooms {
    /// Puts `connections` in `each` rooms of `members`.
    ///
    /// # Errors
    ///
    /// Says so when these numbers make no whole rooms of distinct members.
    pub(crate) fn new(connections: usize, each: usize, members: usize) -> Result<Self, String> {
        let places = connections * each;
        let fits = members > 0 && places.is_multiple_of(members) && members <= connections;
        if !fits || places == 0 {
            return Err(format!(
                "{connections} connections in {each} rooms each make no rooms of {members}"
            ));
        }
        let count = places / members;
        Ok(Self {
            names: (0..count).map(|room| format!("room-{room}")).collect(),
            each,
            members,
            joined: 0,
            turn: 0,
        })
    }

    pub(crate) fn members(&self) -> usize {
        self.members
    }

    /// Returns the packet by which a connection joins its rooms, which is acked.
    pub(crate) fn join(&self, id: usize) -> Vec<u8> {
        let rooms = (0..self.each).map(|room| {
            let room = (id * self.each + room) % self.names.len();
            format!("\"{}\"", self.names[room])
        });
        let rooms: Vec<_> = rooms.collect();
        format!("420[\"join\",[{}]]", rooms.join(",")).into_bytes()
    }

    pub(crate) fn is_joined(message: &[u8]) -> bool {
        message.starts_with(b"430[")
    }

    pub(crate) fn note_joined(&mut self) {
        self.joined += 1;
    }

    pub(crate) fn joined(&self) -> usize {
        self.joined
    }

    /// Returns the rooms in turn.
    pub(crate) fn next(&mut self) -> &str {
        self.turn = (self.turn + 1) % self.names.len();
        &self.names[self.turn]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_room_has_its_members() {
        for (connections, each, members) in [(20, 1, 20), (30, 5, 10), (12, 4, 3)] {
            let rooms = Rooms::new(connections, each, members).unwrap();

            let mut sizes = BTreeMap::new();
            for id in 0..connections {
                let packet = rooms.join(id);
                let args: (String, Vec<String>) = serde_json::from_slice(&packet[3..]).unwrap();
                let mut names = args.1;
                names.sort();
                names.dedup();
                assert_eq!(names.len(), each, "of {id}");
                for name in names {
                    *sizes.entry(name).or_insert(0) += 1;
                }
            }
            assert_eq!(sizes.len(), connections * each / members);
            assert!(sizes.values().all(|&size| size == members));
        }
    }

    #[test]
    fn rooms_that_do_not_fill_are_refused() {
        assert!(Rooms::new(10, 1, 3).is_err());
        assert!(Rooms::new(10, 2, 20).is_err());
    }
}
