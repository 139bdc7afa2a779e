//! FM-10: strangers come and go for hours, and hostile ones among them.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use sockeye_guard::{
    kit::{Checked, Failure, ensure, eventually, pause},
    server::Server,
    settings::Settings,
};
use tokio::runtime::Runtime;

use crate::{
    crowd::{Passages, Tally},
    fault::{Fault, Length, Scale},
    figure::{MIB, mib, run_time, thousands},
    finding::Finding,
    hostile,
    picture::{Chart, Line, Picture},
    trend::Trend,
    watch::{Sample, Watch, gauges},
};

pub(super) const FAULT: Fault = Fault {
    id: "FM-10",
    title: "a long time of coming and going",
    length: Length::Short,
    run: soak,
};

fn soak(scale: &Scale) -> Checked<Finding> {
    let plan = Plan::of(scale);
    let server = Server::start(&plan.settings())?;
    let runtime = Runtime::new()?;
    let (mut first, before) = (server.process().read()?, gauges(&server)?);
    // The process has opened what it needs for its first answer.
    first.descriptors = first.descriptors.max(server.process().read()?.descriptors);
    // What the allocator keeps of a crowd it keeps: what more a longer one leaves has leaked.
    let least = match plan.is_short {
        true => None,
        false => Some(plan.tenth().pass(&server, &runtime, &before)?.rest),
    };
    let Pass {
        tally,
        outcome,
        left,
        samples,
        rest,
    } = plan.pass(&server, &runtime, &before)?;
    let last = server.process().read()?;

    let mut finding = Finding::of(format!(
        "{} clients for {}, {:.0} of them gone and replaced in a second, over WebSocket, polling and \
         upgrades, {} events with ack relayed in rooms; beside them {} cases of the guard, {} times \
         in all",
        thousands(plan.members),
        run_time(plan.time),
        tally.came as f64 / plan.time.as_secs_f64(),
        thousands(tally.acked),
        outcome.cases,
        thousands(outcome.runs),
    ));
    finding.lost = match tally.broken + tally.disorder {
        0 => format!(
            "nothing: {} clients came and went, {} events heard, all in order",
            thousands(tally.came),
            thousands(tally.heard)
        ),
        _ => format!(
            "{} of {} clients, {} events out of order; {}",
            tally.broken,
            tally.came,
            tally.disorder,
            tally
                .why
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; ")
        ),
    };
    finding.promise(
        tally.broken + tally.disorder == 0,
        "no client notices the others",
    );
    for (id, (count, failure)) in &outcome.wrong {
        finding.promise(false, format!("{id} {count} times: {failure}"));
    }
    if let Err(failure) = left {
        finding.promise(
            false,
            format!("every gauge is at its start again: {failure}"),
        );
    }
    finding.promise(
        last.descriptors <= first.descriptors + 2,
        format!(
            "descriptors are at their start again: {} instead of {}",
            last.descriptors, first.descriptors
        ),
    );
    let log = server.log()?;
    finding.promise(!log.contains("panicked at"), "nothing panics");
    finding.figure("slowest ack", format!("{:.0?}", tally.slowest));
    let steady = plan.steady(&samples);
    memory(&plan, &mut finding, steady, &samples);
    finding.figure("after the last", mib(rest));
    if let Some(least) = least {
        let more = rest as f64 - least as f64;
        finding.figure("after a tenth of that time", mib(least));
        finding.figure(
            "so no more than",
            format!(
                "{:.0} bytes are left of each",
                more.max(0.0) / tally.came as f64
            ),
        );
        finding.promise(more <= LEFT, "a long time leaves no more than a short one");
    }
    flat(&mut finding, steady);
    finding.picture = Some(("soak.svg", picture(&samples).draw()?));
    Ok(finding)
}

/// Memory rises by no more than its wavering.
fn memory(plan: &Plan, finding: &mut Finding, steady: &[Sample], all: &[Sample]) {
    let highest = all.iter().map(|sample| sample.reading.resident).max();
    let highest = highest.unwrap_or_default();
    finding.figure("memory at most", mib(highest));
    let points = series(steady, 1.0, |sample| sample.reading.resident as f64);
    match Trend::of(&points, plan.run) {
        Some(trend) if !plan.is_short => {
            let an_hour = 3600.0 / MIB;
            finding.figure(
                "slope",
                format!(
                    "{:+.1} ± {:.1} MiB/h",
                    trend.slope * an_hour,
                    trend.error * an_hour
                ),
            );
            finding.promise(
                trend.is_within(1.0 / an_hour),
                "memory rises by no more than it wavers",
            );
        }
        // So short a time shows no trend: only what is plainly wrong.
        _ => {
            let middle = points.get(points.len() / 2).map_or(0.0, |point| point.1);
            let end = points.last().map_or(0.0, |point| point.1);
            finding.promise(end <= middle + 16.0 * MIB, "memory rises no further");
        }
    }
}

/// Threads stay the same, and descriptors don't rise.
fn flat(finding: &mut Finding, steady: &[Sample]) {
    let threads = || steady.iter().map(|sample| sample.reading.threads);
    let (least, most) = (threads().min(), threads().max());
    finding.figure("threads", format!("{}", most.unwrap_or_default()));
    finding.promise(least == most, format!("threads: {least:?} to {most:?}"));
    let descriptors = series(steady, 1.0, |sample| {
        let connections = sample.gauges.get("connections").copied();
        sample.reading.descriptors as f64 - connections.unwrap_or_default()
    });
    if let Some(trend) = Trend::of(&descriptors, 1) {
        finding.promise(
            trend.is_within(1.0 / 60.0),
            format!("descriptors that are no connections: {trend:?}"),
        );
    }
}

