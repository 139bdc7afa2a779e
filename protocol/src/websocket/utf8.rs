use std::str;

use super::FrameError;

/// Checks UTF-8 that arrives in parts, which may be cut anywhere.
///
/// It refuses a part as soon as no continuation could make the whole valid.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Utf8Check {
    /// The bytes of a character whose rest is still to come.
    tail: [u8; 3],
    len: u8,
}

impl Utf8Check {
    pub(super) fn push(&mut self, part: &[u8]) -> Result<(), FrameError> {
        let part = self.finish_character(part)?;
        let Err(error) = str::from_utf8(part) else {
            return Ok(());
        };
        if error.error_len().is_some() {
            return Err(FrameError::InvalidUtf8);
        }
        self.keep(part.get(error.valid_up_to()..).unwrap_or_default())
    }

    /// Completes the character that earlier parts began and returns what follows it.
    fn finish_character<'a>(&mut self, part: &'a [u8]) -> Result<&'a [u8], FrameError> {
        let mut part = part;
        while self.len > 0
            && let Some((byte, rest)) = part.split_first()
        {
            let mut character = [0; 4];
            let begun = usize::from(self.len);
            for (to, from) in character.iter_mut().zip(self.tail.iter().take(begun)) {
                *to = *from;
            }
            if let Some(next) = character.get_mut(begun) {
                *next = *byte;
            }
            let character = character.get(..=begun).unwrap_or_default();
            match str::from_utf8(character) {
                Ok(_) => self.len = 0,
                Err(error) if error.error_len().is_none() => self.keep(character)?,
                Err(_) => return Err(FrameError::InvalidUtf8),
            }
            part = rest;
        }
        Ok(part)
    }

    fn keep(&mut self, begun: &[u8]) -> Result<(), FrameError> {
        let Some(tail) = self.tail.get_mut(..begun.len()) else {
            return Err(FrameError::InvalidUtf8);
        };
        tail.copy_from_slice(begun);
        self.len = begun.len() as u8;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_character_may_be_cut_anywhere() {
        for text in ["é", "€", "𝄞", "a𝄞b"] {
            let mut check = Utf8Check::default();

            let outcome = text.bytes().try_for_each(|byte| check.push(&[byte]));

            assert_eq!(outcome, Ok(()), "{text}");
            assert_eq!(check.len, 0, "{text}");
        }
    }

    #[test]
    fn a_hopeless_beginning_is_refused_before_its_end() {
        for (begun, next) in [
            (&b"\xf4"[..], b"\x90"), // above U+10FFFF
            (b"\xed", b"\xa0"),      // a surrogate
            (b"\xe0", b"\x80"),      // overlong
            (b"\xf0\x9d", b"x"),
        ] {
            let mut check = Utf8Check::default();

            assert_eq!(check.push(begun), Ok(()), "{begun:x?}");
            assert_eq!(
                check.push(next),
                Err(FrameError::InvalidUtf8),
                "{begun:x?} {next:x?}"
            );
        }
    }

    proptest! {
        #[test]
        fn parts_are_judged_as_the_whole_is(
            bytes in prop::collection::vec(prop_oneof![
                Just(b'a'), Just(0xe2), Just(0x82), Just(0xac), Just(0xf0), Just(0x9f), Just(0xed), any::<u8>(),
            ], 0..12),
            cut: usize,
        ) {
            let (head, tail) = bytes.split_at(cut % (bytes.len() + 1));
            let mut check = Utf8Check::default();

            let accepted = check.push(head).is_ok() && check.push(tail).is_ok();

            let hopeless = str::from_utf8(&bytes).is_err_and(|error| error.error_len().is_some());
            prop_assert_eq!(accepted, !hopeless);
            if accepted {
                prop_assert_eq!(check.len == 0, str::from_utf8(&bytes).is_ok());
            }
        }
    }
}
