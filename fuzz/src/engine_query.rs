use sockeye_protocol::engine::{EngineConfig, Query, Target, verify};

use crate::memory::bounded;

/// Checks that a query is parsed as the URL Standard says, and that what a request is taken for
/// follows from the query.
pub fn engine_query(data: &[u8]) {
    let raw = String::from_utf8_lossy(data);
    let query = bounded(raw.len(), FACTOR, || Query::parse(&raw));

    let pairs: Vec<_> = query.pairs().collect();
    let standard: Vec<_> = form_urlencoded::parse(raw.as_bytes()).collect();
    assert!(
        standard
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .eq(pairs.iter().copied())
    );
    for (name, _) in &pairs {
        let last = pairs.iter().rev().find(|(other, _)| other == name);
        assert_eq!(query.get(name), last.map(|(_, value)| *value));
    }

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

/// A pair is two slices or texts, and may be as short as `&`; a request's line is bounded.
const FACTOR: u64 = 64;
