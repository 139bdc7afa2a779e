//! The command line of the load generator.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser as _;
use generator::Cli;

fn main() -> ExitCode {
    let run = Cli::parse().run(|report| match serde_json::to_string(report) {
        Ok(line) => println!("{line}"),
        Err(error) => eprintln!("the report can't be written: {error}"),
    });
    match run {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
