//! Runs the generator against a server.

use std::{
    error::Error,
    fs, io,
    process::{Command, Stdio},
    time::Instant,
};

use generator::Report;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{
    Options,
    cores::Cores,
    samples::{Sample, Samples},
    server::{Server, beside},
    subject::Subject,
};

/// Where measuring happens.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) cores: Cores,
    /// Connections that a server and the generator can hold open.
    pub(crate) capacity: usize,
    seconds: f64,
    only: Vec<Subject>,
}

/// What a run is filed under.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<'a> {
    pub(crate) case: &'a str,
    pub(crate) subject: Subject,
    pub(crate) round: usize,
}

impl Bench {
    pub(crate) fn new(options: &Options) -> Result<Self, Box<dyn Error>> {
        let known = |name: &String| {
            let mut all = Subject::ALL.into_iter();
            all.find(|subject| subject.name() == name)
                .ok_or_else(|| format!("there is no server {name:?}"))
        };
        let only = options.servers.iter().map(known);
        let files = raise_file_limit()? as usize;
        Ok(Self {
            cores: Cores::detect()?,
            capacity: files.saturating_sub(SPARE_FILES).min(options.connections),
            seconds: options.seconds,
            only: only.collect::<Result<_, _>>()?,
        })
    }

    /// Returns those of `subjects` that were asked for.
    pub(crate) fn wanted(&self, subjects: &[Subject]) -> Vec<Subject> {
        let is_wanted = |subject: &&Subject| self.only.is_empty() || self.only.contains(subject);
        subjects.iter().filter(is_wanted).copied().collect()
    }

    /// Runs a scenario, files what it finds, and returns it. Where something else ran at the same
    /// time, it is run again a few times.
    pub(crate) fn run(
        &self,
        run: Run<'_>,
        server: &Server,
        arguments: &[&str],
        samples: &mut Samples,
    ) -> Result<Vec<Report>, Box<dyn Error>> {
        for _ in 1..ATTEMPTS {
            let before = samples.contended();
            let reports = self.run_once(run, server, arguments, samples)?;
            if samples.contended() == before {
                return Ok(reports);
            }
        }
        self.run_once(run, server, arguments, samples)
    }

    fn run_once(
        &self,
        run: Run<'_>,
        server: &Server,
        arguments: &[&str],
        samples: &mut Samples,
    ) -> Result<Vec<Report>, Box<dyn Error>> {
        let Run {
            case,
            subject,
            round,
        } = run;
        let mut command = Command::new(beside("generator")?);
        command.args(arguments).args([
            &format!("--address={}", server.address()),
            &format!("--process={}", server.process()),
            &format!("--label={subject}"),
        ]);
        if arguments.first() != Some(&"idle") {
            command.arg(format!("--duration={}", self.seconds));
            if self.cores.are_apart() {
                command.arg("--spin");
            }
        }
        if let Some(token) = server.token() {
            command.arg(format!("--auth={{\"token\":\"{token}\"}}"));
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(Stdio::piped());
        let (began, stolen) = (Instant::now(), steal_seconds());
        let child = self
            .cores
            .pinned(self.cores.generator(), || command.spawn())?;
        let output = child.wait_with_output()?;
        let steal = (steal_seconds() - stolen) / began.elapsed().as_secs_f64();
        let complaint = String::from_utf8_lossy(&output.stderr);
        if !complaint.is_empty() {
            eprintln!("  {subject}, {case}: {}", complaint.trim());
        }
        let mut reports = Vec::new();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let report: Report = serde_json::from_str(line)?;
            reports.push(report.clone());
            samples.add(Sample {
                case: case.to_owned(),
                server: subject.name().to_owned(),
                round,
                steal,
                report,
            })?;
        }
        Ok(reports)
    }
}

/// Raises the limit of open files, which servers and the generator inherit, and returns it.
fn raise_file_limit() -> io::Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised)?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

/// Returns the seconds that the hypervisor has given to others, since the start of the machine.
fn steal_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = stat.lines().next().unwrap_or_default();
    let ticks = line.split_ascii_whitespace().nth(8);
    ticks.map_or(0.0, |ticks| ticks.parse().unwrap_or(0.0)) / 100.0
}

/// Runs of a scenario in a round, at most.
const ATTEMPTS: usize = 3;

/// Open files that are not connections.
const SPARE_FILES: usize = 200;
