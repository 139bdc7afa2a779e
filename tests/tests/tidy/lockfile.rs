use super::{
    assert_rule,
    source::{Faults, Source},
};

#[test]
fn locked_versions_have_no_known_hole() {
    let locked = |name: &str, version: &str| -> &'static str {
        format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n").leak()
    };

    assert_rule(
        above_the_floor,
        &[
            ("Cargo.lock", locked("h2", "0.4.15")),
            ("Cargo.lock", locked("h2", "0.3.99")),
            ("Cargo.lock", locked("rustls", "0.23.9")),
            ("Cargo.lock", locked("actix-http", "3.12.0")),
            ("Cargo.lock", locked("jsonwebtoken", "9.4.0-beta.1")),
        ],
        &[
            ("Cargo.lock", locked("h2", "0.4.16")),
            ("Cargo.lock", locked("h2", "1.0.0")),
            ("Cargo.lock", locked("jsonwebtoken", "10.10.0+local")),
            ("Cargo.lock", locked("h2-like", "0.1.0")),
            ("docs/guide.md", locked("h2", "0.1.0")),
        ],
    );
}

fn above_the_floor(file: &Source) -> Faults {
    if file.path != "Cargo.lock" {
        return Faults::new();
    }
    let lock: toml::Table = file.text.parse().expect("a lock file is TOML");
    let packages = lock.get("package").and_then(toml::Value::as_array);
    let mut faults = Faults::new();
    for package in packages.into_iter().flatten() {
        let text = |key: &str| package.get(key).and_then(toml::Value::as_str).unwrap_or("");
        let (name, version) = (text("name"), text("version"));
        let floor = FLOORS.iter().find(|(floored, ..)| *floored == name);
        if let Some((_, floor, why)) = floor
            && numbers(version) < *floor
        {
            faults.push(format!("Cargo.lock: {name} {version}: {why}"));
        }
    }
    faults
}

fn numbers(version: &str) -> [u64; 3] {
    let plain = version.split(['-', '+']).next().unwrap_or_default();
    let mut parts = plain.split('.').map(|part| part.parse().unwrap_or(0));
    [(); 3].map(|()| parts.next().unwrap_or(0))
}

/// The oldest version of a crate that may be locked, and what those before it have. A crate that
/// isn't locked today is here for the day it comes.
const FLOORS: &[(&str, [u64; 3], &str)] = &[
    ("actix-files", [0, 6, 10], "files outside of the directory"),
    ("actix-http", [3, 12, 1], "requests read in two ways"),
    ("h2", [0, 4, 16], "endless empty frames"),
    (
        "jsonwebtoken",
        [10, 3, 0],
        "claims of a wrong type taken for absent ones",
    ),
    (
        "rustls",
        [0, 23, 45],
        "messages taken at the wrong level of encryption",
    ),
    (
        "rustls-webpki",
        [0, 103, 13],
        "certificates taken that aren't valid",
    ),
    ("tungstenite", [0, 20, 1], "a long header costs minutes"),
];
