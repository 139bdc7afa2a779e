//! The judge: what a case has done to the server and to everybody else.

use std::{
    collections::BTreeMap,
    env,
    time::{Duration, Instant},
};

use crate::{
    canary::{Canaries, Health},
    case::MIB,
    kit::{Checked, Failure, ensure, eventually},
    process::Reading,
    server::Server,
};

/// Watches one server with its canaries.
#[derive(Debug)]
pub struct Oracle<'a> {
    server: &'a Server,
    canaries: Canaries,
    /// How it was before anything happened.
    base: Base,
    patience: Duration,
    strict: bool,
}

#[derive(Debug)]
struct Base {
    reading: Reading,
    gauges: BTreeMap<String, f64>,
    /// Processor time that the canaries cost in a second.
    cpu_per_second: Duration,
    p99: Duration,
}

/// How it was when a case began.
#[derive(Debug)]
pub struct Before {
    reading: Reading,
    at: Instant,
    logged: usize,
}

/// What a case may cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    /// Time on the processors.
    pub cpu: Duration,
    /// By how much the peak of the memory may grow, in bytes.
    pub memory: u64,
}

/// What a case has cost, and everything that was not as it should be.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// What breaks a rule.
    pub faults: Vec<String>,
    /// What is only remarkable.
    pub remarks: Vec<String>,
    /// Time on the processors, without the canaries'.
    pub cpu: Duration,
    /// By how much the peak of the memory has grown, in bytes.
    pub memory: u64,
    /// The time within which 99 of 100 of the canaries' events were answered.
    pub p99: Duration,
    /// Whether the server is of no use for another case.
    pub is_spent: bool,
}

impl<'a> Oracle<'a> {
    /// Watches a server for two seconds to learn how it is when nothing happens.
    ///
    /// # Errors
    ///
    /// When it is unwell already.
    pub fn new(server: &'a Server, mut canaries: Canaries) -> Checked<Self> {
        // The first answers are those of a cold start.
        canaries.health()?;
        let (before, start) = (server.process().read()?, Instant::now());
        let mut calm = canaries.health()?;
        while start.elapsed() < CALM {
            let health = canaries.health()?;
            calm.p99 = calm.p99.max(health.p99);
            calm.faults.extend(health.faults);
        }
        ensure(calm.faults.is_empty(), calm.faults.join("; "))?;
        let reading = server.process().read()?;
        let cpu = reading.cpu.saturating_sub(before.cpu);
        Ok(Self {
            server,
            canaries,
            base: Base {
                reading,
                gauges: server.gauges()?,
                cpu_per_second: cpu.div_f64(start.elapsed().as_secs_f64()),
                p99: calm.p99,
            },
            patience: Duration::from_secs(15),
            strict: env::var_os("STRICT").is_some_and(|strict| strict == "1"),
        })
    }

    /// Sets how long what a case has left may take to go; 15 s by default.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Looks at the server before a case.
    ///
    /// # Errors
    ///
    /// When it has gone.
    pub fn begin(&self) -> Checked<Before> {
        self.server.process().reset_peak();
        Ok(Before {
            reading: self.server.process().read()?,
            at: Instant::now(),
            logged: self.server.log()?.len(),
        })
    }

    /// Judges a case that has just ended.
    pub fn judge(&mut self, before: &Before, bounds: Bounds) -> Verdict {
        let mut verdict = Verdict::default();
        if let Err(failure) = self.look(before, bounds, &mut verdict) {
            verdict.faults.push(failure.to_string());
            verdict.is_spent = true;
        }
        if let Some(status) = self.server.ended() {
            verdict
                .faults
                .insert(0, format!("the process has ended: {status}"));
            verdict.is_spent = true;
        }
        verdict
    }

    fn look(&mut self, before: &Before, bounds: Bounds, verdict: &mut Verdict) -> Checked {
        if let Ok(log) = self.server.log() {
            let panics = log.get(before.logged..).unwrap_or_default().lines();
            let panics = panics.filter(|line| line.contains("panicked at"));
            verdict.faults.extend(panics.map(str::to_owned));
        }
        let health = self.canaries.health();
        let after = self.server.process().read()?;
        self.cost(before, after, bounds, verdict);
        self.judge_canaries(health?, verdict);
        if let Err(failure) = self.nothing_is_left() {
            verdict.faults.push(failure.to_string());
            verdict.is_spent = true;
        }
        Ok(())
    }

