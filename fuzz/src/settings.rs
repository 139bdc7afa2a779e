use sockeye::standalone::Settings;

use crate::memory::bounded;

/// Checks that a configuration is good or that its error says where, and that no secret is shown.
///
/// The bytes are a file and, after each zero byte, a variable as `NAME=value`.
pub fn settings(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (file, variables) = text.split_once('\0').unwrap_or((&text, ""));
    let environment = variables
        .split('\0')
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()));

    let loaded = bounded(text.len(), FACTOR, || {
        Settings::parse("sockeye.toml", file, environment)
    });

    match loaded {
        Ok(loaded) => {
            let shown = format!("{loaded:?}");
            let secrets = [
                loaded.settings.auth.jwt.as_ref().map(|jwt| &jwt.secret),
                loaded.settings.api.key.as_ref(),
            ];
            for secret in secrets.into_iter().flatten() {
                let secret = secret.expose();
                // A short one, or one that is also set as something else, may be seen by chance.
                let is_rare = secret.len() >= 16 && text.matches(secret).count() == 1;
                assert!(!is_rare || !shown.contains(secret), "{secret} is shown");
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A file is the operator's: it becomes tokens, then a tree that knows the line of each value. That is
/// much for each byte, but no more for the last than for the first.
const FACTOR: u64 = 1024;
