//! HTTP requests that are slow, endless or broken off.

use std::time::{Duration, Instant};

use crate::{
    case::{Case, MIB, Profile},
    kit::{Checked, PATIENCE, Stream, Transport, ensure, eventually, pause},
    server::Server,
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "ATK-01",
            "heads that come byte by byte are given up",
            |server| {
                let mut streams = open(server, 500)?;
                for byte in ["G", "E", "T"] {
                    for stream in &mut streams {
                        // The first may be over already when the last has begun.
                        let _ = stream.send(byte);
                    }
                    pause(Duration::from_millis(1500));
                }
                all_end(&mut streams, Duration::from_secs(5))
            },
        )
        .costs(1000, 16 * MIB)
        .under(Profile::Waiting),
        Case::new(
            "ATK-02",
            "connections without a word are given up",
            |server| {
                let mut streams = open(server, 2000)?;
                all_end(&mut streams, Duration::from_secs(8))
            },
        )
        .costs(2000, 24 * MIB)
        .under(Profile::Waiting),
        Case::new(
            "ATK-03",
            "bodies that come byte by byte are given up with their sessions",
            slow_bodies,
        )
        .costs(3000, 16 * MIB)
        .under(Profile::Waiting),
        Case::new(
            "ATK-04",
            "an announced gigabyte is refused unread",
            |server| {
                let session = server.polling()?;
                let mut stream = session.start_post("Content-Length: 1000000000\r\n")?;
                stream.response()?.is(413)?;
                stream.ends()
            },
        )
        .costs(50, MIB),
        Case::new(
            "ATK-05",
            "chunks without end are cut off soon behind the limit",
            |server| {
                let session = server.polling()?;
                let mut stream = session.start_post("Transfer-Encoding: chunked\r\n")?;
                let chunk = format!("10000\r\n{}\r\n", "4".repeat(0x10000));
                // What comes behind the limit is thrown away for a second, so that the client can
                // read the answer.
                let start = Instant::now();
                stream.pour(chunk.as_bytes(), usize::MAX);
                let took = start.elapsed();
                ensure(took < Duration::from_secs(3), format!("it took {took:?}"))
            },
        )
        .costs(2000, 4 * MIB),
        Case::new(
            "ATK-06",
            "a body that breaks off delivers nothing and ends the session",
            |server| {
                let mut witness = server.member("broken-off")?;
                let (mut peer, _) = server.connected(Transport::Polling)?;
                let mut stream = peer.polling()?.start_post("Content-Length: 1000\r\n")?;
                stream.send("42[\"chat\",{\"room\":\"broken-off\"}]\x1e4")?;
                stream.finish();
                stream.ends_within(Duration::from_secs(5))?;
                peer.closes()?;
                server.told_nothing(&mut witness, "broken-off")
            },
        ),
        Case::new(
            "ATK-11",
            "of two polls at once one is told, and the session ends",
            |server| {
                let mut session = server.polling()?;
                let polls = [session.start_get()?, session.start_get()?];
                let mut answers = Vec::new();
                for mut poll in polls {
                    let response = poll.response()?;
                    answers.push((response.status, response.text()));
                }
                // Which of them is first, is up to the threads that read them.
                answers.sort();
                let expected = [(200, "1".to_owned()), (400, String::new())];
                ensure(answers == expected, format!("{answers:?}"))?;
                session.closes()
            },
        ),
        Case::new(
            "ATK-12",
            "a post while another one is read ends the session",
            |server| {
                let (mut peer, _) = server.connected(Transport::Polling)?;
                let session = peer.polling()?;
                let mut first = session.start_post("Content-Length: 10\r\n")?;
                first.send("42")?;
                // Until the first is being read.
                eventually(PATIENCE, || session.post("6")?.is(400).map(drop))?;
                first.send("[\"chat\"]")?;
                first.response()?.is_one_of(&[200, 400])?;
                session.closes()
            },
        ),
        Case::new("ATK-30", "polls are not compressed", |server| {
            let (mut peer, _) = server.connected(Transport::Polling)?;
            peer.join("gzip")?;
            let mut sender = server.member("gzip")?;
            sender.send(format!(
                r#"2["chat",{{"room":"gzip","t":"{}"}}]"#,
                "x".repeat(10_000)
            ))?;
            let target = peer.polling()?.target();
            let poll = server.get(&target, "Accept-Encoding: gzip, deflate, br\r\n")?;
            poll.is(200)?.has_no("content-encoding").map(drop)
        }),
        Case::new(
            "ATK-31",
            "compressed bodies are refused, never inflated",
            |server| {
                let mut session = server.polling()?;
                for encoding in ["gzip", "deflate", "br", "zstd", "x-unknown"] {
                    let headers = format!("Content-Encoding: {encoding}\r\nContent-Length: 3\r\n");
                    let mut stream = session.start_post(&headers)?;
                    stream.send("abc")?;
                    stream.response()?.is(415)?;
                }
                session.lives()
            },
        ),
    ]
}

fn open(server: &Server, count: usize) -> Checked<Vec<Stream>> {
    (0..count).map(|_| server.stream()).collect()
}

fn all_end(streams: &mut [Stream], cap: Duration) -> Checked {
    for stream in streams {
        stream.ends_within(cap)?;
    }
    Ok(())
}

fn slow_bodies(server: &Server) -> Checked {
    let mut slow = Vec::new();
    for _ in 0..500 {
        let (mut peer, _) = server.connected(Transport::Polling)?;
        let stream = peer.polling()?.start_post("Content-Length: 1000000\r\n")?;
        slow.push((peer, stream));
    }
    for _ in 0..9 {
        for (_, stream) in &mut slow {
            stream.send("4")?;
        }
        pause(Duration::from_secs(1));
    }
    for (peer, stream) in &mut slow {
        stream.response()?.is(408)?;
        peer.closes()?;
    }
    Ok(())
}
