//! The tables of `memory`.

use std::collections::BTreeSet;

use generator::{Memory, Report};

use crate::{
    format::{cell, count, kilobytes, number, table},
    memory::{AT_REST, BROWSERS, CROWDS, PINGS, SUBJECTS},
    samples::Samples,
    subject::Subject,
    target::verdict,
};

pub(crate) fn tables(samples: &Samples) -> String {
    [
        "**Memory of each connection at rest**, its own room and two more; floors have no rooms"
            .to_owned(),
        crowds(samples),
        "**When all have left**".to_owned(),
        departures(samples),
        "**Targets**".to_owned(),
        targets(samples),
    ]
    .join("\n\n")
}

fn crowds(samples: &Samples) -> String {
    let sizes = sizes(samples);
    let titles: Vec<_> = sizes.iter().map(|&size| count(size)).collect();
    let browsers = format!("{} browsers", count(AT_REST));
    let mut head = vec!["server"];
    head.extend(titles.iter().map(String::as_str));
    head.push(&browsers);
    let rows = measured(samples).map(|subject| {
        let figures = sizes
            .iter()
            .map(|&size| each(samples, CROWDS, subject, size));
        let figures = figures.chain([each(samples, BROWSERS, subject, AT_REST)]);
        let cells = figures.map(|bytes| cell(bytes, kilobytes));
        [subject.title().to_owned()]
            .into_iter()
            .chain(cells)
            .collect()
    });
    table(&head, &rows.collect::<Vec<_>>())
}

fn departures(samples: &Samples) -> String {
    let rows = measured(samples).map(|subject| {
        let megabytes = |kib: Option<f64>| cell(kib, |kib| number(kib * 1024.0 / 1e6));
        let base = samples.median(CROWDS, subject, |report| {
            Some(report.memory?.base_kib as f64)
        });
        vec![
            subject.title().to_owned(),
            megabytes(base),
            megabytes(peak(samples, subject, 1)),
            megabytes(left(samples, subject, 1)),
            megabytes(peak(samples, subject, 2)),
            megabytes(left(samples, subject, 2)),
            cell(part_left(samples, subject), |part| {
                format!("{:.0} %", part * 100.0)
            }),
        ]
    });
    let head = [
        "resident memory, MB",
        "before",
        "with all",
        "gone",
        "with all again",
        "gone again",
        "left of what they took",
    ];
    table(&head, &rows.collect::<Vec<_>>())
}

fn targets(samples: &Samples) -> String {
    let mut rows = Vec::new();
    let mut row = |what: String, figure: &dyn Fn(Subject) -> Option<String>| {
        let [front, app] = Subject::HOSTS.map(|host| figure(host).unwrap_or_default());
        rows.push(vec![what, front, app]);
    };
    let sizes = sizes(samples);
    for &size in sizes.iter().filter(|&&size| size >= AT_REST) {
        row(
            format!("{} at rest: ≤ 4 kB each, in an App 13 kB", count(size)),
            &|host| {
                let bytes = each(samples, CROWDS, host, size)?;
                let most = if host == Subject::Front {
                    4000.0
                } else {
                    13_000.0
                };
                Some(format!("{}, {}", kilobytes(bytes), verdict(bytes, most)))
            },
        );
    }
    row("browsers: ≤ 1.05 × the others".to_owned(), &|host| {
        let browsers = each(samples, BROWSERS, host, AT_REST)?;
        let ratio = browsers / each(samples, CROWDS, host, AT_REST)?;
        Some(format!("{}, {}", number(ratio), verdict(ratio, 1.05)))
    });
    row("left of what they took: ≤ 10 %".to_owned(), &|host| {
        let part = part_left(samples, host)?;
        Some(format!("{:.0} %, {}", part * 100.0, verdict(part, 0.1)))
    });
    let pinged = samples.median(PINGS, Subject::Front, |report| {
        Some(report.connections as f64)
    });
    let pinged = pinged.unwrap_or_default();
    let of = match pinged >= 50_000.0 {
        true => String::new(),
        false => format!(" (scaled from {})", count(pinged as usize)),
    };
    row(
        format!("50,000 with pings each 25 s{of}: ≤ 3 % of a core"),
        &|host| {
            let part = samples.median(PINGS, host, |report| {
                Some(report.server_utilisation()? * 50_000.0 / report.connections as f64)
            })?;
            Some(format!("{:.1} %, {}", part * 100.0, verdict(part, 0.03)))
        },
    );
    table(&["must be", "front", "app"], &rows)
}

/// Returns the bytes of each of so many connections of the first crowd.
pub(crate) fn each(
    samples: &Samples,
    case: &str,
    subject: Subject,
    connections: usize,
) -> Option<f64> {
    samples.median(case, subject, |report| {
        let is_meant = report.connections == connections && report.memory?.crowd == 1;
        report.bytes_per_connection().filter(|_| is_meant)
    })
}

/// Returns the resident memory with all of a crowd, in KiB.
fn peak(samples: &Samples, subject: Subject, crowd: usize) -> Option<f64> {
    let most = *sizes(samples).last()?;
    resident(samples, subject, crowd, most)
}

fn left(samples: &Samples, subject: Subject, crowd: usize) -> Option<f64> {
    resident(samples, subject, crowd, 0)
}

/// Returns what is left when the second crowd is gone, as a part of what it took.
fn part_left(samples: &Samples, subject: Subject) -> Option<f64> {
    let base = samples.median(CROWDS, subject, |report| {
        Some(report.memory?.base_kib as f64)
    })?;
    let (peak, left) = (peak(samples, subject, 2)?, left(samples, subject, 2)?);
    Some((left - base) / (peak - base))
}

fn resident(samples: &Samples, subject: Subject, crowd: usize, connections: usize) -> Option<f64> {
    samples.median(CROWDS, subject, |report: &Report| {
        let memory = report
            .memory
            .filter(|memory: &Memory| memory.crowd == crowd)?;
        (report.connections == connections).then_some(memory.resident_kib as f64)
    })
}

fn sizes(samples: &Samples) -> Vec<usize> {
    let reports = SUBJECTS
        .iter()
        .flat_map(|&subject| samples.of(CROWDS, subject));
    let sizes = reports
        .map(|report| report.connections)
        .filter(|&size| size > 0);
    sizes.collect::<BTreeSet<_>>().into_iter().collect()
}

fn measured(samples: &Samples) -> impl Iterator<Item = Subject> {
    let subjects = SUBJECTS.iter().copied();
    subjects.filter(|&subject| samples.of(CROWDS, subject).next().is_some())
}