    fn cost(&self, before: &Before, after: Reading, bounds: Bounds, verdict: &mut Verdict) {
        let quiet = self
            .base
            .cpu_per_second
            .mul_f64(before.at.elapsed().as_secs_f64());
        verdict.cpu = after
            .cpu
            .saturating_sub(before.reading.cpu)
            .saturating_sub(quiet);
        verdict.memory = after.peak.saturating_sub(before.reading.resident);
        // The clock of the processors has steps of 10 ms, and so has the canaries' share.
        let bound = bounds.cpu
            + if self.strict {
                STEP
            } else {
                4 * STEP + bounds.cpu / 2
            };
        if verdict.cpu > bound {
            let text = format!("{:?} on the processors, at most {bound:?}", verdict.cpu);
            verdict.faults.push(text);
        }
        if verdict.memory > bounds.memory {
            let text = format!(
                "{} MiB more memory, at most {}",
                mib(verdict.memory),
                mib(bounds.memory)
            );
            verdict.faults.push(text);
        }
    }

    fn judge_canaries(&self, health: Health, verdict: &mut Verdict) {
        verdict.p99 = health.p99;
        verdict.is_spent |= !health.faults.is_empty();
        verdict.faults.extend(health.faults);
        let (factor, least) = if self.strict { (2, 50) } else { (4, 250) };
        let bound = (self.base.p99 * factor).max(Duration::from_millis(least));
        if health.p99 > bound {
            let text = format!("99 % of the canaries' answers took up to {:?}", health.p99);
            match self.strict {
                true => verdict.faults.push(text),
                // How long it takes is the machine's affair too.
                false => verdict.remarks.push(text),
            }
        }
        if health.longest > STALL {
            verdict
                .faults
                .push(format!("a canary was answered after {:?}", health.longest));
        }
    }

    /// Descriptors, threads and whatever the server counts are back where they were.
    fn nothing_is_left(&self) -> Checked {
        eventually(self.patience, || {
            let now = self.server.process().read()?;
            let base = self.base.reading;
            let gauges = self.server.gauges()?;
            let left: Vec<_> = gauges
                .iter()
                .filter(|(name, count)| self.base.gauges.get(*name) != Some(count))
                .map(|(name, count)| format!("{count} {name}"))
                .collect();
            ensure(left.is_empty(), format!("left: {}", left.join(", ")))?;
            let descriptors = format!(
                "{} descriptors instead of {}",
                now.descriptors, base.descriptors
            );
            ensure(now.descriptors <= base.descriptors + 2, descriptors)?;
            let threads = format!("{} threads instead of {}", now.threads, base.threads);
            ensure(now.threads == base.threads, threads)
        })
    }

    /// Waits for the memory to come back after all cases, to within a tenth and `slack` bytes.
    ///
    /// # Errors
    ///
    /// When it doesn't within 30 s.
    pub fn memory_comes_back(&self, slack: u64) -> Checked {
        let base = self.base.reading.resident;
        let most = base + base / 10 + slack;
        eventually(2 * self.patience, || {
            let now = self.server.process().read()?.resident;
            match now <= most {
                true => Ok(()),
                false => Err(Failure::new(format!(
                    "{} MiB of memory are left, at most {}",
                    mib(now),
                    mib(most)
                ))),
            }
        })
    }
}

/// Bytes as mebibytes with one digit behind the point.
pub(crate) fn mib(bytes: u64) -> String {
    format!("{}.{}", bytes / MIB, bytes % MIB * 10 / MIB)
}

/// How long the server is watched before anything happens.
const CALM: Duration = Duration::from_secs(2);

/// The step of the processors' clock.
const STEP: Duration = Duration::from_millis(10);

/// No canary may wait for so long, however slow the machine.
const STALL: Duration = Duration::from_secs(3);
