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

impl Attachments {
    /// Returns them, each [apart] from what it came with.
    pub(crate) fn apart(&self) -> Self {
        if self.iter().all(|data| data.len() >= SHARED) {
            return self.clone();
        }
        Self(Some(self.iter().cloned().map(apart).collect()))
    }

    /// Returns copies.
    pub(crate) fn copied(&self) -> Self {
        let shared = self.0.as_ref();
        Self(shared.map(|all| {
            all.iter()
                .map(|data| Bytes::copy_from_slice(data))
                .collect()
        }))
    }
}

/// Returns bytes that are to be kept, copied unless they are many: a slice keeps all that was read
/// together with it, which may be a thousand times as much.
///
/// What is [`SHARED`] or longer was read with little else.
pub(crate) fn apart(bytes: Bytes) -> Bytes {
    match bytes.len() {
        SHARED.. => bytes,
        _ => Bytes::copy_from_slice(&bytes),
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

/// How long bytes are that are worth keeping in what they were read into, which then is hardly longer
/// than twice as much: hosts read up to 128 KiB at once.
pub(crate) const SHARED: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_keeps_little_else() {
        let read = Bytes::from(vec![7; 2 * SHARED]);
        let small = apart(read.slice(SHARED + 1..));
        let large = apart(read.slice(SHARED..));

        assert_ne!(small.as_ptr(), read.slice(SHARED + 1..).as_ptr());
        assert_eq!(small, read.slice(SHARED + 1..));
        assert_eq!(large.as_ptr(), read.slice(SHARED..).as_ptr());
    }
}
