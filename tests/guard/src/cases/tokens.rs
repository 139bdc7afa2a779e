//! Tokens that are forged, broken, out of date, or in the wrong place.

mod forged;

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    case::{Case, MIB, Profile},
    kit::{Checked, Peer, Token, Transport, ensure},
    server::{Server, refused},
    settings::Settings,
};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = forged::cases();
    cases.extend([
        Case::new(
            "ATK-48",
            "times, issuer, audience and subject are checked as configured",
            claims,
        )
        .under(Profile::Alone),
        Case::new(
            "ATK-49b",
            "a connection ends with its token, unless it brings a fresh one",
            expiry,
        )
        .costs(50, MIB),
        Case::new(
            "ATK-49d",
            "a token in the query is no token, and in no log",
            |server| {
                let token = Token::of("query").sign();
                let response = server.get(
                    &format!("/socket.io/?EIO=4&transport=polling&token={token}"),
                    "",
                )?;
                response.is(200)?;
                let mut peer = Peer::with_query(
                    server.address,
                    &format!("EIO=4&transport=websocket&token={token}"),
                )?;
                peer.connect("/", &json!({}))?;
                // It is in, but nobody yet: its events reach no handler.
                peer.send(r#"27["join","a"]"#)?;
                server
                    .get(
                        &format!("/socket.io/?EIO=4&transport=%00&token={token}"),
                        "",
                    )?
                    .is(400)?;
                server
                    .get(&format!("/nothing?token={token}"), "")?
                    .is(404)?;
                let end = &token[token.len() - 20..];
                ensure(!server.log()?.contains(end), "the token is in the log")
            },
        ),
        Case::new(
            "ATK-49e",
            "who somebody is comes from CONNECT, whoever opened the session",
            |server| {
                let alice = Token::of("alice").sign();
                let cookie =
                    format!("Cookie: token={alice}; authorization={alice}; io={alice}\r\n");
                let mut witness = server.member("identity")?;
                let response = server.request(format!(
                    "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n{cookie}\r\n"
                ))?;
                let mut peer = Peer::of_polling(server.address, &response)?;
                peer.connect("/", &json!({ "token": Token::of("bob").sign() }))?;
                peer.join("identity")?;
                peer.send(r#"2["chat",{"room":"identity"}]"#)?;
                let heard = witness.receive()?;
                ensure(heard.ends_with(r#""user":"bob"}]"#), heard)
            },
        ),
    ]);
    cases
}

/// Tries a token in CONNECT and as an event: each is refused with one and the same text.
pub(super) fn is_refused(server: &Server, token: &str) -> Checked {
    let mut peer = server.session(Transport::WebSocket)?;
    peer.send(format!("0{}", json!({ "token": token })))?;
    let refusal = peer.receive()?;
    let refusal: Option<Value> = refusal
        .strip_prefix('4')
        .and_then(|text| serde_json::from_str(text).ok());
    let refusal = refusal.unwrap_or_default();
    let generic = |value: Option<&Value>| {
        let text = value.and_then(Value::as_str).unwrap_or_default();
        text.starts_with("Authentication failure socket ")
    };
    let says =
        generic(refusal.get("message")) && refusal.pointer("/data/status") == Some(&json!(401));
    ensure(says, format!("CONNECT is answered {refusal}"))?;

    let mut peer = server.session(Transport::WebSocket)?;
    peer.connect("/", &json!({}))?;
    peer.send(format!(
        "2{}",
        json!(["authentication", { "token": token }])
    ))?;
    let told = peer.receive()?;
    let told: Option<Value> = told
        .strip_prefix('2')
        .and_then(|text| serde_json::from_str(text).ok());
    let told = told.unwrap_or_default();
    let says = told.get(0) == Some(&json!("unauthorized")) && generic(told.pointer("/1/message"));
    ensure(says, format!("the event is answered {told}"))?;
    peer.receives("1")
}

pub(super) fn are_refused(server: &Server, tokens: impl IntoIterator<Item = String>) -> Checked {
    for token in tokens {
        is_refused(server, &token).map_err(|failure| failure.on(&token))?;
    }
    Ok(())
}

fn is_accepted(server: &Server, claims: &Value) -> Checked {
    let mut peer = server.session(Transport::WebSocket)?;
    let token = Token::with_claims(claims).sign();
    let outcome = peer
        .connect("/", &json!({ "token": token }))
        .and_then(|_| peer.join("in"));
    outcome.map_err(|failure| failure.on(claims))
}

fn claims(_: &Server) -> Checked {
    let now = Token::now();
    let server = Server::start(
        &Settings::new()
            .set("auth.jwt.issuer", r#""https://login.example.com""#)
            .set("auth.jwt.audience", r#""realtime""#)
            .set("auth.jwt.leeway", r#""5s""#),
    )?;
    let good = json!({ "sub": "a", "exp": now + 60, "iss": "https://login.example.com", "aud": "realtime" });
    let with = |key: &str, value: Value| {
        let mut claims = good.clone();
        claims[key] = value;
        claims
    };
    let without = |key: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().map(|claims| claims.remove(key));
        claims
    };
    for claims in [
        good.clone(),
        with("exp", json!(now - 2)),
        with("nbf", json!(now + 3)),
        with("iat", json!(now + 600)),
        with("aud", json!(["other", "realtime"])),
        without("sub"),
    ] {
        is_accepted(&server, &claims)?;
    }
    let wrong = [
        with("exp", json!(now - 7)),
        with("exp", json!(0)),
        with("nbf", json!(now + 60)),
        with("iss", json!("https://login.example.com/")),
        with("iss", json!("https://evil.test")),
        without("iss"),
        with("aud", json!("other")),
        with("aud", json!(["other"])),
        with("aud", json!([])),
        without("aud"),
        with("sub", json!("")),
        without("exp"),
    ];
    are_refused(
        &server,
        wrong.iter().map(|claims| Token::with_claims(claims).sign()),
    )?;
    let lenient = Settings::new().set("auth.jwt.leeway", r#""61s""#);
    let said = refused(&lenient)?.stderr;
    ensure(
        String::from_utf8_lossy(&said).contains("auth.jwt.leeway"),
        "the setting is not named",
    )
}

/// One connection ends when its token does; another brings a new token in time, and stays.
fn expiry(server: &Server) -> Checked {
    let short = json!({ "token": Token::with_claims(&json!({ "sub": "brief", "exp": Token::now() + 2 })).sign() });
    let [mut leaves, mut stays] = [
        server.session(Transport::WebSocket)?,
        server.session(Transport::Polling)?,
    ];
    leaves.connect("/", &short)?;
    stays.connect("/", &short)?;
    stays.send(format!(
        "2{}",
        json!(["authentication", { "token": Token::of("brief").sign() }])
    ))?;
    let told = stays.receive()?;
    ensure(told.contains("Authentication success"), told)?;
    let told = leaves.receive()?;
    ensure(told.starts_with(r#"2["unauthorized",{"#), told)?;
    leaves.receives("1")?;
    crate::kit::pause(Duration::from_millis(500));
    stays.join("stayed")
}
