use std::time::{Duration, Instant};

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
    network::Network,
};

/// The network is slow, loses packets and changes their order; it is gone for a while; it is gone for
/// good.
pub(super) const FAULT: Fault = Fault {
    id: "FM-15",
    title: "the network is bad, then gone",
    length: Length::Long,
    run,
};

fn run(scale: &Scale) -> Checked<Finding> {
    let network = match Network::new() {
        Ok(network) => network,
        Err(failure) => {
            return Ok(Finding::skipped(format!(
                "no network of its own: {failure}"
            )));
        }
    };
    let clients = scale.of(100);
    let bad_weather = match network.has_weather() {
        true => format!(
            "200 ms ± 50 away, 1 % of packets lost, for {} s",
            BAD.as_secs()
        ),
        false => {
            println!("  SKIPPED: latency and loss, as this system has no netem");
            "(latency and loss not tried: no netem)".to_owned()
        }
    };
    let mut finding = Finding::of(format!(
        "{clients} clients {bad_weather}; nothing gets through for {} s, then again; later nothing \
         any more",
        GONE.as_secs()
    ));
    bad(&network, clients, &mut finding)?;
    vanished(&network, clients, &mut finding)?;
    Ok(finding)
}

fn bad(network: &Network, clients: usize, finding: &mut Finding) -> Checked {
    let server = Server::start(&network.settings(Settings::new()))?;
    if network.has_weather() {
        network.weather("delay 100ms 25ms loss 1%")?;
    }
    let flock = Flock::connect(server.address, clients, |_| auth())?;
    let start = Instant::now();
    let (mut asked, mut answered, mut slowest) = (0, 0, Duration::ZERO);
    while start.elapsed() < BAD {
        let round = Instant::now();
        let answers = flock.ask(&json!(["join", "all"]), CAP);
        asked += clients;
        answered += answers.count;
        slowest = slowest.max(answers.last);
        pause(Duration::from_secs(1).saturating_sub(round.elapsed()));
    }
    let before = flock.lost().len();

    network.cut(true)?;
    let gone = Instant::now();
    // Questions that have to wait, so that TCP has something to try again.
    let _ = flock.ask(&json!(["join", "all"]), GONE);
    pause(GONE.saturating_sub(gone.elapsed()));
    network.cut(false)?;
    let back = flock.ask(&json!(["join", "all"]), CAP);
    if network.has_weather() {
        network.weather("delay 0ms")?;
    }
    let errors = server.metric("protocol_errors_total")?;

    let lost = flock.lost().len();
    finding.lost = format!(
        "{} of {asked} answers and {before} clients before the gap, {} of {clients} clients by it",
        asked - answered,
        lost - before
    );
    finding.figure("slowest answer", format!("{:.1} s", slowest.as_secs_f64()));
    finding.figure(
        "all go on after",
        format!("{:.0} s", back.last.as_secs_f64()),
    );
    finding.promise(errors == 0.0, "no protocol errors");
    finding.promise(
        answered == asked && before == 0,
        "bad weather costs nothing",
    );
    finding.promise(
        back.count == clients - lost,
        "who survives the gap is answered",
    );
    finding.promise(lost * 20 <= clients, "95 % survive the gap");
    Ok(())
}

/// Clients that are gone without a word: some to whom nothing is sent but pings, and others.
fn vanished(network: &Network, clients: usize, finding: &mut Finding) -> Checked {
    let server = Server::start(&network.settings(Settings::new()))?;
    let sessions = |count: f64, cap: Duration| {
        eventually(cap, || {
            let sessions = server.metric("sessions")?;
            ensure(sessions == count, format!("{sessions} sessions"))
        })
    };
    let idle = Flock::connect(server.address, clients, |_| auth())?;
    let start = Instant::now();
    let told = Flock::connect(server.address, clients, |_| auth())?;
    let joined = told.ask(&json!(["join", "told"]), CAP);
    ensure(joined.count == clients, "they can't join")?;
    // What was sent to the idle ones is acknowledged, or they would be given up as early as the others.
    pause(Duration::from_secs(1));
    network.cut(true)?;
    let gone = Instant::now();
    server.tell("told", "news")?;
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let count = clients as f64;
    sessions(count, CAP)?;
    let cut = gone.elapsed().as_secs_f64();
    sessions(0.0, CAP)?;
    let silent = start.elapsed().as_secs_f64();
    drop((idle, told));
    network.cut(false)?;

    finding.figure("who vanishes is freed after", format!("{silent:.1} s"));
    finding.figure("and with an event to take after", format!("{cut:.1} s"));
    finding.promise(
        (43.0..47.0).contains(&silent),
        "45 s ± 2 where only pings are sent",
    );
    finding.promise(cut < 25.0, "20 s where events are");
    Ok(())
}

fn auth() -> serde_json::Value {
    json!({ "token": Token::of("guest").sign() })
}

/// For how long the weather is bad.
const BAD: Duration = Duration::from_secs(30);

/// For how long nothing gets through.
const GONE: Duration = Duration::from_secs(10);

const CAP: Duration = Duration::from_secs(60);
