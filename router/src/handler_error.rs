use std::{error::Error, fmt, sync::Arc};

use serde_json::{Value, json};

use crate::{
    Refusal,
    error::BoxedError,
    extract::{Call, ExtractError, FromCall, Need},
};

/// What went wrong in a handler: any error. Lets `?` be used on errors of any kind.
///
/// As an extractor of [`Namespace::on_error`](crate::Namespace::on_error) hooks it is the error
/// that they are called for. Cloning is cheap.
#[derive(Clone)]
pub struct HandlerError(Arc<dyn Error + Send + Sync>);

impl HandlerError {
    pub(crate) fn of(error: impl Into<BoxedError>) -> Self {
        let boxed: BoxedError = error.into();
        match boxed.downcast::<Shared>() {
            Ok(shared) => Self(shared.0),
            Err(other) => Self(other.into()),
        }
    }

    /// Returns the error as the type that the handler returned, if it is of that type.
    #[must_use]
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }

    /// Returns the error.
    #[must_use]
    pub fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }

    /// Returns the refusal that the client is told, if the error is one.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        self.downcast_ref()
    }

    /// Returns the argument of the error reply.
    pub(crate) fn reply(&self) -> Value {
        let extract: Option<&ExtractError> = self.downcast_ref();
        match (self.refusal(), extract) {
            (Some(refusal), _) => match refusal.data() {
                Some(data) => json!({ "error": refusal.message(), "data": data }),
                None => json!({ "error": refusal.message() }),
            },
            (None, Some(error)) if error.is_clients_fault() => {
                json!({ "error": "Invalid arguments" })
            }
            _ => json!({ "error": "Internal server error" }),
        }
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self(Arc::new(error))
    }
}

impl From<HandlerError> for BoxedError {
    fn from(error: HandlerError) -> Self {
        Box::new(Shared(error.0))
    }
}

impl FromCall for HandlerError {
    fn needs() -> Option<Need> {
        Some(Need::HandlerError)
    }

    fn from_call(call: &mut Call) -> Result<Self, ExtractError> {
        call.error().cloned().ok_or(ExtractError::Missing("error"))
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A handler error on its way through a `Result` of another function.
#[derive(Debug)]
struct Shared(Arc<dyn Error + Send + Sync>);

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Shared {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
