use std::{error::Error, fmt, panic::Location};

use crate::Refusal;

/// Why a test can't go on: what was awaited, what was heard instead, and where in the test.
///
/// `Debug` shows the same text as `Display`, as it is what a failing test prints.
pub struct TestError {
    kind: TestErrorKind,
    refusal: Option<Refusal>,
    text: String,
    at: &'static Location<'static>,
}

/// What kind of [`TestError`] it is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum TestErrorKind {
    /// The namespace refused the client, which [`TestError::refusal`] tells why.
    Refused,
    /// What was awaited did not come in time.
    Late,
    /// What was awaited can't come any more: the client is disconnected.
    Ended,
    /// What came is not of the type, or not the packet, that was asked for.
    Unfit,
    /// Something came where nothing should.
    Unexpected,
    /// What the test wanted to send can't be encoded, or there is no connection to send it over.
    Unsendable,
}

impl TestError {
    pub(super) fn new(kind: TestErrorKind, text: String, at: &'static Location<'static>) -> Self {
        Self {
            kind,
            refusal: None,
            text,
            at,
        }
    }

    pub(super) fn refused(
        namespace: &str,
        refusal: Refusal,
        at: &'static Location<'static>,
    ) -> Self {
        let data = match refusal.data() {
            Some(data) => format!(", with {data}"),
            None => String::new(),
        };
        let text = format!("{namespace} refused: {:?}{data}", refusal.message());
        Self {
            refusal: Some(refusal),
            ..Self::new(TestErrorKind::Refused, text, at)
        }
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> TestErrorKind {
        self.kind
    }

    /// Returns what the namespace said, if it refused the client.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }
}

impl fmt::Display for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  at {}", self.text, self.at)
    }
}

impl fmt::Debug for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for TestError {}
