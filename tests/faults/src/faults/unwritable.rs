use std::{process::Command, time::Duration};

use serde_json::json;
use sockeye_guard::{
    kit::{Checked, Failure, Token},
    server::Server,
    settings::Settings,
};

use crate::{
    crowd::Flock,
    fault::{Fault, Length, Scale},
    finding::Finding,
    signal,
};

/// Nothing can be written: the disk is read-only, the log's is full, or nobody takes the log.
pub(super) const FAULT: Fault = Fault {
    id: "FM-16",
    title: "nothing can be written, or nobody takes the log",
    length: Length::Short,
    run,
};

fn run(scale: &Scale) -> Checked<Finding> {
    let (clients, rounds) = (scale.of(500), scale.of(200));
    let mut finding = Finding::of(format!(
        "{clients} clients that ask {rounds} times each, the log at `trace`, SIGTERM"
    ));
    let mut unanswered = 0;
    for ground in GROUNDS {
        let name = ground.name;
        if !ground.is_possible()? {
            println!("  SKIPPED: {name}, as there are no mount namespaces here");
            finding.figure(name, "not tried");
            continue;
        }
        let held = ground.hold(clients, rounds, scale)?;
        unanswered += held.unanswered;
        finding.figure(
            name,
            format!(
                "slowest answer {:.0?}, ended in {:.1} s, {} lines dropped",
                held.slowest,
                held.end.as_secs_f64(),
                held.dropped
            ),
        );
        finding.promise(held.unanswered == 0, format!("{name}: all is answered"));
        let in_time = held.how == "exit status: 0" && held.end <= scale.allows(END);
        finding.promise(in_time, format!("{name}: it ends, {}", held.how));
        let counted = ground.takes || held.dropped > 0.0;
        finding.promise(counted, format!("{name}: what is dropped is counted"));
    }
    finding.lost = match unanswered {
        0 => "nothing but lines of the log".to_owned(),
        some => format!("{some} answers"),
    };
    Ok(finding)
}

/// What a server is put on.
struct Ground {
    name: &'static str,
    starter: &'static [&'static str],
    /// Whether it takes the log.
    takes: bool,
}

struct Held {
    unanswered: usize,
    slowest: Duration,
    dropped: f64,
    how: String,
    end: Duration,
}

impl Ground {
    fn is_possible(&self) -> Checked<bool> {
        let Some((program, arguments)) = self.starter.split_first() else {
            return Ok(false);
        };
        let status = Command::new(program).args(arguments).arg("true").status()?;
        Ok(status.success())
    }

    fn hold(&self, clients: usize, rounds: usize, scale: &Scale) -> Checked<Held> {
        let settings = Settings::new().set("log", r#""trace""#);
        let server = Server::start(&settings.started_by(self.starter))?;
        let auth = |_| json!({ "token": Token::of("guest").sign() });
        let flock = Flock::connect(server.address, clients, auth)?;
        let (mut unanswered, mut slowest) = (0, Duration::ZERO);
        let mut round = 0;
        let mut dropped = 0.0;
        while round < rounds || (!self.takes && dropped == 0.0) {
            round += 1;
            let answers = flock.ask(&json!(["join", "all"]), CAP);
            unanswered += clients - answers.count;
            slowest = slowest.max(answers.last);
            dropped = server.metric("log_lines_dropped_total")?;
            if answers.count == 0 || round > 100 * rounds {
                return Err(
                    Failure::new(format!("{} answers in round {round}", answers.count))
                        .on(self.name),
                );
            }
        }
        signal::send("TERM", server.id())?;
        let (how, end) = signal::end_of(&server, scale.allows(END) * 2)?;
        Ok(Held {
            unanswered,
            slowest,
            dropped,
            how,
            end,
        })
    }
}

/// A pipe whose only reader is the server itself has room for 64 KiB, and nobody ever takes any.
const GROUNDS: [Ground; 3] = [
    Ground {
        name: "on a read-only disk",
        starter: &[
            "unshare",
            "--mount",
            "sh",
            "-c",
            "mount -o remount,bind,ro / && exec \"$0\" \"$@\"",
        ],
        takes: true,
    },
    Ground {
        name: "on a full disk",
        starter: &["sh", "-c", "exec \"$0\" \"$@\" 2>/dev/full"],
        takes: false,
    },
    Ground {
        name: "with a log that nobody reads",
        starter: &[
            "sh",
            "-c",
            "pipe=$(mktemp -u) && mkfifo \"$pipe\" && exec 3<>\"$pipe\" && rm \"$pipe\" && \
             exec \"$0\" \"$@\" 2>&3 3>&-",
        ],
        takes: false,
    },
];

/// With nothing to wait for but the log.
const END: Duration = Duration::from_secs(3);

const CAP: Duration = Duration::from_secs(20);
