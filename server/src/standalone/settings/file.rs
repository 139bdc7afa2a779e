//! Reads the configuration file into a [`Node`], remembering the line of each value.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    SettingsError, Source,
    tree::{Node, Value},
};

/// Reads the file at `path`.
///
/// # Errors
///
/// [`SettingsError::Unreadable`] and [`SettingsError::Syntax`].
pub(super) fn read(path: &Path) -> Result<Node, SettingsError> {
    let text = std::fs::read_to_string(path).map_err(|error| SettingsError::Unreadable {
        path: path.display().to_string(),
        error,
    })?;
    parse(&path.display().to_string(), &text)
}

/// Parses `text`, which errors say to be in `path`.
///
/// # Errors
///
/// [`SettingsError::Syntax`].
pub(super) fn parse(path: &str, text: &str) -> Result<Node, SettingsError> {
    let file = File {
        path: path.into(),
        line_starts: std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect(),
    };
    // The error's own text quotes the line, which may be the one with the secret.
    let table = DeTable::parse(text).map_err(|error| SettingsError::Syntax {
        path: path.to_owned(),
        line: file.line(error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    })?;
    file.table(0, table.get_ref())
}

struct File {
    path: Arc<str>,
    line_starts: Vec<usize>,
}

impl File {
    fn line(&self, at: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= at)
    }

    fn source(&self, at: usize) -> Source {
        Source::File {
            path: Arc::clone(&self.path),
            line: self.line(at),
        }
    }

    fn table(&self, at: usize, table: &DeTable<'_>) -> Result<Node, SettingsError> {
        let mut members = BTreeMap::new();
        for (key, value) in table {
            // The key's place, as a table's own may be a line that only opens it.
            let node = self.node(key.span().start, value)?;
            members.insert(key.get_ref().clone().into_owned(), node);
        }
        Ok(Node::new(self.source(at), Value::Table(members)))
    }

    fn node(&self, at: usize, value: &Spanned<DeValue<'_>>) -> Result<Node, SettingsError> {
        let value = match value.get_ref() {
            DeValue::String(text) => Value::Text(text.clone().into_owned()),
            DeValue::Boolean(truth) => Value::Bool(*truth),
            DeValue::Datetime(_) => Value::Date,
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
                .map(Value::Integer)
                .map_err(|_| self.too_large(at))?,
            DeValue::Float(float) => float
                .as_str()
                .parse()
                .map(Value::Float)
                .map_err(|_| self.too_large(at))?,
            DeValue::Array(items) => Value::List(
                items
                    .iter()
                    .map(|item| self.node(item.span().start, item))
                    .collect::<Result<_, _>>()?,
            ),
            DeValue::Table(table) => return self.table(at, table),
        };
        Ok(Node::new(self.source(at), value))
    }

    fn too_large(&self, at: usize) -> SettingsError {
        SettingsError::Syntax {
            path: self.path.to_string(),
            line: self.line(at),
            message: "number out of range".to_owned(),
        }
    }
}
