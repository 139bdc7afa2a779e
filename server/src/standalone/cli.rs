use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, Parser, Subcommand};
use serde_json::Value;

/// The command line of `sockeye`.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "sockeye",
    version,
    about = "A Socket.IO server that your backend talks to over HTTP.",
    after_help = "Started without any settings, `sockeye serve` makes up a secret and an API key, \
                  prints a token and a curl line to try, and serves a demo page.",
    arg_required_else_help = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `sockeye` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Serves clients until it is told to stop.
    ///
    /// Prints one line to the standard output when it is ready, and its log to the standard error.
    /// Ends cleanly at SIGTERM, SIGHUP, SIGQUIT and ctrl-C.
    #[command(after_help = SETTINGS_HELP)]
    Serve(ServeArgs),
    /// Checks the settings and prints OK, or what is wrong with them.
    #[command(after_help = SETTINGS_HELP)]
    Check(CheckArgs),
    /// Prints a token that the configured secret signs, to try things out by hand.
    ///
    /// The issuer and audience that the settings ask for are put in.
    #[command(after_help = SETTINGS_HELP)]
    Token(TokenArgs),
}

/// The flags of `sockeye serve`.
#[derive(Args, Clone, Debug, Default)]
pub struct ServeArgs {
    /// The settings, a TOML file [env: SOCKEYE_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where clients connect; port 0 takes a free one [env: SOCKEYE_LISTEN] [default: 127.0.0.1:3000]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Where backends connect; keep it off the internet [env: SOCKEYE_INTERNAL_LISTEN] [default: 127.0.0.1:3001]
    #[arg(long, value_name = "ADDR")]
    pub internal_listen: Option<SocketAddr>,
}

/// The flags of `sockeye check`.
#[derive(Args, Clone, Debug, Default)]
pub struct CheckArgs {
    /// The settings, a TOML file [env: SOCKEYE_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The flags of `sockeye token`.
#[derive(Args, Clone, Debug)]
pub struct TokenArgs {
    /// The settings, a TOML file [env: SOCKEYE_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Whose token it is: the claim `sub`
    #[arg(long, value_name = "NAME")]
    pub sub: String,
    /// A further claim, may be repeated; the value is JSON, or else a text: role=admin, level=3, 'role=["a","b"]'
    #[arg(long = "claim", value_name = "KEY=VALUE", value_parser = parse_claim)]
    pub claims: Vec<(String, Value)>,
    /// How long the token is good
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = humantime::parse_duration)]
    pub ttl: Duration,
}

impl Cli {
    /// Returns the configuration file that `--config` names.
    #[must_use]
    pub fn config(&self) -> Option<&Path> {
        match &self.command {
            Command::Serve(args) => args.config.as_deref(),
            Command::Check(args) => args.config.as_deref(),
            Command::Token(args) => args.config.as_deref(),
        }
    }

    /// Returns the address that `--listen` names.
    #[must_use]
    pub fn listen(&self) -> Option<SocketAddr> {
        match &self.command {
            Command::Serve(args) => args.listen,
            Command::Check(_) | Command::Token(_) => None,
        }
    }

    /// Returns the address that `--internal-listen` names.
    #[must_use]
    pub fn internal_listen(&self) -> Option<SocketAddr> {
        match &self.command {
            Command::Serve(args) => args.internal_listen,
            Command::Check(_) | Command::Token(_) => None,
        }
    }
}

/// Returns the process's environment variables, for [`Settings::load`](crate::standalone::Settings::load).
///
/// Unlike [`std::env::vars`] it does not panic where a variable is not Unicode: what cannot be read
/// is replaced, which fails later with the variable's name if it matters at all.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().map(|(name, value)| {
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        (text(name), text(value))
    })
}

fn parse_claim(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    if key.is_empty() {
        return Err("the claim has no name".to_owned());
    }
    if let Some((_, flag)) = FLAGGED.iter().find(|(claim, _)| *claim == key) {
        return Err(format!("`{key}` is what {flag} is for"));
    }
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((key.to_owned(), value))
}

const FLAGGED: [(&str, &str); 3] = [("sub", "--sub"), ("exp", "--ttl"), ("iat", "the clock")];

const SETTINGS_HELP: &str = "\
Every key of the file has an environment variable, which wins over the file: SOCKEYE_AUTH__JWT__SECRET is \
`secret` in the table [auth.jwt]. Lists and tables are JSON. Flags win over both.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use serde_json::json;

    use super::*;

    fn parse(arguments: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("sockeye").chain(arguments.split_whitespace()))
    }

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serve_takes_its_flags() {
        let cli =
            parse("serve --config a.toml --listen 127.0.0.1:1 --internal-listen [::1]:2").unwrap();

        assert_eq!(cli.config(), Some(Path::new("a.toml")));
        assert_eq!(cli.listen(), Some("127.0.0.1:1".parse().unwrap()));
        assert_eq!(cli.internal_listen(), Some("[::1]:2".parse().unwrap()));
    }

    #[test]
    fn token_takes_claims_of_every_type() {
        let cli = parse("token --sub a --claim role=admin --claim level=3 --claim r=[\"x\"] --claim e= --ttl 90s").unwrap();

        let Command::Token(args) = cli.command else {
            panic!("the command is `token`");
        };
        let claim = |key: &str, value: Value| (key.to_owned(), value);
        assert_eq!(
            args.claims,
            [
                claim("role", json!("admin")),
                claim("level", json!(3)),
                claim("r", json!(["x"])),
                claim("e", json!(""))
            ]
        );
        assert_eq!(args.ttl, Duration::from_secs(90));
    }

    #[test]
    fn wrong_command_lines_exit_with_2_and_name_what_is_wrong() {
        for (arguments, named) in [
            ("serve --prot 1", "--prot"),
            ("swim", "swim"),
            ("serve --listen nowhere", "nowhere"),
            ("serve --listen localhost:3000", "--listen"),
            ("token", "--sub"),
            ("token --sub a --claim role", "KEY=VALUE"),
            ("token --sub a --claim =1", "no name"),
            ("token --sub a --claim sub=b", "--sub"),
            ("token --sub a --claim exp=1", "--ttl"),
            ("token --sub a --ttl soon", "--ttl"),
        ] {
            let error = parse(arguments).unwrap_err();

            assert_eq!(error.exit_code(), 2, "{arguments}");
            assert!(error.to_string().contains(named), "{arguments}: {error}");
        }
    }

    #[test]
    fn help_names_the_flags_and_variables() {
        for arguments in ["serve --help", "serve -h"] {
            let help = parse(arguments).unwrap_err();

            assert_eq!(help.exit_code(), 0);
            for name in [
                "serve",
                "--config",
                "--listen",
                "--internal-listen",
                "SOCKEYE_CONFIG",
                "SOCKEYE_AUTH__JWT__SECRET",
            ] {
                assert!(help.to_string().contains(name), "{name}");
            }
        }
    }
}
