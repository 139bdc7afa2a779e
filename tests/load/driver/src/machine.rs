//! Says on what and with what it was measured.

use std::{fs, process::Command};

use rustix::system::uname;
use serde_json::Value;

use crate::{cores::Cores, repository, samples::Samples};

/// Describes the machine, the versions and what was left out.
pub(crate) fn describe(samples: &Samples) -> String {
    let cores = Cores::detect();
    let apart = cores.as_ref().is_ok_and(Cores::are_apart);
    let pinning = match apart {
        true => {
            "the server on the first core, the generator on the last, which polls without sleeping"
        }
        false => {
            "server and generator on one core, so that only the ratios between servers mean anything"
        }
    };
    let mut lines = vec![format!(
        "Measured on {}, Linux {}; {pinning}. {}; Node {} with socket.io {}; socketioxide {}, axum {}; \
         actix-web {}. Revision {}. {} runs in {} rounds, medians; {} left out in which something else \
         ran on the generator's core (`~`: all of them were such).",
        processor(),
        uname().release().to_string_lossy(),
        output("rustc", &["--version"])
            .replace(" (", ", ")
            .replace(')', ""),
        output("node", &["--version"]),
        socket_io(),
        locked("socketioxide"),
        locked("axum"),
        locked("actix-web"),
        output("git", &["describe", "--always", "--dirty"]),
        samples.len(),
        samples.rounds(),
        samples.contended(),
    )];
    let faults = samples.faults();
    if !faults.is_empty() {
        lines.push(format!("\nNot clean:\n\n- {}", faults.join("\n- ")));
    }
    lines.join("\n")
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |line: &str| {
        Some(
            line.strip_prefix("model name")?
                .split_once(':')?
                .1
                .trim()
                .to_owned(),
        )
    };
    let model = info.lines().find_map(field);
    let model = model.unwrap_or_else(|| "an unknown processor".to_owned());
    let cores = info
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    format!("{model}, {cores} cores")
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(repository())
        .output();
    let output = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    output.unwrap_or_else(|_| format!("({program} is not there)"))
}

/// Returns the version of a crate in the lock file of the load kit.
fn locked(package: &str) -> String {
    let lock = fs::read_to_string(repository().join("tests/load/Cargo.lock"));
    version_in(&lock.unwrap_or_default(), package)
        .unwrap_or("unknown")
        .to_owned()
}

fn version_in<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    let version = lines.nth(1)?.strip_prefix("version = \"")?;
    version.strip_suffix('"')
}

fn socket_io() -> String {
    let manifest = fs::read_to_string(repository().join("tests/load/node/package.json"));
    let manifest: Value = serde_json::from_str(&manifest.unwrap_or_default()).unwrap_or_default();
    let version = manifest["dependencies"]["socket.io"].as_str();
    version.unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_by_the_whole_name() {
        let lock = "[[package]]\nname = \"axum-core\"\nversion = \"0.5.0\"\n\n\
                    [[package]]\nname = \"axum\"\nversion = \"0.8.9\"\n";

        assert_eq!(version_in(lock, "axum"), Some("0.8.9"));
        assert_eq!(version_in(lock, "tokio"), None);
    }
}
