//! The rules of the repository that no compiler lint expresses.
//!
//! A rule is a function from one file to its faults and has one test, which first shows that
//! the rule catches bad samples and spares good ones, then holds it against every file.
//! A file that breaks a rule for a good reason is listed with it in [`EXCEPTIONS`].

mod lockfile;
mod source;

use self::source::{Faults, Source, dependencies, lookup, repository};

/// A path and a content.
type Sample = (&'static str, &'static str);

#[test]
fn rust_files_are_short() {
    let long: &str = "//\n".repeat(MAX_LINES + 1).leak();

    assert_rule(
        short_enough,
        &[("server/src/lib.rs", long)],
        &[("server/src/lib.rs", "//\n"), ("docs/guide.md", long)],
    );
}

fn short_enough(file: &Source) -> Faults {
    let lines = file.text.lines().count();
    if file.is_rust() && lines > MAX_LINES {
        return vec![format!("{}: {lines} lines, at most {MAX_LINES}", file.path)];
    }
    Faults::new()
}

#[test]
fn crate_roots_forbid_unsafe_code() {
    assert_rule(
        forbids_unsafe_code,
        &[
            ("server/src/lib.rs", "//! A crate.\n"),
            ("server/src/bin/sockeye.rs", "fn main() {}"),
            ("server/src/bin/sockeye/main.rs", "fn main() {}"),
            ("fuzz/fuzz_targets/any.rs", "// #![forbid(unsafe_code)]"),
        ],
        &[
            ("server/src/lib.rs", "#![forbid(unsafe_code)]\n"),
            ("server/src/service.rs", ""),
        ],
    );
}

fn forbids_unsafe_code(file: &Source) -> Faults {
    let parts: Vec<_> = file.path.split('/').collect();
    let is_root = matches!(
        parts[..],
        [_, "src", "lib.rs" | "main.rs"]
            | [_, "src", "bin", _]
            | [_, "src", "bin", _, "main.rs"]
            | ["fuzz", "fuzz_targets", _]
    );
    let attribute = "#![forbid(unsafe_code)]";
    if is_root && file.is_rust() && !file.text.lines().any(|line| line == attribute) {
        return vec![format!("{}: no {attribute}", file.path)];
    }
    Faults::new()
}

#[test]
fn crates_take_the_lints_of_the_workspace() {
    assert_rule(
        inherits_lints,
        &[
            ("server/Cargo.toml", "[package]\nname = 'sockeye'"),
            ("server/Cargo.toml", "[lints]\nworkspace = false"),
            ("Cargo.toml", "[workspace.lints.rust]\nunsafe_code = 'warn'"),
        ],
        &[
            ("server/Cargo.toml", "[lints]\nworkspace = true"),
            (
                "Cargo.toml",
                "[workspace.lints.rust]\nunsafe_code = 'forbid'",
            ),
        ],
    );
}

fn inherits_lints(file: &Source) -> Faults {
    let Some(manifest) = file.manifest() else {
        return Faults::new();
    };
    let forbids = |level: &toml::Value| level.as_str() == Some("forbid");
    let inherits = match manifest.get("workspace") {
        Some(workspace) => {
            lookup(workspace, &["lints", "rust", "unsafe_code"]).is_some_and(forbids)
        }
        None => {
            lookup(&manifest, &["lints", "workspace"]).and_then(toml::Value::as_bool) == Some(true)
        }
    };
    if inherits {
        return Faults::new();
    }
    vec![format!("{}: lints are not the workspace's", file.path)]
}

