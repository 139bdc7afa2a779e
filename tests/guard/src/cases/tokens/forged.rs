use std::{fs, io::ErrorKind, net::TcpListener, process::Command};

use serde_json::json;

use super::are_refused;
use crate::{
    case::{Case, Profile},
    kit::{Checked, Token, ensure},
    server::{Server, refused},
    settings::Settings,
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "ATK-44",
            "a token that says it needs no signature is refused",
            |server| {
                let algorithms = ["none", "None", "nOnE", "NONE", "", "hs256", "HS 256"];
                let tokens = algorithms.into_iter().flat_map(|algorithm| {
                    let token = Token::of("a").header(json!({ "alg": algorithm }).to_string());
                    [token.signed_as(b""), token.message(), token.sign()]
                });
                are_refused(server, tokens)?;
                are_refused(
                    server,
                    [Token::of("a").signed_as(b""), Token::of("a").message()],
                )
            },
        ),
        Case::new("ATK-45", "a public key is no secret", |server| {
            let tokens = [PUBLIC_KEY, PUBLIC_KEY.trim_end(), "", "secret"]
                .map(|key| Token::of("a").secret(key).sign());
            are_refused(server, tokens)
        }),
        Case::new(
            "ATK-46",
            "only the configured algorithm counts, and only a long secret",
            |server| {
                let algorithms = [
                    "HS384", "HS512", "RS256", "PS256", "ES256", "EdDSA", "HS256K",
                ];
                let tokens = algorithms.into_iter().flat_map(|algorithm| {
                    let token = Token::of("a").header(json!({ "alg": algorithm }).to_string());
                    [
                        token.sign(),
                        token.signed_as(&[0; 64]),
                        token.signed_as(&[0; 57]),
                    ]
                });
                are_refused(server, tokens)?;
                for secret in ["\"\"", "\"short\"", "\"only-thirty-one-bytes-of-secret\""] {
                    let said = refused(&Settings::new().set("auth.jwt.secret", secret))?.stderr;
                    let said = String::from_utf8_lossy(&said).into_owned();
                    ensure(said.contains("auth.jwt.secret"), said.clone())?;
                    ensure(
                        secret.len() < 3 || !said.contains(secret.trim_matches('"')),
                        "it shows the secret",
                    )?;
                }
                Ok(())
            },
        ),
        Case::new(
            "ATK-47",
            "nothing in a token's header is looked up or fetched",
            header,
        ),
        Case::new(
            "ATK-47-trace",
            "a token's header makes the server open no file and call nobody",
            touches_nothing,
        )
        .under(Profile::Alone),
        Case::new(
            "ATK-49",
            "a token has three parts of base64 with plain objects",
            shape,
        ),
        Case::new(
            "CVE-2026-25537",
            "claims of the wrong type are refused, not ignored",
            |server| {
                let now = Token::now();
                let strange = [
                    "\"99999999999\"",
                    "1.5",
                    "-1",
                    "1e30",
                    "null",
                    "[]",
                    "{}",
                    "true",
                    "18446744073709551616",
                ];
                let tokens = ["exp", "nbf", "iat"].into_iter().flat_map(|claim| {
                    strange.into_iter().map(move |value| {
                        let claims = match claim {
                            "exp" => format!(r#"{{"sub":"a","exp":{value}}}"#),
                            _ => format!(r#"{{"sub":"a","exp":{},"{claim}":{value}}}"#, now + 60),
                        };
                        Token::with_claims_text(claims).sign()
                    })
                });
                are_refused(server, tokens)?;
                let others = [
                    format!(r#"{{"sub":"a","exp":{},"aud":{{}}}}"#, now + 60),
                    format!(r#"{{"sub":5,"exp":{}}}"#, now + 60),
                    format!(r#"{{"iss":[],"exp":{}}}"#, now + 60),
                    r#"{"sub":"a"}"#.to_owned(),
                ];
                are_refused(
                    server,
                    others.map(|claims| Token::with_claims_text(claims).sign()),
                )
            },
        ),
        Case::new(
            "CVE-2026-32301",
            "no key is fetched from where a token says",
            fetches_nothing,
        ),
        Case::new(
            "CVE-2026-49998",
            "a key of one issuer is of no use to another",
            |_| {
                let server = Server::start(
                    &Settings::new().set("auth.jwt.issuer", r#""https://a.example""#),
                )?;
                let claims =
                    |issuer: &str| json!({ "sub": "x", "exp": Token::now() + 60, "iss": issuer });
                let kid = r#"{"alg":"HS256","kid":"1"}"#;
                let others = Token::with_claims(&claims("https://b.example"))
                    .header(kid)
                    .sign();
                let foreign_key = "another-issuer's-secret-of-32-bytes-and-more";
                let forged = Token::with_claims(&claims("https://a.example"))
                    .header(kid)
                    .secret(foreign_key)
                    .sign();
                are_refused(&server, [others, forged])
            },
        )
        .under(Profile::Alone),
    ]
}

/// Reads from the system itself what the server touches.
fn touches_nothing(_: &Server) -> Checked {
    let is_there = Command::new("strace").arg("-V").output().is_ok();
    if !is_there {
        println!("SKIPPED: ATK-47-trace, as there is no strace; apt-get install strace");
        return Ok(());
    }
    let directory = tempfile::tempdir()?;
    let trace = directory.path().join("trace");
    let server = Server::start_traced(&Profile::Files.settings(), &trace)?;
    // What is done once, at the first token, is done.
    server.member("warm")?;
    are_refused(&server, ["a.b.c".to_owned()])?;
    server.get("/socket.io/socket.io.js", "")?.is(200)?;
    let before = fs::read_to_string(&trace)?;
    ensure(
        before.contains("/socket.io.js") && before.contains("socket("),
        "the trace doesn't show the file that was asked for",
    )?;

    header(&server)?;
    fetches_nothing(&server)?;

    let touched = fs::read_to_string(&trace)?.split_off(before.len());
    let touched = touched.trim();
    ensure(
        touched.is_empty(),
        format!("the server has done this: {touched}"),
    )
}

fn header(server: &Server) -> Checked {
    let long = "k".repeat(10_000);
    let kids = [
        "../../dev/null",
        "/dev/null",
        "' OR 1=1 --",
        "",
        &long,
        "\u{0}",
    ];
    // The key doesn't depend on the kid, so a bad one with a good signature is only ignored.
    let forged = kids.map(|kid| {
        let header = json!({ "alg": "HS256", "kid": kid });
        Token::of("a").header(header.to_string()).secret("").sign()
    });
    are_refused(server, forged)?;
    let headers = [
        r#"{"alg":"HS256","kid":"a","kid":"b"}"#,
        r#"{"alg":"HS256","alg":"none"}"#,
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","crit":["exp"],"exp":1}"#,
        r#"{"alg":"HS256","b64":false}"#,
        r#"{"alg":"HS256","zip":"DEF"}"#,
        r#"{"alg":["HS256"]}"#,
        r#"{"alg":null}"#,
        r#"{}"#,
        r#"[]"#,
        r#"not JSON"#,
    ];
    are_refused(
        server,
        headers.map(|header| Token::of("a").header(header).sign()),
    )
}

fn shape(server: &Server) -> Checked {
    let good = Token::of("a").sign();
    let (message, signature) = good.rsplit_once('.').unwrap_or_default();
    let deep = format!(
        r#"{{"exp":9999999999,"a":{}{}}}"#,
        "[".repeat(2000),
        "]".repeat(2000)
    );
    let tokens = [
        message.to_owned(),
        format!("{good}.{signature}.{signature}"),
        format!("{good}="),
        format!("{good}=="),
        format!(" {good}"),
        format!("{good}\n"),
        format!("{good}\u{0}"),
        good.replacen('.', ". ", 1),
        good.replacen('.', "+.", 1),
        format!("..{signature}"),
        "..".to_owned(),
        String::new(),
        "a".repeat(12 * 1024),
        format!("{message}.{}", "A".repeat(12 * 1024)),
        Token::with_claims_text(deep).sign(),
        Token::with_claims_text(r#"{"exp":9999999999,"exp":9999999998}"#).sign(),
        Token::with_claims_text(r#"{"exp":9999999999}x"#).sign(),
        Token::with_claims_text("[]").sign(),
        Token::with_claims_text([0xff, 0xfe]).sign(),
        Token::with_claims_text("x".repeat(9 * 1024)).sign(),
    ];
    are_refused(server, tokens)
}

fn fetches_nothing(server: &Server) -> Checked {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let url = format!("http://{}/keys", listener.local_addr()?);
    let claims = json!({ "sub": "a", "iss": url, "aud": url, "exp": Token::now() + 60 });
    let tokens = ["jku", "x5u", "jwk", "iss"].map(|name| {
        let header = json!({ "alg": "RS256", "kid": url, name: url });
        Token::with_claims(&claims)
            .header(header.to_string())
            .sign()
    });
    are_refused(server, tokens)?;
    let nobody = matches!(listener.accept(), Err(error) if error.kind() == ErrorKind::WouldBlock);
    ensure(nobody, "the server has called where the token says")
}

/// Any will do: that of a key pair which was thrown away.
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9
q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==
-----END PUBLIC KEY-----
";
