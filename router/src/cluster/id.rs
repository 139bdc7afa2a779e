use std::{fmt, sync::Arc};

/// Which node of a cluster a message is from.
///
/// A node has one for each namespace, made when it joins: 16 hex digits of a random number. Those
/// of other kinds of nodes are whatever they say.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NodeId(Arc<str>);

/// Tells the requests of a node apart: 16 hex digits of a random number, or what others say.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RequestId(Arc<str>);

impl NodeId {
    pub(crate) fn random() -> Self {
        Self(random_text())
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether the transport doesn't tell who the node is: the id is empty.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.0.is_empty()
    }
}

impl RequestId {
    pub(crate) fn random() -> Self {
        Self(random_text())
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for NodeId {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

impl From<&str> for RequestId {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeId({})", self.0)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({})", self.0)
    }
}

fn random_text() -> Arc<str> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).expect("the operating system has a random generator");
    format!("{:016x}", u64::from_be_bytes(random)).into()
}
