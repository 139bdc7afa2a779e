#![forbid(unsafe_code)]
//! The Socket.IO server that runs by itself: see `sockeye help`.

use std::{
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use clap::Parser as _;
use sockeye::standalone::{
    Cli, Command, Settings, Stopped, check, environment, log_to_stderr, serve, token,
};

/// The system's allocator keeps what a crowd needed that has gone; this one gives it back.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(cli: &Cli) -> Result<ExitCode, Box<dyn std::error::Error>> {
    match &cli.command {
        Command::Serve(_) => {
            let loaded = Settings::load(cli, environment())?;
            let _log = log_to_stderr(&loaded.settings.log);
            for warning in &loaded.warnings {
                tracing::warn!("{warning}");
            }
            let stopped = actix_web::rt::System::new().block_on(serve(loaded))?;
            if stopped == Stopped::AtOnce {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Check(_) => println!("{}", check(cli, environment())?),
        Command::Token(args) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
            println!("{}", token(cli, args, environment(), now.as_secs())?);
        }
    }
    Ok(ExitCode::SUCCESS)
}
