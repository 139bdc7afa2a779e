/// A table whose keys stay valid until their value is removed, and are used again after.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    entries: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slots<T> {
    pub(crate) fn insert(&mut self, value: T) -> usize {
        if let Some(key) = self.free.pop() {
            self.entries[key] = Some(value);
            return key;
        }
        self.entries.push(Some(value));
        self.entries.len() - 1
    }

    /// Returns the key that the next insertion will use.
    pub(crate) fn next_key(&self) -> usize {
        self.free.last().copied().unwrap_or(self.entries.len())
    }

    pub(crate) fn get(&self, key: usize) -> Option<&T> {
        self.entries.get(key)?.as_ref()
    }

    pub(crate) fn remove(&mut self, key: usize) -> Option<T> {
        let value = self.entries.get_mut(key)?.take();
        if value.is_some() {
            self.free.push(key);
            self.give_back();
        }
        value
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().flatten()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// Frees the memory of a crowd that has gone.
    fn give_back(&mut self) {
        if self.len() == 0 {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_used_again_only_after_removal() {
        let mut slots = Slots::default();

        let (a, b) = (slots.insert("a"), slots.insert("b"));
        let removed = slots.remove(a);
        let c = slots.insert("c");

        assert_eq!(removed, Some("a"));
        assert_eq!(c, a);
        assert_eq!(slots.get(b), Some(&"b"));
        assert_eq!(slots.remove(7), None);
        assert_eq!(slots.len(), 2);
    }
}
