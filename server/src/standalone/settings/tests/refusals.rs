use super::{SECRET, Start, start};

#[test]
fn unknown_keys_of_the_file_are_refused_by_name() {
    for (text, key, line) in [
        ("nonsense = 1", "nonsense", 2),
        ("\n[redis]\nurl = \"x\"", "redis", 3),
        ("auth.jwt.secrt = \"x\"", "auth.jwt.secrt", 2),
        (
            "[engine]\nping_interval = \"1s\"\nping_intervall = \"1s\"",
            "engine.ping_intervall",
            4,
        ),
        ("[cors]\norigin = []", "cors.origin", 3),
        ("[origins]\nallowed = []", "origins.allowed", 3),
        ("[auth.tokens]\na.b = 1", "auth.tokens", 2),
        ("[api]\nkeys = []", "api.keys", 3),
        ("[client]\nleave = []", "client.leave", 3),
        ("[recovery]\nenabled = true", "recovery.enabled", 3),
        ("auth.jwt.Secret = \"x\"", "auth.jwt.Secret", 2),
    ] {
        let error = Start::good(text).error();

        let start = format!("unknown key `{key}` in FILE, line {line} (known here: ");
        assert!(error.starts_with(&start), "{text}: {error}");
    }
}

#[test]
fn unknown_variables_are_refused_by_name() {
    for name in [
        "SOCKEYE_AUTH__JWT__SECRT",
        "SOCKEYE_NONSENSE",
        "SOCKEYE_REDIS__URL",
        "SOCKEYE_",
        "SOCKEYE_AUTH____JWT",
        "SOCKEYE_CONFIG__X",
        "SOCKEYE_ENGINE_PING_TIMEOUT",
        "SOCKEYE_listen",
    ] {
        let error = Start::good("").variable(name, "1").error();

        let start = format!("unknown environment variable {name}");
        assert!(error.starts_with(&start), "{error}");
    }
}

