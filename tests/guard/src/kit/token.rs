use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

/// A JSON Web Token, of which every part can be wrong.
#[derive(Clone, Debug)]
pub struct Token {
    header: Vec<u8>,
    claims: Vec<u8>,
    secret: Vec<u8>,
}

impl Token {
    /// A good token of `sub`, for an hour.
    #[must_use]
    pub fn of(sub: &str) -> Self {
        Self::with_claims(&json!({ "sub": sub, "exp": Self::now() + 3600 }))
    }

    /// A token that is signed rightly and claims this.
    #[must_use]
    pub fn with_claims(claims: &Value) -> Self {
        Self::with_claims_text(claims.to_string())
    }

    /// A token that is signed rightly and claims this, which need not be JSON.
    #[must_use]
    pub fn with_claims_text(claims: impl Into<Vec<u8>>) -> Self {
        Self {
            header: br#"{"alg":"HS256","typ":"JWT"}"#.to_vec(),
            claims: claims.into(),
            secret: Self::SECRET.into(),
        }
    }

    /// Replaces the header, before it is signed.
    #[must_use]
    pub fn header(mut self, header: impl Into<Vec<u8>>) -> Self {
        self.header = header.into();
        self
    }

    /// Signs with another secret.
    #[must_use]
    pub fn secret(mut self, secret: impl Into<Vec<u8>>) -> Self {
        self.secret = secret.into();
        self
    }

    /// Returns the token.
    #[must_use]
    pub fn sign(&self) -> String {
        let message = self.message();
        // HMAC takes keys of any length.
        let signature = Hmac::<Sha256>::new_from_slice(&self.secret)
            .map(|mac| mac.chain_update(&message).finalize().into_bytes())
            .unwrap_or_default();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Returns the token with a signature that is this.
    #[must_use]
    pub fn signed_as(&self, signature: &[u8]) -> String {
        format!("{}.{}", self.message(), URL_SAFE_NO_PAD.encode(signature))
    }

    /// Returns the two parts that are signed.
    #[must_use]
    pub fn message(&self) -> String {
        let [header, claims] =
            [&self.header, &self.claims].map(|part| URL_SAFE_NO_PAD.encode(part));
        format!("{header}.{claims}")
    }

    /// Returns the seconds since 1970.
    #[must_use]
    pub fn now() -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(0, |now| now.as_secs())
    }

    /// The secret of every server here.
    pub const SECRET: &str = "the-guard's-secret-of-more-than-32-bytes";
}
