use std::{
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::json;
use sockeye_guard::{
    kit::{Checked, Token, eventually, pause},
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
    let mut finding = Finding::of(format!(
        "{DESCRIPTORS} descriptors, 50 clients that ask each half second, 390 more connections for \
         {} s; with the default of `max_connections`, and with one that is too high",
        held.as_secs()
    ));
    let (mut asked, mut lost) = (0, 0);
    for (name, settings) in [
        ("turned away", Settings::new()),
        (
            "left to wait",
            Settings::new().set("admission.max_connections", "100000"),
        ),
    ] {
        let crowded = crowd(&settings.descriptors(DESCRIPTORS), held)?;
        asked += crowded.asked;
        lost += crowded.asked - crowded.answered;
        let waited = crowded.waited.as_secs_f64();
        let share = 100.0 * crowded.share;
        finding.figure(
            name,
            format!(
                "{} open, {share:.0} % of a core meanwhile, a new one is in after {waited:.1} s",
                crowded.most
            ),
        );
        finding.promise(
            crowded.is_unharmed && crowded.asked == crowded.answered,
            format!("{name}: clients that are connected are unharmed"),
        );
        finding.promise(
            crowded.share < 0.2,
            format!("{name}: less than 20 % of a core while there are none"),
        );
        finding.promise(
            crowded.waited <= scale.allows(Duration::from_secs(1)),
            format!("{name}: connections are accepted again within 1 s"),
        );
    }
    finding.lost = match lost {
        0 => format!("nothing of {asked} questions"),
        lost => format!("{lost} answers of {asked}"),
    };
    Ok(finding)
}

struct Crowded {
    asked: usize,
    answered: usize,
    /// The most descriptors that were open.
    most: usize,
    /// Whether all are there that were there before, and the process too.
    is_unharmed: bool,
    /// How much of a core the server took while it was full.
    share: f64,
    /// How long a new client took to come in once there was room.
    waited: Duration,
}

fn crowd(settings: &Settings, held: Duration) -> Checked<Crowded> {
    let server = Server::start(settings)?;
    let auth = |_| json!({ "token": Token::of("guest").sign() });
    let inside = Flock::connect(server.address, 50, auth)?;
    let members = Flock::connect(server.address, 140, auth)?;
    let silent = (0..250).map(|_| TcpStream::connect(server.address));
    let silent = silent.collect::<Result<Vec<_>, _>>()?;
    let question = json!(["join", "inside"]);
    let (start, before) = (Instant::now(), server.process().read()?.cpu);
    let (mut asked, mut answered, mut most) = (0, 0, 0);
    while start.elapsed() < held {
        let round = Instant::now();
        asked += inside.size();
        answered += inside.ask(&question, CAP).count;
        most = most.max(server.process().read()?.descriptors);
        pause(Duration::from_millis(500).saturating_sub(round.elapsed()));
    }
    let used = server.process().read()?.cpu - before;
    let share = used.as_secs_f64() / start.elapsed().as_secs_f64();
    drop((members, silent));
    let freed = Instant::now();
    // Who comes before the others have gone may be turned away like them.
    let newcomer = eventually(CAP, || Flock::connect(server.address, 1, auth))?;
    let waited = freed.elapsed();
    let after = inside.ask(&question, CAP);
    drop(newcomer);
    Ok(Crowded {
        asked,
        answered,
        most,
        is_unharmed: after.count == inside.size() && server.ended().is_none(),
        share,
        waited,
    })
}

const DESCRIPTORS: u32 = 256;

const CAP: Duration = Duration::from_secs(20);
