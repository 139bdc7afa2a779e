use std::{borrow::Cow, fmt, ops::Range};

use bytes::Bytes;
use bytestring::ByteString;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    error::{ArgsError, DecodeError, EncodeError},
    json,
};
use crate::attachments::Attachments;

mod binary;
mod extract;
mod list;
mod placeholder;
mod positions;
mod resolve;
mod surrogates;

pub use self::binary::Binary;
use self::positions::Positions;
pub(super) use self::{list::write_args, placeholder::check_encoded};

/// The arguments of an event or an ack as they came: valid JSON, not yet parsed, and the
/// attachments that its placeholders stand for.
///
/// Cloning counts references. The text is a slice of the message, so keeping a value keeps
/// the message's buffer.
#[derive(Clone)]
pub struct RawArgs {
    text: ByteString,
    attachments: Attachments,
    /// Where the array starts in the text.
    start: u32,
    /// Where the first argument starts. Right behind the opening bracket unless the array
    /// starts with the name of an event, which is then skipped.
    rest: u32,
    /// One past the array's closing bracket.
    end: u32,
    len: u32,
}

impl RawArgs {
    /// Takes a JSON array as the argument list, and the attachments of its placeholders.
    ///
    /// Where there are no attachments, nothing is taken for a placeholder.
    ///
    /// # Errors
    ///
    /// Fails if the text is no JSON array and nothing else, nests deeper than 128 levels, or
    /// has a placeholder for an attachment that there is not.
    pub fn from_json(
        json: impl Into<ByteString>,
        attachments: Vec<Bytes>,
    ) -> Result<Self, DecodeError> {
        let mut args = Self::parse(json.into(), 0, json::MAX_DEPTH)?;
        args.attach(attachments.into())?;
        Ok(args)
    }

    /// Encodes a value as [`encode::event`](super::encode::event) does: a tuple is a list of
    /// arguments, `()` is none, anything else is one.
    ///
    /// # Errors
    ///
    /// As of [`encode::event`](super::encode::event).
    pub fn encode<T: Serialize + ?Sized>(args: &T) -> Result<Self, EncodeError> {
        Self::default().with(args)
    }

    /// Returns these arguments and more behind them, encoded as by [`encode`](Self::encode).
    ///
    /// # Errors
    ///
    /// As of [`encode::event`](super::encode::event).
    pub fn with<T: Serialize + ?Sized>(&self, more: &T) -> Result<Self, EncodeError> {
        let before = self.attachments();
        let mut added = Vec::new();
        let found = before.iter().cloned().collect();
        let attachments = write_args(&mut added, None, more, found)?;
        if !attachments.is_empty() {
            check_encoded(&added, attachments.len(), attachments.len() - before.len())?;
            if before.is_empty() {
                check_encoded(self.array().as_bytes(), attachments.len(), 0)?;
            }
        }
        // What was written is an array, in UTF-8.
        let added = String::from_utf8(added).unwrap_or_default();
        let added = added.get(1..).unwrap_or("]");
        let comma = if self.is_empty() || added == "]" {
            ""
        } else {
            ","
        };
        let text = format!("[{}{comma}{added}", self.elements());
        let mut args =
            Self::parse(text.into(), 0, json::MAX_DEPTH).map_err(|_| EncodeError::TooDeep)?;
        args.attachments = attachments.into();
        Ok(args)
    }

