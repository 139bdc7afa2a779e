use std::time::Duration;

use serde_json::json;
use sockeye_guard::{
    kit::{Checked, Token, ensure, eventually, pause},
    server::Server,
    settings::Settings,
};

use crate::{
    crowd::Flock,
    fault::{Fault, Length, Scale},
    finding::Finding,
    signal,
};

/// The process stands still for longer than a client has to answer a ping.
pub(super) const FAULT: Fault = Fault {
    id: "FM-14",
    title: "the process stands still",
    length: Length::Short,
    run,
};

/// The pings are on their way, and most answers still to come, when it stops: all of these are late
/// when it goes on, and none by a fault of its client's.
fn run(scale: &Scale) -> Checked<Finding> {
    let [interval, timeout, still] = scale.or_short([25, 20, 30], [3, 3, 6]);
    let clients = scale.of(1000);
    let settings = Settings::new()
        .set("engine.ping_interval", format!("\"{interval}s\""))
        .set("engine.ping_timeout", format!("\"{timeout}s\""));
    let server = Server::start(&settings)?;
    let auth = |_| json!({ "token": Token::of("guest").sign() });
    let slowest = Duration::from_secs(timeout) / 4;
    let share = |number: usize| slowest.as_secs_f64() * number as f64 / clients as f64;
    let delay = |number| Duration::from_secs_f64(share(number));
    let flock = Flock::connect_slow(server.address, clients, auth, delay)?;

    let pinged = |rounds: usize| {
        eventually(CAP, || {
            let wanted = rounds * (clients - flock.lost().len()) * 9 / 10;
            let pings = flock.pings();
            ensure(
                pings >= wanted,
                format!("{pings} pings instead of {wanted}"),
            )
        })
    };
    pinged(1)?;
    signal::send("STOP", server.id())?;
    pause(Duration::from_secs(still));
    signal::send("CONT", server.id())?;
    let answers = flock.ask(&json!(["join", "all"]), CAP);
    pinged(2)?;
    pause(Duration::from_secs(timeout));
    let after = flock.ask(&json!(["join", "all"]), CAP);

    let lost = flock.lost();
    let mut finding = Finding::of(format!(
        "{clients} clients that answer pings within {slowest:?}, SIGSTOP while most have one to answer, \
         SIGCONT {still} s later; pings each {interval} s, {timeout} s to answer"
    ));
    finding.lost = match lost.first() {
        None => "nothing".to_owned(),
        Some(one) => format!("{} clients, such as {one}", lost.len()),
    };
    let all = format!("all {} answered after", answers.count);
    finding.figure(&all, format!("{:.1} s", answers.last.as_secs_f64()));
    finding.promise(lost.len() * 100 < clients, "fewer than 1 % are dropped");
    finding.promise(after.count + lost.len() == clients, "all others go on");
    Ok(finding)
}

const CAP: Duration = Duration::from_secs(60);
