use std::path::Path;

use super::{
    Settings, SettingsError, Source,
    decode::decode,
    file,
    problems::Problems,
    tree::{Node, Value},
    variables::Variables,
};
use crate::standalone::Cli;

/// Settings that are ready for use.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// The settings, validated.
    pub settings: Settings,
    /// Whether this is development mode, which [`DevMode`](crate::standalone::DevMode) completes.
    ///
    /// It is on when `dev` says so, and when there is no file and no variable beside `SOCKEYE_LISTEN`,
    /// `SOCKEYE_INTERNAL_LISTEN` and `SOCKEYE_LOG`. `auth.rooms`, `client.join` and `client.relay` then
    /// have defaults that the demo page needs.
    pub dev: bool,
    /// Things that work but that an operator should know, each a sentence.
    pub warnings: Vec<String>,
}

impl Settings {
    /// Merges the file, the environment and the flags, and validates the outcome.
    ///
    /// Only `environment` is looked at, never the process's own; see
    /// [`environment`](crate::standalone::environment).
    ///
    /// # Errors
    ///
    /// [`SettingsError`], which names the key and its place.
    pub fn load(
        cli: &Cli,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Loaded, SettingsError> {
        let variables = Variables::new(environment)?;
        let config = match (cli.config(), &variables.config) {
            (Some(path), _) => Some(path),
            (None, Some(path)) => Some(Path::new(path)),
            (None, None) => None,
        };
        let mut tree = match config {
            Some(path) => file::read(path)?,
            None => Node::table(Source::Development),
        };
        let warning = config.and_then(|path| exposed(path, &tree));
        let unconfigured = config.is_none() && !variables.any_but(&NO_CONFIGURATION);
        variables.insert_into(&mut tree)?;
        for (key, flag, address) in [
            ("listen", "--listen", cli.listen()),
            (
                "internal_listen",
                "--internal-listen",
                cli.internal_listen(),
            ),
        ] {
            if let Some(address) = address {
                let text = Value::Text(address.to_string());
                tree.insert(&[key], Node::new(Source::Flag(flag), text))?;
            }
        }
        let mut loaded = Self::complete(tree, unconfigured)?;
        loaded.warnings.splice(0..0, warning);
        Ok(loaded)
    }

    /// Merges the text of a file and the environment, and validates the outcome.
    ///
    /// `SOCKEYE_CONFIG` is not looked at.
    ///
    /// # Errors
    ///
    /// [`SettingsError`], which names the key and its place; the file is called `name`.
    pub fn parse(
        name: &str,
        file: &str,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Loaded, SettingsError> {
        let mut tree = file::parse(name, file)?;
        Variables::new(environment)?.insert_into(&mut tree)?;
        Self::complete(tree, false)
    }

    fn complete(mut tree: Node, unconfigured: bool) -> Result<Loaded, SettingsError> {
        let dev = match tree.get(&["dev"]) {
            Some(dev) => decode(&["dev"], dev)?,
            None => unconfigured,
        };
        if dev {
            insert_development_defaults(&mut tree)?;
        }
        let mut loaded = Loaded {
            settings: decode(&[], &tree)?,
            dev,
            warnings: Vec::new(),
        };
        loaded.settings.validate_in(&tree)?;
        loaded.warn_of_exposed_page();
        loaded.warnings.extend(loaded.settings.doubts());
        Ok(loaded)
    }

    fn validate_in(&self, tree: &Node) -> Result<(), SettingsError> {
        let mut problems = Problems::default();
        self.validate(&mut problems);
        problems.into_result(tree)
    }
}

impl Loaded {
    fn warn_of_exposed_page(&mut self) {
        let listen = self.settings.listen;
        if self.dev && !listen.ip().is_loopback() {
            self.warnings.push(format!(
                "development mode on {listen} shows a token and the API key to everyone who can reach it"
            ));
        }
    }
}

fn insert_development_defaults(tree: &mut Node) -> Result<(), SettingsError> {
    let text = |text: &str| Node::new(Source::Development, Value::Text(text.to_owned()));
    let list = |texts: &[&str]| {
        let items = texts.iter().map(|item| text(item)).collect();
        Node::new(Source::Development, Value::List(items))
    };
    tree.insert(&["dev"], Node::new(Source::Development, Value::Bool(true)))?;
    tree.insert_default(
        &["auth", "rooms"],
        list(&["user:{sub}", "role:{role}", "ALL"]),
    )?;
    tree.insert_default(&["client", "join"], list(&["*"]))?;
    tree.insert_default(&["client", "relay"], list(&["chat"]))
}

/// Warns of a file that holds a secret and that everybody on the machine may read.
fn exposed(path: &Path, file: &Node) -> Option<String> {
    let has_secret = SECRETS.iter().any(|secret| file.get(secret).is_some());
    (has_secret && is_world_readable(path)).then(|| {
        format!(
            "{} holds a secret and everybody on this machine may read it",
            path.display()
        )
    })
}

#[cfg(unix)]
fn is_world_readable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn is_world_readable(_: &Path) -> bool {
    false
}

/// The keys that an unconfigured server may still be given by the environment.
const NO_CONFIGURATION: [&str; 3] = ["listen", "internal_listen", "log"];

const SECRETS: [&[&str]; 2] = [&["auth", "jwt", "secret"], &["api", "key"]];
