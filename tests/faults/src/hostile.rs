//! The guard's hostile clients, again and again, beside everything else.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use sockeye_guard::{
    case::{Case, Profile},
    cases,
    kit::{Checked, Failure},
    server::Server,
};

/// What came of the hostile clients.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How many cases there are.
    pub cases: usize,
    /// How often one was run.
    pub runs: usize,
    /// How often another answer came than has to, by the case's id, with the last of them.
    pub wrong: BTreeMap<&'static str, (usize, Failure)>,
}

/// Runs the guard's cases until they are told to stop: those that are over in a moment one after
/// another, and each that takes its time in a thread of its own.
///
/// # Errors
///
/// When a thread breaks.
pub fn harass(server: &Server, stop: &AtomicBool, also_slow: bool) -> Checked<Outcome> {
    let mut cases = cases::all();
    cases.retain(|case| !LOOK_AT_ALL.contains(&case.id()));
    let quick: Vec<_> = of(&cases, Profile::Plain);
    let slow: Vec<_> = match also_slow {
        true => of(&cases, Profile::Waiting),
        false => Vec::new(),
    };
    thread::scope(|scope| {
        let slow = slow.into_iter().map(|case| vec![case]);
        let threads: Vec<_> = slow
            .chain([quick])
            .map(|cases| scope.spawn(move || again_and_again(server, &cases, stop)))
            .collect();
        let mut all = Outcome::default();
        for thread in threads {
            let one = thread
                .join()
                .map_err(|_| Failure::new("a hostile client's thread has broken"))?;
            all.cases += one.cases;
            all.runs += one.runs;
            all.wrong.extend(one.wrong);
        }
        Ok(all)
    })
}

fn of(cases: &[Case], profile: Profile) -> Vec<Case> {
    let cases = cases.iter().filter(|case| case.profile() == profile);
    cases.cloned().collect()
}

fn again_and_again(server: &Server, cases: &[Case], stop: &AtomicBool) -> Outcome {
    let mut outcome = Outcome {
        cases: cases.len(),
        ..Outcome::default()
    };
    for case in cases.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        outcome.runs += 1;
        if let Err(failure) = case.run(server) {
            let count = outcome.wrong.get(case.id()).map_or(0, |wrong| wrong.0);
            outcome.wrong.insert(case.id(), (count + 1, failure));
        }
    }
    outcome
}

/// These judge by what the whole server logs or counts, which others change here.
const LOOK_AT_ALL: [&str; 6] = ["ATK-21", "ATK-50", "ATK-59", "ATK-77", "ATK-78", "ATK-80"];
