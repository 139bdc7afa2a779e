//! Measures the rows of the table.

use std::error::Error;

use crate::{
    Options,
    case::{CASES, Case},
    measure::{Bench, Run},
    samples::Samples,
    server::Server,
    subject::{Subject, Variant},
};

/// Runs every case against every server, one server after another, and all of it again and again:
/// a machine drifts, and so it does for everybody.
pub(crate) fn measure(
    bench: &mut Bench,
    options: &Options,
    samples: &mut Samples,
) -> Result<(), Box<dyn Error>> {
    let wanted =
        |case: &&Case| options.only.is_empty() || options.only.iter().any(|name| name == case.name);
    let cases: Vec<_> = CASES.iter().filter(wanted).collect();
    let first = samples.rounds();
    for round in first..first + options.rounds {
        for subject in bench.wanted(&Subject::ALL) {
            eprintln!(
                "round {} of {}: {subject}",
                round + 1,
                first + options.rounds
            );
            round_of(bench, subject, round, &cases, samples)?;
        }
    }
    Ok(())
}

fn round_of(
    bench: &Bench,
    subject: Subject,
    round: usize,
    cases: &[&Case],
    samples: &mut Samples,
) -> Result<(), Box<dyn Error>> {
    for variant in [
        Variant::Plain,
        Variant::Binary,
        Variant::Auth,
        Variant::TwoWorkers,
    ] {
        let mut server = None;
        for case in cases {
            if !case.is_for(subject) || case.variant_for(subject) != variant {
                continue;
            }
            if case.is_of_memory() {
                server = None;
            }
            let server = match &server {
                Some(server) => server,
                None => server.insert(Server::start(subject, variant, &bench.cores)?),
            };
            let mut arguments = case.arguments.to_vec();
            if case.is_of_memory() && !subject.is_floor() {
                arguments.push(ROOM_OF);
            }
            let run = Run {
                case: case.name,
                subject,
                round,
            };
            bench.run(run, server, &arguments, samples)?;
        }
    }
    Ok(())
}

/// Besides its own room and the one with everybody, each socket at rest is in a room of ten.
pub(crate) const ROOM_OF: &str = "--room-of=10";
