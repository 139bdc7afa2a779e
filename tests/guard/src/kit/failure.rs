use std::{fmt, io};

/// What was not as it should be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure(String);

/// A value, or what was not as it should be.
pub type Checked<T = ()> = Result<T, Failure>;

impl Failure {
    /// Describes what was not as it should be.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Says on which of many inputs it happened; long ones are cut.
    #[must_use]
    pub fn on(self, input: impl fmt::Display) -> Self {
        let input: String = input.to_string().escape_debug().take(80).collect();
        Self(format!("{input}: {self}"))
    }
}

/// Fails with the text unless the condition holds.
///
/// # Errors
///
/// [`Failure`] with the text.
pub fn ensure(condition: bool, text: impl Into<String>) -> Checked {
    match condition {
        true => Ok(()),
        false => Err(Failure::new(text)),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}