    /// Parses the arguments into a type.
    ///
    /// A tuple takes the arguments by position: it ignores those beyond its length, and sees
    /// `null` where there are fewer. An array of fixed size is a tuple to serde. `()` takes any
    /// arguments. Any other type takes the first argument.
    ///
    /// Types that ask for bytes, such as [`Bytes`], take the attachment of a placeholder, at
    /// any depth. A `serde_json::Value` keeps the placeholder as the object that it is.
    /// Escapes of lone surrogates, which no `String` can hold, become U+FFFD.
    ///
    /// # Errors
    ///
    /// Fails if the arguments don't fit the type.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, ArgsError> {
        let array = self.array();
        match T::deserialize(self.positions(array)) {
            Ok(args) => Ok(args),
            Err(error) => match surrogates::replace_lone(array) {
                Some(array) => Ok(T::deserialize(self.positions(&array))?),
                None => Err(error.into()),
            },
        }
    }

    /// Returns the arguments without the first `count`, sharing the text and the attachments.
    #[must_use]
    pub fn skip(&self, count: usize) -> Self {
        let text = self.text.as_bytes();
        let mut rest = self.clone();
        for _ in 0..count.min(self.len()) {
            let start = json::skip_space(text, rest.rest as usize);
            let end = json::skip_space(text, json::value_end(text, start));
            rest.len = rest.len.saturating_sub(1);
            // Behind the comma, or on the closing bracket if this was the last.
            let next = if rest.len > 0 {
                end.saturating_add(1)
            } else {
                end
            };
            rest.rest = u32::try_from(next).unwrap_or(rest.end);
        }
        rest
    }

    /// Returns how many arguments there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Returns whether there are no arguments.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Iterates over the JSON text of each argument.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let text = self.elements();
        let mut at = 0;
        (0..self.len).map(move |_| {
            let start = json::skip_space(text.as_bytes(), at);
            let end = json::value_end(text.as_bytes(), start);
            at = json::skip_space(text.as_bytes(), end) + 1;
            text.get(start..end).unwrap_or_default()
        })
    }

    /// Returns how many bytes the arguments have: those of [`elements`](Self::elements) and of the
    /// attachments.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.elements().len() + self.attached_len()
    }

    /// Returns the JSON text of the arguments with the commas between them, without the
    /// brackets around them; empty when there are none.
    #[must_use]
    pub fn elements(&self) -> &str {
        let end = (self.end as usize).saturating_sub(1);
        match self.text.get(self.rest as usize..end) {
            Some(elements) if self.len > 0 => elements,
            _ => "",
        }
    }

    /// Returns the JSON array of the arguments: a slice for an ack's, put together for an
    /// event's, as an event's name is not among them.
    #[must_use]
    pub fn json(&self) -> Cow<'_, str> {
        if self.rest == self.start + 1 {
            Cow::Borrowed(self.array())
        } else {
            Cow::Owned(format!("[{}]", self.elements()))
        }
    }

    /// Returns the attachments, in order.
    #[must_use]
    pub fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }

    /// Returns the attachments, to be kept.
    pub(super) fn attachments_apart(&self) -> Attachments {
        self.attachments.apart()
    }

    /// Copies the text and the attachments out of what they came in.
    pub(super) fn detach(&mut self) {
        self.text = String::from(&*self.text).into();
        self.attachments = self.attachments.copied();
    }

    /// Returns the message that the arguments came in.
    pub(super) fn text(&self) -> &ByteString {
        &self.text
    }

    /// Returns the bytes of the message that the arguments came in.
    pub(super) fn weight(&self) -> usize {
        self.text.len() + self.attached_len()
    }

    fn attached_len(&self) -> usize {
        self.attachments().iter().map(Bytes::len).sum()
    }

    /// Parses the array that starts at `start` and ends the text.
    pub(super) fn parse(
        text: ByteString,
        start: usize,
        max_depth: u8,
    ) -> Result<Self, DecodeError> {
        let (mut args, _) = Self::scan(text, start, max_depth)?;
        args.rest = args.start + 1;
        Ok(args)
    }

    /// Parses an array whose first element is the name of an event; also returns where that
    /// is in the text.
    pub(super) fn parse_named(
        text: ByteString,
        start: usize,
        max_depth: u8,
    ) -> Result<(Self, Range<usize>), DecodeError> {
        let (mut args, name) = Self::scan(text, start, max_depth)?;
        args.len = args.len.checked_sub(1).ok_or(DecodeError::InvalidPayload)?;
        Ok((args, name))
    }

    /// Adds the attachments, and checks that every placeholder stands for one of them.
    pub(super) fn attach(&mut self, attachments: Attachments) -> Result<(), DecodeError> {
        if !attachments.is_empty() {
            placeholder::check(self.array(), attachments.len())?;
        }
        self.attachments = attachments;
        Ok(())
    }

    fn scan(
        text: ByteString,
        start: usize,
        max_depth: u8,
    ) -> Result<(Self, Range<usize>), DecodeError> {
        let array = text.as_bytes().get(start..).unwrap_or_default();
        if array.first() != Some(&b'[') {
            return Err(DecodeError::InvalidPayload);
        }
        let shape = json::scan(array, max_depth, &mut ())?;
        let offset = |at: usize| u32::try_from(at + start).map_err(|_| DecodeError::TooLarge);
        let args = Self {
            start: offset(0)?,
            rest: offset(shape.rest)?,
            end: offset(shape.end)?,
            len: shape.len,
            attachments: Attachments::default(),
            text,
        };
        Ok((args, shape.first + start..shape.first_end + start))
    }

    /// The whole array, an event's name included.
    fn array(&self) -> &str {
        let range = self.start as usize..self.end as usize;
        self.text.get(range).unwrap_or_default()
    }

    fn positions<'a>(&'a self, array: &'a str) -> Positions<'a> {
        Positions {
            array,
            rest: (self.rest - self.start) as usize,
            len: self.len,
            attachments: self.attachments(),
        }
    }
}

/// No arguments.
impl Default for RawArgs {
    fn default() -> Self {
        Self {
            text: ByteString::from_static("[]"),
            attachments: Attachments::default(),
            start: 0,
            rest: 1,
            end: 2,
            len: 0,
        }
    }
}

impl fmt::Debug for RawArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawArgs")
            .field("elements", &self.elements())
            .field("attachments", &self.attachments())
            .finish()
    }
}

/// Compares the texts, spelling included, and the attachments.
impl PartialEq for RawArgs {
    fn eq(&self, other: &Self) -> bool {
        self.elements() == other.elements() && self.attachments() == other.attachments()
    }
}

impl Eq for RawArgs {}

#[cfg(test)]
mod tests;
