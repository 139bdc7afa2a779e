use std::{fmt, sync::Arc};

/// Where a setting was written.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Source {
    /// A line of the configuration file, counted from 1.
    File {
        /// The file as it was named.
        path: Arc<str>,
        /// The line, counted from 1.
        line: usize,
    },
    /// The environment variable of this name.
    Environment(Arc<str>),
    /// The flag of this name, such as `--listen`.
    Flag(&'static str),
    /// The defaults of development mode.
    Development,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(f, "{path}, line {line}"),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
            Self::Development => f.write_str("defaults of development mode"),
        }
    }
}
