use std::cell::RefCell;

use sockeye_protocol::Sid;

/// Returns an id that nobody can guess: of a session, which is a secret, or of a socket, which must
/// not be guessed as it is a room.
///
/// Its bytes are the operating system's random numbers, fetched for several ids at once.
///
/// # Panics
///
/// If the operating system has none.
#[must_use]
pub fn new_sid() -> Sid {
    let mut random = [0; Sid::RANDOM_LEN];
    SUPPLY.with_borrow_mut(|supply| supply.draw(&mut random));
    Sid::from_random(random)
}

/// Returns an id for a socket: one of [`new_sid`]'s that has the form of [`is_socket_id`].
pub(crate) fn new_socket_id() -> Sid {
    loop {
        let id = new_sid();
        if is_socket_id(id.as_str()) {
            return id;
        }
    }
}

/// Returns whether a text has the form of a socket's id: twenty characters of URL-safe base64, among them a
/// capital, a small letter and a digit.
///
/// The id of every socket has it, and hardly a name that somebody has given to a room, though all
/// may be of twenty such characters. So a room that clients choose can be kept from being a
/// socket's own, of which the socket may be away and come back.
///
/// ```
/// use sockeye_router::is_socket_id;
///
/// assert!(is_socket_id("5dTj9Fz-l2fZ_w1HAAAB"));
/// assert!(!is_socket_id("general-discussion-1"));
/// ```
#[must_use]
pub fn is_socket_id(text: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| text.as_bytes().iter().any(kind);
    text.parse::<Sid>().is_ok()
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
}

struct Supply {
    bytes: [u8; Sid::RANDOM_LEN * FETCHED],
    left: usize,
}

impl Supply {
    fn draw(&mut self, random: &mut [u8; Sid::RANDOM_LEN]) {
        if self.left == 0 {
            getrandom::fill(&mut self.bytes).expect("the operating system has a random generator");
            self.left = FETCHED;
        }
        self.left -= 1;
        let drawn = &mut self.bytes[self.left * Sid::RANDOM_LEN..][..Sid::RANDOM_LEN];
        random.copy_from_slice(drawn);
        // What has become a secret is nowhere else.
        drawn.fill(0);
    }
}

thread_local! {
    static SUPPLY: RefCell<Supply> = const {
        RefCell::new(Supply {
            bytes: [0; Sid::RANDOM_LEN * FETCHED],
            left: 0,
        })
    };
}

/// For how many ids random bytes are fetched at once.
const FETCHED: usize = 32;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_differ_over_several_fetches() {
        let ids: HashSet<Sid> = (0..10 * FETCHED).map(|_| new_sid()).collect();

        assert_eq!(ids.len(), 10 * FETCHED);
    }

    #[test]
    fn ids_of_sockets_are_told_from_names() {
        assert!((0..10_000).all(|_| is_socket_id(new_socket_id().as_str())));
        for name in [
            "general-discussion-1",
            "GENERAL-DISCUSSION-1",
            "General-Discussion-x",
            "AAAAAAAAAAAAAAAAAAAA",
            "General-Discussion 1",
            "General-Discussion-12",
            "",
        ] {
            assert!(!is_socket_id(name), "{name}");
        }
    }

    #[test]
    fn what_was_drawn_is_kept_nowhere() {
        let mut supply = Supply {
            bytes: [0; Sid::RANDOM_LEN * FETCHED],
            left: 0,
        };
        let mut random = [0; Sid::RANDOM_LEN];

        (0..FETCHED).for_each(|_| supply.draw(&mut random));

        assert!(random.iter().any(|byte| *byte != 0));
        assert!(supply.bytes.iter().all(|byte| *byte == 0));
    }
}
