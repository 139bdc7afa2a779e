//! Replays every input of the corpora through its target.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sockeye_fuzz::TARGETS;

#[test]
fn every_corpus_passes_its_target() {
    for (name, target) in TARGETS {
        let corpus = inputs(name);

        assert!(!corpus.is_empty(), "{name} has no corpus");
        for path in corpus {
            // Captured, and shown with the failure when the target panics.
            println!("{}", path.display());
            target(&fs::read(&path).unwrap());
        }
    }
}

#[test]
fn every_target_bears_an_empty_input() {
    for (_, target) in TARGETS {
        target(b"");
    }
}

#[test]
fn every_target_has_an_entry_point_and_every_corpus_a_target() {
    let mut names: Vec<_> = TARGETS.iter().map(|(name, _)| name.to_string()).collect();
    names.sort();

    assert_eq!(stems("fuzz_targets"), names);
    assert_eq!(stems("corpus"), names);
}

#[test]
fn corpora_stay_small() {
    let sizes = TARGETS.iter().flat_map(|(name, _)| inputs(name));
    let total: u64 = sizes.map(|path| fs::metadata(path).unwrap().len()).sum();

    assert!(total < 1_000_000, "{total} bytes");
}

fn inputs(target: &str) -> Vec<PathBuf> {
    entries(&Path::new("corpus").join(target))
}

fn stems(folder: &str) -> Vec<String> {
    let stem = |path: PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    entries(Path::new(folder)).into_iter().map(stem).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}
