use std::str::FromStr;

use serde_json::Value;

use super::{Identity, RESERVED_ROOMS};
use crate::selector::RoomName;

/// A pattern that makes room names from claims: `user:{sub}`, `role:{role}`, `ALL`.
///
/// `{name}` stands for the claim `name`: a text, a number or a truth value. A claim which is a
/// list of these makes a room for each. Where a claim is missing, null or an object, the template
/// makes no room.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RoomTemplate {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    Text(String),
    Claim(String),
}

impl RoomTemplate {
    /// Returns the claims that the rooms are made from.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Claim(claim) => Some(&**claim),
            Part::Text(_) => None,
        })
    }

    /// Returns the rooms of an identity. Names that are empty, over 256 bytes or the server's own are
    /// left out.
    #[must_use]
    pub fn rooms(&self, identity: &Identity) -> Vec<RoomName> {
        let mut names = vec![String::new()];
        for part in &self.parts {
            let values = match part {
                Part::Text(text) => vec![text.clone()],
                Part::Claim(claim) => claim_values(identity, claim),
            };
            names = names
                .iter()
                .flat_map(|name| values.iter().map(move |value| format!("{name}{value}")))
                .take(MAX_ROOMS)
                .collect();
        }
        let usable = |name: &String| {
            !name.is_empty()
                && name.len() <= MAX_NAME
                && !name.chars().any(char::is_control)
                && !name.starts_with(RESERVED_ROOMS)
        };
        names.into_iter().filter(usable).map(Into::into).collect()
    }
}

impl FromStr for RoomTemplate {
    type Err = InvalidTemplate;

    fn from_str(text: &str) -> Result<Self, InvalidTemplate> {
        let invalid = |problem| InvalidTemplate {
            template: text.to_owned(),
            problem,
        };
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (claim, after) = after
                .split_once('}')
                .ok_or_else(|| invalid("a `{` has no `}`"))?;
            if claim.is_empty() || claim.contains('{') {
                return Err(invalid("`{}` must name a claim"));
            }
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Claim(claim.to_owned()));
            rest = after;
        }
        if rest.contains('}') {
            return Err(invalid("a `}` has no `{`"));
        }
        if text.starts_with(RESERVED_ROOMS) {
            return Err(invalid(
                "names that begin with `sockeye:` are the server's own",
            ));
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| *part != Part::Text(String::new()));
        if parts.is_empty() {
            return Err(invalid("it is empty"));
        }
        Ok(Self { parts })
    }
}

/// A text is not a room template.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("room template {template:?}: {problem}")]
pub struct InvalidTemplate {
    template: String,
    problem: &'static str,
}

fn claim_values(identity: &Identity, claim: &str) -> Vec<String> {
    match identity.claims().get(claim) {
        Some(Value::Array(values)) => values.iter().filter_map(scalar).collect(),
        Some(value) => scalar(value).into_iter().collect(),
        None if claim == "sub" && !identity.subject().is_empty() => {
            vec![identity.subject().to_owned()]
        }
        None => Vec::new(),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// No identity gets more rooms than this from one template.
const MAX_ROOMS: usize = 128;

const MAX_NAME: usize = 256;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rooms(template: &str, claims: Value) -> Vec<String> {
        let Value::Object(claims) = claims else {
            panic!("claims are an object");
        };
        let template: RoomTemplate = template.parse().unwrap();
        let identity = Identity::new("42").with_claims(claims);
        template
            .rooms(&identity)
            .iter()
            .map(|room| room.to_string())
            .collect()
    }

    #[test]
    fn claims_make_rooms() {
        assert_eq!(rooms("ALL", json!({})), ["ALL"]);
        assert_eq!(rooms("user:{sub}", json!({})), ["user:42"]);
        assert_eq!(
            rooms("role:{role}", json!({"role": "admin"})),
            ["role:admin"]
        );
        assert_eq!(rooms("{a}-{b}", json!({"a": 1, "b": true})), ["1-true"]);
        assert_eq!(
            rooms("role:{role}", json!({"role": ["a", "b", null]})),
            ["role:a", "role:b"]
        );
    }

    #[test]
    fn missing_claims_make_none() {
        assert!(rooms("role:{role}", json!({})).is_empty());
        assert!(rooms("role:{role}", json!({"role": null})).is_empty());
        assert!(rooms("role:{role}", json!({"role": {"a": 1}})).is_empty());
        assert!(rooms("{name}", json!({"name": "a\nb"})).is_empty());
        assert!(rooms("{name}", json!({"name": "a".repeat(257)})).is_empty());
        assert!(rooms("{name}", json!({"name": "sockeye:authenticated"})).is_empty());
    }

    #[test]
    fn broken_templates_are_refused() {
        for template in [
            "",
            "user:{sub",
            "user:sub}",
            "user:{}",
            "{a{b}",
            "sockeye:authenticated",
            "sockeye:{sub}",
        ] {
            assert!(template.parse::<RoomTemplate>().is_err(), "{template}");
        }
    }
}
