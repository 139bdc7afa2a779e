use serde_json::{Map, Value};

/// Returns about how many bytes a JSON object keeps, and rather too many.
pub(crate) fn weight(object: &Map<String, Value>) -> usize {
    let members: usize = object
        .iter()
        .map(|(name, value)| name.capacity() + of_value(value))
        .sum();
    object.len().div_ceil(IN_NODE) * NODE + members
}

/// What a value keeps beyond itself.
fn of_value(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.capacity(),
        Value::Array(values) => {
            let own = values.capacity() * size_of::<Value>();
            own + values.iter().map(of_value).sum::<usize>()
        }
        Value::Object(object) => weight(object),
    }
}

/// What a node of the tree costs that an object is, and how many members it has at least: but the
/// first may have a single one.
const NODE: usize = 12 * (size_of::<String>() + size_of::<Value>()) + 128;
const IN_NODE: usize = 5;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_counts_that_an_object_refers_to() {
        let weigh = |value: Value| of_value(&value);

        assert_eq!(weigh(json!({})), 0);
        assert!(weigh(json!({"a": 1})) > 11 * (24 + size_of::<Value>()));
        let many: Vec<_> = (0..100).map(|_| json!({"": 0})).collect();
        assert!(weigh(Value::from(many)) > 100 * weigh(json!({"": 0})));
        assert!(weigh(json!({"a": "x".repeat(1000)})) > 1000);
    }
}
