use crate::socket::{
    error::{DecodeError, EncodeError},
    json::{self, JsonError, Sink},
};

/// Checks that each placeholder in valid JSON stands for one of `attachments`.
///
/// A placeholder is an object whose `_placeholder` is `true`; its `num` must be plain digits.
/// Other members don't matter, and of a key written twice the last counts, as in JavaScript.
pub(super) fn check(array: &str, attachments: usize) -> Result<(), DecodeError> {
    let mut placeholders = Placeholders::new(attachments);
    json::scan(array.as_bytes(), json::MAX_DEPTH, &mut placeholders)?;
    if placeholders.illegal {
        return Err(DecodeError::IllegalPlaceholder);
    }
    Ok(())
}

/// Checks that JSON of ours, to be sent with `attachments`, has the placeholders that were
/// `written` and no plain data that looks like one.
pub(in crate::socket) fn check_encoded(
    array: &[u8],
    attachments: usize,
    written: usize,
) -> Result<(), EncodeError> {
    let mut placeholders = Placeholders::new(attachments);
    let scanned = json::scan(array, json::MAX_DEPTH, &mut placeholders);
    match scanned {
        Ok(_) if placeholders.illegal || placeholders.count != written => {
            Err(EncodeError::PlaceholderInData)
        }
        Err(JsonError::TooDeep) => Err(EncodeError::TooDeep),
        // What `Serialize` wrote through `serde_json` is JSON.
        Ok(_) | Err(JsonError::Syntax) => Ok(()),
    }
}

/// Watches for placeholders.
struct Placeholders {
    attachments: usize,
    count: usize,
    illegal: bool,
    open: Open,
}

/// The open containers, the outermost first. Few are deep, so that most need no memory.
#[derive(Default)]
struct Open {
    near: [Members; NEAR],
    deep: Vec<Members>,
    depth: usize,
}

/// What is known of an open object; of an open array nothing.
#[derive(Clone, Copy, Default)]
struct Members {
    key: Key,
    is_placeholder: bool,
    num: Option<usize>,
}

#[derive(Clone, Copy, Default)]
enum Key {
    #[default]
    Other,
    Placeholder,
    Num,
}

impl Placeholders {
    fn new(attachments: usize) -> Self {
        Self {
            attachments,
            count: 0,
            illegal: false,
            open: Open::default(),
        }
    }

    /// Notes the value of the key just seen: its text, or nothing for a container.
    fn value(&mut self, raw: &[u8]) {
        let Some(members) = self.open.last_mut() else {
            return;
        };
        match members.key {
            Key::Placeholder => members.is_placeholder = raw == b"true",
            Key::Num => members.num = plain_integer(raw),
            Key::Other => {}
        }
    }
}

impl Open {
    fn push(&mut self) {
        match self.near.get_mut(self.depth) {
            Some(members) => *members = Members::default(),
            None => self.deep.push(Members::default()),
        }
        self.depth += 1;
    }

    fn pop(&mut self) -> Option<Members> {
        let members = self.last_mut().copied();
        self.deep.pop();
        self.depth = self.depth.saturating_sub(1);
        members
    }

    fn last_mut(&mut self) -> Option<&mut Members> {
        if self.depth > NEAR {
            return self.deep.last_mut();
        }
        self.near.get_mut(self.depth.checked_sub(1)?)
    }
}

impl Sink for Placeholders {
    fn open(&mut self, _object: bool) {
        self.value(b"");
        self.open.push();
    }

    fn close(&mut self) {
        let Some(members) = self.open.pop() else {
            return;
        };
        if members.is_placeholder {
            self.count = self.count.saturating_add(1);
            self.illegal |= members.num.is_none_or(|num| num >= self.attachments);
        }
    }

    fn key(&mut self, raw: &[u8]) {
        if let Some(members) = self.open.last_mut() {
            members.key = Key::parse(raw);
        }
    }

    fn scalar(&mut self, raw: &[u8]) {
        self.value(raw);
    }
}

impl Key {
    fn parse(raw: &[u8]) -> Self {
        match raw {
            br#""_placeholder""# => Self::Placeholder,
            br#""num""# => Self::Num,
            _ if raw.contains(&b'\\') => match serde_json::from_slice::<String>(raw).as_deref() {
                Ok(PLACEHOLDER) => Self::Placeholder,
                Ok(NUM) => Self::Num,
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }
}

/// A number of digits only. JSON has already refused leading zeros.
fn plain_integer(raw: &[u8]) -> Option<usize> {
    let digits = !raw.is_empty() && raw.iter().all(u8::is_ascii_digit);
    let text = str::from_utf8(raw).ok()?;
    digits.then(|| text.parse().ok()).flatten()
}

/// How many containers are kept in place.
const NEAR: usize = 6;
/// The member that makes an object a placeholder.
pub(super) const PLACEHOLDER: &str = "_placeholder";
/// The member that says which attachment a placeholder stands for.
pub(super) const NUM: &str = "num";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_stand_for_an_attachment_of_the_packet() {
        for legal in [
            r#"["x",{"_placeholder":true,"num":0}]"#,
            r#"["x",{"num":1,"_placeholder":true}]"#,
            r#"["x",{"a":[{"_placeholder":true,"num":1}]},{"_placeholder":true,"num":1}]"#,
            r#"["x",{"_placeholder":true,"num":0,"extra":{"num":9}}]"#,
            r#"["x",{"_placeholder":true,"num":7,"num":0}]"#,
            r#"["x",{ "_placeh\u006flder" : true , "num" : 1 }]"#,
            r#"["x",{"_placeholder":"true","num":9}]"#,
            r#"["x",{"_placeholder":false}]"#,
            r#"["x",{"_placeholder":[true]}]"#,
            r#"["x",{"_placeholder":true,"_placeholder":1}]"#,
            r#"["_placeholder",true,"num",9]"#,
            r#"["x"]"#,
        ] {
            assert_eq!(check(legal, 2), Ok(()), "{legal}");
        }
    }

    #[test]
    fn other_numbers_are_illegal() {
        for num in [
            "2",
            "-1",
            "-0",
            "0.0",
            "0.5",
            "1e0",
            "0e0",
            "1e9",
            "null",
            "true",
            "[]",
            "[0]",
            "{}",
            "\"0\"",
            "\"splice\"",
            "4294967296",
            "18446744073709551616",
        ] {
            let array = format!(r#"["x",{{"_placeholder":true,"num":{num}}}]"#);

            assert_eq!(
                check(&array, 2),
                Err(DecodeError::IllegalPlaceholder),
                "{array}"
            );
        }
        for array in [
            r#"["x",{"_placeholder":true}]"#,
            r#"["x",{"_placeholder":true,"NUM":0}]"#,
            r#"["x",{"_placeholder":true,"a":{"num":0}}]"#,
            r#"["x",{"num":0,"num":2,"_placeh\u006flder":true}]"#,
        ] {
            assert_eq!(
                check(array, 2),
                Err(DecodeError::IllegalPlaceholder),
                "{array}"
            );
        }
    }
}
