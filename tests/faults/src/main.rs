#![forbid(unsafe_code)]
//! `faults [ID]...` breaks things and looks; see `docs/reliability.md`.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use sockeye_faults::{
    fault::{Fault, Length, Scale},
    faults, run, table,
};

/// Breaks things around a server and looks what it does to the clients.
#[derive(Debug, Parser)]
struct Options {
    /// Those to run, such as FM-01; all where none is named
    ids: Vec<String>,
    /// Only those that take less than a minute, at a tenth of their size
    #[arg(long)]
    short: bool,
    /// The part of the clients and of the time that the documentation speaks of; 1 by default
    #[arg(long)]
    part: Option<f64>,
    /// Puts what comes of it in the table of this file
    #[arg(long)]
    update: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let mut chosen: Vec<Fault> = faults::all();
    chosen.retain(|fault| options.ids.is_empty() || options.ids.iter().any(|id| id == fault.id));
    if chosen.is_empty() {
        eprintln!("error: none of {:?}", options.ids);
        return ExitCode::from(2);
    }
    chosen.retain(|fault| !options.short || fault.length == Length::Short);
    let scale = match options.part {
        Some(part) => Scale { part },
        None if options.short => Scale::SHORT,
        None => Scale { part: 1.0 },
    };
    let found = run::run(&chosen, &scale);
    let failed = found.iter().filter(|(_, finding)| {
        let holds = finding.as_ref().map(|finding| finding.broken.is_empty());
        holds != Some(true)
    });
    let failed = failed.count();
    println!("\n{} faults, {failed} with a promise broken", found.len());
    if let Some(path) = options.update {
        let found = found
            .into_iter()
            .filter_map(|(fault, finding)| Some((fault, finding?)));
        if let Err(error) = table::update(&path, &found.collect::<Vec<_>>()) {
            eprintln!("error: {}: {error}", path.display());
            return ExitCode::from(2);
        }
    }
    ExitCode::from(u8::from(failed > 0))
}
