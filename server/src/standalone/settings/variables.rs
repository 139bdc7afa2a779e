//! Finds the settings among the environment variables.

use std::sync::Arc;

use super::{
    SettingsError, Source,
    tree::{Node, Value},
};

/// The environment variables that concern the settings.
#[derive(Debug, Default)]
pub(super) struct Variables {
    /// The configuration file that `SOCKEYE_CONFIG` names.
    pub(super) config: Option<String>,
    settings: Vec<Variable>,
}

#[derive(Debug)]
struct Variable {
    path: Vec<String>,
    name: Arc<str>,
    text: String,
}

impl Variables {
    /// Picks the variables whose names start with `SOCKEYE_`.
    ///
    /// # Errors
    ///
    /// [`SettingsError::UnknownKey`] for a name that is not in capitals.
    pub(super) fn new(
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        let mut variables = Self::default();
        for (name, text) in environment {
            let Some(key) = name.strip_prefix(PREFIX) else {
                continue;
            };
            if key == CONFIG {
                variables.config = Some(text);
                continue;
            }
            let path: Vec<String> = key.split(SEPARATOR).map(str::to_ascii_lowercase).collect();
            let name = Arc::from(name.as_str());
            if key != key.to_ascii_uppercase() {
                return Err(SettingsError::UnknownKey {
                    key: path.join("."),
                    source: Some(Source::Environment(name)),
                    known: &[],
                });
            }
            variables.settings.push(Variable { path, name, text });
        }
        // A table comes before its keys, whatever the environment's own order.
        variables.settings.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(variables)
    }

    /// Reports whether there is a setting other than the `allowed` top-level ones.
    pub(super) fn any_but(&self, allowed: &[&str]) -> bool {
        let is_allowed = |variable: &Variable| match variable.path.as_slice() {
            [key] => allowed.contains(&key.as_str()),
            _ => false,
        };
        !self.settings.iter().all(is_allowed)
    }

    /// Writes every variable into `tree`.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Value`] when a variable names a key in what is not a table.
    pub(super) fn insert_into(self, tree: &mut Node) -> Result<(), SettingsError> {
        for Variable { path, name, text } in self.settings {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let node = Node::new(Source::Environment(name), Value::Untyped(text));
            tree.insert(&path, node)?;
        }
        Ok(())
    }
}

const PREFIX: &str = "SOCKEYE_";

const SEPARATOR: &str = "__";

const CONFIG: &str = "CONFIG";
