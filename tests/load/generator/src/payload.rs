//! What messages are made of.

/// Returns a JSON string of `length` characters.
pub(crate) fn text(length: usize) -> String {
    let characters = ALPHABET.iter().cycle().take(length);
    let text: String = characters.map(|&byte| char::from(byte)).collect();
    format!("\"{text}\"")
}

/// Returns bytes that are no text.
pub(crate) fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 31) as u8).collect()
}

/// Appends a number in decimal.
pub(crate) fn push_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// Splits a number off the start.
pub(crate) fn take_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let digits = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if !(1..=18).contains(&digits) {
        return None;
    }
    let (digits, rest) = bytes.split_at(digits);
    let add = |number, digit: &u8| number * 10 + u64::from(digit - b'0');
    Some((digits.iter().fold(0, add), rest))
}

/// Writes a time over 16 bytes, in hexadecimal.
pub(crate) fn write_time(bytes: &mut [u8], time: u64) {
    for (i, byte) in bytes.iter_mut().take(TIME_LENGTH).enumerate() {
        *byte = b"0123456789abcdef"[(time >> (60 - 4 * i)) as usize & 15];
    }
}

/// Reads what [`write_time`] wrote.
pub(crate) fn read_time(bytes: &[u8]) -> u64 {
    let digits = bytes.iter().take(TIME_LENGTH);
    digits.fold(0, |time, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            _ => (byte & 15) + 9,
        };
        (time << 4) | u64::from(digit)
    })
}

pub(crate) const TIME_LENGTH: usize = 16;

const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_come_back() {
        for number in [0, 7, 10, 123_456_789_012_345_678] {
            let mut bytes = Vec::new();
            push_number(&mut bytes, number);
            bytes.push(b'[');
            let mut time = [b'x'; 17];
            write_time(&mut time, number);

            assert_eq!(take_number(&bytes), Some((number, &b"["[..])));
            assert_eq!(read_time(&time), number);
            assert_eq!(time[16], b'x');
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        assert_eq!(take_number(b"[1]"), None);
        assert_eq!(take_number(b"1234567890123456789"), None);
    }
}
