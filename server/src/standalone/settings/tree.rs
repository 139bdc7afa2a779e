//! What the file, the environment and the flags say, merged, each value with its source.
//!
//! The tree knows no setting. It holds an environment variable's text as it was written, because
//! only the type of the setting can tell whether `123` is a number or a secret; that decision is
//! the [deserializer](super::decode)'s.

use std::collections::BTreeMap;

use super::{SettingsError, Source};

/// One value and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) source: Source,
    pub(super) value: Value,
}

/// A value before a setting has given it a type.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Table(BTreeMap<String, Node>),
    List(Vec<Node>),
    /// A text that was written as a text.
    Text(String),
    /// The text of an environment variable, which may mean a value of any type.
    Untyped(String),
    Integer(i64),
    Float(f64),
    Bool(bool),
    Null,
    /// A TOML date or time, which no setting wants.
    Date,
}

impl Node {
    pub(super) fn new(source: Source, value: Value) -> Self {
        Self { source, value }
    }

    pub(super) fn table(source: Source) -> Self {
        Self::new(source, Value::Table(BTreeMap::new()))
    }

    /// Converts JSON, all of it written in one place.
    pub(super) fn from_json(source: &Source, json: serde_json::Value) -> Self {
        use serde_json::Value as Json;
        let value = match json {
            Json::Null => Value::Null,
            Json::Bool(truth) => Value::Bool(truth),
            Json::Number(number) => match number.as_i64() {
                Some(integer) => Value::Integer(integer),
                None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Value::Text(text),
            Json::Array(items) => Value::List(
                items
                    .into_iter()
                    .map(|item| Self::from_json(source, item))
                    .collect(),
            ),
            Json::Object(members) => Value::Table(
                members
                    .into_iter()
                    .map(|(key, member)| (key, Self::from_json(source, member)))
                    .collect(),
            ),
        };
        Self::new(source.clone(), value)
    }

    /// Returns the value at `path`.
    pub(super) fn get(&self, path: &[&str]) -> Option<&Self> {
        let Some((first, rest)) = path.split_first() else {
            return Some(self);
        };
        match &self.value {
            Value::Table(members) => members.get(*first)?.get(rest),
            _ => None,
        }
    }

    /// Writes `node` at `path`, over whatever was there, and makes the tables on the way.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Value`] when there is something other than a table on the way.
    pub(super) fn insert(&mut self, path: &[&str], node: Self) -> Result<(), SettingsError> {
        let Some((last, tables)) = path.split_last() else {
            return Ok(());
        };
        let by = node.source.clone();
        let members = self.members_at(tables, 0, &by)?;
        members.insert((*last).to_owned(), node);
        Ok(())
    }

    /// Writes `node` at `path` unless there is something already.
    ///
    /// # Errors
    ///
    /// As [`Node::insert`].
    pub(super) fn insert_default(
        &mut self,
        path: &[&str],
        node: Self,
    ) -> Result<(), SettingsError> {
        let Some((last, tables)) = path.split_last() else {
            return Ok(());
        };
        let by = node.source.clone();
        let members = self.members_at(tables, 0, &by)?;
        members.entry((*last).to_owned()).or_insert(node);
        Ok(())
    }

    /// Returns the table at `path` below the first `depth` keys, which are those of `self`.
    fn members_at(
        &mut self,
        path: &[&str],
        depth: usize,
        by: &Source,
    ) -> Result<&mut BTreeMap<String, Self>, SettingsError> {
        if let Value::Untyped(text) = &self.value {
            // `X__Y` writes into the table that `X` gave as JSON.
            if let Ok(json @ serde_json::Value::Object(_)) = serde_json::from_str(text) {
                *self = Self::from_json(&self.source, json);
            }
        }
        let Value::Table(members) = &mut self.value else {
            return Err(SettingsError::Value {
                key: path.get(..depth).unwrap_or_default().join("."),
                problem: format!("expected a table, in which the {by} sets a key"),
                source: Some(self.source.clone()),
            });
        };
        match path.get(depth) {
            None => Ok(members),
            Some(key) => members
                .entry((*key).to_owned())
                .or_insert_with(|| Self::table(by.clone()))
                .members_at(path, depth + 1, by),
        }
    }
}