#[test]
fn crates_depend_only_on_what_they_may() {
    assert_rule(
        allowed_dependencies,
        &[
            ("protocol/Cargo.toml", "[dependencies]\ntokio = '1'"),
            ("protocol/Cargo.toml", "[dependencies]\nsockeye-router = {}"),
            (
                "protocol/Cargo.toml",
                "[dependencies]\nbytes = { package = 'tokio', version = '1' }",
            ),
            (
                "protocol/Cargo.toml",
                "[target.'cfg(unix)'.dependencies]\nlibc = '0.2'",
            ),
            (
                "protocol/Cargo.toml",
                "[build-dependencies]\nsockeye-tests = {}",
            ),
            ("router/Cargo.toml", "[dependencies]\nactix-web = '4'"),
            ("router/Cargo.toml", "[dependencies]\nsockeye = {}"),
            ("server/Cargo.toml", "[dependencies]\nsockeye-tests = {}"),
            ("fuzz/Cargo.toml", "[dependencies]\nsockeye-router = {}"),
        ],
        &[
            (
                "protocol/Cargo.toml",
                "[dependencies]\nbytes = '1'\n[dev-dependencies]\nproptest = '1'",
            ),
            (
                "router/Cargo.toml",
                "[dependencies]\nactix = '0.13'\nsockeye-protocol = {}",
            ),
            (
                "server/Cargo.toml",
                "[dependencies]\nactix-web = '4'\nsockeye-router = {}",
            ),
        ],
    );
}

fn allowed_dependencies(file: &Source) -> Faults {
    let (Some(manifest), Some(folder)) = (file.manifest(), file.path.split('/').next()) else {
        return Faults::new();
    };
    let is_refused = |package: &String| match folder {
        "protocol" => !PROTOCOL_MAY_USE.contains(&&**package),
        "router" => ROUTER_NEVER_USES.contains(&&**package) || is_ours_but(package, &["protocol"]),
        "server" => is_ours_but(package, &["protocol", "router"]),
        "fuzz" => package != "sockeye" && is_ours_but(package, &["protocol"]),
        _ => false,
    };
    let refused = dependencies(&manifest).into_iter().filter(is_refused);
    refused
        .map(|package| format!("{}: may not depend on {package}", file.path))
        .collect()
}

/// Whether `package` is one of ours that lies in none of these folders.
fn is_ours_but(package: &str, folders: &[&str]) -> bool {
    let folder = package.strip_prefix("sockeye-");
    package == "sockeye" || folder.is_some_and(|folder| !folders.contains(&folder))
}

#[test]
fn the_protocol_touches_nothing_but_bytes_and_time_given_to_it() {
    assert_rule(
        protocol_is_sans_io,
        &[
            ("protocol/src/sid.rs", "let now = Instant::now();"),
            ("protocol/src/sid.rs", "use std::time::SystemTime;"),
            ("protocol/src/sid.rs", "use std::{env, fmt};"),
            ("protocol/src/sid.rs", "let x = rand::random();"),
            ("protocol/src/sid.rs", "    println!(\"{x}\");"),
        ],
        &[
            ("protocol/src/sid.rs", "// tokio would call Instant::now()"),
            (
                "protocol/src/sid.rs",
                "let operand = Sid::from_random(random);",
            ),
            (
                "protocol/src/sid.rs",
                "fn f() {}\n\n#[cfg(test)]\nmod tests { fn t() { Instant::now(); } }",
            ),
            (
                "protocol/src/engine/session/tests/wire.rs",
                "Instant::now();",
            ),
            ("router/src/hub.rs", "Instant::now();"),
        ],
    );
}

fn protocol_is_sans_io(file: &Source) -> Faults {
    file.product_code_mentions("protocol", PROTOCOL_NEVER_MENTIONS)
}

#[test]
fn the_router_knows_no_http_no_files_and_no_environment() {
    assert_rule(
        router_is_alone,
        &[
            ("router/src/hub.rs", "use actix_web::web;"),
            ("router/src/hub.rs", "use actix_http::Request;"),
            ("router/src/hub.rs", "fn f(headers: http::HeaderMap) {}"),
            ("router/src/hub.rs", "use std::{\n    fs,\n    rc::Rc,\n};"),
            ("router/src/hub.rs", "let home = std::env::var(\"HOME\");"),
        ],
        &[
            ("router/src/hub.rs", "/// For `actix_web`, see the server."),
            (
                "router/src/hub.rs",
                "use std::{collections::HashMap, rc::Rc};",
            ),
            ("server/src/service.rs", "use actix_web::web;"),
        ],
    );
}

fn router_is_alone(file: &Source) -> Faults {
    file.product_code_mentions("router", ROUTER_NEVER_MENTIONS)
}

