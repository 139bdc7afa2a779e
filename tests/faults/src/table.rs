//! The table in `docs/reliability.md`.

use std::{fs, io, path::Path};

use crate::{fault::Fault, finding::Finding};

/// Puts findings in the rows of a file that begin with `| id |`, and their pictures in a directory
/// with the file's name; the other rows stay.
///
/// # Errors
///
/// When the file can't be read or written, or has no row for a fault.
pub fn update(path: &Path, findings: &[(Fault, Finding)]) -> io::Result<()> {
    let mut text = fs::read_to_string(path)?;
    for (fault, finding) in findings {
        text = with_row(&text, fault, finding)
            .ok_or_else(|| io::Error::other(format!("no row for {}", fault.id)))?;
        if let Some((name, picture)) = &finding.picture {
            let pictures = path.with_extension("");
            fs::create_dir_all(&pictures)?;
            fs::write(pictures.join(name), picture)?;
        }
    }
    fs::write(path, text)
}

fn with_row(text: &str, fault: &Fault, finding: &Finding) -> Option<String> {
    let start = format!("| {} |", fault.id);
    let mut is_there = false;
    let lines = text.lines().map(|line| match line.starts_with(&start) {
        true => {
            is_there = true;
            row(fault, finding)
        }
        false => line.to_owned(),
    });
    let text = lines.collect::<Vec<_>>().join("\n") + "\n";
    is_there.then_some(text)
}

fn row(fault: &Fault, finding: &Finding) -> String {
    let (id, title) = (fault.id, fault.title);
    if let Some(why) = &finding.skipped {
        return format!("| {id} | {title} | not tried: {why} | | | |");
    }
    let figures = finding.figures.join("; ");
    let verdict = match finding.broken.is_empty() {
        true => "holds".to_owned(),
        false => format!("**broken**: {}", finding.broken.join("; ")),
    };
    let Finding { done, lost, .. } = finding;
    format!("| {id} | {title} | {done} | {lost} | {figures} | {verdict} |")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Length;

    #[test]
    fn a_row_is_replaced_and_others_stay() {
        let fault = Fault {
            id: "FM-01",
            title: "killed",
            length: Length::Short,
            run: |_| Ok(Finding::default()),
        };
        let mut finding = Finding::of("all");
        finding.figure("back after", "1 s");
        finding.promise(false, "nothing is lost");

        let text = with_row("a\n| FM-01 | old |\n| FM-10 | b |\n", &fault, &finding);

        let row = "| FM-01 | killed | all |  | back after 1 s | **broken**: nothing is lost |";
        assert_eq!(text, Some(format!("a\n{row}\n| FM-10 | b |\n")));
    }

    #[test]
    fn a_fault_without_a_row_is_no_update() {
        let fault = Fault {
            id: "FM-02",
            title: "",
            length: Length::Long,
            run: |_| Ok(Finding::default()),
        };

        assert_eq!(with_row("| FM-01 |\n", &fault, &Finding::default()), None);
    }
}
