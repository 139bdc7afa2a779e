use std::fmt::Write as _;

use sockeye_protocol::engine::{EngineConfig, Query, Target, verify};

/// Checks that a query keeps its meaning when it is escaped and parsed again, and that what a
/// request is taken for follows from the query.
pub fn engine_query(data: &[u8]) {
    let raw = String::from_utf8_lossy(data);
    let query = Query::parse(&raw);

    let pairs: Vec<_> = query.pairs().collect();
    for (name, _) in &pairs {
        let last = pairs.iter().rev().find(|(other, _)| other == name);
        assert_eq!(query.get(name), last.map(|(_, value)| *value));
    }
    let escaped: Vec<_> = pairs.iter().map(|pair| escape(*pair)).collect();
    assert_eq!(Query::parse(&escaped.join("&")), query);

    for (is_get, is_upgrade) in [(true, true), (true, false), (false, false)] {
        match verify(&query, is_get, is_upgrade, &EngineConfig::default()) {
            Ok(Target::Handshake(transport)) => {
                assert!(is_get && query.sid().is_none());
                assert_eq!(query.transport(), Some(transport));
            }
            Ok(Target::Session { sid, transport }) => {
                assert_eq!(query.sid(), Some(sid.as_str()));
                assert_eq!(query.transport(), Some(transport));
            }
            Err(refusal) => assert!((400..500).contains(&refusal.status())),
        }
    }
}

/// Writes every byte as an escape.
fn escape((name, value): (&str, &str)) -> String {
    let mut escaped = String::new();
    for (text, end) in [(name, "="), (value, "")] {
        for byte in text.bytes() {
            let _ = write!(escaped, "%{byte:02x}");
        }
        escaped.push_str(end);
    }
    escaped
}
