//! Of socket.io and engine.io, for Node and for Python.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    case::{Case, MIB, Profile},
    kit::{Checked, Failure, Frame, Polling, Stream, Transport, Upgrade, WebSocket, ensure},
    server::{Server, refused},
    settings::Settings,
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "CVE-2017-16031",
            "identifiers of sessions are random in every bit",
            identifiers,
        )
        .under(Profile::Alone),
        Case::new(
            "CVE-2020-28481",
            "without a setting there are no headers of CORS",
            |server| {
                let origin = "Origin: http://evil.test\r\n";
                let response = server.get("/socket.io/?EIO=4&transport=polling", origin)?;
                response.is(200)?.has_no_cors().map(drop)
            },
        ),
        Case::new(
            "CVE-2024-38355",
            "an event named error is an event like others",
            |server| {
                for transport in Transport::BOTH {
                    let (mut peer, _) = server.connected(transport)?;
                    for event in [
                        r#"2["error"]"#,
                        r#"2["error",{}]"#,
                        r#"21["error"]"#,
                        r#"2["connection"]"#,
                    ] {
                        peer.send(event)?;
                    }
                    peer.join("still-there")?;
                }
                for reserved in [
                    "newListener",
                    "removeListener",
                    "disconnecting",
                    "connect_error",
                ] {
                    super::super::packets::closes(server, &format!(r#"2["{reserved}"]"#))?;
                }
                Ok(())
            },
        ),
        Case::new(
            "CVE-2020-36048",
            "a megabyte of tiny packets costs next to nothing",
            |server| {
                let many = "6\x1e".repeat(500_000);
                for payload in [
                    &many[..999_999],
                    &"\x1e".repeat(1_000_000),
                    &"4".repeat(999_999),
                ] {
                    let mut session = server.polling()?;
                    session.post(payload)?.is_one_of(&[200, 400])?;
                    session.closes()?;
                }
                Ok(())
            },
        ),
        Case::new(
            "CVE-2022-21676",
            "a bad frame in the segment of the upgrade request closes",
            bad_first_frames,
        ),
        Case::new(
            "CVE-2022-41940",
            "500 refused upgrades that are reset leave nothing",
            |server| {
                for _ in 0..500 {
                    let mut stream = server.stream()?;
                    stream.send(Upgrade::of("nobody").bytes())?;
                    stream.reset();
                }
                Ok(())
            },
        )
        .costs(500, 4 * MIB),
        Case::new(
            "CVE-2023-31125",
            "an upgrade to no transport is refused",
            bad_transports,
        ),
        Case::new(
            "CVE-2026-59725",
            "every refused post is answered",
            |server| {
                for _ in 0..500 {
                    let session = server.polling()?;
                    let headers = "Content-Type: application/octet-stream\r\nContent-Length: 2\r\n";
                    let mut stream = session.start_post(headers)?;
                    stream.be_patient(Duration::from_secs(3))?;
                    stream.send("42")?;
                    stream.response()?.is(400)?;
                }
                Ok(())
            },
        )
        .costs(800, 8 * MIB),
        Case::new(
            "GHSA-gr94-w7qr-f4j3",
            "an upgrade for no session is refused",
            |server| {
                for sid in [
                    "ABCDEFGHIJKLMNOPQRST",
                    "__proto__",
                    "toString",
                    "constructor",
                    "%00",
                    "x",
                ] {
                    let (response, _) = Upgrade::of(sid).attempt(server.address)?;
                    response
                        .refuses_upgrade(1)
                        .map_err(|failure| failure.on(sid))?;
                }
                Ok(())
            },
        ),
        Case::new(
            "CVE-2024-47764",
            "a cookie that could hold another is refused at the start",
            |_| {
                for (key, value) in [
                    ("http.cookie.name", r#""io\r\nX: y""#),
                    ("http.cookie.name", r#""a;b""#),
                    ("http.cookie.name", r#""a=b""#),
                    ("http.cookie.path", r#""/;a""#),
                    ("http.cookie.domain", r#""a;b""#),
                    ("http.cookie.domain", r#""a\r\nX: y""#),
                ] {
                    let base = Settings::new().set("http.cookie.name", r#""io""#);
                    let said = refused(&base.set(key, value))
                        .map_err(|failure| failure.on(value))?
                        .stderr;
                    let said = String::from_utf8_lossy(&said).into_owned();
                    ensure(said.contains("http.cookie"), said)?;
                }
                Ok(())
            },
        )
        .under(Profile::Alone),
        Case::new(
            "CVE-2026-48802",
            "a hundred thousand pongs start no timer",
            |server| {
                let (mut peer, _) = server.connected(Transport::WebSocket)?;
                let (start, websocket) = (Instant::now(), peer.websocket()?);
                let pongs = Frame::text("3").bytes().repeat(1000);
                for _ in 0..100 {
                    websocket.stream.send(&pongs)?;
                }
                websocket.receives("2")?;
                let took = start.elapsed();
                let expected = Duration::from_millis(1500)..Duration::from_millis(3500);
                ensure(
                    expected.contains(&took),
                    format!("the ping came after {took:?}"),
                )
            },
        )
        .under(Profile::Heartbeat)
        .costs(500, 4 * MIB),
        Case::new(
            "CVE-2026-48804",
            "a half packet leaves nothing, before a namespace and after",
            |server| {
                let header = r#"51-["a",{"_placeholder":true,"num":0}]"#;
                for transport in Transport::BOTH {
                    let mut peer = server.session(transport)?;
                    peer.send(header)?;
                    peer.closes()?;
                    let (mut peer, _) = server.connected(transport)?;
                    peer.send(header)?;
                    peer.send("1")?;
                    peer.closes()?;
                }
                Ok(())
            },
        ),
    ]
}

/// 4,000 identifiers, of two runs: each bit is set in about half of them.
fn identifiers(_: &Server) -> Checked {
    let mut bits = [0_u32; 120];
    let mut seen = HashSet::new();
    for _ in 0..2 {
        let server = Server::start(&Settings::new())?;
        let mut stream = Stream::open(server.address)?;
        for _ in 0..20 {
            stream.send(Polling::handshake().repeat(100))?;
            for _ in 0..100 {
                let sid = Polling::sid_of(&stream.response()?)?;
                let bytes = URL_SAFE_NO_PAD.decode(&sid);
                let bytes = bytes.map_err(|_| Failure::new("not base64").on(&sid))?;
                ensure(
                    bytes.len() == 15,
                    format!("{sid} has {} bytes", bytes.len()),
                )?;
                for (bit, count) in bits.iter_mut().enumerate() {
                    *count += u32::from(bytes[bit / 8] >> (bit % 8) & 1);
                }
                ensure(seen.insert(sid), "an identifier is there twice")?;
            }
        }
        let (mut peer, id) = server.connected(Transport::Polling)?;
        ensure(
            peer.polling()?.sid != id,
            "the socket's id is the session's",
        )?;
    }
    let odd = bits.iter().position(|count| !(1800..2200).contains(count));
    ensure(
        odd.is_none(),
        format!("bit {odd:?} is not random: {bits:?}"),
    )
}

fn bad_first_frames(server: &Server) -> Checked {
    let frames = [
        Frame::of(0xb1, ""),
        Frame::of(0xc1, ""),
        Frame::of(0x91, ""),
        Frame::of(0xa1, ""),
        Frame::of(0x83, ""),
        Frame::of(0x8b, ""),
        Frame::text("A").unmasked(),
        Frame::of(0x89, [0; 126]),
        Frame::of(0x09, "a"),
        Frame::of(0x80, "a"),
    ];
    for frame in frames {
        let mut stream = server.stream()?;
        stream.send(Upgrade::new().followed_by(frame.bytes()).bytes())?;
        stream.response()?.is(101)?;
        let mut websocket = WebSocket::over(stream);
        websocket
            .closes_with(1002)
            .map_err(|failure| failure.on(format!("{frame:x?}")))?;
    }
    Ok(())
}

fn bad_transports(server: &Server) -> Checked {
    for query in [
        "EIO=4&transport=polling",
        "EIO=4&transport=__proto__",
        "EIO=4&transport=constructor",
        "EIO=4&transport=",
        "EIO=4",
        "",
        "EIO=4&transport=websocket&transport=polling",
        "EIO=4&EIO=3&transport=websocket",
        "EIO=4&transport=%00",
        "EIO=4&transport=websocket%00",
        "transport=websocket",
        "EIO=4&transport=webtransport",
    ] {
        let (response, _) = Upgrade::with_query(query).attempt(server.address)?;
        response.is(400).map_err(|failure| failure.on(query))?;
    }
    let long = format!("EIO=4&transport={}", "w".repeat(8 * 1024));
    let (response, _) = Upgrade::with_query(long).attempt(server.address)?;
    response.is_one_of(&[400, 414, 431]).map(drop)
}
