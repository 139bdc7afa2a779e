//! Reads HTTP responses.

/// A status and a body.
pub(crate) type Response = (u16, Vec<u8>);

/// Parses a response; `None` while it is incomplete.
pub(crate) fn response(bytes: &[u8]) -> Result<Option<Response>, String> {
    let Some(end) = find(bytes, b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = String::from_utf8_lossy(&bytes[..end]);
    let status = head.split_ascii_whitespace().nth(1);
    let status = status.and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| format!("not HTTP: {head}"))?;
    let rest = &bytes[end + 4..];
    let body = match field(&head, "content-length") {
        Some(length) => {
            let length = length.parse().map_err(|_| format!("length {length:?}"))?;
            rest.get(..length).map(<[u8]>::to_vec)
        }
        None if field(&head, "transfer-encoding") == Some("chunked") => join_chunks(rest)?,
        None => return Err(format!("neither length nor chunks: {head}")),
    };
    Ok(body.map(|body| (status, body)))
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn join_chunks(bytes: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let (mut rest, mut body) = (bytes, Vec::new());
    loop {
        let Some(end) = find(rest, b"\r\n") else {
            return Ok(None);
        };
        let length = str::from_utf8(&rest[..end]).unwrap_or_default();
        let length = usize::from_str_radix(length, 16).map_err(|_| format!("chunk {length:?}"))?;
        let start = end + 2;
        let (Some(chunk), Some(next)) = (
            rest.get(start..start + length),
            rest.get(start + length + 2..),
        ) else {
            return Ok(None);
        };
        if length == 0 {
            return Ok(Some(body));
        }
        body.extend_from_slice(chunk);
        rest = next;
    }
}

/// Returns where a pattern begins.
pub(crate) fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    let mut windows = bytes.windows(pattern.len());
    windows.position(|window| window == pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_a_length_or_chunks() {
        for (bytes, expected) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200),
            (
                "HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
                400,
            ),
        ] {
            let bytes = bytes.as_bytes();

            assert_eq!(response(bytes), Ok(Some((expected, b"ok".to_vec()))));
            assert_eq!(response(&bytes[..bytes.len() - 1]), Ok(None));
        }
    }
}
