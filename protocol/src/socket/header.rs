use super::{error::DecodeError, limits::Limits};

/// What stands before the payload of a packet:
/// `<type>[<attachments>-][<namespace>,][<ack id>]` (Socket.IO protocol, "Packet encoding").
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Header<'a> {
    pub(super) kind: Kind,
    /// The count announced by a binary packet.
    pub(super) attachments: Option<usize>,
    pub(super) namespace: &'a str,
    pub(super) id: Option<u64>,
    /// Where the payload starts; the length of the text when there is none.
    pub(super) payload: usize,
}

/// The type of a packet, the binary ones taken together with the plain ones.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Connect,
    Disconnect,
    Event,
    Ack,
    ConnectError,
}

impl<'a> Header<'a> {
    /// Parses the header and leaves the payload alone.
    pub(super) fn parse(text: &'a str, limits: &Limits) -> Result<Self, DecodeError> {
        let bytes = text.as_bytes();
        let (kind, binary) = match bytes.first() {
            Some(b'0') => (Kind::Connect, false),
            Some(b'1') => (Kind::Disconnect, false),
            Some(b'2') => (Kind::Event, false),
            Some(b'3') => (Kind::Ack, false),
            Some(b'4') => (Kind::ConnectError, false),
            Some(b'5') => (Kind::Event, true),
            Some(b'6') => (Kind::Ack, true),
            _ => return Err(DecodeError::UnknownType),
        };
        let mut at = 1;
        let mut attachments = None;
        if binary {
            let count = attachment_count(bytes, &mut at, limits.max_attachments())?;
            attachments = Some(count);
        }
        let namespace = namespace(text, &mut at);
        let id = ack_id(bytes, &mut at)?;
        Ok(Self {
            kind,
            attachments,
            namespace,
            id,
            payload: at,
        })
    }
}

/// Checks the name of a namespace that a client asks for.
pub(super) fn check_namespace(name: &str, limits: &Limits) -> Result<(), DecodeError> {
    if name.len() > limits.max_name_len() {
        return Err(DecodeError::NameTooLong);
    }
    if name.chars().any(char::is_control) {
        return Err(DecodeError::IllegalNamespace);
    }
    Ok(())
}

/// Reads digits and the `-` behind them. The reference takes whatever JavaScript converts to
/// a number; this takes one spelling of each.
fn attachment_count(bytes: &[u8], at: &mut usize, max: usize) -> Result<usize, DecodeError> {
    if let Some(b'0') = bytes.get(*at) {
        return Err(DecodeError::IllegalAttachments);
    }
    let mut count = None;
    while let Some(&digit @ b'0'..=b'9') = bytes.get(*at) {
        let value = count
            .unwrap_or(0_usize)
            .saturating_mul(10)
            .saturating_add(usize::from(digit - b'0'));
        if value > max {
            return Err(DecodeError::TooManyAttachments);
        }
        count = Some(value);
        *at += 1;
    }
    match (count, bytes.get(*at)) {
        (Some(count), Some(b'-')) => {
            *at += 1;
            Ok(count)
        }
        _ => Err(DecodeError::IllegalAttachments),
    }
}

/// Reads `/`, the rest of the name and the comma, which may be missing at the end of the text.
fn namespace<'a>(text: &'a str, at: &mut usize) -> &'a str {
    let rest = text.get(*at..).unwrap_or_default();
    if !rest.starts_with('/') {
        return "/";
    }
    match rest.split_once(',') {
        Some((name, _)) => {
            *at += name.len() + 1;
            name
        }
        None => {
            *at = text.len();
            rest
        }
    }
}

fn ack_id(bytes: &[u8], at: &mut usize) -> Result<Option<u64>, DecodeError> {
    let mut id = None;
    while let Some(&digit @ b'0'..=b'9') = bytes.get(*at) {
        let value = id.unwrap_or(0) * 10 + u64::from(digit - b'0');
        if value > MAX_ACK_ID {
            return Err(DecodeError::AckIdTooLarge);
        }
        id = Some(value);
        *at += 1;
    }
    Ok(id)
}

