//! The tables and pictures of `curves`.

use std::{collections::BTreeSet, error::Error, path::Path};

use generator::Report;

use crate::{
    curves::{LATENCY, LAYOUTS, MEMBERS, MEMORY, RATES, SIZES, SUBJECTS, is_saturated},
    format::{cell, count, kilobytes, number, table},
    memory_table::each,
    picture::{Line, Picture},
    samples::Samples,
    subject::Subject,
};

pub(crate) fn tables(samples: &Samples) -> String {
    let rates: Vec<_> = RATES.iter().map(|&rate| rate as usize).collect();
    let layouts: Vec<_> = (0..LAYOUTS.len()).collect();
    let sections = [
        (
            "**p50 / p99 of an echo, µs**, for so many a second over 100 connections, until the \
             server or the generator can't follow",
            rows(&rates, count, |subject, rate| {
                latency_cell(samples, subject, rate)
            }),
        ),
        (
            "**Server CPU of a delivery, µs**, with so many members in the room, 4 broadcasts in flight",
            rows(SIZES, count, |subject, size| {
                cell(delivery(samples, subject, size), number)
            }),
        ),
        (
            "**Server CPU of a delivery, µs**, with the event that asks for it, some thousand deliveries \
             in flight",
            rows(
                &layouts,
                |layout| {
                    LAYOUTS
                        .get(layout)
                        .map_or_else(String::new, |it| it.title.to_owned())
                },
                |subject, layout| {
                    let layout = LAYOUTS.get(layout);
                    cell(
                        layout.and_then(|it| samples.cpu_us(it.case, subject)),
                        number,
                    )
                },
            ),
        ),
        (
            "**Memory of each connection at rest**, its own room and two more",
            rows(&crowds(samples), count, |subject, size| {
                cell(each(samples, MEMORY, subject, size), kilobytes)
            }),
        ),
    ];
    let sections = sections
        .iter()
        .filter(|(_, rows)| !rows.is_empty())
        .map(|(title, rows)| {
            let head = [""]
                .into_iter()
                .chain(SUBJECTS.iter().map(|subject| subject.title()));
            format!("{title}\n\n{}", table(&head.collect::<Vec<_>>(), rows))
        });
    sections.collect::<Vec<_>>().join("\n\n")
}

/// Draws `latency.svg`, `members.svg` and `memory.svg`, those that were measured.
pub(crate) fn draw(samples: &Samples, folder: &Path) -> Result<(), Box<dyn Error>> {
    let quantile = |dashed, figure: fn(&Report) -> Option<f64>| {
        lines(dashed, |subject| {
            let points = RATES.iter().map(|&rate| {
                let us = latency(samples, subject, rate as usize, figure)?;
                Some((f64::from(rate), us))
            });
            points.flatten().collect()
        })
    };
    let mut latencies = quantile(false, |report| Some(report.latency?.p50));
    latencies.extend(quantile(true, |report| Some(report.latency?.p99)));
    let members = lines(false, |subject| {
        let point = |&size: &usize| Some((size as f64, delivery(samples, subject, size)?));
        SIZES.iter().filter_map(point).collect()
    });
    let memory = lines(false, |subject| {
        let point = |size| Some((size as f64, each(samples, MEMORY, subject, size)? / 1000.0));
        crowds(samples).into_iter().filter_map(point).collect()
    });
    for (file, x, y, lines) in [
        (
            "latency.svg",
            "echoes a second",
            "latency, µs: p50, dashed p99",
            latencies,
        ),
        (
            "members.svg",
            "members of the room",
            "server CPU of a delivery, µs",
            members,
        ),
        (
            "memory.svg",
            "connections at rest",
            "memory of each, kB",
            memory,
        ),
    ] {
        if !lines.is_empty() {
            Picture { x, y, lines }.draw(&folder.join(file))?;
        }
    }
    Ok(())
}

/// Returns a line of each server that has points.
fn lines(dashed: bool, points: impl Fn(Subject) -> Vec<(f64, f64)>) -> Vec<Line> {
    let lines = SUBJECTS.iter().map(|&subject| Line {
        name: subject.title().replace('`', ""),
        subject,
        dashed,
        points: points(subject),
    });
    lines.filter(|line| !line.points.is_empty()).collect()
}

/// Returns the rows that have a figure of anybody.
fn rows(
    keys: &[usize],
    title: impl Fn(usize) -> String,
    figure: impl Fn(Subject, usize) -> String,
) -> Vec<Vec<String>> {
    let rows = keys.iter().map(|&key| {
        let figures = SUBJECTS.iter().map(|&subject| figure(subject, key));
        [title(key)].into_iter().chain(figures).collect::<Vec<_>>()
    });
    rows.filter(|row| row.iter().skip(1).any(|figure| !figure.is_empty()))
        .collect()
}

fn latency_cell(samples: &Samples, subject: Subject, rate: usize) -> String {
    let p50 = latency(samples, subject, rate, |report| Some(report.latency?.p50));
    let p99 = latency(samples, subject, rate, |report| Some(report.latency?.p99));
    match (p50, p99) {
        (Some(p50), Some(p99)) => format!("{} / {}", number(p50), number(p99)),
        _ => String::new(),
    }
}

/// Returns a quantile at a rate that the server could follow in most rounds.
fn latency(
    samples: &Samples,
    subject: Subject,
    rate: usize,
    figure: fn(&Report) -> Option<f64>,
) -> Option<f64> {
    let at_rate = |report: &&Report| report.rate == Some(rate as f64);
    let runs = samples.of(LATENCY, subject).filter(at_rate).count();
    let followed = |report: &Report| report.rate == Some(rate as f64) && !is_saturated(report);
    let kept = samples
        .of(LATENCY, subject)
        .filter(|report| followed(report))
        .count();
    if 2 * kept <= runs {
        return None;
    }
    samples.median(LATENCY, subject, |report| {
        figure(report).filter(|_| followed(report))
    })
}

fn delivery(samples: &Samples, subject: Subject, members: usize) -> Option<f64> {
    samples.median(MEMBERS, subject, |report| {
        report.cpu_us().filter(|_| report.connections == members)
    })
}

fn crowds(samples: &Samples) -> Vec<usize> {
    let reports = SUBJECTS
        .iter()
        .flat_map(|&subject| samples.of(MEMORY, subject));
    let sizes: BTreeSet<_> = reports.map(|report| report.connections).collect();
    sizes.into_iter().collect()
}
