//! Runs the load generator against Sockeye, its peers and its floors, interleaved, and prints what
//! each costs as Markdown. What it measured stays in `target/load`, one line of JSON a run.

#![forbid(unsafe_code)]

mod bench;
mod bench_table;
mod case;
mod cores;
mod curves;
mod curves_table;
mod format;
mod machine;
mod measure;
mod memory;
mod memory_table;
mod page;
mod picture;
mod samples;
mod server;
mod subject;
mod target;

use std::{error::Error, fs, path::PathBuf};

use clap::{Args, Parser, Subcommand};

use self::{measure::Bench, samples::Samples};

/// Measures Sockeye beside its peers and its floors.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// What each message, delivery and connection costs, and whether that is within the targets
    Bench,
    /// What connections at rest cost
    Memory,
    /// How all that changes with load, members, rooms and connections
    Curves,
}

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// How often everything is measured; what counts is the median
    #[arg(long, default_value_t = 5, global = true)]
    rounds: usize,
    /// Seconds that each run is measured
    #[arg(long, default_value_t = 1.5, global = true)]
    seconds: f64,
    /// Only these servers: front, app, socketioxide, node, own-co, own, hctx, body, wctx
    #[arg(long, value_delimiter = ',', global = true)]
    servers: Vec<String>,
    /// Only these scenarios of `bench`, or these curves
    #[arg(long, value_delimiter = ',', global = true)]
    only: Vec<String>,
    /// At most so many connections, whatever the limit of open files allows
    #[arg(long, default_value_t = 50_000, global = true)]
    connections: usize,
    /// Measures nothing and prints what was measured last
    #[arg(long, global = true)]
    reprint: bool,
    /// Adds to what was measured last
    #[arg(long, global = true)]
    resume: bool,
    /// Writes the tables into this page, too, between the markers of the subcommand
    #[arg(long, global = true)]
    update: Option<PathBuf>,
    /// Draws the curves into this folder
    #[arg(long, global = true)]
    pictures: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Cli { command, options } = Cli::parse();
    let name = match command {
        Command::Bench => "bench",
        Command::Memory => "memory",
        Command::Curves => "curves",
    };
    let path = samples_path(name);
    let mut samples = match options.reprint || options.resume {
        true => Samples::read(&path)?,
        false => Samples::create(&path)?,
    };
    if !options.reprint {
        let mut bench = Bench::new(&options)?;
        match command {
            Command::Bench => bench::measure(&mut bench, &options, &mut samples)?,
            Command::Memory => memory::measure(&mut bench, &options, &mut samples)?,
            Command::Curves => curves::measure(&mut bench, &options, &mut samples)?,
        }
    }
    let tables = match command {
        Command::Bench => bench_table::tables(&samples),
        Command::Memory => memory_table::tables(&samples),
        Command::Curves => curves_table::tables(&samples),
    };
    let text = format!("{}\n\n{tables}", machine::describe(&samples));
    println!("{text}");
    if let Some(page) = &options.update {
        page::update(page, name, &text)?;
    }
    if let (Command::Curves, Some(folder)) = (&command, &options.pictures) {
        fs::create_dir_all(folder)?;
        curves_table::draw(&samples, folder)?;
    }
    Ok(())
}

fn samples_path(name: &str) -> PathBuf {
    repository().join(format!("target/load/{name}.jsonl"))
}

/// The root of the repository that this was built in.
fn repository() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.."))
}
