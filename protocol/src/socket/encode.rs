//! Builds the packets that a server sends, ready for any number of receivers.
//!
//! A packet is written once, into the buffer that is sent. Bytes in the arguments make it binary,
//! which is known only when all of them are written, so its text is then moved by the few bytes
//! that the header grows by.

use std::io::Write as _;

use serde::{Serialize, ser::SerializeMap as _};

use super::{
    args::{RawArgs, check_encoded, write_args},
    error::EncodeError,
    packet::is_reserved,
};
use crate::{Prepared, PreparedText, Sid, queue::Queue};

/// Encodes the CONNECT that admits a socket; `pid` is its key for recovery.
#[must_use]
pub fn connect(namespace: &str, sid: &Sid, pid: Option<&Sid>) -> Prepared {
    let mut text = start('0', None, namespace, None, 64);
    text.push_str(r#"{"sid":""#);
    text.push_str(sid.as_str());
    if let Some(pid) = pid {
        text.push_str(r#"","pid":""#);
        text.push_str(pid.as_str());
    }
    text.push_str(r#""}"#);
    text.finish(Vec::new())
}

/// Encodes the CONNECT_ERROR that refuses a socket: `{"message", "data"}`, the latter left
/// out when there is none. Bytes in `data` do not become attachments.
///
/// # Errors
///
/// Fails if `data` can't be written as JSON.
pub fn connect_error<T: Serialize + ?Sized>(
    namespace: &str,
    message: &str,
    data: Option<&T>,
) -> Result<Prepared, EncodeError> {
    let mut text = start('4', None, namespace, None, message.len() + 32);
    let mut json = serde_json::Serializer::new(&mut text);
    let mut object = serde::Serializer::serialize_map(&mut json, None)?;
    object.serialize_entry("message", message)?;
    if let Some(data) = data {
        object.serialize_entry("data", data)?;
    }
    object.end()?;
    Ok(text.finish(Vec::new()))
}

/// Encodes the DISCONNECT that makes a socket leave its namespace.
#[must_use]
pub fn disconnect(namespace: &str) -> Prepared {
    start('1', None, namespace, None, 0).finish(Vec::new())
}

/// Encodes an event; with an `id`, the receiver is asked for an ack.
///
/// A tuple is the list of arguments, and so is an array of fixed size, which serde can't tell
/// from a tuple; `()` is no argument; anything else is one argument. Whatever serialises as
/// bytes, such as [`Bytes`](bytes::Bytes), becomes an attachment, at any depth. Numbers that JSON lacks
/// become `null`. A value that is no tuple sees its `serialize` called twice.
///
/// # Errors
///
/// Fails if the name is reserved, if the arguments can't be written as JSON, or if they have
/// bytes and also data in the form of a placeholder, or bytes and more than 128 levels.
pub fn event<T: Serialize + ?Sized>(
    namespace: &str,
    id: Option<u64>,
    event: &str,
    args: &T,
) -> Result<Prepared, EncodeError> {
    if is_reserved(event) {
        return Err(EncodeError::ReservedEvent);
    }
    packet(EVENT, namespace, id, Some(event), args)
}

/// Encodes an event with arguments that came from elsewhere, as they are: the text is not
/// parsed again and attachments of 64 KiB or more are shared. The name is not checked.
#[must_use]
pub fn event_raw(namespace: &str, id: Option<u64>, event: &str, args: &RawArgs) -> Prepared {
    raw(EVENT, namespace, id, Some(event), args, None)
}

/// Encodes an event as [`event_raw`] does, with an offset behind its arguments: what the client
/// names when it comes back, to get what followed.
///
/// The offset is written as it is, so it must need no escapes.
#[must_use]
pub fn event_at(namespace: &str, event: &str, args: &RawArgs, offset: &str) -> Prepared {
    raw(EVENT, namespace, None, Some(event), args, Some(offset))
}

/// Encodes the ack of the event that had the `id`; `args` are as those of [`event`].
///
/// # Errors
///
/// As of [`event`].
pub fn ack<T: Serialize + ?Sized>(
    namespace: &str,
    id: u64,
    args: &T,
) -> Result<Prepared, EncodeError> {
    packet(ACK, namespace, Some(id), None, args)
}

/// Encodes an ack with arguments that came from elsewhere, as they are.
#[must_use]
pub fn ack_raw(namespace: &str, id: u64, args: &RawArgs) -> Prepared {
    raw(ACK, namespace, Some(id), None, args, None)
}

/// The types of a packet without and with attachments.
type Types = (char, char);

fn packet<T: Serialize + ?Sized>(
    (plain, binary): Types,
    namespace: &str,
    id: Option<u64>,
    name: Option<&str>,
    args: &T,
) -> Result<Prepared, EncodeError> {
    let room = TYPICAL_ARGS + name.map_or(0, str::len);
    let mut text = start(plain, None, namespace, id, room);
    let found = write_args(&mut text, name, args, Queue::default())?;
    if !found.is_empty() {
        let json = payload(text.packet(), namespace, id);
        check_encoded(json, found.len(), found.len())?;
        text.replace(1..2, &format!("{binary}{}-", found.len()));
    }
    Ok(text.finish_with(found.into()))
}

fn raw(
    (plain, binary): Types,
    namespace: &str,
    id: Option<u64>,
    name: Option<&str>,
    args: &RawArgs,
    offset: Option<&str>,
) -> Prepared {
    let attachments = args.attachments();
    let elements = args.elements();
    let room = elements.len() + name.map_or(0, str::len) + offset.map_or(0, str::len) + 12;
    let mut text = if attachments.is_empty() {
        start(plain, None, namespace, id, room)
    } else {
        start(binary, Some(attachments.len()), namespace, id, room)
    };
    text.push_str("[");
    if let Some(name) = name {
        // A string always has a JSON form, and the buffer takes whatever is written.
        let _ = serde_json::to_writer(&mut text, name);
        if !elements.is_empty() {
            text.push_str(",");
        }
    }
    text.push_str(elements);
    if let Some(offset) = offset {
        text.push_str(",\"");
        text.push_str(offset);
        text.push_str("\"");
    }
    text.push_str("]");
    text.finish_with(args.attachments_apart())
}

/// Starts a text of `<type>[<attachments>-][<namespace>,][<id>]` with room for a payload.
fn start(
    kind: char,
    attachments: Option<usize>,
    namespace: &str,
    id: Option<u64>,
    payload: usize,
) -> PreparedText {
    let mut text = PreparedText::with_capacity(MAX_HEADER + namespace.len() + payload);
    text.push_str(kind.encode_utf8(&mut [0; 4]));
    if let Some(count) = attachments {
        write_number(&mut text, count as u64);
        text.push_str("-");
    }
    if namespace != "/" {
        text.push_str(namespace);
        text.push_str(",");
    }
    if let Some(id) = id {
        write_number(&mut text, id);
    }
    text
}

/// The part of a plain packet's text that [`start`] did not write.
fn payload<'a>(text: &'a [u8], namespace: &str, id: Option<u64>) -> &'a [u8] {
    let namespace = if namespace == "/" {
        0
    } else {
        namespace.len() + 1
    };
    let digits = id.map_or(0, |id| id.checked_ilog10().unwrap_or(0) as usize + 1);
    text.get(2 + namespace + digits..).unwrap_or_default()
}

fn write_number(text: &mut PreparedText, number: u64) {
    let _ = write!(text, "{number}");
}

const EVENT: Types = ('2', '5');
const ACK: Types = ('3', '6');

/// Room for type, count and id: longest is `5`, two numbers of 20 digits and `-`.
const MAX_HEADER: usize = 48;
/// Room for arguments whose size is not known; the buffer grows beyond it.
const TYPICAL_ARGS: usize = 96;

#[cfg(test)]
mod tests;
