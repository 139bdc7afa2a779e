//! Measures connections at rest: what each keeps, what is left when they are gone, and what the
//! pings cost.

use std::error::Error;

use crate::{
    Options,
    bench::ROOM_OF,
    measure::{Bench, Run},
    samples::Samples,
    server::Server,
    subject::{Subject, Variant},
};

pub(crate) fn measure(
    bench: &mut Bench,
    options: &Options,
    samples: &mut Samples,
) -> Result<(), Box<dyn Error>> {
    let most = bench.capacity / 1000 * 1000;
    if most < AT_REST {
        return Err("the limit of open files is too low: ulimit -n".into());
    }
    let first = samples.rounds();
    for round in first..first + options.rounds {
        for subject in bench.wanted(SUBJECTS) {
            eprintln!(
                "round {} of {}: {subject}",
                round + 1,
                first + options.rounds
            );
            let room = (!subject.is_floor()).then_some(ROOM_OF);
            let run = |case, options: &[&str], samples: &mut Samples| {
                let server = Server::start(subject, Variant::Plain, &bench.cores)?;
                let run = Run {
                    case,
                    subject,
                    round,
                };
                let sources = sources(most);
                let base = ["idle", &sources];
                let arguments: Vec<_> = base.iter().chain(options).copied().chain(room).collect();
                bench.run(run, &server, &arguments, samples)
            };
            let crowds = [&*steps(LOOKS, most), "--crowds=2", AFTERWARDS];
            run(CROWDS, &crowds, samples)?;
            if !subject.is_floor() {
                run(BROWSERS, &[&steps(&[AT_REST], most), "--browser"], samples)?;
            }
            if subject.is_ours() {
                let rest = format!("--settle={PING_SECONDS}");
                run(PINGS, &[&format!("--steps={most}"), &rest], samples)?;
            }
        }
    }
    Ok(())
}

/// Returns the option for looks at so many connections, and at the most there can be.
pub(crate) fn steps(looks: &[usize], most: usize) -> String {
    let mut steps: Vec<_> = looks.iter().copied().filter(|&look| look < most).collect();
    if looks.len() > 1 || steps.is_empty() {
        steps.push(most);
    }
    let steps = steps.iter().map(usize::to_string).collect::<Vec<_>>();
    format!("--steps={}", steps.join(","))
}

/// Returns the option for as many loopback addresses as there are ports needed.
pub(crate) fn sources(connections: usize) -> String {
    format!("--sources={}", 1 + connections / PORTS)
}

pub(crate) const CROWDS: &str = "crowds";
pub(crate) const BROWSERS: &str = "browsers";
pub(crate) const PINGS: &str = "pings";

/// Allocators give memory back some seconds after it was freed.
const AFTERWARDS: &str = "--afterwards=20";

/// Two pings to everybody.
const PING_SECONDS: usize = 50;

/// Connections at which hosts are compared.
pub(crate) const AT_REST: usize = 10_000;

const LOOKS: &[usize] = &[1000, 5000, AT_REST];

pub(crate) const SUBJECTS: &[Subject] = &[
    Subject::Front,
    Subject::App,
    Subject::Socketioxide,
    Subject::Node,
    Subject::OwnCo,
    Subject::Hctx,
];

/// Ports of one address that can safely be used at a time.
const PORTS: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_end_at_the_most_there_can_be() {
        assert_eq!(steps(LOOKS, 19_000), "--steps=1000,5000,10000,19000");
        assert_eq!(steps(LOOKS, 10_000), "--steps=1000,5000,10000");
        assert_eq!(steps(&[AT_REST], 50_000), "--steps=10000");
        assert_eq!(steps(&[AT_REST], 10_000), "--steps=10000");
    }

    #[test]
    fn one_address_is_not_enough_for_fifty_thousand() {
        assert_eq!(sources(10_000), "--sources=1");
        assert_eq!(sources(50_000), "--sources=3");
    }
}
