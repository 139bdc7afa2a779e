mod development;
mod doubts;
mod refusals;

use std::{io::Write as _, time::Duration};

use clap::Parser as _;
use serde_json::json;
use tempfile::NamedTempFile;

use super::*;
use crate::standalone::{AllowedValues, Cli, Requirements};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A start of the server as an operator would make it.
#[derive(Default)]
struct Start {
    file: Option<NamedTempFile>,
    flags: Vec<String>,
    variables: Vec<(String, String)>,
}

impl Start {
    fn file(text: &str) -> Self {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Self {
            file: Some(file),
            ..Self::default()
        }
    }

    /// A file with a secret in which `text` comes after it.
    fn good(text: &str) -> Self {
        Self::file(&format!("auth.jwt.secret = \"{SECRET}\"\n{text}"))
    }

    fn variable(mut self, name: &str, text: &str) -> Self {
        self.variables.push((name.to_owned(), text.to_owned()));
        self
    }

    fn flag(mut self, flag: &str) -> Self {
        self.flags.extend(flag.split(' ').map(str::to_owned));
        self
    }

    fn load(&self) -> Result<Loaded, SettingsError> {
        let mut arguments = vec!["sockeye".to_owned(), "serve".to_owned()];
        if let Some(file) = &self.file {
            arguments.push(format!("--config={}", file.path().display()));
        }
        arguments.extend(self.flags.iter().cloned());
        let cli = Cli::try_parse_from(arguments).unwrap();
        Settings::load(&cli, self.variables.iter().cloned())
    }

    fn settings(&self) -> Settings {
        self.load().unwrap().settings
    }

    /// The error, with `FILE` for the file's random name.
    fn error(&self) -> String {
        let error = self.load().unwrap_err().to_string();
        match &self.file {
            Some(file) => error.replace(&file.path().display().to_string(), "FILE"),
            None => error,
        }
    }
}

fn start() -> Start {
    Start::default()
}

