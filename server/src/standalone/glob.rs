/// A pattern in which `*` stands for any run of characters, an empty one too.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Glob(String);

impl Glob {
    pub(super) fn new(pattern: impl Into<String>) -> Self {
        Self(pattern.into())
    }

    /// Returns the pattern that every room of a template such as `user:{sub}` matches.
    pub(super) fn of_template(template: &str) -> Self {
        let mut pattern = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            pattern.push_str(before);
            pattern.push('*');
            rest = after.split_once('}').map_or("", |(_, rest)| rest);
        }
        pattern.push_str(rest);
        Self(pattern)
    }

    /// Returns whether the pattern is nothing but stars: anything, and so nothing in particular.
    pub(super) fn is_any(&self) -> bool {
        self.0.bytes().all(|byte| byte == b'*')
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = text.strip_prefix(first) else {
            return false;
        };
        let Some(last) = parts.next_back() else {
            return rest.is_empty();
        };
        for part in parts {
            // The earliest place leaves the most for what follows.
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, matches) in [
            ("*", "", true),
            ("*", "anything", true),
            ("room:*", "room:1", true),
            ("room:*", "room:", true),
            ("room:*", "xroom:1", false),
            ("*:admin", "a:admin", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("exact", "exact", true),
            ("exact", "exactly", false),
        ] {
            assert_eq!(
                Glob::new(pattern).matches(text),
                matches,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn templates_match_the_rooms_they_make() {
        assert_eq!(Glob::of_template("user:{sub}"), Glob::new("user:*"));
        assert_eq!(Glob::of_template("{a}-{b}"), Glob::new("*-*"));
        assert_eq!(Glob::of_template("ALL"), Glob::new("ALL"));
    }
}
