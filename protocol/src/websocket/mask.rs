/// The masking key of one frame (RFC 6455 §5.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Mask([u8; 4]);

impl Mask {
    pub(super) fn new(key: [u8; 4]) -> Self {
        Self(key)
    }

    /// Masks or unmasks `part` of a payload in place; `offset` is where in the payload it starts.
    pub(super) fn apply(self, part: &mut [u8], offset: usize) {
        let mut key = self.0;
        key.rotate_left(offset % 4);
        let [a, b, c, d] = key;
        let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);

        let (words, rest) = part.as_chunks_mut::<8>();
        for word in words {
            *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
        }
        for (byte, key) in rest.iter_mut().zip(key.iter().cycle()) {
            *byte ^= key;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn naive(payload: &[u8], key: [u8; 4]) -> Vec<u8> {
        let masked = |(i, byte): (usize, &u8)| byte ^ key[i % 4];
        payload.iter().enumerate().map(masked).collect()
    }

    proptest! {
        #[test]
        fn words_give_what_single_bytes_give(payload: Vec<u8>, key: [u8; 4]) {
            let mut fast = payload.clone();

            Mask::new(key).apply(&mut fast, 0);

            prop_assert_eq!(fast, naive(&payload, key));
        }

        #[test]
        fn a_payload_may_be_unmasked_in_parts(payload: Vec<u8>, key: [u8; 4], cut: usize) {
            let cut = cut % (payload.len() + 1);
            let mut parts = payload.clone();

            let (head, tail) = parts.split_at_mut(cut);
            Mask::new(key).apply(head, 0);
            Mask::new(key).apply(tail, cut);

            prop_assert_eq!(parts, naive(&payload, key));
        }
    }
}
