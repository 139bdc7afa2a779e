use std::time::Duration;

use super::{SettingsError, tree::Node};

/// What is wrong with the values of settings which have the right types.
///
/// Only the first finding is kept: fixing it may well be the cure of the others.
#[derive(Debug, Default)]
pub(super) struct Problems(Option<(Vec<String>, String)>);

impl Problems {
    /// Notes the problem `text` of the setting `key`, such as `auth.jwt.secret`.
    pub(super) fn add(&mut self, key: &str, text: impl Into<String>) {
        self.0.get_or_insert_with(|| {
            let path = key.split('.').map(str::to_owned).collect();
            (path, text.into())
        });
    }

    /// Notes `text` unless `ok`.
    pub(super) fn require(&mut self, ok: bool, key: &str, text: impl Into<String>) {
        if !ok {
            self.add(key, text);
        }
    }

    /// Notes a duration that no timer and no client's timer can keep.
    pub(super) fn require_timer(&mut self, key: &str, duration: Duration) {
        let ok = (MIN_TIMER..=MAX_TIMER).contains(&duration);
        self.require(ok, key, "must be between 1ms and 24h");
    }

    /// Notes the first entry that is in `entries` twice.
    pub(super) fn require_distinct<T: PartialEq>(&mut self, key: &str, entries: &[T]) {
        let repeated = entries
            .iter()
            .enumerate()
            .any(|(at, entry)| entries[..at].contains(entry));
        self.require(!repeated, key, "must not name anything twice");
    }

    /// Returns the first problem with the place in `tree` where its setting was written.
    pub(super) fn into_result(self, tree: &Node) -> Result<(), SettingsError> {
        let Some((path, problem)) = self.0 else {
            return Ok(());
        };
        let written: Vec<&str> = path.iter().map(String::as_str).collect();
        Err(SettingsError::Value {
            source: tree.get(&written).map(|node| node.source.clone()),
            key: path.join("."),
            problem,
        })
    }
}

const MIN_TIMER: Duration = Duration::from_millis(1);

/// Clients keep their timers in signed 32-bit milliseconds, which a day is well below.
const MAX_TIMER: Duration = Duration::from_secs(24 * 60 * 60);
