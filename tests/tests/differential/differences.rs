//! Where our decoders differ from the official ones on purpose, and nowhere else.

use sockeye_protocol::socket::{DecodeError, ProtocolError};

use super::{
    input::{Input, Message},
    outcome::Outcome,
    twins::has_twins,
    value::Value,
};

/// One row of the table in `docs/compatibility.md`, by how that row starts.
pub(crate) struct Difference {
    pub(crate) row: &'static str,
    /// Whether this is why we refuse what the reference takes.
    explains: fn(&str, &Outcome<()>, &Refusal) -> bool,
    /// Shows it.
    pub(crate) sample: fn() -> Input,
}

/// Why one of ours refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Refusal {
    Socket(ProtocolError),
    Base64,
    Utf8,
    Engine,
    /// It didn't, but the values differ.
    Values,
}

/// Names the row that explains why `input` is taken by the reference and refused by ours.
pub(crate) fn explain(
    input: &Input,
    official: &Outcome<()>,
    refusal: &Refusal,
) -> Option<&'static str> {
    let text = match input {
        Input::Socket(messages) => match messages.first() {
            Some(Message::Text(text)) => text,
            _ => return None,
        },
        Input::Frame(text) => text,
        Input::Payload(_) => "",
    };
    let mut rows = DIFFERENCES.iter();
    let row = rows.find(|difference| (difference.explains)(text, official, refusal));
    row.map(|difference| difference.row)
}

fn decode(error: DecodeError) -> Refusal {
    Refusal::Socket(ProtocolError::Decode(error))
}

fn text(text: impl Into<String>) -> Input {
    Input::Socket(vec![Message::Text(text.into())])
}

fn with_attachment(packet: &str) -> Input {
    Input::Socket(vec![
        Message::Text(packet.to_owned()),
        Message::Binary(vec![1]),
    ])
}

/// Whether whitespace, which JavaScript takes for a digit, is in the ack id.
fn spaced_id(text: &str) -> bool {
    from_id(text)
        .trim_start_matches(|c: char| c.is_ascii_digit())
        .starts_with(is_space)
}

/// A packet from where its ack id is, if it has one.
fn from_id(text: &str) -> &str {
    let rest = text.get(1..).unwrap_or_default();
    let rest = match (text.as_bytes().first(), rest.split_once('-')) {
        (Some(b'5' | b'6'), Some((_, rest))) => rest,
        _ => rest,
    };
    match (rest.starts_with('/'), rest.split_once(',')) {
        (true, Some((_, rest))) => rest,
        _ => rest,
    }
}

/// Whitespace and line ends of JavaScript, of which a number may have some around it.
fn is_space(c: char) -> bool {
    c.is_whitespace() && c != '\u{85}' || c == '\u{feff}'
}

/// A count that `Number` takes, but not in plain digits.
fn odd_count(text: &str) -> bool {
    let count = text.get(1..).and_then(|rest| rest.split_once('-'));
    let count = count.map_or("", |(count, _)| count);
    count.starts_with('0') || count.chars().any(|c| !c.is_ascii_digit())
}

/// The payload of a packet.
fn payload(text: &str) -> &str {
    let start = text.find(['[', '{']).unwrap_or(text.len());
    text.get(start..).unwrap_or_default()
}

/// The payload without what makes its numbers too large for us.
fn without_exponents(payload: &str) -> String {
    let mut kept = String::new();
    let mut rest = payload;
    while let Some(at) = rest.find(['e', 'E']) {
        let (before, exponent) = rest.split_at(at);
        kept.push_str(before);
        let digits = exponent[1..].trim_start_matches(['+', '-']);
        rest = digits.trim_start_matches(|c: char| c.is_ascii_digit());
        if rest.len() == digits.len() || !before.ends_with(|c: char| c.is_ascii_digit()) {
            kept.push_str(&exponent[..1]);
            rest = &exponent[1..];
        }
    }
    kept + rest
}

fn has_value(official: &Outcome<()>, is: fn(&Value) -> bool) -> bool {
    official.any(|packet| packet.data.any(&is))
}

pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        row: "`42` or `421` without payload",
        explains: |_, official, refusal| {
            let nameless =
                official.any(|packet| packet.kind == "event" && packet.data == Value::Undefined);
            nameless && *refusal == decode(DecodeError::InvalidPayload)
        },
        sample: || text("21"),
    },
    Difference {
        row: "attachment counts `1e0`, `0x1`, `+1`, `01`, `1.0`, ` 1`",
        explains: |text, _, refusal| {
            *refusal == decode(DecodeError::IllegalAttachments) && odd_count(text)
        },
        sample: || with_attachment("51e0-[\"a\",{\"_placeholder\":true,\"num\":0}]"),
    },
    Difference {
        row: "placeholder number 0.5",
        explains: |_, official, refusal| {
            *refusal == decode(DecodeError::IllegalPlaceholder)
                && has_value(official, |value| matches!(value, Value::Undefined))
        },
        sample: || with_attachment("51-[\"a\",{\"_placeholder\":true,\"num\":0.5}]"),
    },
    Difference {
        row: "placeholder numbers `-0`, `0.0`, `1e0`",
        explains: |text, _, refusal| {
            let odd = ["-0", ".0", "0e", "1e"]
                .iter()
                .any(|odd| text.contains(odd));
            *refusal == decode(DecodeError::IllegalPlaceholder) && odd
        },
        sample: || with_attachment("51-[\"a\",{\"_placeholder\":true,\"num\":0.0}]"),
    },
    Difference {
        row: "a wrong placeholder in a value that another of the same key replaces",
        explains: |text, official, refusal| {
            *refusal == decode(DecodeError::IllegalPlaceholder)
                && !official.packets.is_empty()
                && has_twins(payload(text))
        },
        sample: || with_attachment("51-[\"a\",{\"b\":{\"_placeholder\":true,\"num\":9},\"b\":1}]"),
    },
    Difference {
        row: "an ack without an id and with a wrong placeholder",
        explains: |text, official, refusal| {
            let idless = text.starts_with('6') && from_id(text).starts_with('[');
            *refusal == Refusal::Values && idless && official.refusal.is_some()
        },
        sample: || with_attachment("61-[{\"_placeholder\":true,\"num\":1}]"),
    },
    Difference {
        row: "a space, a tab or a byte order mark for an ack id",
        explains: |text, _, refusal| {
            *refusal == decode(DecodeError::InvalidPayload) && spaced_id(text)
        },
        sample: || text("2 [\"a\"]"),
    },
    Difference {
        row: "nothing or whitespace for a packet's type",
        explains: |text, _, refusal| {
            *refusal == decode(DecodeError::UnknownType) && text.chars().next().is_none_or(is_space)
        },
        sample: || text(" {}"),
    },
    Difference {
        row: "ack ids over 2^53 - 1",
        explains: |_, _, refusal| *refusal == decode(DecodeError::AckIdTooLarge),
        sample: || text("29007199254740992[\"a\"]"),
    },
    Difference {
        row: "event names over 256 bytes",
        explains: |_, official, refusal| {
            *refusal == decode(DecodeError::NameTooLong)
                && official.any(|packet| match &packet.data {
                    Value::List(items) => {
                        matches!(items.first(), Some(Value::Text(name)) if name.len() > 256)
                    }
                    _ => false,
                })
        },
        sample: || text(format!("2[\"{}\"]", "e".repeat(257))),
    },
    Difference {
        row: "namespaces over 256 bytes, or with control characters",
        explains: |_, official, refusal| {
            let named = |is: fn(&str) -> bool| official.namespace.as_deref().is_some_and(is);
            *refusal == decode(DecodeError::NameTooLong) && named(|name| name.len() > 256)
                || *refusal == decode(DecodeError::IllegalNamespace)
                    && named(|name| name.contains(char::is_control))
        },
        sample: || text("0/\n,"),
    },
    Difference {
        row: "JSON deeper than 128",
        explains: |text, _, refusal| {
            let deep = text.matches(['[', '{']).count() > 128;
            *refusal == decode(DecodeError::TooDeep) && deep
        },
        sample: || text(format!("2[\"a\",{}{}]", "[".repeat(128), "]".repeat(128))),
    },
    Difference {
        row: "`1e999` and its like",
        explains: |text, official, refusal| {
            // Perhaps in a value that another of the same key replaces.
            let replaced = || has_twins(&without_exponents(payload(text)));
            *refusal == Refusal::Values && (has_value(official, Value::is_infinite) || replaced())
        },
        sample: || text("2[\"a\",1e999]"),
    },
    Difference {
        row: "bad, URL-safe or unpadded base64",
        explains: |_, _, refusal| *refusal == Refusal::Base64,
        sample: || Input::Frame("bAQ".to_owned()),
    },
    Difference {
        row: "invalid UTF-8 in a POST",
        explains: |_, _, refusal| *refusal == Refusal::Utf8,
        sample: || Input::Payload(b"4\xff".to_vec()),
    },
];
