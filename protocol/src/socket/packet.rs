use std::{borrow::Borrow, fmt, ops::Deref};

use bytestring::ByteString;

use super::{args::RawArgs, error::DecodeError, json, limits::Limits};

/// An event that a client has emitted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EventPacket {
    /// What to answer with if the client wants an ack; at most 2^53-1.
    pub id: Option<u64>,
    /// The name.
    pub name: EventName,
    /// The arguments, without the name.
    pub args: RawArgs,
}

impl EventPacket {
    /// Parses the payload that starts at `payload`.
    pub(super) fn parse(
        text: ByteString,
        payload: usize,
        id: Option<u64>,
        limits: &Limits,
    ) -> Result<Self, DecodeError> {
        let (args, range) = RawArgs::parse_named(text, payload, limits.max_depth())?;
        let text = args.text();
        let raw = text.get(range).unwrap_or_default();
        let name = EventName::parse(text, raw, limits.max_name_len())?;
        Ok(Self { id, name, args })
    }

    /// Returns the packet copied out of the messages that it came in, so that keeping it keeps
    /// nothing else: they may have been read together with others, and be a small part of that.
    #[must_use]
    pub fn detached(mut self) -> Self {
        self.detach();
        self
    }

    pub(super) fn detach(&mut self) {
        self.name = EventName::from(&*self.name);
        self.args.detach();
    }
}

/// The name of an event: text, or a number in the spelling that it was sent in.
///
/// A slice of the message unless it was sent with escapes, so keeping a value keeps the
/// message's buffer.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EventName(ByteString);

impl EventName {
    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Parses the first element of an event's array, which is valid JSON.
    fn parse(text: &ByteString, raw: &str, max_len: usize) -> Result<Self, DecodeError> {
        let name = match raw.as_bytes() {
            [b'"', ..] if raw.contains('\\') => ByteString::from(unescape(raw)?),
            [b'"', ..] => text.slice_ref(raw.trim_matches('"')),
            [b'-' | b'0'..=b'9', ..] => text.slice_ref(raw),
            _ => return Err(DecodeError::InvalidPayload),
        };
        if name.len() > max_len {
            return Err(DecodeError::NameTooLong);
        }
        if is_reserved(&name) {
            return Err(DecodeError::ReservedEvent);
        }
        Ok(Self(name))
    }
}

impl Deref for EventName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for EventName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for EventName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

/// For names that the program makes up: those of a peer are checked, this is not.
impl From<&str> for EventName {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

/// For names that the program makes up: those of a peer are checked, this is not.
impl From<String> for EventName {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl From<EventName> for ByteString {
    fn from(name: EventName) -> Self {
        name.0
    }
}

/// Whether a name is kept for the events of the library itself, so that a peer can't forge
/// them.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// Parses the payload of an ack, which may be missing.
pub(super) fn parse_ack(
    text: ByteString,
    payload: usize,
    limits: &Limits,
) -> Result<RawArgs, DecodeError> {
    if payload == text.len() {
        return Ok(RawArgs::default());
    }
    RawArgs::parse(text, payload, limits.max_depth())
}

/// Parses the payload of a CONNECT: an object, or nothing.
pub(super) fn parse_auth<'a>(
    text: &'a ByteString,
    payload: usize,
    limits: &Limits,
) -> Result<Option<&'a str>, DecodeError> {
    let json = text.get(payload..).unwrap_or_default();
    if json.is_empty() {
        return Ok(None);
    }
    if !json.starts_with('{') {
        return Err(DecodeError::InvalidPayload);
    }
    let shape = json::scan(json.as_bytes(), limits.max_depth(), &mut ())?;
    Ok(json.get(..shape.end))
}

/// Lone surrogates become U+FFFD here too.
fn unescape(raw: &str) -> Result<String, DecodeError> {
    RawArgs::from_json(format!("[{raw}]"), Vec::new())?
        .decode()
        .map_err(|_| DecodeError::InvalidPayload)
}

const RESERVED: [&str; 6] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];
