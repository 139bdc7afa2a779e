//! Runs faults and prints what came of them.

use std::time::Instant;

use crate::{
    fault::{Fault, Scale},
    finding::Finding,
};

/// Runs them one after another; each with what came of it, or `None` where it couldn't be run.
#[must_use]
pub fn run(faults: &[Fault], scale: &Scale) -> Vec<(Fault, Option<Finding>)> {
    faults
        .iter()
        .map(|fault| (*fault, one(fault, scale)))
        .collect()
}

fn one(fault: &Fault, scale: &Scale) -> Option<Finding> {
    println!("{} {}", fault.id, fault.title);
    let start = Instant::now();
    let finding = match (fault.run)(scale) {
        Ok(finding) => finding,
        Err(failure) => {
            println!("  FAILED {failure}");
            return None;
        }
    };
    if let Some(why) = &finding.skipped {
        println!("  SKIPPED: {why}");
        return Some(finding);
    }
    println!("  done: {}", finding.done);
    println!("  lost: {}", finding.lost);
    for figure in &finding.figures {
        println!("  {figure}");
    }
    for promise in &finding.broken {
        println!("  BROKEN: {promise}");
    }
    println!("  ran for {:.0?}", start.elapsed());
    Some(finding)
}
