use std::{fmt, io};

use super::Source;

/// The settings cannot be used; the text names the key and where it was written.
///
/// A text holds no value that was written, as any of them may be a secret in the wrong place; but
/// it names keys, and origins and events that are not acceptable.
#[derive(Debug)]
#[non_exhaustive]
pub enum SettingsError {
    /// The configuration file cannot be read.
    Unreadable {
        /// The file as it was named.
        path: String,
        /// Why it cannot be read.
        error: io::Error,
    },
    /// The configuration file is not TOML.
    Syntax {
        /// The file as it was named.
        path: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// There is no setting of this name.
    UnknownKey {
        /// The key from the top, such as `auth.jwt.secrt`.
        key: String,
        /// Where it was written.
        source: Option<Source>,
        /// The keys that there are in this place.
        known: &'static [&'static str],
    },
    /// A setting has the wrong type or an impossible value.
    Value {
        /// The key from the top, such as `engine.ping_interval`.
        key: String,
        /// What is wrong with its value.
        problem: String,
        /// Where it was written; `None` for one that is missing.
        source: Option<Source>,
    },
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, error } => write!(f, "cannot read {path}: {error}"),
            Self::Syntax {
                path,
                line,
                message,
            } => write!(f, "{path}, line {line}: {message}"),
            Self::UnknownKey { key, source, known } => {
                match source {
                    Some(Source::Environment(name)) if variable_names(name, key) => {
                        write!(f, "unknown environment variable {name}")?;
                    }
                    Some(source) => write!(f, "unknown key `{key}` in {source}")?,
                    None => write!(f, "unknown key `{key}`")?,
                }
                if let Some(Source::Environment(name)) = source
                    && KUBERNETES.iter().any(|start| name.starts_with(start))
                {
                    return f.write_str(
                        " (Kubernetes sets it for a service called `sockeye`: \
                         give the pod `enableServiceLinks: false`)",
                    );
                }
                match known {
                    [] => Ok(()),
                    known => write!(f, " (known here: {})", known.join(", ")),
                }
            }
            Self::Value {
                key,
                problem,
                source,
            } => {
                write!(f, "{key}: {problem}")?;
                match source {
                    Some(source) => write!(f, " ({source})"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for SettingsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// Reports whether the variable is the key's own and not one that holds it in a JSON table.
fn variable_names(name: &str, key: &str) -> bool {
    let depth = name.split("__").count();
    depth >= key.split('.').count()
}

/// Beginnings of the variables that tell a pod about a service called `sockeye`.
const KUBERNETES: [&str; 2] = ["SOCKEYE_SERVICE_", "SOCKEYE_PORT"];
