//! What pages of others may do through a browser: origins, CORS, headers.

use crate::{
    case::{Case, Profile},
    kit::{Checked, Upgrade, ensure},
    server::{Server, refused},
    settings::Settings,
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "ATK-40",
            "a page of another site opens no WebSocket",
            |server| {
                let foreign = Upgrade::new().header("Origin", "http://evil.test");
                let (response, _) = foreign.attempt(server.address)?;
                response
                    .is_one_of(&[400, 403])?
                    .has_no("access-control-allow-origin")?;
                Upgrade::new()
                    .header("Origin", "https://app.example.com")
                    .open(server.address)
                    .map(drop)
            },
        )
        .under(Profile::Origins),
        Case::new(
            "ATK-41",
            "origins are compared whole, after parsing",
            origins,
        )
        .under(Profile::Origins),
        Case::new(
            "ATK-42",
            "a client that is no browser needs no origin",
            |server| {
                server.polling()?.lives()?;
                Upgrade::new().open(server.address).map(drop)
            },
        )
        .under(Profile::Origins),
        Case::new("ATK-43", "CORS says only what is configured", cors).under(Profile::Origins),
        Case::new(
            "ATK-43b",
            "a page of another site gets no session, so it has none to post to",
            |server| {
                for origin in FOREIGN {
                    let response = server.get(POLLING, &format!("Origin: {origin}\r\n"))?;
                    response
                        .is(403)?
                        .has_no("access-control-allow-origin")?
                        .has_no("set-cookie")?;
                }
                Ok(())
            },
        )
        .under(Profile::Origins),
        Case::new(
            "ATK-43c",
            "strange bytes in headers are refused or ignored, and never sent back",
            |server| {
                for name in ["Origin", "Cookie", "User-Agent"] {
                    for byte in [0x80_u8, 0xff, 0x7f, 0x01] {
                        let head =
                            format!("GET {POLLING} HTTP/1.1\r\nHost: localhost\r\n{name}: a");
                        let request = [head.as_bytes(), &[byte], b"marker\r\n\r\n"].concat();
                        let response = server.request_once(request)?.is_one_of(&[200, 400, 403])?;
                        let mut headers = response.headers.iter();
                        let is_sent_back = headers.any(|(_, value)| value.contains("marker"));
                        ensure(!is_sent_back, format!("{name} with {byte:#x} is sent back"))?;
                    }
                }
                Ok(())
            },
        )
        .under(Profile::Origins),
        Case::new(
            "ATK-43d",
            "nothing that a client sends becomes a header",
            |server| {
                let injected = "%0d%0aX-Injected:%20marker";
                for target in [
                    format!("/socket.io/?EIO=4&transport=polling&t={injected}"),
                    format!("/socket.io/?EIO=4&transport=polling&sid={injected}"),
                    format!("/socket.io/?EIO=4&transport={injected}"),
                    format!("/socket.io/{injected}?EIO=4&transport=polling"),
                    format!("/{injected}"),
                    format!("{POLLING}&j={injected}"),
                    format!("{POLLING}&j=0"),
                ] {
                    let response = server.get(&target, "")?.is_one_of(&[200, 400, 404])?;
                    let response = response.has_no("x-injected")?;
                    let mut headers = response.headers.iter();
                    ensure(!headers.any(|(_, value)| value.contains("marker")), &target)?;
                    // JSONP would be a script.
                    ensure(!response.text().contains("___eio"), target)?;
                }
                Ok(())
            },
        ),
        Case::new("ATK-43e", "errors are JSON and repeat nothing", |server| {
            let script = "%3Cscript%3E<script>alert(1)</script>";
            for query in [
                format!("EIO=4&transport={script}"),
                format!("EIO={script}&transport=polling"),
                format!("EIO=4&transport=polling&sid={script}"),
            ] {
                let response = server.get(&format!("/socket.io/?{query}"), "")?.is(400)?;
                let json = response.header("content-type") == Some("application/json");
                ensure(json || response.body.is_empty(), "the error is no JSON")?;
                ensure(
                    !response.text().contains("script"),
                    "the error repeats the query",
                )?;
            }
            Ok(())
        }),
    ]
}

fn origins(server: &Server) -> Checked {
    for origin in FOREIGN {
        let (response, _) = Upgrade::new()
            .header("Origin", *origin)
            .attempt(server.address)?;
        response
            .is_one_of(&[400, 403])
            .map_err(|failure| failure.on(origin))?;
    }
    let long = format!("https://{}.example.com", "a".repeat(9 * 1024));
    let (response, _) = Upgrade::new()
        .header("Origin", long)
        .attempt(server.address)?;
    response.is_one_of(&[400, 403, 431])?;
    for two in [
        ["https://app.example.com", "http://evil.test"],
        ["http://evil.test", "https://app.example.com"],
    ] {
        let [first, second] = two;
        let upgrade = Upgrade::new()
            .header("Origin", first)
            .header("Origin", second);
        let (response, _) = upgrade.attempt(server.address)?;
        response
            .is_one_of(&[400, 403])
            .map_err(|failure| failure.on(two.join(", ")))?;
    }
    for origin in [
        "https://app.example.com",
        "https://app.example.com:443",
        "https://APP.example.com",
        "https://a.wild.example",
    ] {
        Upgrade::new()
            .header("Origin", origin)
            .open(server.address)?;
    }
    Ok(())
}

fn cors(server: &Server) -> Checked {
    let ours = "Origin: https://app.example.com\r\n";
    let preflight = "Access-Control-Request-Method: POST\r\n";
    let options = |headers: &str| {
        server.request(format!(
            "OPTIONS {POLLING} HTTP/1.1\r\nHost: localhost\r\n{headers}{preflight}\r\n"
        ))
    };
    let allowed = options(ours)?.is_one_of(&[200, 204])?;
    ensure(
        allowed.header("access-control-allow-origin") == Some("https://app.example.com"),
        "the page is not allowed",
    )?;
    ensure(
        allowed
            .header("vary")
            .is_some_and(|vary| vary.contains("Origin")),
        "no Vary",
    )?;
    let foreign = options("Origin: http://evil.test\r\n")?;
    ensure(
        foreign.header("access-control-allow-origin").is_none(),
        "the foreign page is allowed",
    )?;
    server
        .get(POLLING, "Origin: http://evil.test\r\n")?
        .is(403)?
        .has_no("access-control-allow-origin")?;
    let answered = server.get(POLLING, ours)?.is(200)?;
    ensure(
        answered
            .header("vary")
            .is_some_and(|vary| vary.contains("Origin")),
        "no Vary",
    )?;
    let wide = Settings::new()
        .set("cors.origins", r#"["*"]"#)
        .set("cors.credentials", "true");
    let output = refused(&wide)?;
    ensure(
        String::from_utf8_lossy(&output.stderr).contains("cors"),
        "the setting is not named",
    )
}

const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

/// Nearly allowed.
const FOREIGN: &[&str] = &[
    "http://evil.test",
    "https://app.example.com.evil.test",
    "https://evilapp.example.com",
    "https://evilexample.com",
    "null",
    "http://app.example.com",
    "https://app.example.com:8443",
    "https://app.example.com.",
    "https://app.example.com/",
    "https://app.example.com@evil.test",
    "https://evil.test#app.example.com",
    "https://wild.example",
    "https://evilwild.example",
    "https://a.wild.example.evil.test",
    "https://*.wild.example",
    "app.example.com",
    "",
];
