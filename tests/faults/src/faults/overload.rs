//! FM-22: three times as many clients as the server can serve.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use serde_json::{Value, json};
use sockeye_guard::{
    kit::{Checked, Failure, Token, ensure},
    server::Server,
    settings::Settings,
};
use tokio::{
    runtime::Runtime,
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::{
    cgroup::{Bound, Group},
    crowd::{Chance, Client, Incoming},
    fault::{Fault, Length, Scale},
    figure::{p99, thousands},
    finding::Finding,
    watch::closed,
};

pub(super) const FAULT: Fault = Fault {
    id: "FM-22",
    title: "three times as many clients as can be served",
    length: Length::Short,
    run: overload,
};

fn overload(scale: &Scale) -> Checked<Finding> {
    let is_short = scale.part < 1.0;
    let (thousandths, time) = match is_short {
        true => (50, Duration::from_secs(8)),
        false => (200, Duration::from_secs(30)),
    };
    let group = match Group::new(Bound::Processor(thousandths)) {
        Ok(group) => group,
        Err(error) => return Ok(Finding::skipped(format!("no control group: {error}"))),
    };
    let runtime = Runtime::new()?;
    let peak = {
        let server = Server::start(&Settings::new())?;
        group.add(server.id())?;
        runtime.block_on(peak(server.address))?
    };
    let places = ((peak * SHARE / RATE as f64) as usize).max(1);
    let clients = (3.0 * peak / RATE as f64) as usize;
    let settings = Settings::new()
        .set("admission.max_sessions", places.to_string())
        .set("admission.unauthenticated_percent", "100");
    let server = Server::start(&settings)?;
    group.add(server.id())?;

    let start = Instant::now() + SETTLING;
    let load = Arc::new(Load {
        address: server.address,
        start,
        end: start + time,
    });
    let served = runtime.block_on(async {
        let mut all = JoinSet::new();
        for number in 0..clients {
            let load = Arc::clone(&load);
            all.spawn(async move { load.client(number).await });
        }
        let mut served = Served::default();
        while let Some(one) = all.join_next().await {
            served.add(one.unwrap_or_default());
        }
        served
    });
    let mut latencies = served.latencies;
    latencies.sort_unstable();
    let in_time = latencies.partition_point(|latency| *latency <= SECOND);
    let goodput = in_time as f64 / time.as_secs_f64() / peak;
    let p99 = p99(&latencies);
    let slow = closed(&server, "slow consumer")? + closed(&server, "ping timeout")?;

    let mut finding = Finding::of(format!(
        "a server with {} % of a core, good for {} events with ack in a second, and {} places; {} \
         clients come, each {RATE} events/s by the clock, and those refused come again",
        thousandths / 10,
        thousands(peak as usize),
        thousands(places),
        thousands(clients),
    ));
    finding.lost = match served.broken.len() + served.missing {
        0 => "nothing of those admitted".to_owned(),
        broken => format!("{broken} clients or events: {:?}", served.broken.first()),
    };
    finding.figure("admitted", thousands(served.admitted));
    finding.figure(
        "refused with 503",
        format!("{} times", thousands(served.refused)),
    );
    finding.figure(
        "answered within a second of when they were due",
        format!("{:.0} % of the most it can", goodput * 100.0),
    );
    finding.figure("p99 of all answers", format!("{} ms", p99.as_millis()));
    finding.promise(served.broken.is_empty(), "the admitted stay");
    finding.promise(served.missing == 0, "each of their events is answered");
    finding.promise(slow == 0.0, "nobody is dropped");
    finding.promise(
        served.admitted == places,
        "all places are taken, and no more",
    );
    finding.promise(served.refused > 0, "others are refused");
    finding.promise(
        p99 <= scale.allows(SECOND),
        "p99 of the admitted within a second",
    );
    if !is_short {
        finding.promise(goodput >= 0.8, "80 % of the most that it can");
    }
    Ok(finding)
}

/// Returns how many events are answered in a second when there is always another to answer.
async fn peak(address: SocketAddr) -> Checked<f64> {
    let mut clients = JoinSet::new();
    let start = Instant::now() + SETTLING;
    let end = start + Duration::from_secs(5);
    for number in 0..200 {
        clients.spawn(async move {
            let mut client = enter(address, number).await?;
            let event = event(number);
            let mut answered = 0_u64;
            for ack in 1.. {
                client.emit(&event, Some(ack)).await?;
                while !matches!(client.next().await?, Incoming::Ack(number, _) if number == ack) {}
                let now = Instant::now();
                if now >= end {
                    break;
                }
                answered += u64::from(now >= start);
            }
            Ok::<_, Failure>(answered)
        });
    }
    let mut answered = 0;
    while let Some(one) = clients.join_next().await {
        answered += one.map_err(|_| Failure::new("a client has broken"))??;
    }
    ensure(answered > 0, "nothing is answered")?;
    Ok(answered as f64 / (end - start).as_secs_f64())
}

/// What each client does, and for how long it counts.
#[derive(Debug)]
struct Load {
    address: SocketAddr,
    start: Instant,
    end: Instant,
}

/// What became of clients.
#[derive(Debug, Default)]
struct Served {
    admitted: usize,
    refused: usize,
    /// From when an event was due to its answer.
    latencies: Vec<Duration>,
    missing: usize,
    broken: Vec<String>,
}

impl Served {
    fn add(&mut self, other: Self) {
        self.admitted += other.admitted;
        self.refused += other.refused;
        self.latencies.extend(other.latencies);
        self.missing += other.missing;
        self.broken.extend(other.broken);
    }
}

impl Load {
    /// Comes as the official clients do, until there is a place, and then talks by the clock.
    async fn client(&self, number: usize) -> Served {
        let mut served = Served::default();
        let mut chance = Chance::new(number as u64);
        sleep(Duration::from_millis(chance.below(2000))).await;
        let mut backoff = 1000;
        let client = loop {
            match enter(self.address, number).await {
                Ok(client) => break client,
                Err(failure) if failure.to_string().contains(" 503 ") => served.refused += 1,
                Err(failure) => {
                    served.broken.push(failure.to_string());
                    return served;
                }
            }
            let wait = backoff / 2 + chance.below(backoff);
            backoff = (backoff * 2).min(5000);
            if Instant::now() + Duration::from_millis(wait) >= self.end {
                return served;
            }
            sleep(Duration::from_millis(wait)).await;
        };
        served.admitted = 1;
        let phase = Duration::from_micros(chance.below(1_000_000 / RATE));
        if let Err(failure) = self.talk(client, number, phase, &mut served).await {
            served.broken.push(failure.to_string());
        }
        served
    }

    async fn talk(
        &self,
        mut client: Client,
        number: usize,
        phase: Duration,
        served: &mut Served,
    ) -> Checked {
        let event = event(number);
        let first = Instant::now() + phase;
        let due = |ack: u64| first + Duration::from_micros(ack * 1_000_000 / RATE);
        let (mut sent, mut answered) = (0, 0);
        while due(sent) < self.end {
            tokio::select! {
                () = sleep_until(due(sent)) => {
                    client.emit(&event, Some(sent)).await?;
                    sent += 1;
                }
                incoming = client.next() => {
                    answered += 1;
                    self.note(incoming?, due, served)?;
                }
            }
        }
        let rest = async {
            while answered < sent {
                answered += 1;
                self.note(client.next().await?, due, served)?;
            }
            Ok::<_, Failure>(())
        };
        let rest = timeout(PATIENCE, rest).await;
        // Those that were late count as late.
        served.missing += (sent - answered) as usize;
        rest.unwrap_or(Ok(()))?;
        // It stays until all are through, as its place would be another's.
        sleep_until(self.end + PATIENCE).await;
        Ok(())
    }

    fn note(
        &self,
        incoming: Incoming,
        due: impl Fn(u64) -> Instant,
        served: &mut Served,
    ) -> Checked {
        let Incoming::Ack(ack, answer) = incoming else {
            return Err(Failure::new(format!(
                "{incoming:.200?} instead of an answer"
            )));
        };
        let is_ok = answer.pointer("/0/status") == Some(&json!("ok"));
        ensure(is_ok, format!("{answer:.200}"))?;
        let due = due(ack);
        if due >= self.start {
            served.latencies.push(due.elapsed());
        }
        Ok(())
    }
}

/// Connects and enters a room of its own.
async fn enter(address: SocketAddr, number: usize) -> Checked<Client> {
    let auth = json!({ "token": Token::of(&format!("load-{number}")).sign() });
    let mut client = Client::connect(address, &auth).await?;
    client.emit(&json!(["join", room(number)]), Some(0)).await?;
    match client.next().await? {
        Incoming::Ack(0, _) => Ok(client),
        other => Err(Failure::new(format!("{other:.200?} instead of a room"))),
    }
}

fn event(number: usize) -> Value {
    json!(["chat", { "room": room(number), "text": "x".repeat(64) }])
}

fn room(number: usize) -> String {
    format!("load-{number}")
}

/// Events that a client sends in a second.
const RATE: u64 = 50;

/// What part of its most a server is given places for: refusing costs something, too.
const SHARE: f64 = 0.85;

/// For clients to come, before anything counts.
const SETTLING: Duration = Duration::from_secs(4);

const SECOND: Duration = Duration::from_secs(1);

/// For the last answers.
const PATIENCE: Duration = Duration::from_secs(5);
