//! What a scenario counts while it is measured, and how that becomes a report.

use std::time::Instant;

use crate::{
    histogram::Histogram,
    process::{self, CpuTime},
    report::{Report, Usage},
};

/// Answers, right and wrong.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    is_on: bool,
    count: u64,
    bad: u64,
    first_bad: Option<String>,
    latency: Histogram,
}

impl Tally {
    /// Counts one answer.
    #[inline]
    pub(crate) fn hit(&mut self, sent: u64, now: u64) {
        if self.is_on {
            self.count += 1;
            self.latency.add(now.saturating_sub(sent));
        }
    }

    /// Counts a wrong answer, whether measuring or not.
    #[cold]
    pub(crate) fn miss(&mut self, message: &[u8]) {
        self.bad += 1;
        self.first_bad.get_or_insert_with(|| lossy(message));
    }

    pub(crate) fn start(&mut self) {
        self.is_on = true;
    }

    pub(crate) fn stop(&mut self) {
        self.is_on = false;
    }
}

/// The interval that is measured.
#[derive(Debug)]
pub(crate) struct Span {
    began: Instant,
    process: Option<u32>,
    server: CpuTime,
    own: CpuTime,
}

impl Span {
    pub(crate) fn begin(process: Option<u32>) -> Self {
        Self {
            began: Instant::now(),
            process,
            server: process.map(CpuTime::of).unwrap_or_default(),
            own: CpuTime::of(std::process::id()),
        }
    }

    /// Ends the interval and writes what was counted in it.
    pub(crate) fn end(self, tally: &mut Tally, report: &mut Report) {
        tally.stop();
        report.seconds = self.began.elapsed().as_secs_f64();
        let own = CpuTime::of(std::process::id()).since(self.own);
        report.generator_utilisation = own.total / report.seconds;
        report.server = self.process.map(|process| {
            let used = CpuTime::of(process).since(self.server);
            Usage {
                cpu_seconds: used.total,
                user_seconds: used.user,
                resident_kib: process::resident_kib(process),
            }
        });
        report.count = tally.count;
        report.latency = tally.latency.latency();
    }
}

/// Writes the faults, which count until the very end.
pub(crate) fn note_faults(report: &mut Report, tally: &Tally, lost: &Lost) {
    report.bad = tally.bad;
    report.errors = lost.count;
    let first = tally.first_bad.as_ref().or(lost.first.as_ref());
    report.first_error = first.cloned();
}

/// Connections that ended or failed.
#[derive(Debug, Default)]
pub(crate) struct Lost {
    pub(crate) count: u64,
    pub(crate) first: Option<String>,
}

impl Lost {
    #[cold]
    pub(crate) fn note(&mut self, why: String) {
        self.count += 1;
        self.first.get_or_insert(why);
    }
}

/// Returns the start of a message, for an error.
pub(crate) fn lossy(message: &[u8]) -> String {
    String::from_utf8_lossy(&message[..message.len().min(120)]).into_owned()
}
