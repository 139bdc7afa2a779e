//! `docs/security-catalogue.md` lists every case, and every row of the catalogue once.

use std::{collections::BTreeMap, fs, path::Path};

use sockeye_guard::cases;

/// The rows of the page's tables: identifier, verdict, test.
fn rows() -> Vec<[String; 3]> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/security-catalogue.md");
    let page = fs::read_to_string(page).expect("the page");
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let cells = rows.map(|row| {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        let [id, _what, verdict, test] = std::array::from_fn(|_| cells.next().unwrap_or_default());
        [id, verdict, test].map(str::to_owned)
    });
    cells.filter(|[id, ..]| id.contains('-')).collect()
}

#[test]
fn every_row_is_there_once() {
    let mut counts = BTreeMap::new();
    for [id, ..] in rows() {
        *counts.entry(id).or_insert(0) += 1;
    }

    let missing: Vec<_> = catalogue().filter(|id| !counts.contains_key(id)).collect();
    counts.retain(|_, count| *count > 1);

    assert!(counts.is_empty(), "twice: {counts:?}");
    assert!(missing.is_empty(), "missing: {missing:?}");
    assert_eq!(catalogue().count(), 95);
}

#[test]
fn every_row_that_holds_has_its_case_and_every_case_its_row() {
    let all = cases::all();
    let mut cases: BTreeMap<_, _> = all.iter().map(|case| (case.id(), case.title())).collect();
    assert_eq!(cases.len(), all.len(), "an identifier is there twice");

    for [id, verdict, test] in rows() {
        if verdict == "holds" {
            let title = cases.remove(&*id);
            let title = title.unwrap_or_else(|| panic!("{id} has no case"));
            assert_eq!(test, format!("`{title}`"), "{id}");
        } else if let Some(other) = verdict.strip_prefix("as ") {
            let exists = all.iter().any(|case| case.id() == other);
            assert!(exists, "{id}: no case {other}");
        } else {
            assert!(!cases.contains_key(&*id), "{id} has a case");
        }
    }

    assert!(cases.is_empty(), "not on the page: {cases:?}");
}

#[test]
fn what_is_not_applicable_says_why() {
    for [id, verdict, _] in rows() {
        let known = [
            "holds",
            "as ",
            "not applicable yet: waits for ",
            "not applicable: ",
        ];
        let known = known.iter().any(|verdict_| verdict.starts_with(verdict_));
        assert!(known, "{id}: {verdict}");
    }
}

/// The identifiers of the catalogue's rows.
fn catalogue() -> impl Iterator<Item = String> {
    let numbered = (1..=83).map(|number| format!("ATK-{number:02}"));
    let lettered = [
        "43b", "43c", "43d", "43e", "49b", "49c", "49d", "49e", "49f", "69b", "69c", "69d",
    ];
    numbered.chain(lettered.map(|row| format!("ATK-{row}")))
}
