use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::Value;
use sockeye::standalone::{JwtError, JwtVerifier, Secret, settings::JwtSettings};

use crate::{
    memory::{FACTOR, bounded},
    script::Script,
};

/// Checks that a token is good only when the secret's owner has signed a plain header and claims
/// that are in time.
///
/// The bytes are a token, which nobody has signed; and they are a header and claims, which are
/// signed.
pub fn jwt(data: &[u8]) {
    let token = String::from_utf8_lossy(data);
    let verified = bounded(token.len(), FACTOR, || VERIFIER.verify(&token, NOW));
    assert!(verified.is_err(), "{token} is good");

    let mut script = Script::new(data);
    let (header, claims) = (script.chunk(), script.rest());
    let header = if header.is_empty() { PLAIN } else { header };
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let signature = crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("a signature");
    let token = format!("{message}.{signature}");

    let verified = bounded(token.len(), CLAIMS_FACTOR, || VERIFIER.verify(&token, NOW));
    if let Ok(verified) = verified {
        let header: Value = serde_json::from_slice(header).expect("its header is JSON");
        let claims: Value = serde_json::from_slice(claims).expect("its claims are JSON");
        assert_eq!(header["alg"], "HS256");
        assert_eq!(claims["iss"], ISSUER);
        let expires_at = claims["exp"].as_u64().expect("it expires");
        assert!(expires_at > NOW && verified.expires_at == expires_at);
        assert!(claims.get("nbf").is_none_or(|at| at.as_u64() <= Some(NOW)));
        assert_eq!(
            claims.get("sub").and_then(Value::as_str),
            verified.subject.as_deref()
        );
        assert_eq!(Value::from(verified.all), claims);
    } else {
        assert_ne!(verified, Err(JwtError::Signature), "it is signed");
    }

    let forged = VERIFIER.verify(&format!("{message}.{}", forge(&signature)), NOW);
    assert!(forged.is_err(), "{message} is good without its signature");
}

/// Changes the first character.
fn forge(signature: &str) -> String {
    let first = if signature.starts_with('A') { "B" } else { "A" };
    format!("{first}{}", &signature[1..])
}

static VERIFIER: LazyLock<JwtVerifier> = LazyLock::new(|| {
    let mut settings = JwtSettings::new(Secret::new(SECRET));
    settings.issuer = Some(ISSUER.to_owned());
    JwtVerifier::new(&settings).expect("a strong secret")
});
const SECRET: &str = "0123456789abcdef0123456789abcdef";
const ISSUER: &str = "fuzz";
const NOW: u64 = 1_700_000_000;
const PLAIN: &[u8] = br#"{"alg":"HS256"}"#;
/// Claims become a tree, of which only the owner of the secret decides.
const CLAIMS_FACTOR: u64 = 64;
