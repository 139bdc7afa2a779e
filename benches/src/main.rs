#![forbid(unsafe_code)]
//! Counts the instructions of every path and holds them against their budgets.
//!
//! `budgets check` fails when a path takes over 5 % more than its budget, `budgets accept` makes
//! what is counted the budget; both take names of paths to keep to. `budgets count` only prints.
//! `budgets run PATH` is what they count, under callgrind.

mod budget;
mod callgrind;
mod toolchain;

use std::{collections::HashSet, env, error::Error, io, process::ExitCode};

use sockeye_benches::{Path, codecs, paths};

use self::{
    budget::{Budgets, Verdict},
    toolchain::Toolchain,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (command, names) = match arguments.split_first() {
        Some((command, names)) => (command.as_str(), names),
        None => ("check", &[][..]),
    };
    let done = match command {
        "run" => run(names).map(|()| true),
        "check" => check(names),
        "accept" => accept(names).map(|()| true),
        "count" => count(names).map(|_| true),
        _ => Err("usage: budgets [check|accept|count|run] [PATH]...".into()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("budgets: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(names: &[String]) -> Result<(), Box<dyn Error>> {
    for path in chosen(names)? {
        let units = path.run(&mut callgrind::stage_boundary)?;
        println!("{units}");
    }
    Ok(())
}

/// Returns whether no path is over its budget.
fn check(names: &[String]) -> Result<bool, Box<dyn Error>> {
    let budgets = Budgets::load()?;
    let here = Toolchain::find()?;
    let same = budgets.toolchain() == &here;
    let counts = count(names)?;
    let verdicts = counts
        .iter()
        .map(|&(name, count)| (name, budgets.judge(name, count)));
    let verdicts: Vec<_> = verdicts
        .filter(|(_, verdict)| *verdict != Verdict::Within)
        .collect();
    println!();
    let tells = tells_a_secret(&counts);
    if tells {
        println!(
            "a count depends on a secret: {:?} must be the same",
            codecs::ALIKE
        );
    }
    for (name, verdict) in &verdicts {
        println!("{name}: {verdict}");
    }
    if names.is_empty() {
        for name in budgets
            .names()
            .filter(|name| !paths().any(|path| path.name() == *name))
        {
            println!("{name}: there is a budget, but no such path");
        }
    }
    let over = verdicts.iter().any(|(_, verdict)| verdict.is_fault());
    if !same {
        println!(
            "!!! The budgets were counted with other tools, so these counts prove nothing:\n\
             !!! budgets: {}\n!!! here:    {here}\n\
             !!! After a change of tools: make budgets ACCEPT=1",
            budgets.toolchain()
        );
        return Ok(!tells);
    }
    match over {
        true => println!("If this is worth it, accept it: make budgets ACCEPT=1"),
        false => println!("{} paths within their budgets", counts.len()),
    }
    Ok(!over && !tells)
}

/// Whether it takes longer or shorter to refuse one key than another, or to accept the right one.
fn tells_a_secret(counts: &[(&'static str, u64)]) -> bool {
    let alike = counts
        .iter()
        .filter(|(name, _)| codecs::ALIKE.contains(name));
    let alike: HashSet<u64> = alike.map(|(_, count)| *count).collect();
    alike.len() > 1
}

fn accept(names: &[String]) -> Result<(), Box<dyn Error>> {
    let mut budgets = Budgets::load().unwrap_or_default();
    let here = Toolchain::find()?;
    if !names.is_empty() && budgets.toolchain() != &here {
        return Err("with other tools than before, all paths are to be accepted".into());
    }
    let counts = count(names)?;
    budgets.accept(here, &counts, names.is_empty());
    budgets.save()?;
    Ok(())
}

fn count(names: &[String]) -> Result<Vec<(&'static str, u64)>, Box<dyn Error>> {
    let mut counts = Vec::new();
    println!("{:>14}  path", "instructions");
    for path in chosen(names)? {
        let count = callgrind::count(&path)?;
        println!("{count:>14}  {} (per {})", path.name(), path.unit());
        counts.push((path.name(), count));
    }
    Ok(counts)
}

/// Returns the paths of these names, or all.
fn chosen(names: &[String]) -> io::Result<Vec<Path>> {
    let find = |name: &String| {
        let found = paths().find(|path| path.name() == name);
        found.ok_or_else(|| io::Error::other(format!("no path {name}")))
    };
    match names {
        [] => Ok(paths().collect()),
        names => names.iter().map(find).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_depend_on_a_secret_are_noticed() {
        let counts = |last| {
            [
                ("echo", 5),
                (codecs::ALIKE[0], 70),
                (codecs::ALIKE[2], last),
            ]
        };

        assert!(!tells_a_secret(&counts(70)));
        assert!(tells_a_secret(&counts(71)));
    }
}
