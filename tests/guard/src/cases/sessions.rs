//! Sessions that are guessed, left alone, or upgraded in strange ways.

mod upgrades;

use std::time::{Duration, Instant};

use crate::{
    case::{Case, MIB, Profile},
    kit::{Checked, Peer, Polling, Transport, ensure, eventually, pause},
    server::Server,
};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = upgrades::cases();
    cases.extend([
        Case::new(
            "ATK-13",
            "a poll that is broken off ends its session at once",
            abandoned_polls,
        )
        .costs(1000, 8 * MIB),
        Case::new(
            "ATK-14",
            "sessions that never poll are closed by the heartbeat",
            |server| {
                let mut silent = Vec::new();
                for _ in 0..200 {
                    let (mut peer, _) = server.connected(Transport::Polling)?;
                    peer.join("never-polls")?;
                    silent.push(peer);
                }
                server.has_members("never-polls", 0, Duration::from_secs(12))
            },
        )
        .costs(1000, 16 * MIB)
        .under(Profile::Heartbeat),
        Case::new("ATK-21", "identifiers of any shape are unknown", |server| {
            let logged = server.log()?.len();
            for sid in [
                "x",
                "%00",
                "__proto__",
                "toString",
                "..%2f..%2fetc",
                &"s".repeat(4096),
            ] {
                let query = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
                let response = server.get(&query, "")?;
                response.refuses(1).map_err(|failure| failure.on(sid))?;
            }
            let twice = "/socket.io/?EIO=4&transport=polling&sid=a&sid=b";
            server.get(twice, "")?.refuses(1)?;
            let log = server.log()?;
            let longest = log[logged..]
                .lines()
                .map(str::len)
                .max()
                .unwrap_or_default();
            ensure(
                longest <= 400,
                format!("a line of {longest} bytes was logged"),
            )
        }),
        Case::new("ATK-22", "20,000 guesses find no session", guesses).costs(3000, 8 * MIB),
        Case::new(
            "ATK-23",
            "an identifier means nothing once its session is closed",
            |server| {
                let mut session = server.polling()?;
                session.posts("1")?;
                let target = session.target();
                server.get(&target, "")?.refuses(1)?;
                session.post("6")?.refuses(1).map(drop)
            },
        ),
        Case::new(
            "ATK-24",
            "no client chooses the identifier of its session",
            |server| {
                let chosen = "AAAAAAAAAAAAAAAAAAAA";
                let query = "/socket.io/?EIO=4&transport=polling";
                server
                    .get(&format!("{query}&sid={chosen}"), "")?
                    .refuses(1)?;
                let cookie = format!("Cookie: io={chosen}; sid={chosen}\r\n");
                let opened = server.get(query, &cookie)?.is(200)?;
                ensure(
                    Polling::sid_of(&opened)? != chosen,
                    "the cookie's was taken",
                )
            },
        ),
        Case::new(
            "ATK-26",
            "who never answers a ping is closed in time, over both transports",
            |server| {
                for transport in [Transport::WebSocket, Transport::Polling] {
                    let (mut peer, _) = server.connected(transport)?;
                    let start = Instant::now();
                    match transport {
                        Transport::WebSocket => peer.websocket()?.closes().map(drop)?,
                        Transport::Polling => never_pongs(&mut peer)?,
                    }
                    let took = start.elapsed();
                    let expected = Duration::from_millis(3500)..Duration::from_secs(7);
                    ensure(
                        expected.contains(&took),
                        format!("{transport:?}: after {took:?}"),
                    )?;
                }
                Ok(())
            },
        )
        .under(Profile::Heartbeat),
        Case::new(
            "ATK-27",
            "pongs that nobody asked for change no timer",
            |server| {
                let (mut peer, _) = server.connected(Transport::WebSocket)?;
                let (start, websocket) = (Instant::now(), peer.websocket()?);
                for _ in 0..150 {
                    for _ in 0..5 {
                        websocket.text("3")?;
                        websocket.text("3probe")?;
                    }
                    pause(Duration::from_millis(10));
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
        .costs(300, 4 * MIB)
        .under(Profile::Heartbeat),
    ]);
    cases
}

fn never_pongs(peer: &mut Peer) -> Checked {
    let session = peer.polling()?;
    loop {
        let response = session.get()?;
        if response.status != 200 || response.text().ends_with('1') {
            return session.closes();
        }
    }
}

/// As with the reference: what a server has written to a connection that has gone is lost, so
/// that going on would not be honest. A client that comes back gets what it missed by recovery.
fn abandoned_polls(server: &Server) -> Checked {
    for _ in 0..10 {
        let mut peers = Vec::new();
        for _ in 0..40 {
            let (mut peer, _) = server.connected(Transport::Polling)?;
            let poll = peer.polling()?.start_get()?;
            peers.push((peer, poll));
        }
        let (mut peers, polls): (Vec<_>, Vec<_>) = peers.into_iter().unzip();
        for peer in &mut peers {
            // The poll is waiting once another request of the session has been answered.
            peer.polling()?.lives()?;
        }
        drop(polls);
        for peer in &mut peers {
            eventually(Duration::from_secs(5), || {
                peer.polling()?.post("6")?.refuses(1).map(drop)
            })?;
        }
    }
    Ok(())
}

fn guesses(server: &Server) -> Checked {
    let mut stream = server.stream()?;
    for hundred in 0..200_u64 {
        let requests = (0..100).map(|number| {
            // Any spread will do; they are as long as those of the server.
            let guess = (hundred * 100 + number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            format!(
                "GET /socket.io/?EIO=4&transport=polling&sid={guess:016x}AAAA HTTP/1.1\r\nHost: a\r\n\r\n"
            )
        });
        stream.send(requests.collect::<String>())?;
        for _ in 0..100 {
            stream.response()?.refuses(1)?;
        }
    }
    Ok(())
}
