//! Measures how costs change with load, members, rooms and connections.

use std::error::Error;

use generator::Report;

use crate::{
    Options,
    bench::ROOM_OF,
    measure::{Bench, Run},
    memory::{sources, steps},
    samples::Samples,
    server::Server,
    subject::{Subject, Variant},
};

pub(crate) fn measure(
    bench: &mut Bench,
    options: &Options,
    samples: &mut Samples,
) -> Result<(), Box<dyn Error>> {
    let wants =
        |curve: &str| options.only.is_empty() || options.only.iter().any(|name| name == curve);
    let first = samples.rounds();
    for round in first..first + options.rounds {
        for subject in bench.wanted(SUBJECTS) {
            eprintln!(
                "round {} of {}: {subject}",
                round + 1,
                first + options.rounds
            );
            let run = |case| Run {
                case,
                subject,
                round,
            };
            if wants(LATENCY) {
                latency(bench, run(LATENCY), samples)?;
            }
            if wants(MEMBERS) {
                members(bench, run(MEMBERS), samples)?;
            }
            if wants("rooms") && !subject.is_floor() {
                for layout in LAYOUTS.iter().filter(|it| it.connections <= bench.capacity) {
                    rooms(bench, layout, run(layout.case), samples)?;
                }
            }
            if wants(MEMORY) {
                memory(bench, run(MEMORY), samples)?;
            }
        }
    }
    Ok(())
}

/// Raises the load until the server can't follow.
fn latency(bench: &Bench, run: Run<'_>, samples: &mut Samples) -> Result<(), Box<dyn Error>> {
    let server = Server::start(run.subject, Variant::Plain, &bench.cores)?;
    for rate in RATES {
        let rate = format!("--rate={rate}");
        let reports = bench.run(run, &server, &["echo", "-n100", &rate], samples)?;
        // A generator that was kept from running says nothing about the server.
        let had_its_core = |it: &Report| !it.spin || it.generator_utilisation > 0.95;
        if reports
            .iter()
            .any(|it| is_saturated(it) && had_its_core(it))
        {
            break;
        }
    }
    Ok(())
}

/// Returns whether less was answered than was asked for.
pub(crate) fn is_saturated(report: &Report) -> bool {
    let rate = report.rate.unwrap_or_default();
    report.per_second() < 0.95 * rate
}

fn members(bench: &Bench, run: Run<'_>, samples: &mut Samples) -> Result<(), Box<dyn Error>> {
    for members in SIZES.iter().filter(|&&members| members <= bench.capacity) {
        let server = Server::start(run.subject, Variant::Plain, &bench.cores)?;
        let members = format!("-n{members}");
        bench.run(run, &server, &["broadcast", &members, "-w4"], samples)?;
    }
    Ok(())
}

fn rooms(
    bench: &Bench,
    layout: &Layout,
    run: Run<'_>,
    samples: &mut Samples,
) -> Result<(), Box<dyn Error>> {
    let server = Server::start(run.subject, Variant::Plain, &bench.cores)?;
    let Layout {
        connections,
        each,
        members,
        window,
        ..
    } = layout;
    let arguments = [
        "rooms",
        &format!("-n{connections}"),
        &format!("--each={each}"),
        &format!("--members={members}"),
        &format!("-w{window}"),
    ];
    bench.run(run, &server, &arguments, samples)?;
    Ok(())
}

fn memory(bench: &Bench, run: Run<'_>, samples: &mut Samples) -> Result<(), Box<dyn Error>> {
    let most = bench.capacity / 1000 * 1000;
    let server = Server::start(run.subject, Variant::Plain, &bench.cores)?;
    let (steps, sources) = (steps(CROWDS, most), sources(most));
    let room = (!run.subject.is_floor()).then_some(ROOM_OF);
    let arguments = ["idle", &steps, &sources].into_iter().chain(room);
    bench.run(run, &server, &arguments.collect::<Vec<_>>(), samples)?;
    Ok(())
}

/// How connections are spread over rooms.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) case: &'static str,
    pub(crate) title: &'static str,
    connections: usize,
    each: usize,
    members: usize,
    /// Broadcasts under way: always some thousand deliveries.
    window: usize,
}

pub(crate) const LATENCY: &str = "latency";
pub(crate) const MEMBERS: &str = "members";
pub(crate) const MEMORY: &str = "memory";

pub(crate) const LAYOUTS: &[Layout] = &[
    Layout {
        case: "rooms-100",
        title: "100 rooms of 10, 1,000 sockets in 1 each",
        connections: 1000,
        each: 1,
        members: 10,
        window: 400,
    },
    Layout {
        case: "rooms-10k",
        title: "10,000 rooms of 10, 10,000 sockets in 10 each",
        connections: 10_000,
        each: 10,
        members: 10,
        window: 400,
    },
    Layout {
        case: "rooms-1k",
        title: "1,000 rooms of 100, 1,000 sockets in 100 each",
        connections: 1000,
        each: 100,
        members: 100,
        window: 40,
    },
    Layout {
        case: "rooms-1",
        title: "1 room of 10,000",
        connections: 10_000,
        each: 1,
        members: 10_000,
        window: 4,
    },
];

pub(crate) const SIZES: &[usize] = &[100, 300, 1000, 3000, 10_000];

/// Echoes a second, over 100 connections.
pub(crate) const RATES: [u32; 13] = [
    5000, 10_000, 20_000, 30_000, 40_000, 60_000, 80_000, 100_000, 130_000, 160_000, 200_000,
    250_000, 300_000,
];

const CROWDS: &[usize] = &[1000, 2000, 5000, 10_000, 20_000];

pub(crate) const SUBJECTS: &[Subject] = &[
    Subject::Front,
    Subject::App,
    Subject::Socketioxide,
    Subject::Node,
    Subject::OwnCo,
];