/// The last integer up to which JavaScript's numbers hold every one.
pub(super) const MAX_ACK_ID: u64 = (1 << 53) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Header<'_>, DecodeError> {
        Header::parse(text, &Limits::default())
    }

    #[test]
    fn samples_of_the_protocol_are_parsed() {
        let table = [
            ("0", Kind::Connect, None, "/", None, ""),
            (
                r#"0{"token":"1"}"#,
                Kind::Connect,
                None,
                "/",
                None,
                r#"{"token":"1"}"#,
            ),
            ("0/a", Kind::Connect, None, "/a", None, ""),
            ("0/a,{}", Kind::Connect, None, "/a", None, "{}"),
            ("0/,", Kind::Connect, None, "/", None, ""),
            ("0/a?token=1,", Kind::Connect, None, "/a?token=1", None, ""),
            ("01{}", Kind::Connect, None, "/", Some(1), "{}"),
            ("1", Kind::Disconnect, None, "/", None, ""),
            ("1/a,", Kind::Disconnect, None, "/a", None, ""),
            ("1/a,5", Kind::Disconnect, None, "/a", Some(5), ""),
            (
                r#"2["hello",1]"#,
                Kind::Event,
                None,
                "/",
                None,
                r#"["hello",1]"#,
            ),
            (
                r#"2/a,["hello"]"#,
                Kind::Event,
                None,
                "/a",
                None,
                r#"["hello"]"#,
            ),
            (r#"20["q"]"#, Kind::Event, None, "/", Some(0), r#"["q"]"#),
            (
                r#"2/a,12["q",1]"#,
                Kind::Event,
                None,
                "/a",
                Some(12),
                r#"["q",1]"#,
            ),
            (r#"2/,1["x"]"#, Kind::Event, None, "/", Some(1), r#"["x"]"#),
            (r#"251["a"]"#, Kind::Event, None, "/", Some(51), r#"["a"]"#),
            (r#"2007["a"]"#, Kind::Event, None, "/", Some(7), r#"["a"]"#),
            (r#"2-1["a"]"#, Kind::Event, None, "/", None, r#"-1["a"]"#),
            ("2/é/b,[]", Kind::Event, None, "/é/b", None, "[]"),
            ("31", Kind::Ack, None, "/", Some(1), ""),
            (r#"31[1,"2"]"#, Kind::Ack, None, "/", Some(1), r#"[1,"2"]"#),
            ("3/a,12[]", Kind::Ack, None, "/a", Some(12), "[]"),
            (
                "39007199254740991[]",
                Kind::Ack,
                None,
                "/",
                Some(MAX_ACK_ID),
                "[]",
            ),
            ("4{}", Kind::ConnectError, None, "/", None, "{}"),
            ("51-[]", Kind::Event, Some(1), "/", None, "[]"),
            ("51-7[]", Kind::Event, Some(1), "/", Some(7), "[]"),
            ("510-/a,7[]", Kind::Event, Some(10), "/a", Some(7), "[]"),
            ("61-1[]", Kind::Ack, Some(1), "/", Some(1), "[]"),
        ];

        for (text, kind, attachments, namespace, id, payload) in table {
            let header = parse(text).unwrap();

            let seen = (header.kind, header.attachments, header.namespace, header.id);
            assert_eq!(seen, (kind, attachments, namespace, id), "{text}");
            assert_eq!(&text[header.payload..], payload, "{text}");
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for (text, error) in [
            ("", DecodeError::UnknownType),
            ("7", DecodeError::UnknownType),
            ("9", DecodeError::UnknownType),
            ("a", DecodeError::UnknownType),
            (" ", DecodeError::UnknownType),
            ("é", DecodeError::UnknownType),
            ("5", DecodeError::IllegalAttachments),
            ("5-[]", DecodeError::IllegalAttachments),
            ("50-[]", DecodeError::IllegalAttachments),
            ("501-[]", DecodeError::IllegalAttachments),
            ("51[]", DecodeError::IllegalAttachments),
            ("51e0-[]", DecodeError::IllegalAttachments),
            ("50x1-[]", DecodeError::IllegalAttachments),
            ("5+1-[]", DecodeError::IllegalAttachments),
            ("5-1-[]", DecodeError::IllegalAttachments),
            ("51.0-[]", DecodeError::IllegalAttachments),
            ("5 1-[]", DecodeError::IllegalAttachments),
            ("511-[]", DecodeError::TooManyAttachments),
            ("599999999999-[]", DecodeError::TooManyAttachments),
            ("29007199254740992[]", DecodeError::AckIdTooLarge),
            (
                "2111111111111111111111111111111[]",
                DecodeError::AckIdTooLarge,
            ),
        ] {
            assert_eq!(parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn long_runs_are_refused_or_passed_over() {
        let digits = "1".repeat(900_000);
        let name = "a".repeat(900_000);

        assert_eq!(
            parse(&format!("2{digits}")),
            Err(DecodeError::AckIdTooLarge)
        );
        assert_eq!(
            parse(&format!("5{digits}")),
            Err(DecodeError::TooManyAttachments)
        );
        assert_eq!(
            parse(&format!("2/a,{digits}")),
            Err(DecodeError::AckIdTooLarge)
        );
        assert_eq!(
            parse(&format!("2/{name}")).unwrap().namespace.len(),
            900_001
        );
    }

    #[test]
    fn namespaces_are_short_and_printable() {
        let check = |name: &str| check_namespace(name, &Limits::default());
        let longest = format!("/{}", "a".repeat(255));

        assert_eq!(check("/é 😀?x=%zz"), Ok(()));
        assert_eq!(check(&longest), Ok(()));
        assert_eq!(check(&format!("{longest}a")), Err(DecodeError::NameTooLong));
        for name in ["/\n", "/a\u{0}", "/\u{7f}", "/\u{85}"] {
            assert_eq!(check(name), Err(DecodeError::IllegalNamespace), "{name:?}");
        }
    }
}
