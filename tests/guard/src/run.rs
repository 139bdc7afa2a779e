//! Runs cases and prints what came of them.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use crate::{
    canary::{Canaries, Style},
    case::{Case, MIB, Profile},
    kit::{Checked, Failure},
    oracle::{Bounds, Oracle, Verdict, mib},
    server::Server,
};

/// Runs the cases, grouped by their settings; returns how many have failed.
///
/// # Errors
///
/// When a server can't be started or is unwell from the start.
pub fn run(program: &Path, cases: &[Case]) -> Checked<usize> {
    let start = Instant::now();
    let mut failed = 0;
    for profile in Profile::ALL {
        let cases: Vec<_> = cases
            .iter()
            .filter(|case| case.profile() == profile)
            .collect();
        if cases.is_empty() {
            continue;
        }
        println!("\n{profile:?}");
        failed += match profile {
            Profile::Alone => alone(&cases)?,
            _ if profile.is_at_once() => at_once(program, profile, &cases)?,
            _ => in_turn(program, profile, &cases)?,
        };
    }
    println!(
        "\n{} cases, {failed} failed, {:.0?}",
        cases.len(),
        start.elapsed()
    );
    Ok(failed)
}

fn start(profile: Profile) -> Checked<Server> {
    match profile {
        Profile::Conformance => Server::start_conformance(),
        _ => Server::start(&profile.settings()),
    }
}

fn watch<'a>(program: &Path, profile: Profile, server: &'a Server) -> Checked<Oracle<'a>> {
    let style = match profile {
        Profile::Conformance => Style::Echo,
        _ => Style::Product,
    };
    Oracle::new(
        server,
        Canaries::start(program, server.address, style, CANARIES)?,
    )
}

/// One after another; a server that one has spoilt is replaced.
fn in_turn(program: &Path, profile: Profile, cases: &[&Case]) -> Checked<usize> {
    let mut failed = 0;
    let mut rest = cases.iter();
    while !rest.as_slice().is_empty() {
        let server = start(profile)?;
        let mut oracle = watch(program, profile, &server)?;
        let mut is_spent = false;
        for case in rest.by_ref() {
            let before = oracle.begin()?;
            let (outcome, took) = timed(|| case.run(&server));
            let verdict = oracle.judge(&before, bounds(case));
            failed += usize::from(!report(case, &outcome, took, &verdict));
            if verdict.is_spent {
                is_spent = true;
                break;
            }
        }
        if !is_spent {
            failed += settle(&oracle, 16 * MIB);
        }
    }
    Ok(failed)
}

/// All at once: each has its answer, and all together their cost.
fn at_once(program: &Path, profile: Profile, cases: &[&Case]) -> Checked<usize> {
    let server = start(profile)?;
    if profile == Profile::Waiting {
        // What the system's allocator keeps of thousands of connections is no leak, if it is enough
        // when they come again.
        together(&server, cases);
    }
    let mut oracle = watch(program, profile, &server)?;
    let before = oracle.begin()?;
    let outcomes = together(&server, cases);
    let mut failed = 0;
    let nothing = Verdict::default();
    for (case, (outcome, took)) in cases.iter().zip(&outcomes) {
        failed += usize::from(!report(case, outcome, *took, &nothing));
    }
    let all = cases.iter().map(|case| bounds(case));
    let all = all.fold(Bounds::default(), |sum, bounds| Bounds {
        cpu: sum.cpu + bounds.cpu,
        memory: sum.memory + bounds.memory,
    });
    let verdict = oracle.judge(&before, all);
    println!("  all together: {}", figures(&verdict));
    explain(&verdict);
    Ok(failed + usize::from(!verdict.faults.is_empty()) + settle(&oracle, 24 * MIB))
}

/// Without a server of the group.
fn alone(cases: &[&Case]) -> Checked<usize> {
    let server = start(Profile::Plain)?;
    let nothing = Verdict::default();
    let passed = cases.iter().filter(|case| {
        let (outcome, took) = timed(|| case.run(&server));
        report(case, &outcome, took, &nothing)
    });
    Ok(cases.len() - passed.count())
}

fn together(server: &Server, cases: &[&Case]) -> Vec<(Checked, Duration)> {
    thread::scope(|scope| {
        let running = cases
            .iter()
            .map(|case| scope.spawn(|| timed(|| case.run(server))));
        let running: Vec<_> = running.collect();
        let ended = running.into_iter().map(|case| {
            let panicked = |_| {
                (
                    Err(Failure::new("the case itself panicked")),
                    Duration::ZERO,
                )
            };
            case.join().unwrap_or_else(panicked)
        });
        ended.collect()
    })
}

fn settle(oracle: &Oracle<'_>, slack: u64) -> usize {
    match oracle.memory_comes_back(slack) {
        Ok(()) => 0,
        Err(failure) => {
            println!("  FAILED at the end: {failure}");
            1
        }
    }
}

fn bounds(case: &Case) -> Bounds {
    Bounds {
        cpu: case.cpu(),
        memory: case.memory(),
    }
}

fn timed(case: impl FnOnce() -> Checked) -> (Checked, Duration) {
    let start = Instant::now();
    (case(), start.elapsed())
}

/// Prints a line for a case and returns whether it has passed.
fn report(case: &Case, outcome: &Checked, took: Duration, verdict: &Verdict) -> bool {
    let passed = outcome.is_ok() && verdict.faults.is_empty();
    let word = if passed { "ok    " } else { "FAILED" };
    println!(
        "  {word} {:<16} {}  [{:.1?}; {}]",
        case.id(),
        case.title(),
        took,
        figures(verdict)
    );
    if let Err(failure) = outcome {
        println!("         {failure}");
    }
    explain(verdict);
    passed
}

fn explain(verdict: &Verdict) {
    for fault in verdict.faults.iter().take(MOST_FAULTS) {
        println!("         {fault}");
    }
    for remark in &verdict.remarks {
        println!("         (not held against it: {remark})");
    }
}

fn figures(verdict: &Verdict) -> String {
    format!(
        "cpu {} ms, +{} MiB, p99 {:.1} ms",
        verdict.cpu.as_millis(),
        mib(verdict.memory),
        verdict.p99.as_secs_f64() * 1000.0
    )
}

/// Half over each transport.
const CANARIES: usize = 50;

/// Enough to see what it is; canaries tend to fall silent together.
const MOST_FAULTS: usize = 5;
