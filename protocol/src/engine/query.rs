use std::fmt;

use super::Transport;

/// The query string of a request, decoded.
///
/// The rules are those of the WHATWG URL Standard for `application/x-www-form-urlencoded`,
/// which Engine.IO servers follow: `+` is a space, an escape that is none stays as it is, and
/// bytes that are no UTF-8 become U+FFFD. No input is refused.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Query {
    /// All names and values, one after another.
    text: String,
    /// Where each name and each value ends in `text`.
    ends: Vec<(usize, usize)>,
}

impl Query {
    /// Decodes what follows the `?` of a request target.
    #[must_use]
    pub fn parse(raw: &str) -> Self {
        let mut query = Self::default();
        let mut bytes = Vec::new();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name_end = query.append(name, &mut bytes);
            let value_end = query.append(value, &mut bytes);
            query.ends.push((name_end, value_end));
        }
        query
    }

    /// Returns the value of the last pair called `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs()
            .rev()
            .find_map(|(key, value)| (key == name).then_some(value))
    }

    /// Returns all pairs in the order of the query, duplicates included: the last one counts.
    pub fn pairs(&self) -> impl DoubleEndedIterator<Item = (&str, &str)> {
        (0..self.ends.len()).filter_map(|index| {
            let start = match index.checked_sub(1) {
                Some(before) => self.ends.get(before)?.1,
                None => 0,
            };
            let (name_end, value_end) = *self.ends.get(index)?;
            Some((
                self.text.get(start..name_end)?,
                self.text.get(name_end..value_end)?,
            ))
        })
    }

    /// Returns the protocol revision that the client speaks, as it wrote it.
    #[must_use]
    pub fn eio(&self) -> Option<&str> {
        self.get("EIO")
    }

    /// Returns the transport that the client asks for, if it is a known one.
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        self.get("transport")?.parse().ok()
    }

    /// Returns the session's identifier as the client wrote it; an empty one counts as none.
    #[must_use]
    pub fn sid(&self) -> Option<&str> {
        self.get("sid").filter(|sid| !sid.is_empty())
    }

    /// Returns whether the client can't take binary frames.
    #[must_use]
    pub fn b64(&self) -> bool {
        self.get("b64").is_some_and(|value| !value.is_empty())
    }

    /// Appends `raw` decoded and returns where it ends.
    fn append(&mut self, raw: &str, bytes: &mut Vec<u8>) -> usize {
        bytes.clear();
        let mut rest = raw.as_bytes();
        while let Some((&first, tail)) = rest.split_first() {
            rest = tail;
            bytes.push(match first {
                b'+' => b' ',
                b'%' => match escaped(tail) {
                    Some(byte) => {
                        rest = tail.get(2..).unwrap_or_default();
                        byte
                    }
                    None => b'%',
                },
                other => other,
            });
        }
        self.text.push_str(&String::from_utf8_lossy(bytes));
        self.text.len()
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.pairs()).finish()
    }
}

/// Returns the byte of the two hexadecimal digits that `tail` starts with.
fn escaped(tail: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*tail.get(at)?).to_digit(16);
    u8::try_from(digit(0)? << 4 | digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pairs_follow_the_form_rules() {
        let cases: [(&str, &[(&str, &str)]); 9] = [
            ("", &[]),
            ("&&a&", &[("a", "")]),
            ("a=b=c&=d", &[("a", "b=c"), ("", "d")]),
            ("a+b=c+d", &[("a b", "c d")]),
            ("sid=%zz", &[("sid", "%zz")]),
            ("a=%4", &[("a", "%4")]),
            ("a=%41%2b%", &[("a", "A+%")]),
            ("a=%e2%82%ac&b=%ff", &[("a", "€"), ("b", "\u{fffd}")]),
            ("a=1&a=2", &[("a", "1"), ("a", "2")]),
        ];

        for (raw, pairs) in cases {
            assert_eq!(
                Query::parse(raw).pairs().collect::<Vec<_>>(),
                pairs,
                "{raw}"
            );
        }
    }

    #[test]
    fn last_duplicate_wins() {
        let query = Query::parse("EIO=4&transport=websocket&transport=polling&EIO=3");

        assert_eq!(query.transport(), Some(Transport::Polling));
        assert_eq!(query.eio(), Some("3"));
    }

    #[test]
    fn empty_values_of_sid_and_b64_count_as_none() {
        let query = Query::parse("sid=&b64=");

        assert_eq!(query.sid(), None);
        assert!(!query.b64());
        assert!(Query::parse("b64=0").b64());
    }

    proptest! {
        #[test]
        fn escaped_pairs_come_back(pairs in prop::collection::vec((".{0,8}", ".{0,8}"), 0..6)) {
            let escape = |text: &str| -> String {
                text.bytes().map(|byte| format!("%{byte:02X}")).collect()
            };
            let raw: Vec<String> = pairs
                .iter()
                .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
                .collect();

            let query = Query::parse(&raw.join("&"));

            let found: Vec<_> = query
                .pairs()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            prop_assert_eq!(found, pairs);
        }

        #[test]
        fn any_text_is_accepted(raw in ".*") {
            prop_assert!(Query::parse(&raw).pairs().count() <= raw.len() + 1);
        }
    }
}
