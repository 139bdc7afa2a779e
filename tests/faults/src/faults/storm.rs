//! Everybody comes at once, as after a restart.

use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use serde_json::{Value, json};
use sockeye_guard::{
    kit::{Checked, Failure, Token, ensure, pause},
    server::Server,
    settings::Settings,
};
use tokio::{
    runtime::Builder,
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, interval, sleep, timeout},
};

use crate::{
    crowd::{Client, Incoming},
    fault::{Fault, Length, Scale},
    figure::{p99, thousands},
    finding::Finding,
};

/// See `docs/reliability.md`.
pub(super) const FAULT: Fault = Fault {
    id: "FM-09",
    title: "everybody comes at once",
    length: Length::Short,
    run,
};

fn run(scale: &Scale) -> Checked<Finding> {
    let clients = scale.of(10_000);
    let needed = clients + 1000;
    if descriptors()? < needed {
        return Ok(Finding::skipped(format!("it needs {needed} open files")));
    }
    let mut finding = Finding::of(format!(
        "{} clients from {ADDRESSES} addresses, each with a JWT of its own, in one moment, while \
         {ESTABLISHED} others ask something {RATE} times a second",
        thousands(clients)
    ));
    let server = Server::start(&settings())?;
    let (end, ends) = watch::channel(false);
    let established = Established::start(server.address, &ends)?;
    pause(CALM);
    let start = Instant::now();
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let storm = runtime.block_on(storm(server.address, clients, &end, ends))?;
    let all_in = start + storm.took;
    let latencies = established.end()?;
    let timed_out = server.internal("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")?;
    let timed_out = timed_out.text();
    let mut timed_out = timed_out
        .lines()
        .filter(|line| line.contains(r#"reason="ping timeout""#));
    let timed_out = timed_out.all(|line| line.ends_with(" 0"));

    finding.lost = match storm.dropped {
        0 => "nothing".to_owned(),
        dropped => format!("{dropped} connections"),
    };
    finding.promise(storm.dropped == 0, "who is in stays in");
    finding.promise(timed_out, "no ping timeouts");
    finding.figure("all are in after", seconds(storm.took));
    let in_time = storm.took <= scale.allows(ALL_IN);
    finding.promise(in_time, format!("all are in within {ALL_IN:?}"));
    let rate = per_second(clients, storm.took);
    finding.figure("that is", format!("{rate:.0}/s"));
    if scale.part >= 1.0 {
        finding.promise(rate >= LEAST_RATE, format!("at least {LEAST_RATE}/s"));
    }
    let again: usize = storm.refused.values().sum();
    finding.figure("tries that failed:", thousands(again));
    for (why, count) in &storm.refused {
        println!("  {count} tries: {why}");
    }
    let p99_of = |within: &dyn Fn(Instant) -> bool| {
        let chosen = latencies.iter().filter(|(at, _)| within(*at));
        let mut times: Vec<_> = chosen.map(|(_, time)| *time).collect();
        times.sort_unstable();
        p99(&times)
    };
    let (calm, stormy) = (
        p99_of(&|at| at < start),
        p99_of(&|at| at >= start && at <= all_in),
    );
    finding.figure("p99 of those who are there", ms(stormy));
    finding.figure("and before", ms(calm));
    if calm * 4 > P99 {
        finding.figure(
            "which says more about",
            "the machine, as it is busy with other things",
        );
    } else {
        let in_time = stormy <= scale.allows(P99);
        finding.promise(in_time, format!("p99 within {}", ms(P99)));
    }
    Ok(finding)
}

/// One address may have as much as by default. Everybody is pinged often, so that who starves shows.
fn settings() -> Settings {
    Settings::new()
        .set("admission.max_sessions_per_address", "1000")
        .set("admission.max_unauthenticated_per_address", "200")
        .set("admission.handshakes_per_second", "100")
        .set("engine.ping_interval", "\"5s\"")
}

/// What came of a storm.
struct Storm {
    took: Duration,
    /// Why clients had to try again, and how often.
    refused: BTreeMap<String, usize>,
    /// Connections that ended before they should.
    dropped: usize,
}

async fn storm(
    address: SocketAddr,
    clients: usize,
    end: &watch::Sender<bool>,
    ends: watch::Receiver<bool>,
) -> Checked<Storm> {
    let auths: Vec<_> = (0..clients)
        .map(|number| auth(&format!("c{number}")))
        .collect();
    let (entered, mut enters) = mpsc::unbounded_channel();
    let entered = Arc::new(entered);
    let mut guests = JoinSet::new();
    let start = Instant::now();
    for (number, auth) in auths.into_iter().enumerate() {
        let (entered, ends) = (entered.clone(), ends.clone());
        guests.spawn(async move { guest(address, number, &auth, &entered, ends).await });
    }
    let all = async {
        for _ in 0..clients {
            enters.recv().await;
        }
    };
    let all_in = timeout(CAP, all).await;
    let took = start.elapsed();
    ensure(all_in.is_ok(), "some never come in")?;
    sleep(HELD).await;
    let _ = end.send(true);
    let mut storm = Storm {
        took,
        refused: BTreeMap::new(),
        dropped: 0,
    };
    while let Some(guest) = guests.join_next().await {
        let (refused, stayed) = guest.map_err(|_| Failure::new("a client panicked"))?;
        storm.dropped += usize::from(!stayed);
        for why in refused {
            *storm.refused.entry(why).or_default() += 1;
        }
    }
    Ok(storm)
}

/// Comes in, trying again as long as need be, and stays; says why it had to, and whether it stayed.
async fn guest(
    address: SocketAddr,
    number: usize,
    auth: &Value,
    entered: &mpsc::UnboundedSender<()>,
    mut ends: watch::Receiver<bool>,
) -> (Vec<String>, bool) {
    let mut refused = Vec::new();
    let mut client = loop {
        match Client::connect_from(Some(source(number)), address, auth).await {
            Ok(client) => break client,
            Err(failure) => refused.push(failure.to_string()),
        }
        sleep(AGAIN).await;
    };
    // Whoever counts may have given up.
    let _ = entered.send(());
    loop {
        tokio::select! {
            _ = ends.changed() => return (refused, true),
            incoming = client.next() => {
                if matches!(incoming, Ok(Incoming::End(_) | Incoming::Cut) | Err(_)) {
                    return (refused, false);
                }
            }
        }
    }
}

/// Clients that were there before, on a thread of their own.
struct Established(JoinHandle<Checked<Vec<(Instant, Duration)>>>);

impl Established {
    fn start(address: SocketAddr, ends: &watch::Receiver<bool>) -> Checked<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let ends = ends.clone();
        let work = async move {
            let mut clients = JoinSet::new();
            for number in 0..ESTABLISHED {
                let auth = auth(&format!("e{number}"));
                let client = Client::connect_from(Some(source(number)), address, &auth).await?;
                clients.spawn(ask(client, ends.clone()));
            }
            let mut latencies = Vec::new();
            while let Some(client) = clients.join_next().await {
                latencies.extend(client.map_err(|_| Failure::new("a client panicked"))??);
            }
            Ok(latencies)
        };
        Ok(Self(thread::spawn(move || runtime.block_on(work))))
    }

    fn end(self) -> Checked<Vec<(Instant, Duration)>> {
        let ended = self.0.join();
        ended.map_err(|_| Failure::new("a client panicked"))?
    }
}

/// Asks again and again; returns when each question was due, and how long after that it was answered.
async fn ask(
    mut client: Client,
    mut ends: watch::Receiver<bool>,
) -> Checked<Vec<(Instant, Duration)>> {
    let mut latencies = Vec::new();
    let mut asked = Vec::new();
    let mut ticks = interval(Duration::from_millis(1000 / RATE));
    loop {
        tokio::select! {
            _ = ends.changed() => return Ok(latencies),
            due = ticks.tick() => {
                client.emit(&json!(["join", "room:a"]), Some(asked.len() as u64)).await?;
                asked.push(due);
            }
            incoming = client.next() => match incoming? {
                Incoming::Ack(number, _) => {
                    let due = usize::try_from(number).ok().and_then(|at| asked.get(at));
                    let due = *due.ok_or_else(|| Failure::new("a strange answer"))?;
                    latencies.push((due, due.elapsed()));
                }
                other => return Err(Failure::new(format!("{other:?} instead of an answer"))),
            }
        }
    }
}

fn auth(sub: &str) -> Value {
    json!({ "token": Token::of(sub).sign() })
}

/// One of this machine's addresses: each has about 28,000 ports, and may have 1,000 sessions.
fn source(number: usize) -> IpAddr {
    let host = u8::try_from(number % ADDRESSES).unwrap_or(0);
    Ipv4Addr::new(127, 0, 1, 1 + host).into()
}

/// Returns how many files this process may have open, as the server's may.
fn descriptors() -> Checked<usize> {
    let limits = fs::read_to_string("/proc/self/limits")?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    soft.ok_or_else(|| Failure::new("no limit of open files in /proc"))
}

#[expect(clippy::cast_precision_loss, reason = "counts of clients are small")]
fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn ms(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

const ADDRESSES: usize = 100;
const ESTABLISHED: usize = 50;

/// How often an established client asks in a second.
const RATE: u64 = 10;

/// How long there is no storm.
const CALM: Duration = Duration::from_secs(3);

/// After how long a client that was refused tries again.
const AGAIN: Duration = Duration::from_secs(1);

/// How long all stay: everybody is pinged meanwhile.
const HELD: Duration = Duration::from_secs(6);

const ALL_IN: Duration = Duration::from_secs(60);
const LEAST_RATE: f64 = 500.0;
const P99: Duration = Duration::from_millis(200);

/// How long anything may take before it counts as never.
const CAP: Duration = Duration::from_secs(120);
