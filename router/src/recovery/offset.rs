use std::fmt::Write as _;

/// Writes and reads the offsets of one log.
///
/// An offset is opaque to clients. It goes on every packet, so it is short: four characters that
/// no other log has, as a client may come back with an offset of a server that was restarted, and
/// the packet's number in base 64.
#[derive(Debug)]
pub(crate) struct Offsets {
    prefix: String,
}

impl Offsets {
    pub(crate) fn new(random: [u8; PREFIX_LEN]) -> Self {
        let digit = |byte: u8| char::from(DIGITS[usize::from(byte) % DIGITS.len()]);
        Self {
            prefix: random.map(digit).iter().collect(),
        }
    }

    pub(crate) fn write(&self, number: u64) -> String {
        let mut offset = String::with_capacity(PREFIX_LEN + 4);
        offset.push_str(&self.prefix);
        let digits = (64 - number.leading_zeros()).div_ceil(DIGIT_BITS).max(1);
        for place in (0..digits).rev() {
            let digit = (number >> (place * DIGIT_BITS)) % DIGITS.len() as u64;
            // A string takes whatever is written.
            let _ = offset.write_char(char::from(DIGITS[digit as usize]));
        }
        offset
    }

    /// Returns the number of a packet, if this log has given it out in this form.
    pub(crate) fn read(&self, offset: &str) -> Option<u64> {
        let digits = offset.strip_prefix(&self.prefix)?;
        let mut number = 0_u64;
        for byte in digits.bytes() {
            let digit = DIGITS.iter().position(|digit| *digit == byte)?;
            number = number.checked_mul(DIGITS.len() as u64)? + digit as u64;
        }
        (self.write(number) == offset).then_some(number)
    }
}

const DIGIT_BITS: u32 = 6;
const DIGITS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
pub(crate) const PREFIX_LEN: usize = 4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_offsets_are_short() {
        let offsets = Offsets::new([0, 1, 63, 64]);

        assert_eq!(offsets.write(0), "01_00");
        assert_eq!(offsets.write(63), "01_0_");
        assert_eq!(offsets.write(64), "01_010");
    }

    #[test]
    fn what_was_never_given_out_is_not_read() {
        let offsets = Offsets::new([0; 4]);

        for text in ["", "0000", "00000x!", "1000A", "000001", "0000____________"] {
            assert_eq!(offsets.read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(number: u64, random: [u8; 4]) {
            let offsets = Offsets::new(random);

            prop_assert_eq!(offsets.read(&offsets.write(number)), Some(number));
        }

        #[test]
        fn anything_may_be_asked_for(text: String) {
            let offsets = Offsets::new([7; 4]);

            let read = offsets.read(&text);

            prop_assert_eq!(read.map(|number| offsets.write(number)), read.map(|_| text));
        }
    }
}
