//! What is decoded: packets as a client may send them, and as one shouldn't.

use std::fmt::Write as _;

use super::chance::Chance;

/// One case.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// The messages of a Socket.IO session: a packet, its attachments and perhaps something more.
    Socket(Vec<Message>),
    /// A text frame of Engine.IO.
    Frame(String),
    /// The body of a POST.
    Payload(Vec<u8>),
}

#[derive(Clone, Debug)]
pub(crate) enum Message {
    Text(String),
    Binary(Vec<u8>),
}

impl Input {
    pub(crate) fn draw(chance: &mut Chance) -> Self {
        match chance.below(10) {
            0 => Self::Frame(mutated(engine_packet(chance), chance)),
            1 => {
                let packets: Vec<_> = (0..=chance.below(4))
                    .map(|_| engine_packet(chance))
                    .collect();
                let mut body = mutated(packets.join("\x1e"), chance).into_bytes();
                if chance.one_in(20) && !body.is_empty() {
                    let at = chance.below(body.len());
                    body[at] = chance.next() as u8;
                }
                Self::Payload(body)
            }
            _ => Self::Socket(socket_packet(chance)),
        }
    }
}

fn engine_packet(chance: &mut Chance) -> String {
    match chance.below(8) {
        0 => chance
            .pick(&[
                "0", "1", "2", "3", "5", "6", "2probe", "3probe", "1x", "5y", "6z",
            ])
            .to_owned(),
        1 | 2 => format!(
            "b{}",
            chance.pick(&[
                "", "AQID", "AQI=", "AQ==", "AA", "A", "-_-_", "+/+/", "AQ=", "A Q==", "AQ==AQ==",
                "AR==", "====", "AQID\n",
            ])
        ),
        _ => format!("4{}", text(chance)),
    }
}

fn socket_packet(chance: &mut Chance) -> Vec<Message> {
    let attachments = if chance.one_in(3) {
        1 + chance.below(3)
    } else {
        0
    };
    let mut packet = String::new();
    let kind = match chance.below(16) {
        0 => "0",
        1 => "1",
        2 => chance.pick(&["4", "7", "", "a", " ", "\u{feff}", "é"]),
        3..6 if attachments > 0 => "6",
        3..6 => "3",
        _ if attachments > 0 => "5",
        _ => "2",
    };
    packet.push_str(kind);
    if matches!(kind, "5" | "6") {
        if chance.one_in(12) {
            packet.push_str(chance.pick(&[
                "",
                "-",
                "0-",
                "01-",
                "1.0-",
                "1e0-",
                "0x1-",
                "+1-",
                " 1-",
                "1 -",
                "-1-",
                "11-",
                "1_-",
                "999999999999-",
                "1.5-",
                "0b1-",
                "\t1-",
            ]));
        } else {
            let _ = write!(packet, "{attachments}-");
        }
    }
    if chance.one_in(3) {
        packet.push_str(chance.pick(&[
            "/a,",
            "/,",
            "/é/b,",
            "/a",
            "/x?y=1,",
            "/\u{1f600},",
            "/\n,",
            "/\u{85},",
            "//,",
            "/a,/b,",
        ]));
        if chance.one_in(100) {
            let _ = write!(packet, "/{},", "n".repeat(250 + chance.below(10)));
        }
    }
    if chance.one_in(3) {
        match chance.below(16) {
            0 => packet.push_str(chance.pick(&[
                " ",
                "\t",
                "1 ",
                "1 2",
                "\u{feff}",
                "\u{a0}1",
                "9007199254740991",
                "9007199254740992",
                "111111111111111111111111111111",
                "007",
                "-1",
                "1.5",
                "1e3",
            ])),
            _ => {
                let id = chance.below(1000);
                let _ = write!(packet, "{id}");
            }
        }
    }
    match kind {
        "0" | "4" if chance.one_in(2) => json_object(chance, &mut packet, 3, attachments),
        "0" | "1" | "4" if !chance.one_in(10) => {}
        _ if chance.one_in(40) => {
            packet.push_str(chance.pick(&["", "null", "{}", "\"a\"", "1", "[", "[]x"]))
        }
        "3" | "6" => args(chance, &mut packet, None, attachments),
        _ => {
            let name = event_name(chance);
            args(chance, &mut packet, Some(name), attachments);
        }
    }
    let mut messages = vec![Message::Text(mutated(packet, chance))];
    let missing = usize::from(chance.one_in(20));
    for _ in missing..attachments {
        let len = chance.below(6);
        messages.push(Message::Binary(
            (0..len).map(|_| chance.next() as u8).collect(),
        ));
    }
    // Not where the session is on its way into a namespace or out of it.
    let moves = matches!(&messages[..], [Message::Text(text), ..] if text.starts_with(['0', '1']));
    if chance.one_in(30) && !moves {
        messages.push(match chance.below(2) {
            0 => Message::Binary(Vec::new()),
            _ => Message::Text("2[\"more\"]".to_owned()),
        });
    }
    messages
}

