//! The tables of `bench`.

use generator::Report;

use crate::{
    case::{CASES, Case},
    format::{cell, kilobytes, mark, number, table},
    samples::Samples,
    subject::Subject,
    target::TARGETS,
};

pub(crate) fn tables(samples: &Samples) -> String {
    [
        "**Server CPU, µs for each message, delivery or connection**".to_owned(),
        costs(samples),
        noise(samples),
        "**Targets**, of which the floor of `front` is `own-co` and that of `app` is `hctx`".to_owned(),
        targets(samples),
        "**p99 of the latency, ms** (with a fixed number in flight, mostly that number over the rate)"
            .to_owned(),
        latencies(samples),
    ]
    .join("\n\n")
}

fn costs(samples: &Samples) -> String {
    let subjects: Vec<_> = Subject::ALL
        .into_iter()
        .filter(|&subject| {
            CASES
                .iter()
                .any(|case| samples.of(case.name, subject).next().is_some())
        })
        .collect();
    let head = ["work"]
        .into_iter()
        .chain(subjects.iter().map(|subject| subject.title()));
    let rows = measured(samples).map(|case| {
        let cells = subjects.iter().map(|&subject| cost(samples, case, subject));
        [case.title.to_owned()].into_iter().chain(cells).collect()
    });
    table(&head.collect::<Vec<_>>(), &rows.collect::<Vec<_>>())
}

fn cost(samples: &Samples, case: &Case, subject: Subject) -> String {
    if case.is_of_memory() {
        let bytes = samples.median(case.name, subject, Report::bytes_per_connection);
        return cell(bytes, kilobytes);
    }
    let mark = mark(samples.is_shaky(case.name, subject));
    cell(samples.cpu_us(case.name, subject), |us| {
        format!("{mark}{}", number(us))
    })
}

fn targets(samples: &Samples) -> String {
    let mut rows = Vec::new();
    let mut previous = "";
    for target in TARGETS {
        let case = measured(samples).find(|case| case.name == target.case);
        let verdicts = Subject::HOSTS.map(|host| target.verdict(samples, host));
        let Some(case) = case.filter(|_| verdicts.iter().any(Option::is_some)) else {
            continue;
        };
        let title = if case.name == previous {
            ""
        } else {
            case.title
        };
        previous = case.name;
        let [front, app] = verdicts.map(Option::unwrap_or_default);
        rows.push(vec![title.to_owned(), target.text(), front, app]);
    }
    table(&["work", "must be", "front", "app"], &rows)
}

fn latencies(samples: &Samples) -> String {
    let rows = measured(samples)
        .filter(|case| !case.is_of_memory())
        .map(|case| {
            let cells = Subject::SERVERS.iter().map(|&subject| {
                let p99 = samples.median(case.name, subject, |report| Some(report.latency?.p99));
                cell(p99, |p99| number(p99 / 1000.0))
            });
            [case.title.to_owned()].into_iter().chain(cells).collect()
        });
    let head = ["work"]
        .into_iter()
        .chain(Subject::SERVERS.map(Subject::title));
    table(&head.collect::<Vec<_>>(), &rows.collect::<Vec<_>>())
}

/// Says how far figures differ that should not: between rounds, and between two floors that are
/// one program.
fn noise(samples: &Samples) -> String {
    let mut spreads = Vec::new();
    for (case, subject) in CASES
        .iter()
        .flat_map(|case| Subject::ALL.map(|subject| (case, subject)))
    {
        let figures: Vec<_> = samples
            .of(case.name, subject)
            .filter_map(Report::cpu_us)
            .collect();
        let lowest = figures.iter().copied().reduce(f64::min);
        let highest = figures.iter().copied().reduce(f64::max);
        if let (Some(lowest), Some(highest)) = (lowest, highest) {
            spreads.push(highest / lowest - 1.0);
        }
    }
    let same = CASES.iter().filter(|case| !case.name.starts_with("bcast"));
    let controls = same.filter_map(|case| {
        let ratio =
            samples.cpu_us(case.name, Subject::Own)? / samples.cpu_us(case.name, Subject::OwnCo)?;
        Some((ratio - 1.0).abs())
    });
    let percent = |part: f64| format!("{:.0} %", part * 100.0);
    let spread = cell(crate::samples::median(spreads), percent);
    let control = cell(controls.reduce(f64::max), |part| {
        format!(
            " `own` and `own-co`, which are one program but for broadcasts, differ by up to {}.",
            percent(part)
        )
    });
    format!(
        "Noise: the highest round of a figure is over its lowest by {spread}, in the median of all \
         figures.{control}"
    )
}

/// Returns the cases that somebody was measured in.
fn measured(samples: &Samples) -> impl Iterator<Item = &'static Case> {
    CASES.iter().filter(|case| {
        let mut subjects = Subject::ALL.into_iter();
        subjects.any(|subject| samples.of(case.name, subject).next().is_some())
    })
}
