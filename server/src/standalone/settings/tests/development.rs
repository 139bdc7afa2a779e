use std::time::Duration;

use super::{Loaded, SECRET, Start, start};

#[test]
fn nothing_configured_is_development_mode() {
    for start in [
        start(),
        start().flag("--listen 127.0.0.1:0"),
        start().variable("SOCKEYE_LISTEN", "127.0.0.1:0"),
        start()
            .variable("SOCKEYE_INTERNAL_LISTEN", "127.0.0.1:0")
            .variable("SOCKEYE_LOG", "debug"),
    ] {
        let Loaded {
            settings,
            dev,
            warnings,
            ..
        } = start.load().unwrap();

        assert!(dev && settings.dev);
        assert_eq!(settings.auth.rooms, ["user:{sub}", "role:{role}", "ALL"]);
        assert_eq!(settings.client.join, ["*"]);
        assert_eq!(settings.client.relay, ["chat"]);
        assert!(settings.auth.jwt.is_none() && settings.api.key.is_none());
        assert_eq!(warnings, [""; 0]);
    }
}

#[test]
fn any_configuration_ends_development_mode() {
    let loaded = Start::good("").load().unwrap();
    assert!(!loaded.dev && !loaded.settings.dev);

    let loaded = start()
        .variable("SOCKEYE_AUTH__JWT__SECRET", SECRET)
        .load()
        .unwrap();
    assert!(!loaded.dev && loaded.settings.client.join.is_empty());

    assert!(
        Start::file("")
            .error()
            .starts_with("auth.jwt.secret: is missing")
    );
    for (name, text) in [
        ("SOCKEYE_API__KEY", "k"),
        ("SOCKEYE_PATH", "/a"),
        ("SOCKEYE_DEV", "false"),
    ] {
        let error = start().variable(name, text).error();
        assert!(
            error.starts_with("auth.jwt.secret: is missing"),
            "{name}: {error}"
        );
    }
}

#[test]
fn development_mode_can_be_asked_for_and_keeps_what_is_set() {
    let loaded = Start::file("dev = true\n[client]\njoin = [\"room:*\"]")
        .variable("SOCKEYE_AUTH", r#"{"rooms": ["mine"], "deadline": "1s"}"#)
        .load()
        .unwrap();

    assert!(loaded.dev);
    assert_eq!(loaded.settings.client.join, ["room:*"]);
    assert_eq!(loaded.settings.client.relay, ["chat"]);
    assert_eq!(loaded.settings.auth.rooms, ["mine"]);
    assert_eq!(loaded.settings.auth.deadline, Duration::from_secs(1));
    assert!(start().variable("SOCKEYE_DEV", "true").load().unwrap().dev);
}

#[test]
fn development_mode_warns_when_others_can_reach_it() {
    let warnings = start().flag("--listen 0.0.0.0:0").load().unwrap().warnings;

    assert!(
        warnings.iter().any(|warning| warning.contains("0.0.0.0:0")),
        "{warnings:?}"
    );
}

#[cfg(unix)]
#[test]
fn files_with_secrets_that_everybody_may_read_are_warned_of() {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt as _};
    let warnings = |text: &str, mode: u32| {
        let start = Start::file(text).variable("SOCKEYE_AUTH__JWT__SECRET", SECRET);
        let path = start.file.as_ref().unwrap().path();
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        start.load().unwrap().warnings.len()
    };

    assert_eq!(warnings("api.key = \"k\"", 0o644), 1);
    assert_eq!(warnings("api.key = \"k\"", 0o600), 0);
    assert_eq!(warnings("log = \"info\"", 0o644), 0);
}
