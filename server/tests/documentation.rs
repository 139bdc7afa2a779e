//! What the documentation says has to work: its settings load, its commands parse, the tests that
//! it names exist and its links lead somewhere.

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use clap::Parser as _;
use sockeye::standalone::{Cli, Loaded, Settings, SettingsError};
use tempfile::NamedTempFile;

#[test]
fn settings_in_the_documentation_load() {
    let blocks = blocks("toml");

    assert!(blocks.len() >= 2, "there are no settings");
    for (page, text) in blocks {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let config = format!("--config={}", file.path().display());

        let loaded = load(&["serve", &config], &[]);

        assert!(loaded.is_ok(), "{page}: {}\n{text}", loaded.unwrap_err());
    }
}

#[test]
fn every_setting_is_documented() {
    let documented = blocks("toml")
        .into_iter()
        .filter(|(page, _)| page == "docs/operating.md")
        .flat_map(|(_, text)| leaves(&text.parse().unwrap()))
        .collect::<BTreeSet<_>>();
    let mut all = BTreeSet::new();
    collect_settings(&[], &mut all);

    assert!(all.contains("auth.jwt.secret") && all.contains("listen"));
    // What it requires of claims is the operator's own.
    let documented = documented
        .into_iter()
        .map(|key| match key.starts_with("auth.require.") {
            true => "auth.require".to_owned(),
            false => key,
        })
        .collect::<BTreeSet<_>>();
    assert_eq!(documented, all);
}

#[test]
fn settings_that_are_no_examples_are_the_defaults() {
    let page = fs::read_to_string(root().join("docs/operating.md")).unwrap();
    let (_, block) = page.split_once("```toml\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let lines = block.lines().filter(|line| !line.contains("# example"));
    let mut settings: toml::Table = lines.collect::<Vec<_>>().join("\n").parse().unwrap();
    // Their other keys mean nothing without the examples.
    settings.remove("cors");
    settings["http"].as_table_mut().unwrap().remove("cookie");
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(settings.to_string().as_bytes()).unwrap();
    let config = format!("--config={}", file.path().display());
    let secret = [("SOCKEYE_AUTH__JWT__SECRET", SECRET)];

    let documented = load(&["check", &config], &secret).unwrap().settings;

    // A table that turns something on: its keys have defaults when it is there.
    let with_recovery = [secret[0], ("SOCKEYE_RECOVERY", "{}")];
    let defaults = load(&["check"], &with_recovery).unwrap().settings;
    assert_eq!(format!("{documented:#?}"), format!("{defaults:#?}"));
}

#[test]
fn commands_in_the_documentation_parse() {
    let mut commands = 0;
    for (page, text) in blocks("sh") {
        for line in text.replace("\\\n", " ").lines() {
            let words = words(line);
            let is_variable = |word: &&String| word.starts_with("SOCKEYE_") && word.contains('=');
            let variables: Vec<_> = words
                .iter()
                .take_while(is_variable)
                .map(|word| word.split_once('=').unwrap())
                .collect();
            let command = &words[variables.len()..];
            if command.first().is_none_or(|program| program != "sockeye") {
                continue;
            }
            commands += 1;

            let parsed = Cli::try_parse_from(command);

            let cli = parsed.unwrap_or_else(|error| panic!("{page}: {line}\n{error}"));
            if cli.config().is_none() {
                let arguments: Vec<_> = command[1..].iter().map(String::as_str).collect();
                let loaded = load(&arguments, &variables);
                assert!(loaded.is_ok(), "{page}: {line}\n{}", loaded.unwrap_err());
            }
        }
    }
    assert!(commands >= 4, "only {commands} commands");
}

#[test]
fn tests_named_in_the_documentation_exist() {
    for page in ["docs/compatibility.md", "docs/limits.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let mut named = 0;
        for row in rows_with_tests(&text) {
            let cell = row.rsplit('|').nth(1).unwrap();
            let mut source = None;
            for span in cell.split('`').skip(1).step_by(2) {
                if span.ends_with(".js") || span.ends_with(".rs") {
                    source = Some(source_of_test(span));
                    continue;
                }
                let source = source.as_ref().unwrap_or_else(|| panic!("no file: {row}"));
                assert!(source.contains(span), "{page}: no {span:?} is there: {row}");
                named += 1;
            }
            let excused = cell.contains("none yet") || cell.contains("actix-web's own");
            assert!(source.is_some() || excused, "{page}: no test: {row}");
        }
        assert!(named >= 20, "{page} names {named} tests");
    }
}

#[test]
fn links_in_the_documentation_lead_somewhere() {
    for page in pages() {
        let text = fs::read_to_string(root().join(&page)).unwrap();
        let folder = root().join(&page).parent().unwrap().to_owned();
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split(')').next().unwrap();
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            if target.contains("://") {
                continue;
            }

            let path = match file {
                "" => root().join(&page),
                _ => folder.join(file),
            };

            assert!(path.exists(), "{page}: {target}");
            if !heading.is_empty() {
                let linked = fs::read_to_string(path).unwrap();
                assert!(headings(&linked).any(|h| h == heading), "{page}: {target}");
            }
        }
    }
}

