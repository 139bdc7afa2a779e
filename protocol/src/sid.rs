use std::{borrow::Cow, fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An opaque identifier of a session, a socket or a recovery key.
///
/// Twenty characters of URL-safe base64: the same alphabet and length as the reference
/// server's, but all 120 bits come from the random bytes that the caller supplies (the
/// reference ends its identifiers with a counter). A session's identifier is a secret, as
/// it lets its bearer poll the session; a socket's is not, so the two must never be equal.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Sid([u8; Self::LEN]);

impl Sid {
    /// The number of characters of every identifier.
    pub const LEN: usize = 20;

    /// The number of random bytes that an identifier is made of.
    pub const RANDOM_LEN: usize = 15;

    /// Creates an identifier from bytes which the caller promises to be unpredictable.
    #[must_use]
    pub fn from_random(random: [u8; Self::RANDOM_LEN]) -> Self {
        let mut text = [b'A'; Self::LEN];
        // Fifteen bytes are exactly twenty characters, so this can't fail.
        let _ = URL_SAFE_NO_PAD.encode_slice(random, &mut text);
        Self(text)
    }

    /// Returns the identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ASCII is ever stored.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl AsRef<str> for Sid {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

/// As text.
impl Serialize for Sid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// From text that is an identifier.
impl<'de> Deserialize<'de> for Sid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sid({})", self.as_str())
    }
}

impl FromStr for Sid {
    type Err = InvalidSid;

    /// Accepts exactly twenty characters of `A-Z a-z 0-9 - _`.
    fn from_str(text: &str) -> Result<Self, InvalidSid> {
        let bytes: [u8; Self::LEN] = text.as_bytes().try_into().map_err(|_| InvalidSid)?;
        let valid = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if bytes.iter().all(valid) {
            Ok(Self(bytes))
        } else {
            Err(InvalidSid)
        }
    }
}

/// The text is not an identifier; the peer's mistake.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a session identifier")]
pub struct InvalidSid;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_bytes_become_url_safe_text_and_back() {
        let sid = Sid::from_random([0xff; 15]);

        assert_eq!(sid.to_string(), "____________________");
        assert_eq!(sid.as_str().parse(), Ok(sid));
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            "short",
            "__proto__",
            "twenty-characters-é",
            "+___________________",
        ] {
            assert_eq!(text.parse::<Sid>(), Err(InvalidSid), "{text}");
        }
    }
}