#[test]
fn files_are_named_after_what_they_hold() {
    assert_rule(
        named_well,
        &[
            ("server/src/utils.rs", ""),
            ("tests/tests/common/mod.rs", ""),
            ("tests/suites/helpers.mjs", ""),
        ],
        &[("server/src/common_name.rs", ""), ("docs/types.md", "")],
    );
}

fn named_well(file: &Source) -> Faults {
    let stems = file.path.split('/').map(|part| part.split('.').next());
    let mut vague = stems.flatten().filter(|stem| VAGUE_NAMES.contains(stem));
    match vague.next() {
        Some(name) if file.is_source() => vec![format!("{}: named {name:?}", file.path)],
        _ => Faults::new(),
    }
}

#[test]
fn nothing_is_left_to_do() {
    assert_rule(
        nothing_left_to_do,
        &[
            ("server/src/lib.rs", "// TODO: more"),
            ("server/src/lib.rs", "fn f() {} // FIXME"),
            ("tests/suites/run.mjs", "/* XXX */"),
        ],
        &[
            ("server/src/lib.rs", "let methods = TODOS;"),
            ("tests/run.sh", "mktemp -d run.XXXXXX"),
        ],
    );
}

fn nothing_left_to_do(file: &Source) -> Faults {
    if !file.is_source() {
        return Faults::new();
    }
    file.mentions(&file.text, &["TODO", "FIXME", "XXX"])
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    assert_rule(
        no_machine_paths,
        &[
            ("docs/guide.md", "see /work/main"),
            ("tests/run.sh", "out=/tmp/out"),
            ("server/Cargo.toml", "path = '/root/crate'"),
            ("README.md", "[file](file:///home/me/x)"),
        ],
        &[
            ("docs/guide.md", "the folder patchwork/work/"),
            ("docs/guide.md", "https://example.com/work/1"),
        ],
    );
}

fn no_machine_paths(file: &Source) -> Faults {
    file.faulty_lines(&file.text, MACHINE_PATHS, |before, _| {
        !before.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_-.~}".contains(&byte))
    })
}

#[test]
fn lock_files_name_no_registry_host() {
    assert_rule(
        no_registry_hosts,
        &[
            (
                "tests/suites/package-lock.json",
                "  \"resolved\": \"https://registry.npmjs.org/ws.tgz\",",
            ),
            ("tests/suites/.npmrc", "registry=https://example.com"),
            (
                "Cargo.lock",
                "source = \"registry+https://example.com/index\"",
            ),
            (".cargo/config.toml", "[source.crates-io]"),
            (
                "tests/suites/requirements.txt",
                "--index-url https://example.com",
            ),
        ],
        &[
            (
                "tests/suites/package-lock.json",
                "  \"version\": \"8.0.0\",",
            ),
            ("docs/guide.md", "Set registry= in your own .npmrc."),
            (
                "Cargo.lock",
                "source = \"registry+https://github.com/rust-lang/crates.io-index\"",
            ),
        ],
    );
}

fn no_registry_hosts(file: &Source) -> Faults {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    let marks = REGISTRY_MARKS.iter().filter(|(of, _)| *of == name);
    let is_host = |line: &str| {
        let mut marks = marks.clone();
        marks.any(|(_, mark)| line.contains(mark)) && !line.contains(CRATES_IO)
    };
    let lines = (1..).zip(file.text.lines());
    lines
        .filter(|(_, line)| is_host(line))
        .map(|(number, line)| format!("{}:{number}: {}", file.path, line.trim()))
        .collect()
}

#[test]
fn tests_wait_for_events_and_choose_no_port() {
    assert_rule(
        waits_for_events,
        &[
            ("tests/tests/rooms.rs", "thread::sleep(SECOND);"),
            ("tests/src/lib.rs", "tokio::time::sleep(SECOND).await;"),
            (
                "server/tests/app.rs",
                "let url = \"http://127.0.0.1:3000\";",
            ),
            (
                "router/src/hub/tests.rs",
                "actix::clock::sleep(SECOND).await;",
            ),
        ],
        &[
            ("tests/tests/rooms.rs", "TcpListener::bind(\"127.0.0.1:0\")"),
            (
                "tests/tests/rooms.rs",
                "format!(\"http://127.0.0.1:{port}\")",
            ),
            ("server/src/shutdown.rs", "tokio::time::sleep(grace).await;"),
            (
                "router/tests/order.rs",
                "tokio::time::pause(); tokio::time::sleep(SECOND).await;",
            ),
            (
                "router/tests/kit.rs",
                "stop_clock(); tokio::time::sleep(SECOND).await;",
            ),
        ],
    );
}