/// Loads settings as a start with these arguments and variables would.
fn load(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Loaded, SettingsError> {
    let cli = Cli::try_parse_from(["sockeye"].iter().chain(arguments)).unwrap();
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Settings::load(&cli, variables.iter().map(owned))
}

/// Collects the keys of all settings: a key that can't be makes the loader name those that can.
fn collect_settings(table: &[&str], all: &mut BTreeSet<String>) {
    let mut path = table.to_vec();
    path.push("nonsense");
    let variable = format!("SOCKEYE_{}", path.join("__").to_ascii_uppercase());
    let secret = ("SOCKEYE_AUTH__JWT__SECRET", SECRET);

    match load(&["check"], &[secret, (&variable, "1")]) {
        Err(SettingsError::UnknownKey { known, .. }) if !known.is_empty() => {
            for key in known {
                collect_settings(&[table, &[key]].concat(), all);
            }
        }
        _ => {
            all.insert(table.join("."));
        }
    }
}

/// Returns the keys of a table that hold something other than a table.
fn leaves(table: &toml::Table) -> Vec<String> {
    table
        .iter()
        .flat_map(|(key, value)| match value {
            toml::Value::Table(inner) => leaves(inner)
                .into_iter()
                .map(|rest| format!("{key}.{rest}"))
                .collect(),
            _ => vec![key.clone()],
        })
        .collect()
}

/// Splits a line of shell into words: spaces outside quotes separate, a `#` ends it.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        let word = words.last_mut().unwrap();
        match (quote, c) {
            (None, '#') if word.is_empty() => break,
            (None, ' ') => words.push(String::new()),
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => word.push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns the code blocks of a language, each with the page that it is on.
fn blocks(language: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(root().join(&page)).unwrap();
        let mut block: Option<(bool, String)> = None;
        for line in text.lines() {
            block = match (block, line.strip_prefix("```")) {
                (None, Some(name)) => Some((name == language, String::new())),
                (None, None) => None,
                (Some((wanted, text)), Some(_)) => {
                    if wanted {
                        found.push((page.clone(), text));
                    }
                    None
                }
                (Some((wanted, text)), None) => Some((wanted, text + line + "\n")),
            };
        }
        assert!(block.is_none(), "{page} has a block without end");
    }
    found
}

/// Returns the rows of the tables whose last column is `test`.
fn rows_with_tests(page: &str) -> impl Iterator<Item = &str> {
    let mut in_table = false;
    page.lines().filter(move |line| {
        let is_head = line.ends_with("| test |");
        in_table = line.starts_with('|') && (in_table || is_head);
        in_table && !is_head && !line.starts_with("|---")
    })
}

fn source_of_test(file: &str) -> String {
    let paths = [root().join("tests/wire").join(file), root().join(file)];
    let path = paths.iter().find(|path| path.exists());
    fs::read_to_string(path.unwrap_or_else(|| panic!("{file} does not exist"))).unwrap()
}

/// Returns the anchors of a page's headings.
fn headings(page: &str) -> impl Iterator<Item = String> {
    page.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
            title.chars().filter(kept).collect::<String>()
        })
        .map(|title| title.replace(' ', "-"))
}

/// The pages for users.
fn pages() -> Vec<String> {
    let docs = fs::read_dir(root().join("docs")).unwrap();
    let mut pages: Vec<_> = docs
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".md"))
        .map(|name| format!("docs/{name}"))
        .collect();
    pages.push("README.md".to_owned());
    pages.sort();
    pages
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

const SECRET: &str = "0123456789abcdef0123456789abcdef";
