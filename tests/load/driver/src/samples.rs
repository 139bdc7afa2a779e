//! What was measured: one line of JSON a run.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use generator::Report;
use serde::{Deserialize, Serialize};

use crate::subject::Subject;

/// One run.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Sample {
    pub(crate) case: String,
    pub(crate) server: String,
    pub(crate) round: usize,
    /// The part of the time that the hypervisor gave to others.
    pub(crate) steal: f64,
    pub(crate) report: Report,
}

impl Sample {
    /// Returns whether something else ran on the generator's core: spinning, it uses all it gets.
    pub(crate) fn is_contended(&self) -> bool {
        self.report.spin && self.report.generator_utilisation < 0.95
    }
}

/// All runs of a subcommand.
#[derive(Debug)]
pub(crate) struct Samples {
    all: Vec<Sample>,
    path: PathBuf,
}

impl Samples {
    /// Begins anew.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        File::create(path)?;
        Ok(Self {
            all: Vec::new(),
            path: path.to_owned(),
        })
    }

    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(path)?;
        let lines = text.lines().map(serde_json::from_str);
        Ok(Self {
            all: lines.collect::<Result<_, _>>()?,
            path: path.to_owned(),
        })
    }

    pub(crate) fn add(&mut self, sample: Sample) -> io::Result<()> {
        let mut file = File::options().append(true).open(&self.path)?;
        writeln!(file, "{}", serde_json::to_string(&sample)?)?;
        self.all.push(sample);
        Ok(())
    }

    /// Returns the runs of a case that count: without the contended ones, if there are others.
    pub(crate) fn of(&self, case: &str, server: Subject) -> impl Iterator<Item = &Report> {
        let is_shaky = self.is_shaky(case, server);
        let runs = self.runs(case, server);
        let counts = runs.filter(move |sample| is_shaky || !sample.is_contended());
        counts.map(|sample| &sample.report)
    }

    /// Returns whether a case has contended runs only.
    pub(crate) fn is_shaky(&self, case: &str, server: Subject) -> bool {
        let mut runs = self.runs(case, server).peekable();
        runs.peek().is_some() && runs.all(Sample::is_contended)
    }

    fn runs(&self, case: &str, server: Subject) -> impl Iterator<Item = &Sample> {
        let all = self.all.iter();
        all.filter(move |sample| sample.case == case && sample.server == server.name())
    }

    /// Returns the median of what `figure` finds in the runs of a case.
    pub(crate) fn median(
        &self,
        case: &str,
        server: Subject,
        figure: impl Fn(&Report) -> Option<f64>,
    ) -> Option<f64> {
        median(self.of(case, server).filter_map(figure).collect())
    }

    /// Returns the median CPU time of a unit, in microseconds.
    pub(crate) fn cpu_us(&self, case: &str, server: Subject) -> Option<f64> {
        self.median(case, server, Report::cpu_us)
    }

    pub(crate) fn rounds(&self) -> usize {
        let rounds = self.all.iter().map(|sample| sample.round + 1);
        rounds.max().unwrap_or(0)
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn contended(&self) -> usize {
        let all = self.all.iter();
        all.filter(|sample| sample.is_contended()).count()
    }

    /// Returns what went wrong, a line each.
    pub(crate) fn faults(&self) -> Vec<String> {
        let faulty = self.all.iter().filter(|sample| !sample.report.is_clean());
        let lines = faulty.map(|sample| {
            let Sample {
                case,
                server,
                report,
                ..
            } = sample;
            let first = report.first_error.as_deref().unwrap_or_default();
            let wrong = report.bad + report.errors;
            format!("{server}, {case}: {wrong} wrong answers or lost connections, first: {first}")
        });
        lines.collect()
    }

    #[cfg(test)]
    pub(crate) fn in_memory(all: Vec<Sample>) -> Self {
        Self {
            all,
            path: PathBuf::new(),
        }
    }
}

/// Returns the middle one, or the mean of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle)?;
    match values.len() % 2 {
        0 => Some((values[middle - 1] + upper) / 2.0),
        _ => Some(*upper),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn runs_beside_something_else_do_not_count() {
        let run = |generator_utilisation, size| Sample {
            case: "echo".to_owned(),
            server: "front".to_owned(),
            round: 0,
            steal: 0.0,
            report: Report {
                spin: true,
                generator_utilisation,
                size,
                ..Report::default()
            },
        };
        let samples = Samples::in_memory(vec![run(0.99, 1), run(0.5, 2)]);

        let size = samples.median("echo", Subject::Front, |report| Some(report.size as f64));

        assert_eq!(size, Some(1.0));
        assert_eq!(samples.contended(), 1);
        assert!(!samples.is_shaky("echo", Subject::Front));
    }
}
