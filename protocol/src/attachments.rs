use std::{ops::Deref, sync::Arc};

use bytes::Bytes;

use crate::queue::Queue;

/// The binary messages of a packet, shared. None need no memory.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Attachments(Option<Arc<[Bytes]>>);

impl Attachments {
    /// Returns one of them, which is empty afterwards if nobody else shares them: so its references
    /// need not be counted.
    pub(crate) fn take(&mut self, at: usize) -> Bytes {
        let Some(shared) = &mut self.0 else {
            return Bytes::new();
        };
        match Arc::get_mut(shared) {
            Some(own) => own.get_mut(at).map(std::mem::take).unwrap_or_default(),
            None => shared.get(at).cloned().unwrap_or_default(),
        }
    }
}

impl Deref for Attachments {
    type Target = [Bytes];

    fn deref(&self) -> &[Bytes] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl From<Vec<Bytes>> for Attachments {
    fn from(all: Vec<Bytes>) -> Self {
        Self((!all.is_empty()).then(|| all.into()))
    }
}

/// Allocates once.
impl From<Queue<Bytes>> for Attachments {
    fn from(all: Queue<Bytes>) -> Self {
        Self((!all.is_empty()).then(|| all.into_iter().collect()))
    }
}
