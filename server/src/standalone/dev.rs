use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, json};

use super::{JwtError, Secret, Settings, commands::sign_for, settings::JwtSettings};

/// What development mode makes up for one run, and shows.
#[derive(Debug)]
pub struct DevMode {
    token: Secret,
    api_key: Secret,
    made_up_secret: bool,
    made_up_key: bool,
}

/// Development mode cannot begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevModeError {
    /// The system gives no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
    /// The token cannot be signed.
    #[error(transparent)]
    Token(#[from] JwtError),
}

impl DevMode {
    /// Makes up the secret and the API key that `settings` lack, and a token at `now_unix`, in
    /// seconds since 1970.
    ///
    /// The token is good for 24 hours, its `sub` is `dev` and its `role` is `admin`.
    ///
    /// # Errors
    ///
    /// [`DevModeError`].
    pub fn prepare(settings: &mut Settings, now_unix: u64) -> Result<Self, DevModeError> {
        let made_up_secret = settings.auth.jwt.is_none();
        let made_up_key = settings.api.key.is_none();
        let jwt = match &mut settings.auth.jwt {
            Some(jwt) => jwt,
            none => none.insert(JwtSettings::new(random_text()?)),
        };
        let api_key = match &mut settings.api.key {
            Some(key) => key,
            none => none.insert(random_text()?),
        };
        Ok(Self {
            token: Secret::new(token(jwt, now_unix)?),
            api_key: api_key.clone(),
            made_up_secret,
            made_up_key,
        })
    }

    /// Returns a token to authenticate with.
    #[must_use]
    pub fn token(&self) -> &str {
        self.token.expose()
    }

    /// Returns the key of the HTTP API.
    #[must_use]
    pub fn api_key(&self) -> &str {
        self.api_key.expose()
    }

    /// Returns the text that a start in development mode shows, a token and a `curl` line in it.
    ///
    /// The two addresses are those of the listeners, such as `http://127.0.0.1:3000`. What the
    /// settings gave, and was not made up, is not in the text, so that no log gets to hold it.
    #[must_use]
    pub fn banner(&self, public_url: &str, internal_url: &str) -> String {
        let mut text = format!(
            "Development mode, not for production: anyone who opens the page gets a token.\n\n\
             Demo page:\n  {public_url}/\n\n"
        );
        // Writing to a `String` cannot fail.
        let _ = if self.made_up_secret {
            writeln!(
                text,
                "A token for this run (sub \"dev\", role \"admin\", 24 hours):\n  {}\n",
                self.token()
            )
        } else {
            writeln!(
                text,
                "A token: sockeye token --sub dev --claim role=admin, with your settings\n"
            )
        };
        let key = if self.made_up_key {
            self.api_key()
        } else {
            "YOUR_API_KEY"
        };
        let _ = writeln!(
            text,
            "A notification for everyone who has authenticated:\n  \
             curl -sS -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \
             -d '{NOTIFICATION}' {internal_url}/api/emit"
        );
        text
    }
}

fn token(jwt: &JwtSettings, now_unix: u64) -> Result<String, JwtError> {
    let mut claims = Map::new();
    claims.insert("sub".to_owned(), json!("dev"));
    claims.insert("role".to_owned(), json!("admin"));
    sign_for(jwt, claims, now_unix, TTL)
}

/// Returns 256 random bits as URL-safe text.
fn random_text() -> Result<Secret, DevModeError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(DevModeError::Random)?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

const TTL: u64 = 24 * 60 * 60;

const NOTIFICATION: &str = r#"{"event":"new-notification","args":[{"text":"Hello from curl"}]}"#;

#[cfg(test)]
mod tests {
    use super::{
        super::{ApiKey, JwtVerifier},
        *,
    };

    const NOW: u64 = 1_800_000_000;

    #[test]
    fn what_is_made_up_works() {
        let mut settings = Settings::default();

        let dev = DevMode::prepare(&mut settings, NOW).unwrap();

        let verifier = JwtVerifier::new(settings.auth.jwt.as_ref().unwrap()).unwrap();
        let claims = verifier.verify(dev.token(), NOW).unwrap();
        assert_eq!(claims.subject.as_deref(), Some("dev"));
        assert_eq!(claims.all["role"], "admin");
        assert_eq!(claims.expires_at, NOW + 86_400);
        assert!(ApiKey::new(settings.api.key.as_ref().unwrap()).matches(dev.api_key()));
    }

    #[test]
    fn what_is_made_up_is_not_in_the_debug_output() {
        let mut settings = Settings::default();

        let dev = DevMode::prepare(&mut settings, NOW).unwrap();

        let shown = format!("{dev:?} {settings:?}");
        assert!(!shown.contains(dev.token()) && !shown.contains(dev.api_key()));
    }

    #[test]
    fn each_run_has_its_own() {
        let prepare = || DevMode::prepare(&mut Settings::default(), NOW).unwrap();

        let (one, two) = (prepare(), prepare());

        assert_ne!(one.token(), two.token());
        assert_ne!(one.api_key(), two.api_key());
    }

    #[test]
    fn banner_shows_the_token_and_a_curl_line() {
        let dev = DevMode::prepare(&mut Settings::default(), NOW).unwrap();

        let banner = dev.banner("http://127.0.0.1:3000", "http://127.0.0.1:3001");

        assert!(banner.lines().any(|line| line.trim() == dev.token()));
        let curl = banner
            .lines()
            .find(|line| line.trim().starts_with("curl "))
            .unwrap();
        assert!(curl.contains(&format!("'Authorization: Bearer {}'", dev.api_key())));
        assert!(curl.ends_with("http://127.0.0.1:3001/api/emit"));
        assert!(banner.contains("http://127.0.0.1:3000/\n"));
    }

    #[test]
    fn banner_keeps_what_was_configured() {
        let mut settings = Settings::default();
        let secret = "configured-secret-of-enough-bytes";
        settings.auth.jwt = Some(JwtSettings::new(Secret::new(secret)));
        settings.api.key = Some(Secret::new("configured-key"));

        let dev = DevMode::prepare(&mut settings, NOW).unwrap();

        let banner = dev.banner("http://a", "http://b");
        assert_eq!(dev.api_key(), "configured-key");
        assert!(!banner.contains("configured-") && !banner.contains(dev.token()));
        assert!(!format!("{dev:?} {settings:?}").contains("configured-"));
    }
}