fn event_name(chance: &mut Chance) -> String {
    match chance.below(24) {
        0 => chance
            .pick(&[
                "\"connect\"",
                "\"connect_error\"",
                "\"disconnect\"",
                "\"disconnecting\"",
                "\"newListener\"",
                "\"removeListener\"",
                "\"error\"",
                "\"c\\u006fnnect\"",
                "\"\"",
                "\"__proto__\"",
            ])
            .to_owned(),
        1 => chance
            .pick(&[
                "1", "-1.5", "1e3", "1.50", "null", "true", "[]", "{}", "1e999", "-0",
            ])
            .to_owned(),
        2 if chance.one_in(10) => format!("\"{}\"", "e".repeat(250 + chance.below(10))),
        3 => string(chance),
        _ => format!("\"{}\"", chance.pick(&["message", "chat", "update", "a"])),
    }
}

fn args(chance: &mut Chance, out: &mut String, name: Option<String>, attachments: usize) {
    out.push('[');
    space(chance, out);
    let mut first = true;
    if let Some(name) = name {
        out.push_str(&name);
        first = false;
    }
    for _ in 0..chance.below(4) {
        if !first {
            out.push(',');
        }
        first = false;
        space(chance, out);
        json(chance, out, 3, attachments);
    }
    for number in 0..attachments {
        if !first {
            out.push(',');
        }
        first = false;
        placeholder(chance, out, number);
    }
    if chance.one_in(300) {
        let depth = [126, 127, 128, 500][chance.below(4)];
        if !first {
            out.push(',');
        }
        let _ = write!(out, "{}{}", "[".repeat(depth), "]".repeat(depth));
    }
    space(chance, out);
    out.push(']');
}

fn json(chance: &mut Chance, out: &mut String, depth: usize, attachments: usize) {
    match chance.below(10) {
        0 => out.push_str(chance.pick(&["null", "true", "false"])),
        1..4 => out.push_str(chance.pick(&[
            "0",
            "1",
            "-1",
            "42",
            "1.5",
            "-0",
            "1e3",
            "0.1",
            "123456789012345678",
            "9007199254740993",
            "1E-7",
            "1e999",
            "-1e999",
            "1e-999",
            "0.30000000000000004",
            "18446744073709551616",
            "01",
            "+1",
            ".5",
            "1.",
        ])),
        4..7 => {
            let string = string(chance);
            out.push_str(&string);
        }
        7 if depth > 0 => {
            out.push('[');
            for number in 0..chance.below(4) {
                if number > 0 {
                    out.push(',');
                }
                json(chance, out, depth - 1, attachments);
            }
            out.push(']');
        }
        8 if depth > 0 => json_object(chance, out, depth, attachments),
        _ if attachments > 0 || chance.one_in(4) => {
            let number = chance.below(attachments + 1);
            placeholder(chance, out, number);
        }
        _ => out.push('1'),
    }
}

