//! Of HTTP servers: framing, headers without end, ranges, other protocols.

use crate::{
    case::{Case, MIB, Profile},
    kit::{Checked, Polling, ensure},
    server::{Server, refused},
    settings::Settings,
};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("RUSTSEC-2023-0065", "a header of ten megabytes is cut off", |server| {
            let mut stream = server.stream()?;
            let head = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nX-Long: ";
            stream.send(head)?;
            let taken = stream.pour(&[b'x'; 1024], 10_000_000);
            // The limit, and what lies in the system's buffers on both sides.
            ensure(taken < 8_000_000, format!("{taken} bytes were taken"))
        })
        .costs(100, 2 * MIB),
        Case::new("GHSA-xhj4-vrgc-hr34", "a request that can be read in two ways is refused", ambiguous),
        Case::new("GHSA-8v2v-wjwg-vx6r", "any range of a file is answered", |server| {
            let many = vec!["0-1"; 200].join(",");
            for range in ["", "bytes=", "bytes=0-", "bytes=9-1", "bytes=-0", "bytes=-", "bytes=a-b", "bytes=99999999999999999999-", "lines=1-2", &format!("bytes={many}")] {
                let response = server.get("/socket.io/socket.io.js", &format!("Range: {range}\r\n"))?;
                response.is_one_of(&[200, 206, 400, 416]).map_err(|failure| failure.on(range))?;
            }
            let said = refused(&Settings::new().set("http.client_dir", r#""/nonexistent""#))?.stderr;
            ensure(String::from_utf8_lossy(&said).contains("http.client_dir"), "the setting is not named")
        })
        .under(Profile::Files),
        Case::new("RUSTSEC-2024-0332", "HTTP/2 is not spoken", |server| {
            let mut stream = server.stream()?;
            stream.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")?;
            stream.response()?.is(400)?;
            stream.ends()?;
            let upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n";
            let response = server.get("/socket.io/?EIO=4&transport=polling", upgrade)?;
            response.is_one_of(&[200, 400]).map(drop)
        }),
    ]
}

/// Whatever comes behind such a request on its connection is not answered.
fn ambiguous(server: &Server) -> Checked {
    let session = server.polling()?;
    let chunked = "Transfer-Encoding: chunked\r\n";
    for (headers, body) in [
        (format!("Content-Length: 2\r\n{chunked}"), "0\r\n\r\n"),
        (
            "Content-Length: 1\r\nContent-Length: 2\r\n".to_owned(),
            "66",
        ),
        ("Content-Length: 1, 1\r\n".to_owned(), "6"),
        ("Content-Length: +1\r\n".to_owned(), "6"),
        ("Content-Length: 0x1\r\n".to_owned(), "6"),
        ("Content-Length: -1\r\n".to_owned(), "6"),
        ("Content-Length: \r\n".to_owned(), "6"),
        (
            "Transfer-Encoding: chunked, identity\r\n".to_owned(),
            "1\r\n6\r\n0\r\n\r\n",
        ),
        (
            "Transfer-Encoding: xchunked\r\n".to_owned(),
            "1\r\n6\r\n0\r\n\r\n",
        ),
        ("Transfer-Encoding: identity\r\n".to_owned(), "6"),
        (format!("{chunked}{chunked}"), "1\r\n6\r\n0\r\n\r\n"),
        (chunked.to_owned(), "0x1\r\n6\r\n0\r\n\r\n"),
        (chunked.to_owned(), "-1\r\n6\r\n0\r\n\r\n"),
        (chunked.to_owned(), "11111111111111111\r\n6\r\n0\r\n\r\n"),
        ("Content-Length : 1\r\n".to_owned(), "6"),
        ("X-A: 1\r\n 2\r\nContent-Length: 1\r\n".to_owned(), "6"),
        ("X-A: 1\0\r\nContent-Length: 1\r\n".to_owned(), "6"),
    ] {
        let outcome = once(server, &session, &headers, body);
        outcome.map_err(|failure| failure.on(format!("{headers}{body}")))?;
    }
    Ok(())
}

fn once(server: &Server, session: &Polling, headers: &str, body: &str) -> Checked {
    let mut stream = server.stream()?;
    let smuggled = Polling::handshake();
    stream.send(format!("{}{body}{smuggled}", session.post_head(headers)))?;
    // A body that breaks half-way may also end the connection without an answer.
    if let Some(response) = stream.response_or_end()? {
        response.is(400)?;
        if let Some(second) = stream.response_or_end()? {
            second.is(400)?;
        }
    }
    Ok(())
}