fn waits_for_events(file: &Source) -> Faults {
    if !file.is_rust() || !file.is_test() {
        return Faults::new();
    }
    // With the clock stopped, a sleep takes no time and is an event like any other.
    let stops = ["time::pause()", "stop_clock()"];
    let stopped = stops.iter().any(|stop| file.text.contains(stop));
    let sleeps: &[&str] = match stopped {
        true => &["thread::sleep"],
        false => &["thread::sleep", "time::sleep", "clock::sleep"],
    };
    let mut faults = file.mentions(&file.text, sleeps);
    faults.extend(
        file.faulty_lines(&file.text, &["127.0.0.1:", "localhost:"], |_, after| {
            after.is_some_and(|byte| matches!(byte, b'1'..=b'9'))
        }),
    );
    faults
}

/// Shows that `rule` tells the samples apart, then holds it against the repository.
fn assert_rule(rule: fn(&Source) -> Faults, bad: &[Sample], good: &[Sample]) {
    for &(path, text) in bad {
        assert!(
            !rule(&Source::new(path, text)).is_empty(),
            "missed: {path}: {text}"
        );
    }
    for &(path, text) in good {
        assert_eq!(rule(&Source::new(path, text)), Faults::new(), "{text}");
    }

    let files = repository();
    let faults = files.iter().flat_map(rule);
    let faults: Vec<_> = faults.filter(|fault| !is_excepted(fault)).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

fn is_excepted(fault: &str) -> bool {
    let mut exceptions = EXCEPTIONS.iter();
    exceptions.any(|(path, mark, _)| fault.starts_with(path) && fault.contains(mark))
}

/// Faults that stay: the file, what the faulty line contains, and why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    (
        "tests/tests/tidy/main.rs:",
        "",
        "the rules and their samples name what they forbid",
    ),
    (
        "tests/faults/src/bin/ledger.rs:",
        "time::sleep(Duration::from_millis(number % 20))",
        "a handler that takes its time, as one that asks a database does",
    ),
];

const MAX_LINES: usize = 700;

const PROTOCOL_MAY_USE: &[&str] = &[
    "base64",
    "bytes",
    "bytestring",
    "serde",
    "serde_json",
    "thiserror",
];

const ROUTER_NEVER_USES: &[&str] = &[
    "actix-files",
    "actix-http",
    "actix-web",
    "actix-web-actors",
    "actix-ws",
    "awc",
    "http",
    "hyper",
    "reqwest",
];

const PROTOCOL_NEVER_MENTIONS: &[&str] = &[
    "Instant::now",
    "SystemTime",
    "tokio",
    "actix",
    "rand",
    "getrandom",
    "tracing",
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "print!",
    "println!",
    "eprint!",
    "eprintln!",
    "dbg!",
];

const ROUTER_NEVER_MENTIONS: &[&str] = &[
    "actix_web",
    "actix_http",
    "http",
    "std::env",
    "std::fs",
    "std::net",
];

const VAGUE_NAMES: &[&str] = &[
    "common", "helper", "helpers", "misc", "prelude", "types", "util", "utils",
];

const MACHINE_PATHS: &[&str] = &["/work/", "/tmp/", "/root/", "/home/", "file:///"];

/// What gives a registry away, by the name of the file it may stand in.
const REGISTRY_MARKS: &[(&str, &str)] = &[
    ("package-lock.json", "\"resolved\":"),
    (".npmrc", "registry="),
    ("Cargo.lock", "source = "),
    ("config.toml", "[source."),
    ("config.toml", "[registries."),
    ("requirements.txt", "index-url"),
];

/// The one registry that every reader of a lock file has.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";