fn json_object(chance: &mut Chance, out: &mut String, depth: usize, attachments: usize) {
    out.push('{');
    for number in 0..chance.below(4) {
        if number > 0 {
            out.push(',');
        }
        space(chance, out);
        if chance.one_in(3) {
            let key = string(chance);
            out.push_str(&key);
        } else {
            let key = chance.pick(&[
                "a",
                "b",
                "1",
                "0",
                "__proto__",
                "constructor",
                "num",
                "_placeholder",
            ]);
            let _ = write!(out, "\"{key}\"");
        }
        out.push(':');
        json(chance, out, depth - 1, attachments);
    }
    out.push('}');
}

fn placeholder(chance: &mut Chance, out: &mut String, number: usize) {
    let number = match chance.below(20) {
        0 => chance
            .pick(&[
                "0.5", "-1", "99", "null", "\"0\"", "0.0", "1e0", "-0", "0e0", "[0]", "true",
            ])
            .to_owned(),
        _ => number.to_string(),
    };
    match chance.below(12) {
        0 => {
            let _ = write!(out, "{{\"num\":{number},\"_placeholder\":true}}");
        }
        1 => {
            let _ = write!(out, "{{\"_placeholder\":true,\"num\":{number},\"a\":{{}}}}");
        }
        2 => {
            let _ = write!(
                out,
                "{{\"_placeh\\u006flder\":true,\"num\":9,\"num\":{number}}}"
            );
        }
        3 => {
            let _ = write!(out, "{{\"_placeholder\":1,\"num\":{number}}}");
        }
        _ => {
            let _ = write!(out, "{{\"_placeholder\":true,\"num\":{number}}}");
        }
    }
}

fn string(chance: &mut Chance) -> String {
    let mut out = String::from("\"");
    for _ in 0..chance.below(4) {
        out.push_str(chance.pick(&[
            "a",
            "b",
            " ",
            "é",
            "\u{1f600}",
            "\\n",
            "\\\"",
            "\\\\",
            "\\u0041",
            "\\ud83d\\ude00",
            "\\ud800",
            "\\udc00x",
            "\\u0000",
            "\u{2028}",
            "\\/",
            "{",
            "]",
            ",",
            "\\x",
            "\u{1}",
            "\\u12",
            "\u{7f}",
        ]));
    }
    out.push('"');
    out
}

fn text(chance: &mut Chance) -> String {
    (0..chance.below(6))
        .map(|_| chance.pick(&["a", "2[\"x\"]", "é", "\u{1f600}", " ", "0", "\n", "b"]))
        .collect()
}

fn space(chance: &mut Chance, out: &mut String) {
    if chance.one_in(20) {
        out.push_str(chance.pick(&[" ", "\t", "\n", "\r", "\u{a0}", "\u{feff}", "\u{c}"]));
    }
}

/// Changes a character or a few, seldom.
fn mutated(text: String, chance: &mut Chance) -> String {
    if !chance.one_in(4) {
        return text;
    }
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=chance.below(2) {
        let at = chance.below(chars.len() + 1);
        let other = chance.below(chars.len() + 1);
        match chance.below(5) {
            0 if at < chars.len() => {
                chars.remove(at);
            }
            1 => chars.insert(at, odd(chance)),
            2 if at < chars.len() => chars[at] = odd(chance),
            3 => chars.truncate(at),
            _ if at < other => {
                let part: Vec<_> = chars[at..other.min(at + 8)].to_vec();
                chars.splice(at..at, part);
            }
            _ => {}
        }
    }
    chars.into_iter().collect()
}

fn odd(chance: &mut Chance) -> char {
    const ODD: &[char] = &[
        '0',
        '1',
        '2',
        '5',
        '9',
        '-',
        '/',
        ',',
        '"',
        '[',
        ']',
        '{',
        '}',
        ':',
        '\\',
        ' ',
        '\t',
        '\n',
        '\u{0}',
        '\u{1e}',
        'a',
        'e',
        'u',
        '.',
        '+',
        'é',
        '\u{1f600}',
        '\u{feff}',
        '\u{a0}',
        '\u{2028}',
    ];
    ODD[chance.below(ODD.len())]
}
