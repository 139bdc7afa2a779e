use std::collections::{HashMap, VecDeque};

/// How much of the log is taken by what each sender has had sent.
///
/// Pure: a sender is a number, and an entry is its number in the log.
#[derive(Debug, Default)]
pub(crate) struct Shares {
    by_sender: HashMap<u64, Share>,
}

#[derive(Debug, Default)]
struct Share {
    /// Numbers and sizes, in order.
    entries: VecDeque<(u64, usize)>,
    bytes: usize,
}

impl Shares {
    /// Notes a sender's newest entry.
    pub(crate) fn add(&mut self, sender: u64, number: u64, bytes: usize) {
        let share = self.by_sender.entry(sender).or_default();
        share.entries.push_back((number, bytes));
        share.bytes = share.bytes.saturating_add(bytes);
    }

    /// Takes a sender's oldest entry out where all of its entries have more bytes than these.
    pub(crate) fn take_excess(&mut self, sender: u64, max_bytes: usize) -> Option<u64> {
        let share = self.by_sender.get_mut(&sender)?;
        if share.bytes <= max_bytes {
            return None;
        }
        let (number, bytes) = share.entries.pop_front()?;
        share.bytes = share.bytes.saturating_sub(bytes);
        if share.entries.is_empty() {
            self.by_sender.remove(&sender);
        }
        Some(number)
    }

    /// Notes that an entry is no longer in the log.
    pub(crate) fn forget(&mut self, sender: u64, number: u64) {
        let Some(share) = self.by_sender.get_mut(&sender) else {
            return;
        };
        let found = share
            .entries
            .binary_search_by_key(&number, |(number, _)| *number);
        if let Some((_, bytes)) = found.ok().and_then(|at| share.entries.remove(at)) {
            share.bytes = share.bytes.saturating_sub(bytes);
        }
        if share.entries.is_empty() {
            self.by_sender.remove(&sender);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_who_has_too_much_is_taken_out() {
        let mut shares = Shares::default();
        shares.add(1, 1, 40);
        shares.add(2, 2, 100);
        shares.add(1, 3, 40);
        shares.add(1, 4, 40);

        assert_eq!(shares.take_excess(2, 100), None);
        assert_eq!(shares.take_excess(1, 100), Some(1));
        assert_eq!(shares.take_excess(1, 100), None);
        assert_eq!(shares.take_excess(1, 0), Some(3));
        assert_eq!(shares.take_excess(1, 0), Some(4));
        assert_eq!(shares.take_excess(1, 0), None);
    }

    #[test]
    fn what_has_left_the_log_counts_no_more_and_leaves_nothing() {
        let mut shares = Shares::default();
        shares.add(1, 1, 40);
        shares.add(1, 2, 40);
        shares.add(1, 3, 40);

        shares.forget(1, 2);
        shares.forget(1, 2);
        shares.forget(2, 1);
        assert_eq!(shares.take_excess(1, 80), None);
        shares.forget(1, 1);
        shares.forget(1, 3);

        assert!(shares.by_sender.is_empty());
    }
}
