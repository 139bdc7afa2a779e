use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

/// The table `[auth.require]`: claims that must hold, each with the values it may have.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(transparent)]
pub struct Requirements(BTreeMap<String, AllowedValues>);

/// The values that a claim may have: one of them, or a list.
///
/// A variable's text is one value, a text; other values and lists are written as JSON in
/// `SOCKEYE_AUTH__REQUIRE`.
#[derive(Clone, Debug, PartialEq)]
pub struct AllowedValues(Vec<Value>);

/// The token is good but its claims are not those required.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the claim `{claim}` is not one of those required")]
pub struct Forbidden {
    claim: String,
}

impl Requirements {
    /// Checks that every required claim has an allowed value.
    ///
    /// A claim that is a list holds if any of its elements is allowed. Values are compared with
    /// their types: the number 3 is not the text `3`.
    ///
    /// # Errors
    ///
    /// [`Forbidden`] with the first claim that does not hold, in the order of their names.
    pub fn check(&self, claims: &Map<String, Value>) -> Result<(), Forbidden> {
        for (claim, allowed) in &self.0 {
            if !claims.get(claim).is_some_and(|value| allowed.admit(value)) {
                let claim = claim.clone();
                return Err(Forbidden { claim });
            }
        }
        Ok(())
    }

    /// Returns the claims for which no value is allowed, so that nobody could ever get in.
    pub(super) fn impossible(&self) -> impl Iterator<Item = &str> {
        let is_impossible = |(_, allowed): &(&String, &AllowedValues)| allowed.0.is_empty();
        self.0
            .iter()
            .filter(is_impossible)
            .map(|(claim, _)| claim.as_str())
    }
}

impl<K: Into<String>> FromIterator<(K, AllowedValues)> for Requirements {
    fn from_iter<I: IntoIterator<Item = (K, AllowedValues)>>(requirements: I) -> Self {
        Self(
            requirements
                .into_iter()
                .map(|(claim, allowed)| (claim.into(), allowed))
                .collect(),
        )
    }
}

impl AllowedValues {
    /// Allows `values` and nothing else.
    pub fn new(values: impl IntoIterator<Item = Value>) -> Self {
        Self(values.into_iter().collect())
    }

    fn admit(&self, claim: &Value) -> bool {
        match claim {
            Value::Array(values) => values.iter().any(|value| self.0.contains(value)),
            value => self.0.contains(value),
        }
    }
}

impl Forbidden {
    /// Returns the claim that does not hold.
    #[must_use]
    pub fn claim(&self) -> &str {
        &self.claim
    }
}

impl<'de> Deserialize<'de> for AllowedValues {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = AllowedValues;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a whole number, true or false, or a list of these")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<AllowedValues, E> {
                Ok(AllowedValues::new([text.into()]))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<AllowedValues, E> {
                Ok(AllowedValues::new([number.into()]))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<AllowedValues, E> {
                Ok(AllowedValues::new([number.into()]))
            }

            fn visit_bool<E: Error>(self, truth: bool) -> Result<AllowedValues, E> {
                Ok(AllowedValues::new([truth.into()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<AllowedValues, A::Error> {
                let mut values = Vec::new();
                // Each element is a value or, harmlessly, a list again.
                while let Some(AllowedValues(inner)) = list.next_element()? {
                    values.extend(inner);
                }
                Ok(AllowedValues(values))
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(requirements: Value, claims: Value) -> Result<(), String> {
        let requirements: Requirements = serde_json::from_value(requirements).unwrap();
        let Value::Object(claims) = claims else {
            panic!("claims are an object");
        };
        requirements
            .check(&claims)
            .map_err(|forbidden| forbidden.claim().to_owned())
    }

    #[test]
    fn claims_with_allowed_values_hold() {
        for (requirements, claims) in [
            (json!({}), json!({})),
            (json!({"role": "admin"}), json!({"role": "admin"})),
            (
                json!({"role": ["admin", "editor"]}),
                json!({"role": "editor"}),
            ),
            (
                json!({"role": ["admin", "editor"]}),
                json!({"role": ["guest", "editor"]}),
            ),
            (json!({"role": "admin"}), json!({"role": ["admin"]})),
            (
                json!({"level": 3, "ok": true}),
                json!({"level": 3, "ok": true}),
            ),
            (json!({"level": [-1, 3]}), json!({"level": -1})),
        ] {
            assert_eq!(
                check(requirements.clone(), claims.clone()),
                Ok(()),
                "{requirements} {claims}"
            );
        }
    }

    #[test]
    fn all_others_are_forbidden_by_name() {
        for (requirements, claims, claim) in [
            (json!({"role": "admin"}), json!({}), "role"),
            (json!({"role": "admin"}), json!({"role": null}), "role"),
            (json!({"role": "admin"}), json!({"role": "Admin"}), "role"),
            (json!({"role": "admin"}), json!({"role": []}), "role"),
            (
                json!({"role": "admin"}),
                json!({"role": [["admin"]]}),
                "role",
            ),
            (
                json!({"role": "admin"}),
                json!({"role": {"admin": true}}),
                "role",
            ),
            (json!({"level": 3}), json!({"level": "3"}), "level"),
            (json!({"ok": true}), json!({"ok": 1}), "ok"),
            (json!({"a": 1, "b": 2}), json!({"a": 1}), "b"),
            (json!({"role": []}), json!({"role": "admin"}), "role"),
        ] {
            let forbidden = check(requirements.clone(), claims.clone());

            assert_eq!(forbidden, Err(claim.to_owned()), "{requirements} {claims}");
        }
    }
}
