use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, crypto, encode};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::{Map, Value};

use super::settings::JwtSettings;

/// Verifies tokens: JSON Web Tokens (RFC 7519) signed with HS256.
///
/// The algorithm is the key's and never the token's choice, nothing in a token's header is looked
/// up or fetched, and a registered claim of the wrong type is a refusal, not an absent claim.
#[derive(Clone)]
pub struct JwtVerifier {
    key: DecodingKey,
    issuer: Option<String>,
    audience: Option<String>,
    leeway: u64,
}

/// What a good token says.
#[derive(Clone, PartialEq)]
pub struct Claims {
    /// Whom it was issued for, the claim `sub`; never empty.
    pub subject: Option<String>,
    /// From when on it is not accepted, in seconds since 1970: the claim `exp` and the leeway.
    pub expires_at: u64,
    /// Every claim, those above too.
    pub all: Map<String, Value>,
}

/// A token is refused; for the log and never for the client, whom it would help to guess.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JwtError {
    /// It is not three parts of base64 with JSON objects, or too long, or names something twice.
    #[error("the token is malformed")]
    Malformed,
    /// Its header asks for something other than HS256, or for an extension.
    #[error("the token's header `{0}` is not acceptable")]
    Header(&'static str),
    /// It is not signed with the secret.
    #[error("the token's signature is wrong")]
    Signature,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// A claim is missing, has the wrong type or is not the one asked for.
    #[error("the token's claim `{0}` is missing or wrong")]
    Claim(&'static str),
    /// The settings' secret has fewer than [`JwtSettings::MIN_SECRET`] bytes.
    #[error("the secret is too short")]
    WeakSecret,
    /// The claims could not be signed.
    #[error("the token cannot be signed")]
    Signing,
}

impl JwtVerifier {
    /// Creates a verifier of tokens signed with the settings' secret.
    ///
    /// # Errors
    ///
    /// [`JwtError::WeakSecret`].
    pub fn new(settings: &JwtSettings) -> Result<Self, JwtError> {
        Ok(Self {
            key: DecodingKey::from_secret(strong_secret(settings)?),
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            leeway: settings.leeway.as_secs(),
        })
    }

    /// Verifies `token` at `now_unix`, in seconds since 1970.
    ///
    /// The claim `exp` is required. `iat` may be in the future; `iss` and `aud` may be anything
    /// unless the settings ask for them. Times are whole numbers, not below 0.
    ///
    /// # Errors
    ///
    /// [`JwtError`], of which a client learns no more than that there was one.
    pub fn verify(&self, token: &str, now_unix: u64) -> Result<Claims, JwtError> {
        let all = self.signed_claims(token)?;
        let exp = time(&all, "exp")?.ok_or(JwtError::Claim("exp"))?;
        let nbf = time(&all, "nbf")?;
        time(&all, "iat")?;
        text(&all, "jti")?;
        let subject = text(&all, "sub")?.map(str::to_owned);
        if subject.as_ref().is_some_and(String::is_empty) {
            return Err(JwtError::Claim("sub"));
        }
        let issuer = text(&all, "iss")?;
        if self.issuer.is_some() && self.issuer.as_deref() != issuer {
            return Err(JwtError::Claim("iss"));
        }
        self.check_audience(&all)?;
        let expires_at = exp.saturating_add(self.leeway);
        if now_unix >= expires_at {
            return Err(JwtError::Expired);
        }
        if nbf.is_some_and(|nbf| nbf > now_unix.saturating_add(self.leeway)) {
            return Err(JwtError::NotYetValid);
        }
        Ok(Claims {
            subject,
            expires_at,
            all,
        })
    }

    /// Returns the claims, which the secret's owner signed; of what they say nothing is checked.
    fn signed_claims(&self, token: &str) -> Result<Map<String, Value>, JwtError> {
        let (message, signature) = token.rsplit_once('.').ok_or(JwtError::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(JwtError::Malformed)?;
        if token.len() > MAX_TOKEN || payload.contains('.') {
            return Err(JwtError::Malformed);
        }
        check_header(&object(header)?)?;
        match crypto::verify(signature, message.as_bytes(), &self.key, Algorithm::HS256) {
            Ok(true) => object(payload),
            Ok(false) => Err(JwtError::Signature),
            Err(_) => Err(JwtError::Malformed),
        }
    }

    fn check_audience(&self, all: &Map<String, Value>) -> Result<(), JwtError> {
        let wrong = JwtError::Claim("aud");
        let audiences = match all.get("aud") {
            None => &[],
            Some(Value::Array(audiences)) => audiences.as_slice(),
            Some(audience) => std::slice::from_ref(audience),
        };
        if !audiences.iter().all(Value::is_string) {
            return Err(wrong);
        }
        match &self.audience {
            Some(wanted) if !audiences.iter().any(|audience| audience == wanted) => Err(wrong),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for JwtVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtVerifier")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .field("leeway", &self.leeway)
            .finish_non_exhaustive()
    }
}

/// Claims may be personal, so only the subject is shown.
impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("subject", &self.subject)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Signs `claims` as they are with the settings' secret.
///
/// # Errors
///
/// [`JwtError::WeakSecret`] and [`JwtError::Signing`].
pub fn sign(settings: &JwtSettings, claims: &Map<String, Value>) -> Result<String, JwtError> {
    let key = EncodingKey::from_secret(strong_secret(settings)?);
    encode(&Header::new(Algorithm::HS256), claims, &key).map_err(|_| JwtError::Signing)
}

fn strong_secret(settings: &JwtSettings) -> Result<&[u8], JwtError> {
    let secret = settings.secret.expose().as_bytes();
    if secret.len() < JwtSettings::MIN_SECRET {
        return Err(JwtError::WeakSecret);
    }
    Ok(secret)
}

/// Decodes a header or a payload.
fn object(part: &str) -> Result<Map<String, Value>, JwtError> {
    let json = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| JwtError::Malformed)?;
    let UniqueObject(members) = serde_json::from_slice(&json).map_err(|_| JwtError::Malformed)?;
    Ok(members)
}

fn check_header(header: &Map<String, Value>) -> Result<(), JwtError> {
    if header.get("alg").and_then(Value::as_str) != Some("HS256") {
        return Err(JwtError::Header("alg"));
    }
    match EXTENSIONS
        .into_iter()
        .find(|name| header.contains_key(*name))
    {
        Some(name) => Err(JwtError::Header(name)),
        None => Ok(()),
    }
}

fn time(all: &Map<String, Value>, name: &'static str) -> Result<Option<u64>, JwtError> {
    match all.get(name) {
        None => Ok(None),
        Some(value) => value.as_u64().map(Some).ok_or(JwtError::Claim(name)),
    }
}

fn text<'a>(all: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, JwtError> {
    match all.get(name) {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or(JwtError::Claim(name)),
    }
}

/// A JSON object without a key that is there twice, of which two readers could take different ones.
struct UniqueObject(Map<String, Value>);

impl<'de> Deserialize<'de> for UniqueObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = UniqueObject;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<UniqueObject, A::Error> {
                let mut members = Map::new();
                while let Some((key, value)) = access.next_entry()? {
                    if members.insert(key, value).is_some() {
                        return Err(A::Error::custom("a key is there twice"));
                    }
                }
                Ok(UniqueObject(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// The longest token, in bytes; it fits in a header.
const MAX_TOKEN: usize = 8 * 1024;

/// Headers that change how a token is to be read: RFC 7515 §4.1.11, RFC 7797 §3 and RFC 7516 §4.1.
const EXTENSIONS: [&str; 4] = ["crit", "b64", "enc", "zip"];

#[cfg(test)]
mod tests;
