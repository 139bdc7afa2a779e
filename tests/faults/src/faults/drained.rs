//! The process is told to stop under load, again and again.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
    path::Path,
    sync::{Arc, OnceLock},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use sockeye_guard::{
    kit::{Checked, Failure, ensure, pause},
    server::Server,
};
use tokio::{
    runtime::{Builder, Runtime},
    task::{JoinSet, block_in_place},
};

use crate::{
    crowd::{Client, Noted, note_over_polling, note_over_websocket},
    fault::{Fault, Length, Scale},
    figure::thousands,
    finding::Finding,
    program::sibling,
    signal,
};

/// See `docs/reliability.md`.
pub(super) const FAULT: Fault = Fault {
    id: "FM-02",
    title: "the process is told to stop under load",
    length: Length::Short,
    run,
};

fn run(scale: &Scale) -> Checked<Finding> {
    let (drains, clients) = (scale.of(20), scale.of(500));
    let mut finding = Finding::of(format!(
        "{clients} clients, a tenth of them over polling, {RATE} events/s each, whose handler writes a \
         log, then answers; SIGTERM; {drains} times"
    ));
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let mut total = Drain::default();
    for _ in 0..drains {
        total.add(drain(&runtime, clients)?);
    }
    total.judge(&mut finding, scale);
    Ok(finding)
}

/// What came of one drain, or of several together.
#[derive(Default)]
struct Drain {
    answered: usize,
    /// Answered, and not in the log.
    lost: usize,
    /// In the log, and not answered.
    unanswered: usize,
    /// How many of them though the handlers had all the time that they needed.
    withheld: usize,
    twice: usize,
    /// How connections ended.
    ends: BTreeMap<String, usize>,
    /// How processes ended, and after how long.
    exits: BTreeMap<String, usize>,
    times: Vec<Duration>,
}

fn drain(runtime: &Runtime, clients: usize) -> Checked<Drain> {
    let directory = tempfile::tempdir()?;
    let log = directory.path().join("ledger");
    let log_name = log.to_string_lossy();
    let server = Server::start_program(&sibling("ledger")?, &[&log_name])?;
    let told = Arc::new(OnceLock::new());
    let polling = (clients / 10).max(1);
    let pollers: Vec<_> = (0..polling)
        .map(|number| {
            let (address, told) = (server.address, told.clone());
            thread::spawn(move || note_over_polling(address, number, PAUSE, &told))
        })
        .collect();
    let (crowd, how, time) = runtime.block_on(async {
        let mut crowd = websockets(server.address, polling..clients).await?;
        block_in_place(|| pause(TALK));
        let _ = told.set(Instant::now());
        signal::send("TERM", server.id())?;
        let ended = block_in_place(|| signal::end_of(&server, CAP));
        let (how, time) = ended?;
        let mut ended = Vec::new();
        while let Some(client) = crowd.join_next().await {
            ended.push(client.map_err(|_| Failure::new("a client panicked"))?);
        }
        Checked::Ok((ended, how, time))
    })?;
    let mut noted = BTreeMap::new();
    for (number, client) in crowd {
        noted.insert(number, client?);
    }
    for (number, poller) in pollers.into_iter().enumerate() {
        let poller = poller.join();
        let poller = poller.map_err(|_| Failure::new("a client panicked"))?;
        noted.insert(number, poller?);
    }
    let mut drain = Drain::of(&noted, &log)?;
    if time < HANDLERS_HAVE {
        drain.withheld = drain.unanswered;
    }
    drain.exits.insert(how, 1);
    drain.times.push(time);
    Ok(drain)
}

async fn websockets(
    address: SocketAddr,
    numbers: std::ops::Range<usize>,
) -> Checked<JoinSet<(usize, Checked<Noted>)>> {
    let mut clients = Vec::new();
    for number in numbers {
        clients.push((number, Client::connect(address, &json!({})).await?));
    }
    let mut crowd = JoinSet::new();
    for (number, client) in clients {
        crowd.spawn(async move { (number, note_over_websocket(client, number, PAUSE).await) });
    }
    Ok(crowd)
}

impl Drain {
    fn of(noted: &BTreeMap<usize, Noted>, log: &Path) -> Checked<Self> {
        let log = fs::read_to_string(log)?;
        let entry = |line: &str| {
            let (client, number) = line.split_once(' ')?;
            Some((client.parse::<usize>().ok()?, number.parse::<u64>().ok()?))
        };
        let entries: Option<Vec<_>> = log.lines().map(entry).collect();
        let entries = entries.ok_or_else(|| Failure::new("a broken line in the log"))?;
        let written: BTreeSet<_> = entries.iter().copied().collect();
        let mut drain = Self {
            twice: entries.len() - written.len(),
            ..Self::default()
        };
        let mut answered = BTreeSet::new();
        for (&client, noted) in noted {
            answered.extend(noted.acked.iter().map(|&number| (client, number)));
            *drain.ends.entry(noted.ended.clone()).or_default() += 1;
        }
        drain.answered = answered.len();
        drain.lost = answered.difference(&written).count();
        drain.unanswered = written.difference(&answered).count();
        ensure(drain.answered > noted.len(), "hardly anything was answered")?;
        Ok(drain)
    }

    fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.lost += other.lost;
        self.unanswered += other.unanswered;
        self.withheld += other.withheld;
        self.twice += other.twice;
        self.times.extend(other.times);
        for (end, count) in other.ends {
            *self.ends.entry(end).or_default() += count;
        }
        for (exit, count) in other.exits {
            *self.exits.entry(exit).or_default() += count;
        }
    }

    fn judge(mut self, finding: &mut Finding, scale: &Scale) {
        finding.lost = format!(
            "{} of {} answered events; {} more were written without an answer",
            self.lost,
            thousands(self.answered),
            self.unanswered
        );
        finding.promise(self.lost == 0, "what is answered was written");
        finding.promise(self.twice == 0, "nothing is written twice");
        let withheld = self.withheld;
        finding.promise(
            withheld == 0,
            format!("{withheld} answers that were in time"),
        );
        let closed = self.ends.keys().all(|end| end == "closed");
        let ends = &self.ends;
        finding.promise(closed, format!("connections are closed, not cut: {ends:?}"));
        let exits = &self.exits;
        let clean = exits.keys().all(|exit| exit == "exit status: 0");
        finding.promise(clean, format!("exit code 0: {exits:?}"));
        self.times.sort_unstable();
        let seconds = |time: &Duration| format!("{:.1} s", time.as_secs_f64());
        if let Some(median) = self.times.get(self.times.len() / 2) {
            finding.figure("ends after a median of", seconds(median));
        }
        if let Some(most) = self.times.last() {
            finding.figure("at most", seconds(most));
            let in_time = *most <= scale.allows(ENDS);
            finding.promise(in_time, format!("ends within {ENDS:?}"));
        }
    }
}

/// How many events a client sends a second.
const RATE: u32 = 20;
const PAUSE: Duration = Duration::from_millis(1000 / RATE as u64);

/// How long the clients send before the signal.
const TALK: Duration = Duration::from_secs(1);

const ENDS: Duration = Duration::from_secs(10);

/// How long handlers may run on: half the deadline of `ledger`.
const HANDLERS_HAVE: Duration = Duration::from_secs(5);

/// How long anything may take before it counts as never.
const CAP: Duration = Duration::from_secs(60);