fn picture(samples: &[Sample]) -> Picture {
    let gauge = |name: &'static str| {
        move |sample: &Sample| sample.gauges.get(name).copied().unwrap_or_default()
    };
    let minutes = 1.0 / 60.0;
    Picture {
        x: "minutes",
        charts: vec![
            Chart {
                y: "MiB",
                lines: vec![Line {
                    name: "resident memory",
                    points: series(samples, minutes, |sample| {
                        sample.reading.resident as f64 / MIB
                    }),
                }],
            },
            Chart {
                y: "count",
                lines: vec![
                    Line {
                        name: "file descriptors",
                        points: series(samples, minutes, |sample| {
                            sample.reading.descriptors as f64
                        }),
                    },
                    Line {
                        name: "connections",
                        points: series(samples, minutes, gauge("connections")),
                    },
                    Line {
                        name: "sockets",
                        points: series(samples, minutes, gauge("sockets")),
                    },
                ],
            },
        ],
    }
}

fn series(samples: &[Sample], unit: f64, of: impl Fn(&Sample) -> f64) -> Vec<(f64, f64)> {
    let points = samples.iter();
    points
        .map(|sample| (sample.at.as_secs_f64() * unit, of(sample)))
        .collect()
}

/// What came of a crowd.
#[derive(Debug)]
struct Pass {
    tally: Tally,
    outcome: hostile::Outcome,
    /// Whether every gauge is where it was before.
    left: Checked,
    samples: Vec<Sample>,
    /// What is resident when all have gone, in bytes.
    rest: u64,
}

/// How large and how long.
#[derive(Clone, Copy, Debug)]
struct Plan {
    is_short: bool,
    members: usize,
    stay: u64,
    time: Duration,
    every: Duration,
    /// How many looks are one value of the trend.
    run: usize,
    patience: Duration,
    /// For how many seconds the memory is looked at when all have gone.
    settling: u32,
}

impl Plan {
    fn of(scale: &Scale) -> Self {
        match scale.part <= Scale::SHORT.part {
            true => Self {
                is_short: true,
                members: scale.of(2000),
                stay: 4000,
                time: Duration::from_secs(20),
                every: Duration::from_millis(500),
                run: 4,
                patience: Duration::from_secs(40),
                settling: 3,
            },
            false => Self {
                is_short: false,
                members: 2000,
                stay: 40_000,
                time: Duration::from_secs(900).mul_f64(scale.part),
                every: Duration::from_secs(5),
                run: 6,
                patience: Duration::from_secs(90),
                settling: 30,
            },
        }
    }

    /// Where there is little time, clients that vanish are noticed sooner.
    fn settings(&self) -> Settings {
        let settings = Settings::new();
        match self.is_short {
            true => settings
                .set("engine.ping_interval", r#""8s""#)
                .set("engine.ping_timeout", r#""8s""#),
            false => settings,
        }
    }

    /// The same for a tenth of the time.
    fn tenth(&self) -> Self {
        Self {
            time: self.time / 10,
            ..*self
        }
    }

    /// Lets all come and go, and waits until nothing of them is left.
    fn pass(
        &self,
        server: &Server,
        runtime: &Runtime,
        before: &BTreeMap<String, f64>,
    ) -> Checked<Pass> {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let watch = Watch::start(scope, server, self.every);
            let hostile = scope.spawn(|| hostile::harass(server, &stop, !self.is_short));
            let tally = runtime.block_on(self.crowd(server).pass());
            stop.store(true, Ordering::Relaxed);
            let outcome = hostile.join();
            let outcome = outcome.map_err(|_| Failure::new("the hostile clients have broken"));
            let left = eventually(self.patience, || {
                let now = gauges(server)?;
                let left: Vec<_> = now
                    .iter()
                    .filter(|(name, value)| before.get(*name) != Some(value))
                    .map(|(name, value)| format!("{value} {name}"))
                    .collect();
                ensure(left.is_empty(), format!("left: {}", left.join(", ")))
            });
            // The allocator gives back what isn't used after about ten seconds.
            let mut rest = u64::MAX;
            for _ in 0..self.settling {
                pause(Duration::from_secs(1));
                rest = rest.min(server.process().read()?.resident);
            }
            Ok(Pass {
                tally,
                outcome: outcome??,
                left,
                samples: watch.stop()?,
                rest,
            })
        })
    }

    fn crowd(&self, server: &Server) -> Passages {
        Passages {
            address: server.address,
            members: self.members,
            rooms: (self.members as u64 / 8).max(1),
            arrivals: 100,
            stay: self.stay,
            time: self.time,
        }
    }

    /// What was seen while everything took its course: after the allocator had got to know how what is
    /// taken and given back lies, which takes minutes; and before all went.
    fn steady<'a>(&self, samples: &'a [Sample]) -> &'a [Sample] {
        let warm = self.time / 2;
        let begin = samples.partition_point(|sample| sample.at < warm);
        let end = samples.partition_point(|sample| sample.at < self.time);
        samples.get(begin..end).unwrap_or_default()
    }
}

/// By how much what is left after a crowd wavers, in bytes.
const LEFT: f64 = 4.0 * MIB;
