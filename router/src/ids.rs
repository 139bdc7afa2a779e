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
