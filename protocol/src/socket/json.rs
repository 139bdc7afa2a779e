//! One pass over JSON text that says whether it is valid, and where its first element ends.
//!
//! The packet decoder runs it once over every payload, so that nothing malformed goes any
//! further. It keeps no tree, calls itself never and remembers the open containers in the bits
//! of one integer.

/// The deepest nesting of arrays and objects that can be allowed.
pub(super) const MAX_DEPTH: u8 = 128;

/// What [`scan`] learns about the array or object at the start of a text.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Shape {
    /// One past the closing bracket; only whitespace follows.
    pub(super) end: usize,
    /// How many elements or members the outermost container has.
    pub(super) len: u32,
    /// Where the first element starts. Of an array only.
    pub(super) first: usize,
    /// One past the first element. Of an array only.
    pub(super) first_end: usize,
    /// One past the comma behind the first element, or where the closing bracket is.
    pub(super) rest: usize,
}

/// Why a text is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum JsonError {
    /// It is no JSON (RFC 8259), or something follows it.
    Syntax,
    /// It nests deeper than allowed.
    TooDeep,
}

/// What a caller may want to see of the values that [`scan`] walks over.
///
/// Slices are raw: strings are in their quotes, with their escapes.
pub(super) trait Sink {
    /// A container starts.
    fn open(&mut self, _object: bool) {}
    /// The container that started last ends.
    fn close(&mut self) {}
    /// The key of the next value.
    fn key(&mut self, _raw: &[u8]) {}
    /// A string, a number or a literal.
    fn scalar(&mut self, _raw: &[u8]) {}
}

/// Looks at nothing.
impl Sink for () {}

/// Walks over the array or object that `text` starts with and checks every byte of `text`.
///
/// `text` must be UTF-8. Escapes of lone surrogates are valid, as they are in RFC 8259.
///
/// # Errors
///
/// Fails at the first byte that breaks the grammar, or opens more than `max_depth` containers.
pub(super) fn scan(text: &[u8], max_depth: u8, sink: &mut impl Sink) -> Result<Shape, JsonError> {
    let max_depth = max_depth.min(MAX_DEPTH);
    let mut shape = Shape::default();
    let mut depth = 0_u8;
    // Bit 0 says whether the innermost open container is an object, bit 1 the one around it.
    let mut objects = 0_u128;
    let mut at = 0;
    if !matches!(text.first(), Some(b'[' | b'{')) {
        return Err(JsonError::Syntax);
    }
    'value: loop {
        match text.get(at) {
            Some(b'"') => {
                let end = string_end(text, at + 1)?;
                sink.scalar(slice(text, at, end));
                at = end;
            }
            Some(&open @ (b'[' | b'{')) => {
                if depth == max_depth {
                    return Err(JsonError::TooDeep);
                }
                depth += 1;
                let object = open == b'{';
                objects = (objects << 1) | u128::from(object);
                sink.open(object);
                at = skip_space(text, at + 1);
                let empty = if object { b'}' } else { b']' };
                if text.get(at) != Some(&empty) {
                    if depth == 1 {
                        shape.len = 1;
                        shape.first = at;
                    }
                    if object {
                        at = key_end(text, at, sink)?;
                    }
                    continue 'value;
                }
                if depth == 1 {
                    (shape.first, shape.first_end, shape.rest) = (at, at, at);
                }
            }
            Some(b'-' | b'0'..=b'9') => {
                let end = number_end(text, at)?;
                sink.scalar(slice(text, at, end));
                at = end;
            }
            Some(_) => {
                let end = literal_end(text, at)?;
                sink.scalar(slice(text, at, end));
                at = end;
            }
            None => return Err(JsonError::Syntax),
        }
        loop {
            if depth == 1 && shape.first_end == 0 {
                shape.first_end = at;
            }
            at = skip_space(text, at);
            let object = objects & 1 == 1;
            match text.get(at) {
                Some(b',') => {
                    at = skip_space(text, at + 1);
                    if depth == 1 {
                        if shape.rest == 0 {
                            shape.rest = at;
                        }
                        shape.len = shape.len.checked_add(1).ok_or(JsonError::Syntax)?;
                    }
                    if object {
                        at = key_end(text, at, sink)?;
                    }
                    continue 'value;
                }
                Some(b']') if !object => {}
                Some(b'}') if object => {}
                _ => return Err(JsonError::Syntax),
            }
            sink.close();
            if depth == 1 {
                if shape.rest == 0 {
                    shape.rest = at;
                }
                shape.end = at + 1;
                let rest = skip_space(text, at + 1);
                return if rest == text.len() {
                    Ok(shape)
                } else {
                    Err(JsonError::Syntax)
                };
            }
            at += 1;
            depth -= 1;
            objects >>= 1;
        }
    }
}

