//! Payloads of polling that are not what they should be.

use crate::{
    case::Case,
    kit::{Checked, Failure, RS, Transport, ensure},
    server::Server,
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "ATK-07",
            "text that is not UTF-8 ends the session and reaches nobody",
            |server| {
                let mut witness = server.member("utf-8")?;
                for bytes in [
                    &[0xff, 0xfe][..],
                    &[0xc0, 0x80],
                    &[0xed, 0xa0, 0x80],
                    &[0xe2, 0x82],
                ] {
                    let (mut peer, _) = server.connected(Transport::Polling)?;
                    let payload =
                        [br#"42["chat",{"room":"utf-8","t":""#, bytes, br#""}]"#].concat();
                    peer.polling()?.post(payload)?.is_one_of(&[200, 400])?;
                    peer.closes()?;
                }
                server.told_nothing(&mut witness, "utf-8")
            },
        ),
        Case::new(
            "ATK-08",
            "lengths count bytes, and the next request begins behind them",
            byte_lengths,
        ),
        Case::new(
            "ATK-09",
            "empty packets at the ends or between separators end the session",
            |server| {
                for payload in ["\x1e", "\x1e6", "6\x1e", "6\x1e\x1e6", ""] {
                    let mut session = server.polling()?;
                    session.post(payload)?.is_one_of(&[200, 400])?;
                    session.closes().map_err(|failure| failure.on(payload))?;
                }
                Ok(())
            },
        ),
        Case::new(
            "ATK-10",
            "a payload of 4,097 packets is refused as a whole",
            |server| {
                let mut witness = server.member("many")?;
                let (mut peer, _) = server.connected(Transport::Polling)?;
                peer.join("many")?;
                let payload = |count| vec![r#"42["chat",{"room":"many"}]"#; count].join(RS);
                peer.polling()?.post(payload(4097))?.is(400)?;
                peer.closes()?;
                server.told_nothing(&mut witness, "many")?;

                let (mut peer, _) = server.connected(Transport::Polling)?;
                peer.polling()?
                    .posts([b"6".as_slice(); 4096].join(&RS.as_bytes()[0]))?;
                peer.polling()?.lives()
            },
        ),
    ]
}

fn byte_lengths(server: &Server) -> Checked {
    let mut witness = server.member("bytes")?;
    let (mut peer, id) = server.connected(Transport::Polling)?;
    peer.join("bytes")?;
    let session = peer.polling()?;
    let payload = r#"42["chat",{"room":"bytes","t":"€€€"}]"#;
    let post = |length: usize| {
        let head = session.post_head(&format!("Content-Length: {length}\r\n"));
        format!("{head}{payload}")
    };

    let mut stream = server.stream()?;
    stream.send(format!("{}{}", post(payload.len()), post(payload.len())))?;
    stream
        .response()
        .map_err(|failure| failure.on("first"))?
        .is(200)?;
    stream
        .response()
        .map_err(|failure| failure.on("second"))?
        .is(200)?;
    for _ in 0..2 {
        let heard = witness.receive()?;
        let expected = format!(r#"2["chat",{{"room":"bytes","t":"€€€"}},{{"from":"{id}","#);
        ensure(heard.starts_with(&expected), heard)?;
    }

    // What is left of the payload is no request, and so ends the connection: at once, if the answer
    // has to come from another thread.
    let mut stream = server.stream()?;
    stream.send(post(payload.chars().count()))?;
    if let Some(response) = stream.response_or_end()? {
        response.is_one_of(&[200, 400])?;
        if let Some(response) = stream.response_or_end()? {
            response.is(400)?;
        }
    }
    peer.closes()
        .map_err(|_| Failure::new("half a packet was accepted"))?;
    server.told_nothing(&mut witness, "bytes")
}
