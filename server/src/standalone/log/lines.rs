//! Lines on their way to whoever takes the log, for whom nobody waits.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

/// Takes lines for the thread that writes them; each is one write.
#[derive(Debug)]
pub(super) struct Lines {
    waiting: SyncSender<Entry>,
    dropped: AtomicU64,
}

/// The log, which ends with this value: what still waits to be written is, unless that takes longer than
/// a second.
#[derive(Debug)]
#[must_use = "the log ends with it"]
pub struct Log(Arc<Lines>);

#[derive(Debug)]
enum Entry {
    Line(Vec<u8>),
    /// Nothing comes any more; told when all before it is written.
    End(SyncSender<()>),
}

/// Starts a thread that writes lines there.
pub(super) fn write_to(output: impl Write + Send + 'static) -> (Arc<Lines>, Log) {
    let (sender, receiver) = sync_channel(WAITING);
    let lines = Arc::new(Lines {
        waiting: sender,
        dropped: AtomicU64::new(0),
    });
    let writing = lines.clone();
    thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write(&receiver, output, &writing))
        .expect("a thread for the log");
    (lines.clone(), Log(lines))
}

fn write(entries: &Receiver<Entry>, mut output: impl Write, lines: &Lines) {
    for entry in entries {
        match entry {
            Entry::Line(line) => {
                if output.write_all(&line).is_err() {
                    lines.drop_one();
                }
            }
            Entry::End(written) => {
                // Who ended the log may have waited long enough.
                let _ = written.try_send(());
                return;
            }
        }
    }
}

impl Lines {
    /// Returns how many were dropped, as they couldn't be written, or not in time.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.waiting.try_send(Entry::Line(line.to_vec())).is_err() {
            self.drop_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let start = Instant::now();
        let (end, written) = sync_channel(1);
        let mut entry = Entry::End(end);
        while let Err(TrySendError::Full(back)) = self.0.waiting.try_send(entry) {
            if start.elapsed() > LAST {
                return;
            }
            entry = back;
            // Nothing tells when there is room.
            thread::park_timeout(Duration::from_millis(5));
        }
        let left = LAST.saturating_sub(start.elapsed());
        let _ = written.recv_timeout(left);
    }
}

/// How many lines may wait.
const WAITING: usize = 4096;

/// How long the last lines have.
const LAST: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        mpsc::{Sender, channel},
    };

    use super::*;

    /// Takes a line each time it is told to.
    struct Reluctant {
        turns: Receiver<io::Result<()>>,
        taken: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Reluctant {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.turns
                .recv()
                .unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()))?;
            self.taken.lock().unwrap().extend(line);
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    type Turns = Sender<io::Result<()>>;

    fn reluctant() -> (Turns, Arc<Mutex<Vec<u8>>>, Reluctant) {
        let (sender, turns) = channel();
        let taken = Arc::<Mutex<Vec<u8>>>::default();
        let output = Reluctant {
            turns,
            taken: taken.clone(),
        };
        (sender, taken, output)
    }

    #[test]
    fn who_logs_waits_for_nobody_and_what_is_too_much_is_counted() {
        let (_turns, _, output) = reluctant();
        let (lines, _log) = write_to(output);

        for _ in 0..WAITING + 100 {
            (&*lines).write_all(b"line\n").unwrap();
        }

        // One may be with the thread.
        assert!((99..=100).contains(&lines.dropped()), "{}", lines.dropped());
    }

    #[test]
    fn a_line_that_can_not_be_written_is_counted_and_the_next_is_tried() {
        let (turns, taken, output) = reluctant();
        let (lines, log) = write_to(output);
        turns.send(Err(io::ErrorKind::StorageFull.into())).unwrap();
        turns.send(Ok(())).unwrap();

        (&*lines).write_all(b"lost\n").unwrap();
        (&*lines).write_all(b"kept\n").unwrap();
        drop(log);

        assert_eq!(lines.dropped(), 1);
        assert_eq!(*taken.lock().unwrap(), b"kept\n");
    }

    #[test]
    fn the_end_waits_for_what_was_logged_before_it() {
        let (turns, taken, output) = reluctant();
        let (lines, log) = write_to(output);
        for _ in 0..100 {
            turns.send(Ok(())).unwrap();
            (&*lines).write_all(b".").unwrap();
        }

        drop(log);

        assert_eq!(taken.lock().unwrap().len(), 100);
    }
}
