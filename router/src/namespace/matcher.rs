use std::{fmt, future::Future, sync::Arc};

use futures_util::future::LocalBoxFuture;
use regex::Regex;

use crate::Handshake;

/// Which names a namespace description is for.
pub(crate) enum Matcher {
    /// One name.
    Exact(String),
    /// All names that match; the pattern as it was written, until it is compiled.
    Pattern(String),
    /// All names that a function lets exist.
    Predicate { label: String, asks: Predicate },
}

pub(crate) type Predicate =
    Box<dyn Fn(NamespaceRequest) -> LocalBoxFuture<'static, bool> + Send + Sync>;

impl Matcher {
    pub(super) fn predicate<F, Fut>(label: String, asks: F) -> Self
    where
        F: Fn(NamespaceRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + 'static,
    {
        Self::Predicate {
            label,
            asks: Box::new(move |request| Box::pin(asks(request))),
        }
    }

    /// Returns the name, or what a dynamic namespace is called among people.
    pub(crate) fn label(&self) -> &str {
        match self {
            Self::Exact(name) | Self::Pattern(name) => name,
            Self::Predicate { label, .. } => label,
        }
    }
}

/// How a dynamic namespace recognises its children.
pub(crate) enum Rule {
    Pattern(Regex),
    Predicate(Predicate),
}

impl Rule {
    pub(crate) async fn accepts(&self, request: &NamespaceRequest) -> bool {
        match self {
            Self::Pattern(pattern) => pattern.is_match(&request.name),
            Self::Predicate(asks) => asks(request.clone()).await,
        }
    }

    /// Returns whether the name alone is enough to say yes.
    pub(crate) fn accepts_name(&self, name: &str) -> bool {
        match self {
            Self::Pattern(pattern) => pattern.is_match(name),
            Self::Predicate(_) => false,
        }
    }
}

/// A client's wish to enter a namespace that does not exist yet.
#[derive(Clone)]
pub struct NamespaceRequest {
    name: String,
    auth_payload: Box<str>,
    handshake: Arc<Handshake>,
}

impl NamespaceRequest {
    pub(crate) fn new(name: &str, auth_payload: &str, handshake: Arc<Handshake>) -> Self {
        Self {
            name: name.to_owned(),
            auth_payload: auth_payload.into(),
            handshake,
        }
    }

    /// Returns the namespace's name, with its leading `/`, as the client wrote it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what the client passed as `auth`: the text of a JSON object.
    #[must_use]
    pub fn auth_payload(&self) -> &str {
        &self.auth_payload
    }

    /// Returns the handshake of the connection.
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        &self.handshake
    }
}

/// The payload may hold a token, so it is not shown.
impl fmt::Debug for NamespaceRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamespaceRequest")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
