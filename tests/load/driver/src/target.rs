//! What a figure may be, and whether it is.

use generator::Report;

use crate::{
    format::{kilobytes, mark, number},
    samples::Samples,
    subject::Subject,
};

/// A bound for one case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) case: &'static str,
    pub(crate) bound: Bound,
}

/// What is compared, and what it may be at most.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    /// Microseconds above the floor that the host stands on.
    AboveFloor(f64),
    TimesFloor(f64),
    TimesSocketioxide(f64),
    TimesNode(f64),
    /// The time that 99 of 100 deliveries take.
    P99TimesSocketioxide(f64),
    /// The figure of another case, for the same host.
    TimesCase(&'static str, f64),
    /// Bytes of each connection, under the front and in an `App`.
    Bytes {
        front: f64,
        app: f64,
    },
}

impl Target {
    /// Returns what the table says is allowed.
    pub(crate) fn text(&self) -> String {
        match self.bound {
            Bound::AboveFloor(most) => format!("≤ {} µs above the floor", number(most)),
            Bound::TimesFloor(most) => format!("≤ {} × the floor", number(most)),
            Bound::TimesSocketioxide(most) => format!("≤ {} × socketioxide", number(most)),
            Bound::TimesNode(most) => format!("≤ {} × Node", number(most)),
            Bound::P99TimesSocketioxide(most) => {
                format!("p99 ≤ {} × socketioxide", number(most))
            }
            Bound::TimesCase(_, most) => format!("≤ {} × one thread", number(most)),
            Bound::Bytes { front, app } => {
                format!("≤ {}, in an App {}", kilobytes(front), kilobytes(app))
            }
        }
    }

    /// Returns the figure of a host and whether it is within the bound, or nothing if something
    /// that this needs has not been measured.
    pub(crate) fn verdict(&self, samples: &Samples, host: Subject) -> Option<String> {
        let Self { case, bound } = *self;
        let own = || samples.cpu_us(case, host);
        let times = |other: Option<f64>| Some(own()? / other?);
        let (figure, most) = match bound {
            Bound::AboveFloor(most) => (own()? - samples.cpu_us(case, host.floor()?)?, most),
            Bound::TimesFloor(most) => (times(samples.cpu_us(case, host.floor()?))?, most),
            Bound::TimesSocketioxide(most) => {
                (times(samples.cpu_us(case, Subject::Socketioxide))?, most)
            }
            Bound::TimesNode(most) => (times(samples.cpu_us(case, Subject::Node))?, most),
            Bound::P99TimesSocketioxide(most) => {
                let p99 = |subject| samples.median(case, subject, p99);
                (p99(host)? / p99(Subject::Socketioxide)?, most)
            }
            Bound::TimesCase(other, most) => (times(samples.cpu_us(other, host))?, most),
            Bound::Bytes { front, app } => {
                let most = if host == Subject::Front { front } else { app };
                let bytes = samples.median(case, host, Report::bytes_per_connection)?;
                return Some(format!("{}, {}", kilobytes(bytes), verdict(bytes, most)));
            }
        };
        let others = [
            host.floor(),
            Some(Subject::Socketioxide),
            Some(Subject::Node),
        ];
        let mut involved = others.into_iter().flatten().chain([host]);
        let mark = mark(involved.any(|subject| samples.is_shaky(case, subject)));
        Some(format!(
            "{mark}{}, {}",
            number(figure),
            verdict(figure, most)
        ))
    }
}

fn p99(report: &Report) -> Option<f64> {
    Some(report.latency?.p99)
}

/// Says whether a figure is within its bound, or how far over it.
pub(crate) fn verdict(figure: f64, most: f64) -> String {
    if figure <= most {
        return "holds".to_owned();
    }
    format!("**over by {:.0} %**", (figure / most - 1.0) * 100.0)
}

const fn target(case: &'static str, bound: Bound) -> Target {
    Target { case, bound }
}

pub(crate) const TARGETS: &[Target] = &[
    target("echo", Bound::AboveFloor(1.0)),
    target("echo", Bound::TimesSocketioxide(0.25)),
    target("echo-w1", Bound::TimesFloor(1.15)),
    target("echo-w1", Bound::TimesSocketioxide(0.75)),
    target("ack", Bound::AboveFloor(1.0)),
    target("ack", Bound::TimesSocketioxide(0.25)),
    target("ack-w1", Bound::TimesFloor(1.15)),
    target("ack-w1", Bound::TimesSocketioxide(0.75)),
    target("bcast-64", Bound::TimesSocketioxide(0.8)),
    target("bcast-64", Bound::P99TimesSocketioxide(1.0)),
    target("bcast-1k", Bound::TimesSocketioxide(0.8)),
    target("bcast-1k", Bound::P99TimesSocketioxide(1.0)),
    target("bcast-64-two", Bound::TimesCase("bcast-64", 1.15)),
    target("bin-1k", Bound::TimesSocketioxide(0.45)),
    target("bin-64k", Bound::TimesSocketioxide(0.75)),
    target("connect", Bound::TimesSocketioxide(0.9)),
    target("connect", Bound::TimesNode(0.2)),
    target("poll-echo", Bound::TimesSocketioxide(0.9)),
    target("poll-echo", Bound::TimesNode(1.0 / 6.0)),
    target("poll-connect", Bound::TimesSocketioxide(0.9)),
    target("poll-connect", Bound::TimesNode(1.0 / 6.0)),
    target(
        "idle",
        Bound::Bytes {
            front: 4000.0,
            app: 13_000.0,
        },
    ),
];

#[cfg(test)]
mod tests {
    use generator::Usage;

    use super::*;
    use crate::samples::Sample;

    #[test]
    fn a_verdict_says_how_far_over_the_bound() {
        let samples = Samples::in_memory(vec![
            sample(Subject::Front, 1.5),
            sample(Subject::OwnCo, 0.75),
            sample(Subject::Socketioxide, 4.0),
        ]);
        let verdict = |bound| target("echo", bound).verdict(&samples, Subject::Front);

        let above = verdict(Bound::AboveFloor(1.0));
        let times = verdict(Bound::TimesSocketioxide(0.25));
        let unknown = verdict(Bound::TimesNode(0.25));

        assert_eq!(above.as_deref(), Some("0.75, holds"));
        assert_eq!(times.as_deref(), Some("0.38, **over by 50 %**"));
        assert_eq!(unknown, None);
    }

    #[test]
    fn every_target_is_of_a_case() {
        for target in TARGETS {
            let mut cases = crate::case::CASES.iter();
            assert!(cases.any(|case| case.name == target.case), "{target:?}");
        }
    }

    fn sample(server: Subject, cpu_us: f64) -> Sample {
        Sample {
            case: "echo".to_owned(),
            server: server.name().to_owned(),
            round: 0,
            steal: 0.0,
            report: Report {
                count: 1_000_000,
                server: Some(Usage {
                    cpu_seconds: cpu_us,
                    ..Usage::default()
                }),
                ..Report::default()
            },
        }
    }
}