/// Returns where the value that starts at `at` ends, in text that [`scan`] has accepted.
pub(super) fn value_end(text: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => {
                at = string_end(text, at + 1).unwrap_or(text.len());
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'[' | b'{' => depth = depth.saturating_add(1),
            b']' | b'}' if depth == 0 => return at,
            b']' | b'}' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            b',' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// Returns where the next byte that is no whitespace is (RFC 8259 §2).
pub(super) fn skip_space(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = text.get(at) {
        at += 1;
    }
    at
}

/// Walks over a key and its colon, up to the value.
fn key_end(text: &[u8], at: usize, sink: &mut impl Sink) -> Result<usize, JsonError> {
    if text.get(at) != Some(&b'"') {
        return Err(JsonError::Syntax);
    }
    let end = string_end(text, at + 1)?;
    sink.key(slice(text, at, end));
    let colon = skip_space(text, end);
    if text.get(colon) != Some(&b':') {
        return Err(JsonError::Syntax);
    }
    Ok(skip_space(text, colon + 1))
}

/// Walks over a string whose opening quote is just before `at` (RFC 8259 §7).
fn string_end(text: &[u8], mut at: usize) -> Result<usize, JsonError> {
    loop {
        while let Some(chunk) = text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
            let special = special_bytes(u64::from_le_bytes(*chunk));
            if special != 0 {
                at += special.trailing_zeros() as usize / 8;
                break;
            }
            at += 8;
        }
        match text.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at = escape_end(text, at + 1)?,
            Some(0..=0x1f) | None => return Err(JsonError::Syntax),
            Some(_) => at += 1,
        }
    }
}

/// Marks, from the lowest on, the bytes that end a plain run of a string: quote, backslash,
/// control character. Only the lowest mark is certain.
fn special_bytes(word: u64) -> u64 {
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    let quote = zeros(word ^ (ONES * b'"' as u64));
    let backslash = zeros(word ^ (ONES * b'\\' as u64));
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (quote | backslash | control) & HIGHS
}

/// Walks over an escape whose backslash is just before `at`.
fn escape_end(text: &[u8], at: usize) -> Result<usize, JsonError> {
    match text.get(at) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 1),
        Some(b'u') => match text.get(at + 1..at + 5) {
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => Ok(at + 5),
            _ => Err(JsonError::Syntax),
        },
        _ => Err(JsonError::Syntax),
    }
}

/// Walks over a number (RFC 8259 §6).
fn number_end(text: &[u8], mut at: usize) -> Result<usize, JsonError> {
    if text.get(at) == Some(&b'-') {
        at += 1;
    }
    at = match text.get(at) {
        Some(b'0') => at + 1,
        _ => digits_end(text, at)?,
    };
    if text.get(at) == Some(&b'.') {
        at = digits_end(text, at + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = text.get(at) {
            at += 1;
        }
        at = digits_end(text, at)?;
    }
    Ok(at)
}

/// Walks over one digit or more.
fn digits_end(text: &[u8], start: usize) -> Result<usize, JsonError> {
    let mut at = start;
    while let Some(b'0'..=b'9') = text.get(at) {
        at += 1;
    }
    if at == start {
        Err(JsonError::Syntax)
    } else {
        Ok(at)
    }
}

/// Walks over `true`, `false` or `null`.
fn literal_end(text: &[u8], at: usize) -> Result<usize, JsonError> {
    let rest = text.get(at..).unwrap_or_default();
    ["true", "false", "null"]
        .into_iter()
        .find(|literal| rest.starts_with(literal.as_bytes()))
        .map(|literal| at + literal.len())
        .ok_or(JsonError::Syntax)
}

fn slice(text: &[u8], start: usize, end: usize) -> &[u8] {
    text.get(start..end).unwrap_or_default()
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = ONES << 7;

#[cfg(test)]
mod tests;
