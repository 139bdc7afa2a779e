use std::{collections::BTreeMap, fmt, fs, io};

use serde::{Deserialize, Serialize};

use crate::toolchain::Toolchain;

/// How many instructions a unit of each path may take, and with which tools that was counted.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Budgets {
    counted_with: Toolchain,
    instructions: BTreeMap<String, u64>,
}

/// How a count stands to its budget.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// Within 5 %.
    Within,
    /// More than 5 % over it.
    Over { budget: u64, count: u64 },
    /// More than 5 % under it: the budget would let a later change take that back.
    Under { budget: u64, count: u64 },
    /// There is no budget yet.
    New { count: u64 },
}

impl Budgets {
    pub(crate) fn load() -> io::Result<Self> {
        let text = fs::read_to_string(FILE)?;
        toml::from_str(&text).map_err(io::Error::other)
    }

    pub(crate) fn save(&self) -> io::Result<()> {
        let budgets = toml::to_string(self).map_err(io::Error::other)?;
        fs::write(FILE, format!("{HEADER}\n{budgets}"))
    }

    pub(crate) fn toolchain(&self) -> &Toolchain {
        &self.counted_with
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.instructions.keys().map(String::as_str)
    }

    pub(crate) fn judge(&self, name: &str, count: u64) -> Verdict {
        let Some(&budget) = self.instructions.get(name) else {
            return Verdict::New { count };
        };
        if count * 100 > budget * (100 + TOLERANCE) {
            Verdict::Over { budget, count }
        } else if count * 100 < budget * (100 - TOLERANCE) {
            Verdict::Under { budget, count }
        } else {
            Verdict::Within
        }
    }

    /// Makes what was counted the budget; if these are `all` paths, others are forgotten.
    pub(crate) fn accept(&mut self, with: Toolchain, counts: &[(&str, u64)], all: bool) {
        self.counted_with = with;
        if all {
            self.instructions.clear();
        }
        let counts = counts.iter().map(|&(name, count)| (name.to_owned(), count));
        self.instructions.extend(counts);
    }
}

impl Verdict {
    pub(crate) fn is_fault(self) -> bool {
        matches!(self, Self::Over { .. } | Self::New { .. })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Within => f.write_str("within its budget"),
            Self::Over { budget, count } => {
                let percent = percent(count - budget, budget);
                write!(
                    f,
                    "OVER its budget by {percent} %: {budget} before, {count} now"
                )
            }
            Self::Under { budget, count } => {
                let percent = percent(budget - count, budget);
                write!(
                    f,
                    "under its budget by {percent} %: {budget} before, {count} now. \
                     Please lower it: make budgets ACCEPT=1"
                )
            }
            Self::New { count } => write!(f, "has no budget yet: {count} now"),
        }
    }
}

fn percent(part: u64, whole: u64) -> u64 {
    (part * 100).checked_div(whole).unwrap_or(100)
}

const HEADER: &str = "\
# What a unit of each path may take, in instructions. Counted, not written by hand:
# `make budgets` compares, `make budgets ACCEPT=1` writes.
";

/// What a count may be off its budget, in percent.
const TOLERANCE: u64 = 5;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.toml");

#[cfg(test)]
mod tests {
    use super::*;

    fn budgets() -> Budgets {
        let mut budgets = Budgets::default();
        budgets.accept(Toolchain::default(), &[("echo", 1_000)], true);
        budgets
    }

    #[test]
    fn five_percent_either_way_are_let_pass() {
        let budgets = budgets();

        assert_eq!(budgets.judge("echo", 950), Verdict::Within);
        assert_eq!(budgets.judge("echo", 1_050), Verdict::Within);
    }

    #[test]
    fn what_is_over_fails_and_is_named_with_both_counts() {
        let verdict = budgets().judge("echo", 1_060);

        assert!(verdict.is_fault());
        assert_eq!(
            verdict.to_string(),
            "OVER its budget by 6 %: 1000 before, 1060 now"
        );
    }

    #[test]
    fn what_is_under_is_told_and_does_not_fail() {
        let verdict = budgets().judge("echo", 900);

        assert!(!verdict.is_fault());
        assert!(verdict.to_string().contains("Please lower it"));
    }

    #[test]
    fn path_without_a_budget_fails() {
        assert!(budgets().judge("ack", 1).is_fault());
    }

    #[test]
    fn accepting_some_keeps_the_others() {
        let mut budgets = budgets();

        budgets.accept(Toolchain::default(), &[("ack", 7)], false);

        assert_eq!(budgets.names().collect::<Vec<_>>(), ["ack", "echo"]);
    }

    #[test]
    fn the_file_has_a_budget_for_every_path() {
        let budgets = Budgets::load().unwrap();
        let mut paths: Vec<_> = sockeye_benches::paths().map(|path| path.name()).collect();
        paths.sort_unstable();

        assert_eq!(budgets.names().collect::<Vec<_>>(), paths);
    }
}
