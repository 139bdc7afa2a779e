//! The process is killed in mid-load and started again.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sockeye_guard::{
    kit::{Checked, pause},
    server::Server,
    settings::Settings,
};

use crate::{
    crowd::Official,
    fault::{Fault, Length, Scale},
    figure::thousands,
    finding::Finding,
    history::{History, Millis},
    place, quantile, signal,
};

/// See `docs/reliability.md`.
pub(super) const FAULT: Fault = Fault {
    id: "FM-01",
    title: "the process is killed under load",
    length: Length::Short,
    run,
};

fn run(scale: &Scale) -> Checked<Finding> {
    let clients = scale.of(1000).next_multiple_of(4);
    let mut finding = Finding::of(format!(
        "{} official clients with their default settings, {RATE} events/s each, in pairs; \
         `kill -9`; started again after {} s",
        thousands(clients),
        AWAY.as_secs()
    ));
    let settings = place::at(place::free()?, settings());
    let server = Server::start(&settings)?;
    let directory = tempfile::tempdir()?;
    let crowds = [0..clients / 2, clients / 2..clients];
    let crowds = crowds.map(|part| Official::start(server.address, part, RATE, directory.path()));
    let crowds: Vec<_> = crowds.into_iter().collect::<Checked<_>>()?;
    crowds.iter().try_for_each(|crowd| crowd.all_in(1, CAP))?;
    pause(TALK);

    let before: Vec<_> = crowds.iter().map(Official::times_in).collect();
    let killed = now();
    signal::send("KILL", server.id())?;
    signal::end_of(&server, CAP)?;
    drop(server);
    pause(AWAY);
    let start = Instant::now();
    let server = Server::start(&settings)?;
    let (listening, listens) = (now(), start.elapsed());

    for (crowd, times) in crowds.iter().zip(before) {
        crowd.all_in(times + 1, CAP)?;
    }
    pause(TALK);
    let mut history = History::default();
    for crowd in crowds {
        history = history.read(&crowd.stop()?)?;
    }
    judge(&mut finding, scale, clients, &history, killed, listening);
    finding.figure("listens after", ms(listens));
    let in_time = listens <= scale.allows(LISTENS);
    finding.promise(in_time, format!("listens within {}", ms(LISTENS)));
    finding.promise(server.ended().is_none(), "the new process lives");
    Ok(finding)
}

/// One address may have as much as by default: the clients have twenty.
fn settings() -> Settings {
    Settings::new()
        .set("admission.max_sessions_per_address", "1000")
        .set("admission.max_unauthenticated_per_address", "200")
        .set("admission.handshakes_per_second", "100")
}

fn judge(
    finding: &mut Finding,
    scale: &Scale,
    clients: usize,
    history: &History,
    killed: Millis,
    listening: Millis,
) {
    let (unanswered, undelivered) = (history.unanswered(), history.undelivered());
    finding.lost = format!(
        "of {} events those on their way: {} without an answer, {} answered and not delivered",
        thousands(history.sent()),
        unanswered.last,
        undelivered.last
    );
    let others = unanswered.holes + undelivered.holes;
    finding.promise(others == 0, format!("{others} events lost that weren't"));
    if let Some(first) = history.wrong().first() {
        let count = history.wrong().len();
        finding.promise(false, format!("{count} events wrong, such as {first}"));
    }
    let before = history.disconnects(|at| at < killed);
    let after = history.disconnects(|at| at >= killed);
    let once = before.is_empty() && after.values().sum::<usize>() == clients;
    let what = format!("each is disconnected once, by the kill: before {before:?}, then {after:?}");
    finding.promise(once, what);

    let back = history.back_after(killed);
    finding.promise(back.len() == clients, "all clients come back");
    for (part, promised) in [(0.99, MOST_BACK), (1.0, ALL_BACK)] {
        let Some(at) = quantile::of(&back, part) else {
            continue;
        };
        let after = Duration::from_millis(at.saturating_sub(listening));
        let what = format!("{:.0} % are back after", part * 100.0);
        finding.figure(&what, format!("{:.1} s", after.as_secs_f64()));
        let in_time = after <= scale.allows(promised);
        finding.promise(in_time, format!("{what} {promised:?}"));
    }
}

fn now() -> Millis {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| {
        u64::try_from(now.as_millis()).unwrap_or(Millis::MAX)
    })
}

fn ms(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

/// How many events a client sends a second.
const RATE: usize = 2;

/// How long the clients talk, before and after.
const TALK: Duration = Duration::from_secs(4);

/// How long a supervisor takes to start the process again.
const AWAY: Duration = Duration::from_secs(1);

const LISTENS: Duration = Duration::from_millis(200);
const MOST_BACK: Duration = Duration::from_secs(5);
const ALL_BACK: Duration = Duration::from_secs(15);

/// How long anything may take before it counts as never.
const CAP: Duration = Duration::from_secs(60);
