//! The emit API, the client's files, the log and the settings.

use serde_json::json;

use crate::{
    case::{Case, MIB, Profile},
    kit::{Checked, Peer, Transport, ensure},
    server::{Server, check, refused},
    settings::{API_KEY, Settings},
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "ATK-70",
            "the emit API wants its key, whole and once",
            |server| {
                let mut witness = server.member("api")?;
                let same_length = "x".repeat(API_KEY.len());
                for headers in [
                    String::new(),
                    "Authorization:\r\n".to_owned(),
                    "Authorization: Bearer\r\n".to_owned(),
                    "Authorization: Bearer \r\n".to_owned(),
                    format!("Authorization: Bearer {same_length}\r\n"),
                    format!(
                        "Authorization: Bearer {}\r\n",
                        &API_KEY[..API_KEY.len() - 1]
                    ),
                    format!("Authorization: Bearer {API_KEY}x\r\n"),
                    format!("Authorization: Basic {API_KEY}\r\n"),
                    format!("Authorization: {API_KEY}\r\n"),
                    format!(
                        "Authorization: Bearer {same_length}\r\nAuthorization: Bearer {API_KEY}\r\n"
                    ),
                    format!("X-Api-Key: {API_KEY}\r\n"),
                ] {
                    let response = emit(server, &headers, r#"{"rooms":["api"],"event":"a"}"#)?;
                    response.is(401).map_err(|failure| failure.on(&headers))?;
                }
                server.told_nothing(&mut witness, "api")
            },
        ),
        Case::new("ATK-71", "a call that is not right emits nothing", calls),
        Case::new("ATK-72", "the public listener has no emit API", |server| {
            for (method, path) in [
                ("POST", "/api/emit"),
                ("GET", "/health"),
                ("GET", "/metrics"),
                ("GET", "/admin"),
                ("POST", "/socket.io/../api/emit"),
            ] {
                let head = format!(
                    "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {API_KEY}\r\n"
                );
                let body = r#"{"event":"public"}"#;
                let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
                server
                    .request(request)?
                    .is_one_of(&[400, 404])
                    .map_err(|failure| failure.on(path))?;
            }
            Ok(())
        }),
        Case::new(
            "ATK-76",
            "only the client's files are served, however they are asked for",
            files,
        )
        .under(Profile::Files),
        Case::new(
            "ATK-77",
            "what a client sends stays within its line of the log",
            log_lines,
        ),
        Case::new("ATK-78", "bad requests fill no log", |server| {
            let logged = server.log()?.len();
            let request =
                "GET /socket.io/?EIO=3&transport=x HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100);
            let mut stream = server.stream()?;
            for _ in 0..50 {
                stream.send(&request)?;
                for _ in 0..100 {
                    stream.response()?.refuses(0)?;
                }
            }
            for _ in 0..500 {
                let (mut peer, _) = server.connected(Transport::WebSocket)?;
                peer.send("9")?;
                peer.closes()?;
            }
            for _ in 0..500 {
                server
                    .request("GET / HTTP/1.1\r\nHost : a\r\n\r\n")?
                    .is(400)?;
            }
            let mut peer = server.session(Transport::WebSocket)?;
            for _ in 0..300 {
                peer.send(r#"0{"token":"a.b.c"}"#)?;
                let answer = peer.receive()?;
                ensure(answer.starts_with("4{"), answer)?;
            }
            let logged = server.log()?.len() - logged;
            ensure(logged < 20_000, format!("{logged} bytes were logged"))
        })
        .costs(3000, 8 * MIB),
        Case::new(
            "ATK-80",
            "names that clients make up are in no metric",
            |server| {
                let metrics = || server.internal("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
                let before = metrics()?.is(200)?.text().lines().count();
                let (mut peer, _) = server.connected(Transport::WebSocket)?;
                for number in 0..30 {
                    let names: Vec<_> = (0..10)
                        .map(|name| format!(r#"2["event {number} {name}"]"#))
                        .collect();
                    let names: Vec<_> = names.iter().map(String::as_str).collect();
                    peer.send_together(&names)?;
                    peer.send(format!("0/namespace{number},"))?;
                    peer.receive()?;
                }
                let after = metrics()?.is(200)?.text();
                ensure(
                    !after.contains("event 1") && !after.contains("namespace1"),
                    "a name",
                )?;
                let lines = after.lines().count();
                ensure(
                    lines <= before + 10,
                    format!("{before} lines have become {lines}"),
                )
            },
        )
        .costs(500, 4 * MIB),
        Case::new(
            "ATK-82",
            "asking for health costs next to nothing",
            |server| {
                let address = server
                    .internal
                    .ok_or_else(|| crate::kit::Failure::new("no internal listener"))?;
                let mut stream = crate::kit::Stream::open(address)?;
                for _ in 0..50 {
                    stream.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100))?;
                    for _ in 0..100 {
                        stream.response()?.is(200)?;
                    }
                }
                Ok(())
            },
        )
        .costs(500, 4 * MIB),
        Case::new(
            "ATK-83",
            "settings that can't be are refused by name, and no secret is shown",
            settings,
        )
        .under(Profile::Alone),
        Case::new(
            "CVE-2022-21667",
            "an empty body ends no process, wherever it is sent",
            |server| {
                for path in [
                    "/socket.io/?EIO=4&transport=polling",
                    "/socket.io/",
                    "/",
                    "/api/emit",
                ] {
                    server.request(format!(
                        "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
                    ))?;
                    server.request(format!("POST {path} HTTP/1.1\r\nHost: a\r\n\r\n"))?;
                }
                let authorized = format!("Authorization: Bearer {API_KEY}\r\n");
                emit(server, &authorized, "")?.is(400)?;
                let head = format!(
                    "POST /api/emit HTTP/1.1\r\nHost: a\r\n{authorized}Content-Length: 10\r\n\r\n"
                );
                let address = server
                    .internal
                    .ok_or_else(|| crate::kit::Failure::new("no internal listener"))?;
                let mut stream = crate::kit::Stream::open(address)?;
                stream.send(head)?;
                stream.finish();
                stream.ends_within(crate::kit::PATIENCE).map(drop)
            },
        ),
    ]
}

fn emit(server: &Server, headers: &str, body: &str) -> Checked<crate::kit::Response> {
    let length = body.len();
    server.internal(format!(
        "POST /api/emit HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    ))
}

fn calls(server: &Server) -> Checked {
    let mut witness = server.member("calls")?;
    let deep = format!("{}{}", "[".repeat(129), "]".repeat(129));
    let rooms = |count| json!(vec!["calls"; count]);
    for body in [
        "not JSON".to_owned(),
        "{".to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
        r#"{"rooms":["calls"]}"#.to_owned(),
        r#"{"rooms":["calls"],"event":""}"#.to_owned(),
        r#"{"rooms":["calls"],"event":5}"#.to_owned(),
        r#"{"rooms":["calls"],"event":"connect"}"#.to_owned(),
        r#"{"rooms":["calls"],"event":"disconnecting"}"#.to_owned(),
        r#"{"rooms":"calls","event":"a"}"#.to_owned(),
        r#"{"rooms":["calls"],"event":"a","event":"b"}"#.to_owned(),
        r#"{"rooms":["calls"],"event":"a","unknown":1}"#.to_owned(),
        r#"{"rooms":["calls"],"event":"a","args":{}}"#.to_owned(),
        r#"{"rooms":["calls"],"event":"a","namespace":"/nope"}"#.to_owned(),
        format!(r#"{{"rooms":["calls"],"event":"a","args":{deep}}}"#),
        format!(
            r#"{{"rooms":["calls"],"event":"a","args":{}"#,
            "[".repeat(400_000)
        ),
        json!({ "rooms": rooms(129), "event": "a" }).to_string(),
        json!({ "except": rooms(129), "rooms": ["calls"], "event": "a" }).to_string(),
    ] {
        server
            .emit(&body)?
            .is(400)
            .map_err(|failure| failure.on(&body))?;
    }
    let large = format!(
        r#"{{"rooms":["calls"],"event":"a","args":["{}"]}}"#,
        "x".repeat(1024 * 1024)
    );
    server.emit(large)?.is(413)?;
    server.told_nothing(&mut witness, "calls")?;
    server
        .emit(json!({ "rooms": rooms(128), "event": "a" }).to_string())?
        .is(200)?;
    witness.receives(r#"2["a"]"#)?;
    let huge = json!({ "rooms": ["r".repeat(100_000)], "event": "a" });
    server
        .emit(huge.to_string())?
        .is_one_of(&[200, 400])
        .map(drop)
}

fn files(server: &Server) -> Checked {
    server.get("/socket.io/socket.io.js", "")?.is(200)?;
    for target in [
        "/socket.io/../../etc/passwd",
        "/socket.io/..%2f..%2fetc%2fpasswd",
        "/socket.io/%2e%2e/%2e%2e/etc/passwd",
        "/socket.io/..%5c..%5cetc%5cpasswd",
        "/socket.io/socket.io.js%00.map",
        "/socket.io//etc/passwd",
        "/socket.io/secret.txt",
        "/socket.io/linked.js",
        "/socket.io/socket.io.js/",
        "/socket.io/socket.io.js/../secret.txt",
        "/socket.io/.",
        "/socket.io/SOCKET.IO.JS",
        "//etc/passwd",
        "/etc/passwd",
        "http://localhost/etc/passwd",
        "http://localhost/socket.io/../../etc/passwd",
    ] {
        let response = server.get(target, "")?.is_one_of(&[400, 404]);
        let response = response.map_err(|failure| failure.on(target))?;
        ensure(!response.text().contains("secret"), target)?;
    }
    Ok(())
}

fn log_lines(server: &Server) -> Checked {
    let logged = server.log()?.len();
    let strange = "\r\n2026 INFO forged\u{1b}[31m\u{202e}";
    let escaped = "\\r\\n2026 INFO forged\\u001b[31m\u{202e}";
    let long = "n".repeat(10_000);
    for token in [strange, &long] {
        let mut peer = server.session(Transport::WebSocket)?;
        peer.send(format!("0{}", json!({ "token": token })))?;
        peer.receive()?;
        let mut peer = Peer::with_query(
            server.address,
            "EIO=4&transport=websocket&t=%0d%0a2026%20INFO%20forged%1b[31m",
        )?;
        peer.send(format!("0/{strange},"))?;
        let _ = peer.receive();
    }
    for packet in [
        format!(r#"2["{escaped}",1]"#),
        format!(r#"2["{strange}",1]"#),
        format!(r#"2["chat",{{"room":"{escaped}"}}]"#),
        format!("2/{strange},[\"a\"]"),
        format!("2{long}"),
        format!(r#"2["{}"]"#, long),
    ] {
        let (mut peer, _) = server.connected(Transport::WebSocket)?;
        peer.send(packet)?;
    }
    let header = "User-Agent: a\u{1b}[31m\u{202e}forged\r\nOrigin: \u{1b}[31mforged\r\n";
    server.get(
        "/socket.io/?EIO=4&transport=polling&sid=%0d%0aforged%1b",
        header,
    )?;
    server.get(&format!("/socket.io/?EIO=4&transport={long}"), "")?;

    let log = server.log()?;
    for line in log[logged..].lines() {
        ensure(line.len() < 600, format!("a line of {} bytes", line.len()))?;
        let control = line
            .chars()
            .any(|character| character.is_control() || character == '\u{202e}');
        ensure(
            !control,
            format!("a line with control characters: {line:?}"),
        )?;
        ensure(!line.starts_with("2026 INFO forged"), "a forged line")?;
    }
    Ok(())
}

fn settings(_: &Server) -> Checked {
    let secret = "an-api-key-that-must-not-be-shown";
    let base = || Settings::new().set("api.key", format!("{secret:?}"));
    for (key, value) in [
        ("nonsense", "1"),
        ("engine.nonsense", "1"),
        ("engine.ping_interval", "25"),
        ("engine.ping_interval", r#""soon""#),
        ("engine.max_http_buffer_size", r#""many""#),
        ("listen", r#""nowhere""#),
        ("namespaces", "[1]"),
        ("http.cookie.name", r#""io\r\nX: y""#),
        ("http.cookie.path", r#""/;a""#),
        ("path", r#""no-slash\r\n""#),
        ("http.client_dir", r#""/nonexistent""#),
        ("client.relay", r#"["connect"]"#),
    ] {
        let output = refused(&base().set(key, value)).map_err(|failure| failure.on(key))?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let name = match key.rsplit_once('.') {
            Some(("http.cookie", _)) => "http.cookie",
            Some((_, name)) => name,
            None => key,
        };
        ensure(said.contains(name), format!("{key} is not named: {said}"))?;
        ensure(!said.contains(secret), "a secret is shown")?;
        ensure(
            output.status.code() == Some(2),
            format!("{key}: {}", output.status),
        )?;
    }
    let checked = check(&base())?;
    let said = [checked.stdout, checked.stderr].concat();
    ensure(
        !String::from_utf8_lossy(&said).contains(secret),
        "`check` shows a secret",
    )
}
