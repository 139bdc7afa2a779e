use super::{SECRET, Start};

/// Returns the settings that are warned of.
fn doubted(text: &str) -> Vec<String> {
    let warnings = Start::file(text).load().unwrap().warnings;
    // The file of a test may be read by everybody, or not.
    let keys = warnings
        .iter()
        .filter_map(|warning| warning.split_once(": "));
    keys.map(|(key, _)| key.to_owned()).collect()
}

#[test]
fn a_secret_that_can_be_guessed_is_warned_of() {
    for secret in [&*" ".repeat(32), &"a".repeat(40), &" \t".repeat(16)] {
        let text = format!("auth.jwt.secret = {secret:?}");

        assert_eq!(doubted(&text), ["auth.jwt.secret"], "{secret:?}");
        let warnings = Start::file(&text).load().unwrap().warnings;
        assert!(!warnings.concat().contains(secret));
    }
    assert!(doubted(&format!("auth.jwt.secret = {SECRET:?}")).is_empty());
}

#[test]
fn an_internal_listener_that_others_may_reach_is_warned_of() {
    for (address, key, expected) in [
        ("127.0.0.1:0", "k", &[][..]),
        ("[::1]:0", "k", &[]),
        ("10.0.0.5:3001", "a-key-that-is-long", &[]),
        ("[fd00::5]:3001", "a-key-that-is-long", &[]),
        ("10.0.0.5:3001", "k", &["api.key"]),
        ("0.0.0.0:0", "a-key-that-is-long", &["internal_listen"]),
        ("[::]:0", "k", &["internal_listen", "api.key"]),
        (
            "203.0.113.5:3001",
            "a-key-that-is-long",
            &["internal_listen"],
        ),
        (
            "[::ffff:203.0.113.5]:1",
            "a-key-that-is-long",
            &["internal_listen"],
        ),
    ] {
        let text = format!(
            "internal_listen = {address:?}\napi.key = {key:?}\nauth.jwt.secret = {SECRET:?}"
        );

        assert_eq!(doubted(&text), expected, "{address} {key}");
    }
}

#[test]
fn a_pattern_for_rooms_that_claims_make_is_warned_of() {
    let rooms = format!("auth.rooms = [\"user:{{sub}}\", \"ALL\"]\nauth.jwt.secret = {SECRET:?}");
    for (pattern, is_doubted) in [
        ("user:*", true),
        ("user:1", true),
        ("ALL", true),
        ("*", false),
        ("room:*", false),
    ] {
        let text = format!("client.join = [{pattern:?}]\n{rooms}");

        assert_eq!(doubted(&text) == ["client.join"], is_doubted, "{pattern}");
    }
}
