//! What a client asks to join or to leave, read without holding anything else that it sends.

use std::{collections::HashSet, fmt};

use serde::{
    Deserializer as _,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::{Deserializer, value::RawValue};

use super::rules::MAX_NAME;
use crate::{RoomName, json_members, json_text};

/// The rooms, each once, in the order in which they are named.
pub(super) type Rooms = Vec<RoomName>;

/// Why there are no rooms.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NoRooms {
    /// The argument names none, or something in its list can't be a room's name.
    NotNamed,
    /// The list has more entries than there may be.
    TooMany,
}

/// Reads a room, `{room}` or `{rooms}`, the last with at most so many entries.
pub(super) fn wanted_rooms(argument: &str, most: usize) -> Result<Rooms, NoRooms> {
    if let Some(room) = name(argument) {
        return Ok(vec![room]);
    }
    let [room, rooms] = json_members(argument, ["room", "rooms"]).ok_or(NoRooms::NotNamed)?;
    if let Some(room) = room.and_then(name) {
        return Ok(vec![room]);
    }
    let mut list = Deserializer::from_str(rooms.ok_or(NoRooms::NotNamed)?);
    let rooms = list.deserialize_seq(List { most });
    rooms.unwrap_or(Err(NoRooms::NotNamed))
}

struct List {
    most: usize,
}

impl<'de> Visitor<'de> for List {
    type Value = Result<Rooms, NoRooms>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let (mut rooms, mut seen) = (Rooms::new(), HashSet::new());
        let mut are_names = true;
        for _ in 0..self.most {
            let Some(entry) = list.next_element::<&RawValue>()? else {
                break;
            };
            let room = name(entry.get());
            are_names &= room.is_some();
            rooms.extend(room.filter(|room| seen.insert(room.clone())));
        }
        let mut is_more = false;
        while list.next_element::<IgnoredAny>()?.is_some() {
            is_more = true;
        }
        Ok(match (is_more, are_names && !rooms.is_empty()) {
            (true, _) => Err(NoRooms::TooMany),
            (false, false) => Err(NoRooms::NotNamed),
            (false, true) => Ok(rooms),
        })
    }
}

/// Reads a text that is short enough for a room's name.
fn name(json: &str) -> Option<RoomName> {
    if json.len() > LONGEST_ESCAPED {
        return None;
    }
    let room = json_text(json)?;
    (room.len() <= MAX_NAME).then(|| room.into())
}

/// How long a name is when each of its bytes is escaped.
const LONGEST_ESCAPED: usize = MAX_NAME * r"\u0000".len() + r#""""#.len();

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms(names: &[&str]) -> Result<Rooms, NoRooms> {
        Ok(names.iter().map(|&name| name.into()).collect())
    }

    #[test]
    fn rooms_are_named_in_three_forms() {
        for (argument, expected) in [
            (r#""a""#, rooms(&["a"])),
            (r#"{"room":"a"}"#, rooms(&["a"])),
            (r#"{"rooms":["a","b","a"]}"#, rooms(&["a", "b"])),
            (r#"{"room":"a","rooms":["b"]}"#, rooms(&["a"])),
            (r#"{"room":5,"rooms":["b"]}"#, rooms(&["b"])),
            (r#"{"room":"a","room":"b"}"#, rooms(&["b"])),
            (r#"{"rooms":["a"],"x":[1e999,"\ud800"]}"#, rooms(&["a"])),
            (r#"{"rooms":["\u0061"]}"#, rooms(&["a"])),
        ] {
            assert_eq!(wanted_rooms(argument, 3), expected, "{argument}");
        }
    }

    #[test]
    fn nothing_else_names_rooms() {
        let long = format!("{:?}", "r".repeat(MAX_NAME + 1));
        let one_is_long = format!(r#"{{"rooms":["a",{long}]}}"#);
        for argument in [
            "5",
            "null",
            "[\"a\"]",
            "{}",
            r#"{"room":null}"#,
            r#"{"rooms":[]}"#,
            r#"{"rooms":[1]}"#,
            r#"{"rooms":["a",null]}"#,
            r#"{"rooms":{"0":"a"}}"#,
            &long,
            &one_is_long,
        ] {
            assert_eq!(
                wanted_rooms(argument, 3),
                Err(NoRooms::NotNamed),
                "{argument}"
            );
        }
    }

    #[test]
    fn entries_count_whether_they_repeat_or_not() {
        let list = |count: usize| format!(r#"{{"rooms":[{}"a"]}}"#, r#""a","#.repeat(count - 1));

        assert_eq!(wanted_rooms(&list(1024), 1024), rooms(&["a"]));
        assert_eq!(wanted_rooms(&list(1025), 1024), Err(NoRooms::TooMany));
        assert_eq!(wanted_rooms(&list(2), 1), Err(NoRooms::TooMany));
    }

    #[test]
    fn a_megabyte_takes_no_more_memory_than_the_rooms_that_there_may_be() {
        let tiny = r#"{"":0},"#.repeat(140_000);
        let long = format!("{:?},", "r".repeat(MAX_NAME)).repeat(3700);
        let distinct: String = (0..150_000).map(|n| format!("\"{n}\",")).collect();
        for argument in [
            format!("[{tiny}0]"),
            format!(r#"{{"x":[{tiny}0],"room":[{tiny}0]}}"#),
            format!(r#"{{"rooms":[{tiny}0]}}"#),
            format!(r#"{{"rooms":[{long}0]}}"#),
            format!(r#"{{"rooms":[{distinct}"a"]}}"#),
            format!("{:?}", "r".repeat(1_000_000)),
        ] {
            let used = allocation_counter::measure(|| {
                assert!(wanted_rooms(&argument, 1024).is_err());
            });

            assert!(used.bytes_max < 200_000, "{:.40}: {used:?}", argument);
        }
    }
}
