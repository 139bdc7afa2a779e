use std::{
    io::{self, BufRead as _, Write as _},
    net::SocketAddr,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::json;

use super::bird::{Bird, Style};
use crate::kit::{Checked, Failure, pause};

/// Runs canaries until standard input ends; answers each line on it with their health.
///
/// # Errors
///
/// When the arguments are wrong, or the canaries can't connect.
pub fn run(arguments: &[String]) -> Checked {
    let [address, style, count] = arguments else {
        return Err(Failure::new("canaries ADDRESS STYLE COUNT"));
    };
    let wrong = |_| Failure::new("not an address and a number");
    let address: SocketAddr = address.parse().map_err(|_| wrong(()))?;
    let count: usize = count.parse().map_err(|_| wrong(()))?;
    let style = Style::named(style).ok_or_else(|| Failure::new("no such style"))?;
    let birds: Checked<Vec<_>> = (0..count)
        .map(|number| Bird::connect(address, style, number))
        .collect();
    let birds = match birds {
        Ok(birds) => birds,
        Err(failure) => {
            println!("{failure}");
            return Err(failure);
        }
    };
    let choir = Arc::new(Choir::new(count));
    for (number, bird) in birds.into_iter().enumerate() {
        let choir = choir.clone();
        std::thread::spawn(move || sing(bird, number, &choir));
    }
    println!("singing");
    for _ in io::stdin().lock().lines().map_while(Result::ok) {
        println!("{}", choir.health());
        io::stdout().flush()?;
    }
    Ok(())
}

fn sing(mut bird: Bird, number: usize, choir: &Choir) {
    // Not all at once.
    pause(EVERY * number as u32 / 50);
    loop {
        match bird.sing() {
            Ok(time) => choir.sang(number, time),
            Err(failure) => {
                return choir.fell_silent(number, format!("{}: {failure}", bird.name()));
            }
        }
        pause(EVERY);
    }
}

/// What all canaries write down.
struct Choir {
    score: Mutex<Score>,
    changed: Condvar,
}

struct Score {
    times: Vec<Duration>,
    faults: Vec<String>,
    /// How often each has sung; `None` once it is silent.
    songs: Vec<Option<u64>>,
}

impl Choir {
    fn new(count: usize) -> Self {
        Self {
            score: Mutex::new(Score {
                times: Vec::new(),
                faults: Vec::new(),
                songs: vec![Some(0); count],
            }),
            changed: Condvar::new(),
        }
    }

    fn score(&self) -> MutexGuard<'_, Score> {
        self.score.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sang(&self, number: usize, time: Duration) {
        let mut score = self.score();
        score.times.push(time);
        score.songs[number] = score.songs[number].map(|songs| songs + 1);
        self.changed.notify_all();
    }

    fn fell_silent(&self, number: usize, fault: String) {
        let mut score = self.score();
        score.faults.push(fault);
        score.songs[number] = None;
        self.changed.notify_all();
    }

    /// Two songs more, as the first of them may have begun before.
    fn health(&self) -> String {
        let mut score = self.score();
        let goal: Vec<_> = score
            .songs
            .iter()
            .map(|songs| songs.map(|songs| songs + 2))
            .collect();
        while score
            .songs
            .iter()
            .zip(&goal)
            .any(|(songs, goal)| songs.is_some() && songs < goal)
        {
            score = self
                .changed
                .wait(score)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let mut times = std::mem::take(&mut score.times);
        times.sort_unstable();
        let p99 = times
            .get(times.len() * 99 / 100)
            .copied()
            .unwrap_or_default();
        json!({
            "echoes": times.len(),
            "p99": p99.as_micros() as u64,
            "longest": times.last().copied().unwrap_or_default().as_micros() as u64,
            "faults": std::mem::take(&mut score.faults),
        })
        .to_string()
    }
}

/// The pace of a canary.
const EVERY: Duration = Duration::from_millis(100);
