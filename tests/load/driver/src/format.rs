//! Numbers and tables, as Markdown.

/// Formats a number with three digits that count.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Formats a count, thousands apart.
pub(crate) fn count(value: usize) -> String {
    let digits = value.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().collect();
    let groups = groups.iter().map(|group| String::from_utf8_lossy(group));
    groups.collect::<Vec<_>>().join(",")
}

/// Formats bytes in thousands.
pub(crate) fn kilobytes(bytes: f64) -> String {
    format!("{:.1} kB", bytes / 1000.0)
}

/// Marks what only contended runs have found.
pub(crate) fn mark(is_shaky: bool) -> &'static str {
    if is_shaky { "~" } else { "" }
}

/// Formats what may not have been measured.
pub(crate) fn cell(value: Option<f64>, format: impl Fn(f64) -> String) -> String {
    value.map_or_else(String::new, format)
}

/// Lays out a table; all columns but the first are aligned right.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut lines = vec![
        format!("| {} |", head.join(" | ")),
        format!("|---|{}", "--:|".repeat(head.len().saturating_sub(1))),
    ];
    let rows = rows.iter().map(|row| format!("| {} |", row.join(" | ")));
    lines.extend(rows);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        let formatted = [0.1234, 1.0, 12.345, 273.4].map(number);

        assert_eq!(formatted, ["0.12", "1.00", "12.3", "273"]);
    }

    #[test]
    fn thousands_are_apart() {
        assert_eq!(
            [7, 1000, 50_000, 1_234_567].map(count),
            ["7", "1,000", "50,000", "1,234,567"]
        );
    }

    #[test]
    fn tables_align_numbers() {
        let table = table(&["a", "b"], &[vec!["x".to_owned(), "1".to_owned()]]);

        assert_eq!(table, "| a | b |\n|---|--:|\n| x | 1 |");
    }
}
