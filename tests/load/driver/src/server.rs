//! Starts a server and ends it.

use std::{
    error::Error,
    io::{self, BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{
    cores::Cores,
    repository,
    subject::{Subject, Variant},
};

/// A server that listens; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: String,
    token: Option<String>,
}

impl Server {
    pub(crate) fn start(
        subject: Subject,
        variant: Variant,
        cores: &Cores,
    ) -> Result<Self, Box<dyn Error>> {
        let workers = if variant == Variant::TwoWorkers { 2 } else { 1 };
        let mut command = command(subject)?;
        command.env("PORT", "0").envs(variant.variable());
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = cores
            .pinned(cores.server(workers), || command.spawn())
            .map_err(|error| format!("{subject} can't be started, is it built? {error}"))?;
        let output = child.stdout.take();
        let mut server = Self {
            child,
            address: String::new(),
            token: None,
        };
        let lines = output.map(|output| BufReader::new(output).lines());
        for line in lines.into_iter().flatten() {
            let line = line?;
            if let Some(token) = line.strip_prefix("token ") {
                server.token = Some(token.to_owned());
            }
            if let Some(address) = line.strip_prefix("listening on http://") {
                server.address = address.to_owned();
                return Ok(server);
            }
        }
        Err(format!("{subject} does not listen").into())
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Returns the token that it demands, if it does.
    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which the generator has noticed then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(subject: Subject) -> io::Result<Command> {
    let mut command;
    match subject {
        Subject::Front | Subject::App => {
            command = Command::new(repository().join("target/release/examples/bench_server"));
            command.args(["--host", subject.name()]);
        }
        Subject::Socketioxide => command = Command::new(beside("peer-socketioxide")?),
        Subject::Node => {
            command = Command::new("node");
            command.arg(repository().join("tests/load/node/server.js"));
        }
        floor => {
            command = Command::new(beside("floors")?);
            command.arg(floor.name());
        }
    }
    Ok(command)
}

/// Returns the path of a program that is built together with this one.
pub(crate) fn beside(name: &str) -> io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().unwrap_or_else(|| Path::new("."));
    Ok(folder.join(name))
}
