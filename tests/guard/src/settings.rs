//! With which settings a server runs.

use std::collections::BTreeMap;

use crate::kit::Token;

/// Settings by their key as in `docs/operating.md`, and what is set around the process.
#[derive(Clone, Debug)]
pub struct Settings {
    keys: BTreeMap<&'static str, String>,
    environment: Vec<(&'static str, String)>,
    descriptors: Option<u32>,
    wrapper: Vec<String>,
}

impl Settings {
    /// Those that every case can live with: tokens are wanted, rooms may be joined, and `chat`
    /// is sent on to them; and one address, which all clients here have, may
    /// do as much as it likes; so may one user, who all of them are.
    #[must_use]
    pub fn new() -> Self {
        Self {
            keys: BTreeMap::new(),
            environment: Vec::new(),
            descriptors: None,
            wrapper: Vec::new(),
        }
        .set("listen", r#""127.0.0.1:0""#)
        .set("internal_listen", r#""127.0.0.1:0""#)
        .set("auth.jwt.secret", format!("{:?}", Token::SECRET))
        .set("auth.rooms", r#"["user:{sub}"]"#)
        .set("api.key", format!("{API_KEY:?}"))
        .set("admission.max_sessions_per_address", "0")
        .set("admission.max_unauthenticated_per_address", "0")
        .set("admission.handshakes_per_second", "0")
        .set("client.join", r#"["*"]"#)
        .set("client.relay", r#"["chat"]"#)
        .set("client.relay_bytes_per_second", "0")
    }

    /// Sets a key to a value of TOML.
    #[must_use]
    pub fn set(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.keys.insert(key, value.into());
        self
    }

    /// Sets a variable of the process's environment.
    #[must_use]
    pub fn environment(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// Has another program start the server: these words, with the server's own behind them. It
    /// must become the server, as `exec` of a shell does.
    #[must_use]
    pub fn started_by(mut self, words: &[&str]) -> Self {
        self.wrapper = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Bounds the process's file descriptors.
    #[must_use]
    pub fn descriptors(mut self, most: u32) -> Self {
        self.descriptors = Some(most);
        self
    }

    /// Returns the settings' file.
    #[must_use]
    pub fn file(&self) -> String {
        let lines = self.keys.iter();
        lines
            .map(|(key, value)| format!("{key} = {value}\n"))
            .collect()
    }

    pub(crate) fn variables(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.environment
            .iter()
            .map(|(name, value)| (*name, &**value))
    }

    pub(crate) fn wrapper(&self) -> &[String] {
        &self.wrapper
    }

    pub(crate) fn most_descriptors(&self) -> Option<u32> {
        self.descriptors
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}

/// The key of every server's emit API.
pub const API_KEY: &str = "the-guard's-own-key";
