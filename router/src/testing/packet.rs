use std::{fmt, str};

use bytes::Bytes;
use serde::Deserialize;

use crate::{Prepared, RawArgs, Refusal, Sid};

/// A Socket.IO packet as it stands on the wire, without Engine.IO's leading `4`.
///
/// Equal to a text if that is its text and it has no attachments.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RawPacket {
    /// The text message.
    pub text: String,
    /// The binary messages that follow it.
    pub attachments: Vec<Bytes>,
}

impl RawPacket {
    pub(super) fn new(prepared: &Prepared) -> Self {
        let text = prepared.text_packet().unwrap_or_default();
        let text = text.get(1..).unwrap_or_default();
        Self {
            text: String::from_utf8_lossy(text).into_owned(),
            attachments: prepared.binary_messages().cloned().collect(),
        }
    }
}

impl PartialEq<str> for RawPacket {
    fn eq(&self, text: &str) -> bool {
        self.attachments.is_empty() && self.text == text
    }
}

impl PartialEq<&str> for RawPacket {
    fn eq(&self, text: &&str) -> bool {
        *self == **text
    }
}

impl PartialEq<String> for RawPacket {
    fn eq(&self, text: &String) -> bool {
        *self == **text
    }
}

impl fmt::Display for RawPacket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        show_attachments(f, &self.attachments)
    }
}

/// A packet of the server's, taken apart.
pub(super) struct Packet {
    pub(super) raw: RawPacket,
    pub(super) namespace: String,
    pub(super) content: Content,
}

pub(super) enum Content {
    Connect(Sid),
    Refused(Refusal),
    Disconnect,
    Event {
        id: Option<u64>,
        name: String,
        args: RawArgs,
    },
    Ack {
        id: u64,
        args: RawArgs,
    },
    /// Nothing that a client understands; only a raw packet.
    Other,
}

impl Packet {
    pub(super) fn decode(prepared: &Prepared) -> Self {
        let raw = RawPacket::new(prepared);
        let header = Header::parse(&raw.text);
        let content = header.as_ref().and_then(|header| content(header, &raw));
        Self {
            namespace: header.map_or("/", |header| header.namespace).to_owned(),
            content: content.unwrap_or(Content::Other),
            raw,
        }
    }
}

/// Shows a packet as a test would name it.
impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, args) = match &self.content {
            Content::Event { id, name, args } => {
                let wish = if id.is_some() { " (wants an ack)" } else { "" };
                (format!("{name:?}{wish}"), args)
            }
            Content::Ack { id, args } => (format!("ack {id}"), args),
            _ => return write!(f, "packet {}", Short(&self.raw.text)),
        };
        write!(f, "{what} {}", ShownArgs(args))
    }
}

/// Arguments for an error's text.
pub(super) struct ShownArgs<'a>(pub(super) &'a RawArgs);

impl fmt::Display for ShownArgs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Short(&self.0.json()).fmt(f)?;
        show_attachments(f, self.0.attachments())
    }
}

struct Short<'a>(&'a str);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(MAX_SHOWN) {
            Some((end, _)) => write!(f, "{}...", &self.0[..end]),
            None => f.write_str(self.0),
        }
    }
}

fn show_attachments(f: &mut fmt::Formatter<'_>, attachments: &[Bytes]) -> fmt::Result {
    for (number, data) in attachments.iter().enumerate() {
        write!(f, " + attachment {number} of {} bytes", data.len())?;
    }
    Ok(())
}

/// What stands before the payload (Socket.IO protocol, "Packet encoding").
struct Header<'a> {
    kind: char,
    namespace: &'a str,
    id: Option<u64>,
    payload: &'a str,
}

impl<'a> Header<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut chars = text.chars();
        let kind = chars.next()?;
        let mut rest = chars.as_str();
        if matches!(kind, '5' | '6') {
            // How many attachments there are is known.
            rest = rest.split_once('-')?.1;
        }
        let mut namespace = "/";
        if rest.starts_with('/') {
            (namespace, rest) = rest.split_once(',').unwrap_or((rest, ""));
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (id, payload) = rest.split_at(digits);
        Some(Self {
            kind,
            namespace,
            id: id.parse().ok(),
            payload,
        })
    }
}

fn content(header: &Header<'_>, raw: &RawPacket) -> Option<Content> {
    let args = || RawArgs::from_json(header.payload.to_owned(), raw.attachments.clone()).ok();
    Some(match header.kind {
        '0' => {
            let connected: Connected = serde_json::from_str(header.payload).ok()?;
            Content::Connect(connected.sid.parse().ok()?)
        }
        '1' => Content::Disconnect,
        '2' | '5' => {
            let all = args()?;
            Content::Event {
                id: header.id,
                name: all.decode().ok()?,
                args: all.skip(1),
            }
        }
        '3' | '6' => Content::Ack {
            id: header.id?,
            args: args()?,
        },
        '4' => {
            let refused: Refused = serde_json::from_str(header.payload).ok()?;
            let refusal = Refusal::new(refused.message);
            Content::Refused(match refused.data {
                Some(data) => refusal.with_data(data),
                None => refusal,
            })
        }
        _ => return None,
    })
}

/// The payload of a CONNECT packet.
#[derive(Deserialize)]
struct Connected {
    sid: String,
}

/// The payload of a CONNECT_ERROR packet.
#[derive(Deserialize)]
struct Refused {
    message: String,
    data: Option<serde_json::Value>,
}

/// How many characters of arguments an error shows.
const MAX_SHOWN: usize = 200;

#[cfg(test)]
mod tests {
    use sockeye_protocol::socket::encode;

    use super::*;

    #[test]
    fn packets_of_the_server_are_taken_apart() {
        let bytes = Bytes::from_static(b"\x01\x02");
        let table = [
            (
                encode::event("/", None, "a", &(1, "b")).unwrap(),
                "/",
                r#""a" [1,"b"]"#,
            ),
            (
                encode::event("/x", Some(7), "a", &()).unwrap(),
                "/x",
                r#""a" (wants an ack) []"#,
            ),
            (encode::ack("/x", 12, &5).unwrap(), "/x", "ack 12 [5]"),
            (
                encode::ack("/x", 12, &bytes).unwrap(),
                "/x",
                r#"ack 12 [{"_placeholder":true,"num":0}] + attachment 0 of 2 bytes"#,
            ),
            (encode::disconnect("/x"), "/x", "packet 1/x,"),
            (Prepared::text("nonsense"), "/", "packet nonsense"),
        ];

        for (prepared, namespace, shown) in table {
            let packet = Packet::decode(&prepared);

            assert_eq!(packet.namespace, namespace, "{shown}");
            assert_eq!(packet.to_string(), shown);
        }
    }

    #[test]
    fn a_refusal_keeps_its_data() {
        let data = serde_json::json!({"code": 7});
        let prepared = encode::connect_error("/x", "no", Some(&data)).unwrap();

        let packet = Packet::decode(&prepared);

        let expected = Refusal::new("no").with_data(data);
        assert!(matches!(packet.content, Content::Refused(refusal) if refusal == expected));
    }

    #[test]
    fn long_arguments_are_shown_in_part() {
        let prepared = encode::event("/", None, "a", &"é".repeat(10_000)).unwrap();

        let shown = Packet::decode(&prepared).to_string();

        assert!(shown.ends_with("é..."), "{shown}");
        assert!(shown.chars().count() < 300, "{shown}");
    }
}
