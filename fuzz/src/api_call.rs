use std::collections::HashMap;

use serde_json::value::RawValue;
use sockeye::fuzzing;

use crate::memory::bounded;

/// Checks that a call of the API emits what its body says, and that any other body is refused.
pub fn api_call(data: &[u8]) {
    let parsed = bounded(data.len(), FACTOR, || fuzzing::api_call(data, MAX_ROOMS));

    let Ok(call) = parsed else {
        return;
    };
    let said: HashMap<String, &RawValue> = serde_json::from_slice(data).expect("an object");
    for name in said.keys() {
        assert!(FIELDS.contains(&&**name), "{name} is ignored");
    }
    let text = |name| {
        let json: Option<&&RawValue> = said.get(name);
        json.map(|json| serde_json::from_str::<String>(json.get()).expect("a text"))
    };
    assert!(!call.event.is_empty());
    assert_eq!(text("event"), Some(call.event));
    assert_eq!(
        text("namespace").unwrap_or_else(|| "/".to_owned()),
        call.namespace
    );
    for (name, list) in [("rooms", call.rooms), ("except", call.except)] {
        assert!(list.len() <= MAX_ROOMS);
        let said = said.get(name).map_or("[]", |json| json.get());
        assert_eq!(
            serde_json::from_str::<Vec<String>>(said).expect("texts"),
            list
        );
    }
    assert_eq!(
        text("audience").as_deref() == Some("everyone"),
        call.is_for_everyone
    );
    let said = said.get("args").map_or("[]", |json| json.get());
    let said = if said == "null" { "[]" } else { said };
    assert_eq!(call.args.json(), said);
}

const FIELDS: [&str; 6] = ["namespace", "rooms", "except", "event", "args", "audience"];
const MAX_ROOMS: usize = 4;
/// Names of rooms become texts before they are counted, and may be as short as `"",`: the callers are
/// one's own, and the body is bounded.
const FACTOR: u64 = 64;
