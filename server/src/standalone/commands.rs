//! The small commands `check` and `token`, which need no server.

use serde_json::{Map, Value};

use super::{
    Cli, JwtError, Settings, SettingsError, TokenArgs,
    jwt::sign,
    settings::{JwtSettings, Loaded},
};

/// A command cannot do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// There is no secret to sign a token with.
    #[error(
        "auth.jwt.secret: is missing; without settings `sockeye serve` makes one up for each run \
         and prints a token"
    )]
    NoSecret,
    /// The token cannot be signed.
    #[error(transparent)]
    Token(#[from] JwtError),
}

/// Checks the settings and returns what to print: OK, and a line for each warning.
///
/// # Errors
///
/// [`CommandError::Settings`].
pub fn check(
    cli: &Cli,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<String, CommandError> {
    let Loaded { dev, warnings, .. } = Settings::load(cli, environment)?;
    let mode = if dev { " (development mode)" } else { "" };
    let mut lines = vec![format!("OK{mode}")];
    lines.extend(
        warnings
            .into_iter()
            .map(|warning| format!("warning: {warning}")),
    );
    Ok(lines.join("\n"))
}

/// Returns a token as `args` describe it, made at `now_unix`, in seconds since 1970.
///
/// # Errors
///
/// [`CommandError`].
pub fn token(
    cli: &Cli,
    args: &TokenArgs,
    environment: impl Iterator<Item = (String, String)>,
    now_unix: u64,
) -> Result<String, CommandError> {
    let jwt = Settings::load(cli, environment)?
        .settings
        .auth
        .jwt
        .ok_or(CommandError::NoSecret)?;
    let mut claims: Map<String, Value> = args.claims.iter().cloned().collect();
    claims.insert("sub".to_owned(), args.sub.clone().into());
    Ok(sign_for(&jwt, claims, now_unix, args.ttl.as_secs())?)
}

/// Signs `claims` for `ttl` seconds from `now_unix`, with the issuer and audience that `jwt` asks for.
pub(super) fn sign_for(
    jwt: &JwtSettings,
    mut claims: Map<String, Value>,
    now_unix: u64,
    ttl: u64,
) -> Result<String, JwtError> {
    for (claim, value) in [("iss", &jwt.issuer), ("aud", &jwt.audience)] {
        if let Some(value) = value {
            claims.entry(claim).or_insert_with(|| value.clone().into());
        }
    }
    claims.insert("iat".to_owned(), now_unix.into());
    claims.insert("exp".to_owned(), now_unix.saturating_add(ttl).into());
    sign(jwt, &claims)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::{
        super::{Command, JwtVerifier, Secret},
        *,
    };

    const NOW: u64 = 1_800_000_000;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn cli(arguments: &str) -> Cli {
        Cli::try_parse_from(std::iter::once("sockeye").chain(arguments.split(' '))).unwrap()
    }

    fn environment(variables: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        variables.iter().map(owned).collect::<Vec<_>>().into_iter()
    }

    fn token_of(arguments: &str, variables: &[(&str, &str)]) -> Result<String, CommandError> {
        let cli = cli(arguments);
        let Command::Token(args) = &cli.command else {
            panic!("{arguments} is `token`");
        };
        token(&cli, args, environment(variables), NOW)
    }

    #[test]
    fn check_says_ok_or_what_is_wrong() {
        let secret = ("SOCKEYE_AUTH__JWT__SECRET", SECRET);
        let run = |variables: &[(&str, &str)]| check(&cli("check"), environment(variables));

        assert_eq!(run(&[secret]).unwrap(), "OK");
        assert_eq!(run(&[]).unwrap(), "OK (development mode)");
        assert!(
            run(&[
                secret,
                ("SOCKEYE_DEV", "true"),
                ("SOCKEYE_LISTEN", "0.0.0.0:0")
            ])
            .unwrap()
            .contains("\nwarning: ")
        );
        assert!(
            run(&[("SOCKEYE_X", "1")])
                .unwrap_err()
                .to_string()
                .contains("SOCKEYE_X")
        );
    }

    #[test]
    fn token_passes_the_verifier_of_the_same_settings() {
        let variables = [
            ("SOCKEYE_AUTH__JWT__SECRET", SECRET),
            ("SOCKEYE_AUTH__JWT__ISSUER", "me"),
            ("SOCKEYE_AUTH__JWT__AUDIENCE", "you"),
        ];
        let mut settings = JwtSettings::new(Secret::new(SECRET));
        settings.issuer = Some("me".to_owned());
        settings.audience = Some("you".to_owned());

        let token = token_of("token --sub 42 --claim role=admin --ttl 1m", &variables).unwrap();

        let claims = JwtVerifier::new(&settings)
            .unwrap()
            .verify(&token, NOW)
            .unwrap();
        assert_eq!(claims.subject.as_deref(), Some("42"));
        assert_eq!(claims.expires_at, NOW + 60);
        assert_eq!(claims.all["role"], "admin");
    }

    #[test]
    fn token_needs_a_secret() {
        let error = token_of("token --sub 42", &[]).unwrap_err();

        assert!(error.to_string().starts_with("auth.jwt.secret: is missing"));
    }
}