#[test]
fn every_key_can_be_written_in_the_file() {
    let file = r#"
        listen = "0.0.0.0:1"
        internal_listen = "[::1]:2"
        dev = false
        path = "/live/socket"
        namespaces = ["/", "/admin"]
        log = "warn,sockeye=debug"
        [engine]
        ping_interval = "1s"
        ping_timeout = "500ms"
        upgrade_timeout = "1m 30s"
        max_http_buffer_size = 1_000
        transports = ["websocket"]
        allow_upgrades = false
        connect_timeout = "4s"
        send_queue_bytes = 5
        send_queue_packets = 6
        [http]
        compression = true
        compression_threshold = 0
        [http.cookie]
        name = "stick"
        path = "/live"
        domain = "example.com"
        max_age = "1h"
        http_only = false
        secure = true
        same_site = "none"
        [cors]
        origins = ["https://app.example.com"]
        credentials = true
        [origins]
        allow = ["https://*.example.com"]
        [auth]
        deadline = "7s"
        dialect = "initialConnection"
        required = false
        rooms = ["user:{sub}"]
        [auth.require]
        role = ["admin", "editor"]
        level = 3
        [auth.jwt]
        secret = "0123456789abcdef0123456789abcdef"
        issuer = "me"
        audience = "you"
        leeway = "8s"
        [api]
        key = "k"
        max_body = 9
        max_rooms = 10
        [client]
        join = ["room:*"]
        relay = ["chat"]
        [recovery]
        duration = "11s"
        max_bytes = 12
        max_sessions = 13
    "#;

    let settings = Start::file(file).settings();

    assert_eq!(settings.listen.to_string(), "0.0.0.0:1");
    assert_eq!(settings.internal_listen.to_string(), "[::1]:2");
    assert_eq!(settings.path, "/live/socket");
    assert_eq!(settings.namespaces, ["/", "/admin"]);
    assert_eq!(settings.log, "warn,sockeye=debug");
    let engine = settings.engine;
    assert_eq!(engine.ping_interval, Duration::from_secs(1));
    assert_eq!(engine.ping_timeout, Duration::from_millis(500));
    assert_eq!(engine.upgrade_timeout, Duration::from_secs(90));
    assert_eq!(engine.max_http_buffer_size, 1000);
    assert_eq!(engine.transports, [TransportName::WebSocket]);
    assert!(!engine.allow_upgrades);
    assert_eq!(engine.connect_timeout, Duration::from_secs(4));
    assert_eq!((engine.send_queue_bytes, engine.send_queue_packets), (5, 6));
    let http = settings.http;
    assert_eq!((http.compression, http.compression_threshold), (true, 0));
    let cookie = http.cookie.unwrap();
    assert_eq!((&*cookie.name, &*cookie.path), ("stick", "/live"));
    assert_eq!(cookie.domain.as_deref(), Some("example.com"));
    assert_eq!(cookie.max_age, Duration::from_secs(3600));
    assert_eq!((cookie.http_only, cookie.secure), (false, true));
    assert_eq!(cookie.same_site, SameSiteName::None);
    let cors = settings.cors.unwrap();
    assert_eq!(cors.origins, ["https://app.example.com"]);
    assert!(cors.credentials);
    assert_eq!(settings.origins.allow, ["https://*.example.com"]);
    let auth = settings.auth;
    assert_eq!(auth.deadline, Duration::from_secs(7));
    assert_eq!(auth.dialect, DialectName::InitialConnection);
    assert!(!auth.required);
    assert_eq!(auth.rooms, ["user:{sub}"]);
    assert_eq!(
        auth.require,
        Requirements::from_iter([
            (
                "role",
                AllowedValues::new([json!("admin"), json!("editor")])
            ),
            ("level", AllowedValues::new([json!(3)])),
        ])
    );
    let jwt = auth.jwt.unwrap();
    assert_eq!(jwt.secret.expose(), SECRET);
    assert_eq!(
        (jwt.issuer.as_deref(), jwt.audience.as_deref()),
        (Some("me"), Some("you"))
    );
    assert_eq!(jwt.leeway, Duration::from_secs(8));
    assert_eq!(settings.api.key.unwrap().expose(), "k");
    assert_eq!((settings.api.max_body, settings.api.max_rooms), (9, 10));
    assert_eq!(settings.client.join, ["room:*"]);
    assert_eq!(settings.client.relay, ["chat"]);
    let recovery = settings.recovery.unwrap();
    assert_eq!(recovery.duration, Duration::from_secs(11));
    assert_eq!((recovery.max_bytes, recovery.max_sessions), (12, 13));
}

#[test]
fn what_is_not_set_has_its_default() {
    let settings = Start::good("").settings();

    let loopback = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    assert_eq!(settings.listen, loopback(3000));
    assert_eq!(settings.internal_listen, loopback(3001));
    assert_eq!(
        (settings.path.as_str(), settings.log.as_str()),
        ("/socket.io", "info,actix_server=warn")
    );
    assert_eq!(settings.namespaces, ["/"]);
    assert_eq!(settings.engine.ping_interval, Duration::from_secs(25));
    assert_eq!(settings.engine.ping_timeout, Duration::from_secs(20));
    assert_eq!(settings.engine.max_http_buffer_size, 1_000_000);
    assert_eq!(
        settings.engine.transports,
        [TransportName::Polling, TransportName::WebSocket]
    );
    assert!(settings.cors.is_none());
    assert_eq!(settings.origins.allow, ["*"]);
    assert_eq!(settings.auth.deadline, Duration::from_secs(10));
    assert_eq!(settings.auth.dialect, DialectName::Authentication);
    assert!(settings.auth.required && settings.auth.rooms.is_empty());
    assert_eq!(settings.auth.require, Requirements::default());
    assert_eq!(settings.auth.jwt.unwrap().leeway, Duration::ZERO);
    assert!(settings.api.key.is_none());
    assert!(settings.client.join.is_empty() && settings.client.relay.is_empty());
    assert!(settings.recovery.is_none());
}

#[test]
fn flags_win_over_the_environment_which_wins_over_the_file() {
    let host = |start: &Start| start.settings().listen.ip().to_string();

    let start = Start::good("listen = \"127.0.0.2:0\"");
    assert_eq!(host(&start), "127.0.0.2");

    let start = start.variable("SOCKEYE_LISTEN", "127.0.0.3:0");
    assert_eq!(host(&start), "127.0.0.3");

    let start = start.flag("--listen 127.0.0.4:0 --internal-listen 127.0.0.5:0");
    assert_eq!(host(&start), "127.0.0.4");
    assert_eq!(
        start.settings().internal_listen.ip().to_string(),
        "127.0.0.5"
    );
}