#[test]
fn unknown_keys_in_the_json_of_a_variable_are_refused_by_name() {
    let error = Start::good("")
        .variable("SOCKEYE_CORS", r#"{"origins": ["*"], "credential": 1}"#)
        .error();

    let expected = "unknown key `cors.credential` in environment variable SOCKEYE_CORS (known here: origins, credentials)";
    assert_eq!(error, expected);
}

#[test]
fn variables_that_kubernetes_makes_up_are_explained() {
    for name in [
        "SOCKEYE_SERVICE_HOST",
        "SOCKEYE_PORT",
        "SOCKEYE_PORT_3000_TCP_ADDR",
    ] {
        let error = Start::good("")
            .variable(name, "tcp://10.0.0.1:3000")
            .error();

        assert!(
            error.contains(name) && error.contains("enableServiceLinks"),
            "{error}"
        );
    }
}

#[test]
fn values_of_the_wrong_type_name_the_key_and_the_line() {
    for (text, error) in [
        (
            "listen = 3000",
            "listen: expected a text, found a whole number",
        ),
        ("dev = \"yes\"", "dev: expected true or false, found a text"),
        ("path = 1979-05-27", "path: expected a text, found a date"),
        (
            "namespaces = \"/\"",
            "namespaces: expected a list, found a text",
        ),
        (
            "namespaces = [1]",
            "namespaces: expected a text, found a whole number",
        ),
        (
            "engine = 1",
            "engine: expected a table, found a whole number",
        ),
        ("engine = []", "engine: expected a table, found a list"),
        (
            "engine.ping_timeout = 20",
            "engine.ping_timeout: expected a duration with its unit in quotes, such as \"25s\" or \"500ms\", found a whole number",
        ),
        (
            "engine.ping_timeout = \"20\"",
            "engine.ping_timeout: expected a duration with its unit in quotes, such as \"25s\" or \"500ms\"",
        ),
        (
            "engine.ping_timeout = [\"1s\"]",
            "engine.ping_timeout: expected a duration with its unit in quotes, such as \"25s\" or \"500ms\", found a list",
        ),
        (
            "engine.max_http_buffer_size = -1",
            "engine.max_http_buffer_size: expected a whole number, not below 0",
        ),
        (
            "engine.max_http_buffer_size = 1.5",
            "engine.max_http_buffer_size: expected a whole number, not below 0, found a fraction",
        ),
        (
            "engine.max_http_buffer_size = \"1\"",
            "engine.max_http_buffer_size: expected a whole number, not below 0, found a text",
        ),
        (
            "engine.transports = [\"pigeon\"]",
            "engine.transports: expected one of: polling, websocket",
        ),
        (
            "engine.transports = [[]]",
            "engine.transports: expected a name, found a list",
        ),
        (
            "auth.dialect = \"klingon\"",
            "auth.dialect: expected one of: authentication, authenticate, initialConnection",
        ),
        (
            "auth.require = \"role\"",
            "auth.require: expected a table, found a text",
        ),
        (
            "auth.require.role = {}",
            "auth.require.role: expected a text, a whole number, true or false, or a list of these, found a table",
        ),
        (
            "auth.require.role = 1.5",
            "auth.require.role: expected a text, a whole number, true or false, or a list of these, found a fraction",
        ),
        (
            "api.key = 12345",
            "api.key: expected a text, found a whole number",
        ),
    ] {
        let found = Start::good(text).error();
        assert_eq!(found, format!("{error} (FILE, line 2)"), "{text}");
    }
}

#[test]
fn values_of_the_wrong_type_name_the_variable() {
    for (name, text, error) in [
        ("SOCKEYE_LISTEN", "3000", "listen: expected an IP address"),
        ("SOCKEYE_DEV", "yes", "dev: expected true or false"),
        ("SOCKEYE_DEV", "", "dev: expected true or false"),
        (
            "SOCKEYE_NAMESPACES",
            "/",
            "namespaces: expected a list as JSON",
        ),
        (
            "SOCKEYE_NAMESPACES",
            "[not JSON",
            "namespaces: expected a list as JSON",
        ),
        (
            "SOCKEYE_NAMESPACES",
            "{}",
            "namespaces: expected a list, found a table",
        ),
        (
            "SOCKEYE_NAMESPACES",
            "[1]",
            "namespaces: expected a text, found a whole number",
        ),
        ("SOCKEYE_ENGINE", "fast", "engine: expected a table as JSON"),
        (
            "SOCKEYE_ENGINE",
            "[]",
            "engine: expected a table, found a list",
        ),
        (
            "SOCKEYE_ENGINE__PING_TIMEOUT",
            "20",
            "engine.ping_timeout: expected a duration",
        ),
        (
            "SOCKEYE_ENGINE__MAX_HTTP_BUFFER_SIZE",
            "1MB",
            "engine.max_http_buffer_size: expected a whole number",
        ),
        (
            "SOCKEYE_ENGINE__MAX_HTTP_BUFFER_SIZE",
            "-1",
            "engine.max_http_buffer_size: expected a whole number",
        ),
        (
            "SOCKEYE_ENGINE__TRANSPORTS",
            "[\"pigeon\"]",
            "engine.transports: expected one of: polling, websocket",
        ),
        (
            "SOCKEYE_AUTH__DIALECT",
            "klingon",
            "auth.dialect: expected one of",
        ),
    ] {
        let found = Start::good("").variable(name, text).error();

        assert!(found.starts_with(error), "{found}");
        assert!(
            found.ends_with(&format!("(environment variable {name})")),
            "{found}"
        );
    }
}

#[test]
fn keys_cannot_be_set_in_what_is_not_a_table() {
    let error = Start::good("")
        .variable("SOCKEYE_PATH__X", "1")
        .variable("SOCKEYE_PATH", "/a")
        .error();

    assert_eq!(
        error,
        "path: expected a table, in which the environment variable SOCKEYE_PATH__X sets a key (environment variable SOCKEYE_PATH)"
    );
}

#[test]
fn addresses_are_ip_addresses_with_ports() {
    for address in [
        "nowhere",
        "example.com:80",
        ":3000",
        "[::1]",
        "1.2.3:4",
        "[::1]:65536",
    ] {
        let error = Start::good(&format!("listen = \"{address}\"")).error();

        assert!(
            error.starts_with("listen: expected an IP address and a port"),
            "{error}"
        );
        assert!(error.ends_with("(FILE, line 2)"), "{error}");
    }
}

#[test]
fn listeners_cannot_share_an_address() {
    let shared = Start::good("listen = \"[::1]:1\"\ninternal_listen = \"[::1]:1\"").error();
    let any = Start::good("listen = \"[::1]:0\"\ninternal_listen = \"[::1]:0\"");

    assert_eq!(
        shared,
        "internal_listen: must not be the same address as `listen` (FILE, line 3)"
    );
    assert!(any.load().is_ok());
}

#[test]
fn impossible_values_name_the_key_and_its_place() {
    for (text, error) in [
        ("path = \"socket.io\"", "path: must be a path"),
        ("path = \"/socket.io/\"", "path: must be a path"),
        ("path = \"/\"", "path: must be a path"),
        ("path = \"/a/../b\"", "path: must be a path"),
        ("path = \"/a?b\"", "path: must be a path"),
        ("namespaces = []", "namespaces: must name at least one"),
        (
            "namespaces = [\"second\"]",
            "namespaces: must start with `/`",
        ),
        ("namespaces = [\"/a,b\"]", "namespaces: must start with `/`"),
        (
            "namespaces = [\"/\", \"/\"]",
            "namespaces: must not name anything twice",
        ),
        ("log = \"sockeye=loud\"", "log: must be a filter"),
        (
            "engine.ping_interval = \"0s\"",
            "engine.ping_interval: must be between 1ms and 24h",
        ),
        (
            "engine.ping_timeout = \"25h\"",
            "engine.ping_timeout: must be between 1ms and 24h",
        ),
        (
            "engine.upgrade_timeout = \"1us\"",
            "engine.upgrade_timeout: must be between 1ms and 24h",
        ),
        (
            "engine.connect_timeout = \"0s\"",
            "engine.connect_timeout: must be between 1ms and 24h",
        ),
        (
            "engine.max_http_buffer_size = 0",
            "engine.max_http_buffer_size: must not be 0",
        ),
        (
            "engine.send_queue_bytes = 0",
            "engine.send_queue_bytes: must not be 0",
        ),
        (
            "engine.send_queue_packets = 0",
            "engine.send_queue_packets: must not be 0",
        ),
        (
            "engine.transports = []",
            "engine.transports: must name at least one",
        ),
        (
            "engine.transports = [\"polling\", \"polling\"]",
            "engine.transports: must not name anything twice",
        ),
        (
            "http.cookie.name = \"a b\"",
            "http.cookie: must have a name, and no characters that a cookie can't have",
        ),
        (
            "http.cookie.same_site = \"none\"",
            "http.cookie.same_site: must not be \"none\" without `secure`",
        ),
        (
            "cors = { origins = [\"*\"], credentials = true }",
            "cors.credentials: must not be true together with the origin `*`",
        ),
        (
            "cors = { origins = [\"*\", \"https://a.example\"] }",
            "cors.origins: `*` must stand alone",
        ),
        ("cors.origins = []", "cors.origins: must name at least one"),
        (
            "cors.origins = [\"https://*.a.example\"]",
            "cors.origins: \"https://*.a.example\" is not an origin",
        ),
        (
            "origins.allow = [\"app.example.com\"]",
            "origins.allow: \"app.example.com\" is not an origin",
        ),
        (
            "auth.deadline = \"0s\"",
            "auth.deadline: must be between 1ms and 24h",
        ),
        (
            "auth.rooms = [\"\"]",
            "auth.rooms: room template \"\": it is empty",
        ),
        (
            "auth.require.role = []",
            "auth.require.role: must allow at least one value",
        ),
        (
            "auth.jwt.issuer = \"\"",
            "auth.jwt.issuer: must not be empty",
        ),
        (
            "auth.jwt.audience = \"\"",
            "auth.jwt.audience: must not be empty",
        ),
        (
            "auth.jwt.leeway = \"61s\"",
            "auth.jwt.leeway: must be at most 60s",
        ),
        ("api.key = \"\"", "api.key: must be letters"),
        ("api.key = \"a b\"", "api.key: must be letters"),
        ("api.max_body = 0", "api.max_body: must not be 0"),
        ("api.max_rooms = 0", "api.max_rooms: must not be 0"),
        (
            "recovery.max_bytes = 0",
            "recovery.max_bytes: must not be 0",
        ),
        (
            "client.join = [\"\"]",
            "client.join: must have names of 1 to 256 bytes",
        ),
        (
            "client.join = [\"sockeye:*\"]",
            "client.join: must not name the server's own rooms",
        ),
        (
            "auth.rooms = [\"sockeye:authenticated\"]",
            "auth.rooms: room template \"sockeye:authenticated\": names that begin with `sockeye:`",
        ),
        (
            "client.relay_burst_bytes = 0",
            "client.relay_burst_bytes: must not be 0 where",
        ),
        (
            "client.relay_arguments = 0",
            "client.relay_arguments: must not be 0",
        ),
        (
            "client.relay = [\"join\"]",
            "client.relay: \"join\" has another use already",
        ),
        (
            "client.relay = [\"connect\"]",
            "client.relay: \"connect\" has another use already",
        ),
        (
            "client.relay = [\"authentication\"]",
            "client.relay: \"authentication\" has another use already",
        ),
        (
            "client.relay = [\"chat\", \"unauthorized\"]",
            "client.relay: \"unauthorized\" has another use already",
        ),
        (
            "client.relay = [\"chat\", \"chat\"]",
            "client.relay: must not name anything twice",
        ),
    ] {
        let found = Start::good(text).error();

        assert!(found.starts_with(error), "{text}: {found}");
        assert!(found.ends_with("(FILE, line 2)"), "{text}: {found}");
    }
}

#[test]
fn short_secrets_are_refused_with_their_length() {
    let expected = "auth.jwt.secret: must be at least 32 bytes, it has 12";

    let in_file = Start::file("[auth.jwt]\nsecret = \"123456789012\"").error();
    let in_variable = start()
        .variable("SOCKEYE_AUTH__JWT__SECRET", "123456789012")
        .error();

    assert_eq!(in_file, format!("{expected} (FILE, line 2)"));
    assert_eq!(
        in_variable,
        format!("{expected} (environment variable SOCKEYE_AUTH__JWT__SECRET)")
    );
}

#[test]
fn missing_secrets_are_named() {
    let no_auth = Start::file("[api]\nkey = \"k\"").error();
    let no_secret = Start::file("[auth.jwt]\nissuer = \"me\"").error();

    assert!(
        no_auth.starts_with("auth.jwt.secret: is missing; without it"),
        "{no_auth}"
    );
    assert_eq!(no_secret, "auth.jwt.secret: is missing");
    assert!(Start::file("auth.required = false").load().is_ok());
}

#[test]
fn broken_files_are_named_with_the_line() {
    let missing = start().flag("--config missing.toml").error();
    let broken = Start::file("dev = true\nlisten = = 3").error();
    let twice = Start::file("dev = true\ndev = true").error();
    let large = Start::file("api.max_body = 99999999999999999999").error();

    assert!(
        missing.starts_with("cannot read missing.toml: "),
        "{missing}"
    );
    assert!(broken.starts_with("FILE, line 2: "), "{broken}");
    assert!(twice.starts_with("FILE, line 2: "), "{twice}");
    assert!(large.starts_with("FILE, line 1: "), "{large}");
}

#[test]
fn no_error_shows_a_value() {
    let hidden = "hunter2hunter2";
    for text in [
        format!("auth.jwt.secret = \"{hidden}\""),
        format!("auth.jwt.secret = \"{hidden}"),
        format!("auth.jwt.secret = [\"{hidden}\"]"),
        format!("auth.jwt.secret = {{ a = \"{hidden}\" }}"),
        format!("auth.jwt = \"{hidden}\""),
        format!("auth = \"{hidden}\""),
        format!("auth.dialect = \"{hidden}\""),
        format!("listen = \"{hidden}\""),
        format!("api.key = \"{hidden} \""),
        format!("engine.ping_timeout = \"{hidden}\""),
        format!("auth.jwt.secret = {hidden}"),
    ] {
        let start = Start::file(&text);
        let error = start.load().unwrap_err();

        assert!(!error.to_string().contains("hunter2"), "{text}: {error}");
        assert!(
            !format!("{error:?}").contains("hunter2"),
            "{text}: {error:?}"
        );
    }
}

#[test]
fn secrets_are_not_shown() {
    let settings = Start::good("api.key = \"the-key\"").settings();

    let shown = format!("{settings:?}");

    assert!(
        !shown.contains(SECRET) && !shown.contains("the-key"),
        "{shown}"
    );
    assert!(shown.contains("[redacted]"));
}
