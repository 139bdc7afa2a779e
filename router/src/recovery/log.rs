use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// What was sent lately, in order: numbered without gaps from 1, and forgotten from the front.
///
/// Pure: it knows neither sockets nor threads. What it forgets it hands back, as dropping it may
/// run code of the application, which must not happen under a lock.
#[derive(Debug)]
pub(crate) struct Log<T> {
    entries: VecDeque<Kept<T>>,
    /// The number of the last entry; 0 before the first.
    head: u64,
    bytes: usize,
    max_bytes: usize,
    keep: Duration,
}

#[derive(Debug)]
struct Kept<T> {
    at: Instant,
    bytes: usize,
    /// None where it was taken out again.
    entry: Option<T>,
}

/// The log has forgotten something that was asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Forgotten;

impl<T> Log<T> {
    pub(crate) fn new(max_bytes: usize, keep: Duration) -> Self {
        Self {
            entries: VecDeque::new(),
            head: 0,
            bytes: 0,
            max_bytes,
            keep,
        }
    }

    /// Returns the number of the last entry.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// Returns how many bytes there are.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the number of the first entry that is not forgotten.
    pub(crate) fn first(&self) -> u64 {
        self.head + 1 - self.entries.len() as u64
    }

    /// Appends an entry, which has the number after [`head`](Self::head). The caller then
    /// [trims](Self::trim) the log, which forgets at once what is larger than it may be.
    pub(crate) fn append(&mut self, entry: T, bytes: usize, now: Instant) {
        self.head += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.entries.push_back(Kept {
            at: now,
            bytes,
            entry: Some(entry),
        });
    }

    /// Forgets what is too old, and the oldest of what is too much.
    pub(crate) fn trim(&mut self, now: Instant, gone: &mut Vec<T>) {
        while let Some(oldest) = self.entries.front() {
            let old = now.saturating_duration_since(oldest.at) > self.keep;
            if !old && self.bytes <= self.max_bytes {
                return;
            }
            if let Some(oldest) = self.entries.pop_front() {
                self.bytes = self.bytes.saturating_sub(oldest.bytes);
                gone.extend(oldest.entry);
            }
        }
        // A burst's room is given back.
        self.entries = VecDeque::new();
        self.bytes = 0;
    }

    /// Iterates over the entries after a number, oldest first.
    ///
    /// # Errors
    ///
    /// When one of them is forgotten.
    pub(crate) fn after(&self, number: u64) -> Result<impl Iterator<Item = &T>, Forgotten> {
        if number.saturating_add(1) < self.first() {
            return Err(Forgotten);
        }
        let skip = usize::try_from(number + 1 - self.first()).unwrap_or(usize::MAX);
        Ok(self
            .entries
            .iter()
            .skip(skip)
            .filter_map(|kept| kept.entry.as_ref()))
    }

    /// Takes an entry out, whose number stays used.
    pub(crate) fn remove(&mut self, number: u64) -> Option<T> {
        let at = usize::try_from(number.checked_sub(self.first())?).ok()?;
        let kept = self.entries.get_mut(at)?;
        let entry = kept.entry.take()?;
        self.bytes = self.bytes.saturating_sub(kept.bytes);
        kept.bytes = size_of::<Kept<T>>();
        self.bytes = self.bytes.saturating_add(kept.bytes);
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl<T> Log<T> {
        fn push(&mut self, entry: T, bytes: usize, now: Instant, gone: &mut Vec<T>) {
            self.append(entry, bytes, now);
            self.trim(now, gone);
        }
    }

    fn numbers(log: &Log<u64>, after: u64) -> Result<Vec<u64>, Forgotten> {
        Ok(log.after(after)?.copied().collect())
    }

    #[test]
    fn an_empty_log_has_nothing_to_forget() {
        let log = Log::<u64>::new(10, Duration::from_secs(1));

        assert_eq!(numbers(&log, 0), Ok(vec![]));
        assert_eq!((log.head(), log.first()), (0, 1));
    }

    #[test]
    fn what_is_larger_than_the_log_is_forgotten_at_once() {
        let mut log = Log::new(10, Duration::from_secs(1));
        let mut gone = Vec::new();

        log.push(1, 11, Instant::now(), &mut gone);

        assert_eq!(gone, [1]);
        assert_eq!(numbers(&log, 0), Err(Forgotten));
        assert_eq!(numbers(&log, 1), Ok(vec![]));
    }

    #[test]
    fn what_is_taken_out_is_not_forgotten() {
        let now = Instant::now();
        let mut log = Log::new(300, Duration::from_secs(1));
        let mut gone = Vec::new();
        for number in 1..=3 {
            log.push(number, 100, now, &mut gone);
        }

        assert_eq!(log.remove(2), Some(2));
        assert_eq!(log.remove(2), None);
        assert_eq!(log.remove(4), None);

        assert_eq!(numbers(&log, 0), Ok(vec![1, 3]));
        assert!(gone.is_empty());
    }

    proptest! {
        #[test]
        fn what_it_gives_is_all_or_nothing(
            steps in prop::collection::vec((0..40_usize, 0..4_u64), 1..200),
            asked in 0..220_u64,
        ) {
            let start = Instant::now();
            let mut now = start;
            let mut log = Log::new(100, Duration::from_secs(10));
            let mut model = Vec::new();
            let mut gone = Vec::new();

            for (number, (bytes, seconds)) in (1_u64..).zip(steps) {
                now += Duration::from_secs(seconds);
                log.push(number, bytes, now, &mut gone);
                model.push((number, bytes, now));
            }

            let head = model.len() as u64;
            let asked = asked.min(head);
            // What a plain reading of the two bounds leaves.
            let mut first = head + 1;
            let mut bytes = 0;
            for (number, size, at) in model.iter().rev() {
                bytes += size;
                if bytes > 100 || now - *at > Duration::from_secs(10) {
                    break;
                }
                first = *number;
            }
            prop_assert_eq!(log.first(), first);
            prop_assert_eq!(log.head(), head);
            let expected = if asked + 1 < first {
                Err(Forgotten)
            } else {
                Ok((asked + 1..=head).collect())
            };
            prop_assert_eq!(numbers(&log, asked), expected);
            prop_assert_eq!(gone, (1..first).collect::<Vec<_>>());
        }
    }
}
