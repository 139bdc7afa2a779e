//! From polling to WebSocket, or not quite.

use std::time::Duration;

use crate::{
    case::{Case, MIB, Profile},
    kit::{Checked, Frame, Peer, Received, Transport, Upgrade, WebSocket, ensure},
    server::Server,
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "ATK-15",
            "an upgrade that is never finished costs only the candidate",
            |server| {
                let mut upgrading = Vec::new();
                for _ in 0..100 {
                    let (mut peer, _) = server.connected(Transport::Polling)?;
                    let candidate = probe(server, &mut peer)?;
                    upgrading.push((peer, candidate));
                }
                for (peer, candidate) in &mut upgrading {
                    candidate.stream.ends_within(Duration::from_secs(14))?;
                    peer.join("stayed")?;
                }
                Ok(())
            },
        )
        .costs(500, 16 * MIB)
        .under(Profile::Waiting),
        Case::new(
            "ATK-16",
            "polls after the upgrade are refused and harm nothing",
            |server| {
                let (mut peer, _) = server.connected(Transport::Polling)?;
                let mut websocket = probe(server, &mut peer)?;
                websocket.text("5")?;
                websocket.text(r#"421["join","upgraded"]"#)?;
                answered(&mut websocket, 1)?;
                peer.polling()?.get()?.refuses(3)?;
                websocket.text(r#"422["join","upgraded"]"#)?;
                answered(&mut websocket, 2)
            },
        ),
        Case::new("ATK-17", "of two candidates the first wins", |server| {
            let (mut peer, _) = server.connected(Transport::Polling)?;
            let mut first = probe(server, &mut peer)?;
            refused(server, &mut peer)?;
            first.text("5")?;
            first.text(r#"421["join","first"]"#)?;
            answered(&mut first, 1)
        }),
        Case::new(
            "ATK-18",
            "a session on WebSocket takes no second one",
            |server| {
                let (mut peer, _) = server.connected(Transport::Polling)?;
                let mut websocket = probe(server, &mut peer)?;
                websocket.text("5")?;
                websocket.text(r#"421["join","only"]"#)?;
                answered(&mut websocket, 1)?;
                refused(server, &mut peer)?;
                websocket.text(r#"422["join","only"]"#)?;
                answered(&mut websocket, 2)
            },
        ),
        Case::new(
            "ATK-19",
            "a candidate that begins wrongly is closed, and the session polls on",
            |server| {
                let frames = [
                    Frame::text("2"),
                    Frame::text("2prob"),
                    Frame::text("4x"),
                    Frame::text("garbage"),
                    Frame::binary([1, 2, 3]),
                ];
                for frame in frames {
                    let (mut peer, _) = server.connected(Transport::Polling)?;
                    let mut candidate = Upgrade::of(&peer.polling()?.sid).open(server.address)?;
                    candidate.send(&frame)?;
                    let outcome = candidate.closes().and_then(|_| peer.join("polls-on"));
                    outcome.map_err(|failure| failure.on(format!("{frame:?}")))?;
                }
                Ok(())
            },
        ),
        Case::new(
            "ATK-20",
            "whatever is on its way during the upgrade arrives once and in order",
            |server| {
                for seed in 0..150 {
                    interleaved(server, seed)
                        .map_err(|failure| failure.on(format!("seed {seed}")))?;
                }
                Ok(())
            },
        )
        .costs(2000, 16 * MIB),
    ]
}

/// Offers a WebSocket to a polling session, up to the answer to the probe.
fn probe(server: &Server, peer: &mut Peer) -> Checked<WebSocket> {
    let mut candidate = Upgrade::of(&peer.polling()?.sid).open(server.address)?;
    candidate.text("2probe")?;
    candidate.receives("3probe")?;
    Ok(candidate)
}

/// Expects that another WebSocket is refused at once, before or after its handshake.
fn refused(server: &Server, peer: &mut Peer) -> Checked {
    let (response, stream) = Upgrade::of(&peer.polling()?.sid).attempt(server.address)?;
    let response = response.is_one_of(&[101, 400])?;
    if response.status == 101 {
        let mut stream = stream;
        stream.ends_within(Duration::from_secs(3))?;
    }
    Ok(())
}

fn answered(websocket: &mut WebSocket, id: u32) -> Checked {
    let received = websocket.receive()?;
    let answers = |text: &String| text.starts_with(&format!("43{id}["));
    let is_answer = matches!(&received, Received::Text(text) if answers(text));
    ensure(
        is_answer,
        format!("{received:.200?} instead of answer {id}"),
    )
}

/// A poll waits and a post is half-way when the upgrade is done; which of the two halves comes
/// first, and where the post is cut, is the seed's choice.
fn interleaved(server: &Server, seed: usize) -> Checked {
    let (mut peer, _) = server.connected(Transport::Polling)?;
    let mut candidate = probe(server, &mut peer)?;
    let session = peer.polling()?;
    let payload = r#"421["join","a"]"#;
    let head = session.post_head(&format!("Content-Length: {}\r\n", payload.len()));
    let request = format!("{head}{payload}");
    let (before, after) = request.split_at(1 + seed * 7919 % (request.len() - 1));

    let mut poll = match seed % 3 {
        0 => None,
        _ => Some(session.start_get()?),
    };
    let mut post = server.stream()?;
    if seed.is_multiple_of(2) {
        post.send(before)?;
        candidate.text("5")?;
        post.send(after)?;
    } else {
        post.send(before)?;
        post.send(after)?;
        candidate.text("5")?;
    }
    let posted = post.response()?.is_one_of(&[200, 400])?;
    if let Some(poll) = &mut poll {
        // The poll may get the answer that the post has caused, when it was first.
        let said = poll.response()?.is_one_of(&[200, 400])?.text();
        if said.starts_with("431[") {
            return Ok(());
        }
    }
    let accepted = posted.status == 200;
    candidate.text(r#"422["join","a"]"#)?;
    if accepted {
        answered(&mut candidate, 1)?;
    }
    answered(&mut candidate, 2)
}
