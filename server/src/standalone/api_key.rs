use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::Secret;

/// The key of the HTTP API, to compare with what callers present.
///
/// The comparison is of digests and takes the same time wherever the two differ, so an attacker
/// who measures it learns neither the key nor its length.
#[derive(Clone)]
pub struct ApiKey([u8; 32]);

impl ApiKey {
    /// Takes the key from the settings.
    #[must_use]
    pub fn new(key: &Secret) -> Self {
        Self(digest(key.expose()))
    }

    /// Reports whether `presented` is the key.
    #[must_use]
    pub fn matches(&self, presented: &str) -> bool {
        self.0.ct_eq(&digest(presented)).into()
    }

    /// Reports whether the value of an `Authorization` header is `Bearer` and the key.
    #[must_use]
    pub fn authorizes(&self, authorization: &str) -> bool {
        match authorization.split_once(' ') {
            // RFC 9110 §11.1: the scheme's case does not matter.
            Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => {
                self.matches(key.trim_start_matches(' '))
            }
            _ => false,
        }
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey([redacted])")
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ApiKey {
        ApiKey::new(&Secret::new("correct-horse"))
    }

    #[test]
    fn only_the_key_itself_matches() {
        assert!(key().matches("correct-horse"));
        for wrong in [
            "",
            "correct-hors",
            "correct-horse ",
            "correct-hors\u{e9}",
            "Correct-horse",
        ] {
            assert!(!key().matches(wrong), "{wrong}");
        }
    }

    #[test]
    fn only_a_bearer_of_the_key_is_authorized() {
        for header in [
            "Bearer correct-horse",
            "bearer correct-horse",
            "Bearer  correct-horse",
        ] {
            assert!(key().authorizes(header), "{header}");
        }
        for header in [
            "",
            "Bearer",
            "Bearer ",
            "correct-horse",
            "Basic correct-horse",
            "Bearer correct-horse, Bearer x",
        ] {
            assert!(!key().authorizes(header), "{header}");
        }
    }

    #[test]
    fn the_key_is_not_shown() {
        assert_eq!(format!("{:?}", key()), "ApiKey([redacted])");
    }
}
