//! Healthy clients that go on with their work while others misbehave.

mod bird;
mod program;

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use serde_json::Value;

pub use self::{bird::Style, program::run};
use crate::kit::{Checked, Failure};

/// Canaries in a process of their own, so that no case slows them down.
///
/// Each sends ten events a second, one after another, and wants each answered. At the product they
/// come in pairs, one over each transport, of which each also gets what the other sends: in order,
/// and all of it.
#[derive(Debug)]
pub struct Canaries {
    child: Child,
    orders: ChildStdin,
    answers: Receiver<String>,
}

/// How the canaries have fared since they were last asked.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// Answered events.
    pub echoes: u64,
    /// The time within which 99 of 100 were answered.
    pub p99: Duration,
    /// The longest that one took.
    pub longest: Duration,
    /// What was not as it should be: lost, out of order, disconnected, late by far.
    pub faults: Vec<String>,
}

impl Canaries {
    /// Starts `count` of them with the program that this crate builds.
    ///
    /// # Errors
    ///
    /// When they can't all connect.
    pub fn start(program: &Path, address: SocketAddr, style: Style, count: usize) -> Checked<Self> {
        let mut child = Command::new(program)
            .args([
                "canaries",
                &address.to_string(),
                style.name(),
                &count.to_string(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(orders), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure::new("the canaries have no pipes"));
        };
        let (sender, answers) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let canaries = Self {
            child,
            orders,
            answers,
        };
        match &*canaries.answer()? {
            "singing" => Ok(canaries),
            other => Err(Failure::new("the canaries can't connect").on(other)),
        }
    }

    /// Waits until each canary has had one more event answered, and returns how all have fared
    /// since the last call.
    ///
    /// # Errors
    ///
    /// When the canaries are silent.
    pub fn health(&mut self) -> Checked<Health> {
        self.orders.write_all(b"health\n")?;
        let answer = self.answer()?;
        let value: Value = serde_json::from_str(&answer)
            .map_err(|_| Failure::new("the canaries make no sense").on(&answer))?;
        let number = |key: &str| value.get(key).and_then(Value::as_u64).unwrap_or_default();
        let faults = value.get("faults").and_then(Value::as_array);
        let faults = faults.into_iter().flatten().filter_map(Value::as_str);
        Ok(Health {
            echoes: number("echoes"),
            p99: Duration::from_micros(number("p99")),
            longest: Duration::from_micros(number("longest")),
            faults: faults.map(str::to_owned).collect(),
        })
    }

    fn answer(&self) -> Checked<String> {
        let answer = self.answers.recv_timeout(SILENCE);
        answer.map_err(|_| Failure::new("the canaries are silent"))
    }
}

impl Drop for Canaries {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Longer than a canary waits for an answer.
const SILENCE: Duration = Duration::from_secs(30);