#[test]
fn one_variable_changes_one_key_of_a_table() {
    let settings = Start::good("[engine]\nping_interval = \"1s\"\nping_timeout = \"2s\"")
        .variable("SOCKEYE_ENGINE__PING_TIMEOUT", "3s")
        .settings();

    assert_eq!(settings.engine.ping_interval, Duration::from_secs(1));
    assert_eq!(settings.engine.ping_timeout, Duration::from_secs(3));
}

#[test]
fn variables_have_the_type_that_their_key_wants() {
    let digits = "12345678901234567890123456789012";
    let settings = start()
        .variable("SOCKEYE_AUTH__JWT__SECRET", digits)
        .variable("SOCKEYE_AUTH__JWT__ISSUER", "true")
        .variable("SOCKEYE_AUTH__JWT__AUDIENCE", "[\"you\"]")
        .variable("SOCKEYE_AUTH__REQUIRED", "false")
        .variable("SOCKEYE_AUTH__DIALECT", "authenticate")
        .variable("SOCKEYE_AUTH__REQUIRE__ROLE", "007")
        .variable("SOCKEYE_API__KEY", "1e3")
        .variable("SOCKEYE_API__MAX_ROOMS", "7")
        .variable("SOCKEYE_NAMESPACES", r#"["/", "/2"]"#)
        .variable("SOCKEYE_ENGINE__TRANSPORTS", r#"["polling"]"#)
        .variable("SOCKEYE_CORS", r#"{"origins": ["*"]}"#)
        .settings();

    let jwt = settings.auth.jwt.unwrap();
    assert_eq!(jwt.secret.expose(), digits);
    assert_eq!(
        (jwt.issuer.as_deref(), jwt.audience.as_deref()),
        (Some("true"), Some("[\"you\"]"))
    );
    assert!(!settings.auth.required);
    assert_eq!(settings.auth.dialect, DialectName::Authenticate);
    let role = [("role", AllowedValues::new([json!("007")]))];
    assert_eq!(settings.auth.require, Requirements::from_iter(role));
    assert_eq!(settings.api.key.unwrap().expose(), "1e3");
    assert_eq!(settings.api.max_rooms, 7);
    assert_eq!(settings.namespaces, ["/", "/2"]);
    assert_eq!(settings.engine.transports, [TransportName::Polling]);
    assert_eq!(settings.cors.unwrap().origins, ["*"]);
}

#[test]
fn table_in_a_variable_replaces_the_files_and_takes_single_keys() {
    let settings =
        Start::good("[auth.require]\nrole = \"admin\"\n[client]\njoin = [\"a\"]\nrelay = [\"b\"]")
            .variable("SOCKEYE_CLIENT__RELAY", r#"["c"]"#)
            .variable("SOCKEYE_CLIENT", r#"{"join": ["d"], "relay": ["e"]}"#)
            .variable("SOCKEYE_AUTH__REQUIRE", r#"{"Level": [3, "x"]}"#)
            .settings();

    assert_eq!(settings.client.join, ["d"]);
    assert_eq!(settings.client.relay, ["c"]);
    let level = [("Level", AllowedValues::new([json!(3), json!("x")]))];
    assert_eq!(settings.auth.require, Requirements::from_iter(level));
}

#[test]
fn variables_of_others_are_left_alone() {
    let settings = Start::good("")
        .variable("SOCKEYES", "1")
        .variable("OTHER_SOCKEYE_X", "2");

    assert!(settings.load().is_ok());
}

#[test]
fn the_environment_may_name_the_file_and_the_flag_wins() {
    let file = Start::good("path = \"/a\"");
    let path = file.file.as_ref().unwrap().path().display().to_string();

    assert_eq!(
        start().variable("SOCKEYE_CONFIG", &path).settings().path,
        "/a"
    );
    let other = Start::good("path = \"/b\"").variable("SOCKEYE_CONFIG", &path);
    assert_eq!(other.settings().path, "/b");
}
