use std::{
    net::TcpStream,
    time::{Duration, Instant},
};

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
};

/// More clients than file descriptors: those inside notice nothing, those outside wait their turn.
pub(super) const FAULT: Fault = Fault {
    id: "FM-11",
    title: "no file descriptors are left",
    length: Length::Short,
    run,
};

fn run(scale: &Scale) -> Checked<Finding> {
    let held = scale.or_short(Duration::from_secs(30), Duration::from_secs(5));
    let soon = scale.allows(Duration::from_secs(1));
    let server = Server::start(&Settings::new().descriptors(DESCRIPTORS))?;
    let auth = |_| json!({ "token": Token::of("guest").sign() });
    let inside = Flock::connect(server.address, 50, auth)?;
    let crowd = Flock::connect(server.address, 140, auth)?;
    let mut waiting = Vec::new();
    for _ in 0..250 {
        waiting.push(TcpStream::connect(server.address)?);
    }
    eventually(CAP, || {
        let open = server.process().read()?.descriptors;
        ensure(
            open >= DESCRIPTORS as usize - 2,
            format!("{open} descriptors are open"),
        )
    })?;

    let (start, before) = (Instant::now(), server.process().read()?.cpu);
    let (mut asked, mut answered, mut longest) = (0, 0, Duration::ZERO);
    while start.elapsed() < held {
        let round = Instant::now();
        let answers = inside.ask(&json!(["join", "inside"]), CAP);
        asked += inside.size();
        answered += answers.count;
        longest = longest.max(answers.last);
        pause(Duration::from_millis(500).saturating_sub(round.elapsed()));
    }
    let used = server.process().read()?.cpu - before;
    let share = 100.0 * used.as_secs_f64() / start.elapsed().as_secs_f64();
    drop((crowd, waiting));
    let freed = Instant::now();
    let newcomer = Flock::connect(server.address, 1, auth);
    let waited = freed.elapsed();
    let after = inside.ask(&json!(["join", "inside"]), CAP);

    let mut finding = Finding::of(format!(
        "{DESCRIPTORS} descriptors, 50 clients that ask each half second, 390 more connections \
         for {} s",
        held.as_secs()
    ));
    let lost = inside.lost().len();
    finding.lost = match (asked - answered, lost) {
        (0, 0) => format!("nothing of {asked} questions"),
        (silent, lost) => format!("{lost} clients, {silent} answers of {asked}"),
    };
    finding.figure(
        "one of the new in after",
        format!("{:.1} s", waited.as_secs_f64()),
    );
    finding.figure("processor meanwhile", format!("{share:.0} % of a core"));
    finding.promise(
        lost == 0 && answered == asked && after.count == inside.size(),
        "clients that are connected are unharmed",
    );
    finding.promise(
        share < 20.0,
        "less than 20 % of a core while there are none",
    );
    finding.promise(newcomer.is_ok(), "connections are accepted again");
    finding.promise(waited <= soon, "they are soon");
    finding.promise(server.ended().is_none(), "the process lives on");
    Ok(finding)
}

const DESCRIPTORS: u32 = 256;

const CAP: Duration = Duration::from_secs(20);
