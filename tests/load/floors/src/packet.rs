//! The few packets that the generator sends, and the frames that it expects.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{BufMut as _, Bytes, BytesMut};

/// What a message asks for.
pub(crate) enum Packet<'a> {
    Connect,
    /// An event, or the text of a binary one, that comes back as it is.
    Echo,
    Ack {
        id: &'a [u8],
        args: &'a [u8],
    },
    Broadcast,
    Other,
}

impl<'a> Packet<'a> {
    pub(crate) fn parse(message: &'a [u8]) -> Self {
        match message {
            [b'4', b'0', ..] => Self::Connect,
            [b'4', b'5', ..] => Self::Echo,
            [b'4', b'2', rest @ ..] => {
                let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let (id, args) = rest.split_at(digits);
                if args.starts_with(b"[\"echo\",") {
                    Self::Echo
                } else if let Some(args) = args.strip_prefix(b"[\"ack\",") {
                    Self::Ack { id, args }
                } else if args.starts_with(b"[\"bcast\",") {
                    Self::Broadcast
                } else {
                    Self::Other
                }
            }
            _ => Self::Other,
        }
    }
}

pub(crate) fn open() -> String {
    format!(
        "0{{\"sid\":\"{:020x}\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":20000,\
         \"maxPayload\":1000000}}",
        next_id()
    )
}

pub(crate) fn connect() -> String {
    format!("40{{\"sid\":\"{:020x}\"}}", next_id())
}

fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

pub(crate) fn ack(id: &[u8], args: &[u8]) -> Vec<u8> {
    [b"43", id, b"[", args].concat()
}

/// Appends one frame, made of `parts`.
pub(crate) fn frame(out: &mut BytesMut, opcode: u8, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    out.reserve(length + 10);
    out.put_u8(0x80 | opcode);
    match length {
        0..=125 => out.put_u8(length as u8),
        126..=65_535 => {
            out.put_u8(126);
            out.put_u16(length as u16);
        }
        _ => {
            out.put_u8(127);
            out.put_u64(length as u64);
        }
    }
    for part in parts {
        out.put_slice(part);
    }
}

pub(crate) fn text_frame(message: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(message.len() + 10);
    frame(&mut out, TEXT, &[message]);
    out.freeze()
}

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
