//! The PROXY protocol, versions 1 and 2: a proxy's connection begins with whose it is.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use actix_rt::net::TcpStream;
use ppp::{HeaderResult, v1, v2};
use tokio::io::AsyncReadExt as _;

/// Reads the header, and nothing behind it; returns the client's address, or none where the proxy
/// speaks for itself or doesn't know.
pub(super) async fn read_header(stream: &mut TcpStream) -> io::Result<Option<SocketAddr>> {
    let mut header = Vec::new();
    loop {
        match missing(&header)? {
            Missing::Bytes(count) => {
                let read = header.len();
                header.resize(read + count, 0);
                stream.read_exact(&mut header[read..]).await?;
            }
            Missing::LineEnd(within) => {
                let mut ahead = [0; MAX_LINE];
                // What is behind the line belongs to HTTP and stays where it is.
                let there = stream.peek(&mut ahead[..within]).await?;
                if there == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                let len = up_to_line_end(&ahead[..there]);
                stream.read_exact(&mut ahead[..len]).await?;
                header.extend_from_slice(&ahead[..len]);
            }
            Missing::Nothing => return client_of(&header),
        }
    }
}

/// Does to bytes what [`read_header`] does to a stream that has `ahead` of them at a time; returns
/// how many it has read, too.
#[cfg(feature = "testing")]
pub(crate) fn read_header_of(
    bytes: &[u8],
    ahead: usize,
) -> io::Result<(Option<SocketAddr>, usize)> {
    let mut read = 0;
    loop {
        let rest = &bytes[read..];
        read += match missing(&bytes[..read])? {
            Missing::Nothing => return Ok((client_of(&bytes[..read])?, read)),
            Missing::Bytes(count) if count <= rest.len() => count,
            Missing::LineEnd(within) if !rest.is_empty() => {
                up_to_line_end(&rest[..rest.len().min(within).min(ahead.max(1))])
            }
            Missing::Bytes(_) | Missing::LineEnd(_) => {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
    }
}

/// What a header's beginning lacks.
enum Missing {
    Bytes(usize),
    /// The end of its line, which is within so many bytes.
    LineEnd(usize),
    Nothing,
}

fn missing(header: &[u8]) -> io::Result<Missing> {
    let bytes_to = |len: usize| match len - header.len() {
        0 => Missing::Nothing,
        count => Missing::Bytes(count),
    };
    if header.len() < SIGNATURE.len() {
        // Both versions are longer than this, and tell which they are within it.
        return Ok(bytes_to(SIGNATURE.len()));
    }
    if header.starts_with(&SIGNATURE) {
        let Some(len) = header.get(FIXED - 2..FIXED) else {
            return Ok(bytes_to(FIXED));
        };
        let len = usize::from(u16::from_be_bytes([len[0], len[1]]));
        if len > MAX_BINARY {
            return Err(broken("a header of the PROXY protocol that is too long"));
        }
        return Ok(bytes_to(FIXED + len));
    }
    if !header.starts_with(v1::PROTOCOL_PREFIX.as_bytes()) {
        return Err(broken("no header of the PROXY protocol"));
    }
    match MAX_LINE - header.len() {
        _ if header.ends_with(b"\r\n") => Ok(Missing::Nothing),
        _ if header.ends_with(b"\n") => Err(broken("a broken header of the PROXY protocol")),
        0 => Err(broken("a header of the PROXY protocol that is too long")),
        within => Ok(Missing::LineEnd(within)),
    }
}

fn up_to_line_end(ahead: &[u8]) -> usize {
    let end = ahead.iter().position(|byte| *byte == b'\n');
    end.map_or(ahead.len(), |end| end + 1)
}

fn client_of(header: &[u8]) -> io::Result<Option<SocketAddr>> {
    match HeaderResult::parse(header) {
        HeaderResult::V1(Ok(header)) => Ok(source_of_v1(&header.addresses)),
        HeaderResult::V2(Ok(header)) => Ok(match header.command {
            v2::Command::Local => None,
            v2::Command::Proxy => source_of_v2(&header.addresses),
        }),
        HeaderResult::V1(Err(_)) | HeaderResult::V2(Err(_)) => {
            Err(broken("a broken header of the PROXY protocol"))
        }
    }
}

fn source_of_v1(addresses: &v1::Addresses) -> Option<SocketAddr> {
    match addresses {
        v1::Addresses::Tcp4(ip) => Some(source(ip.source_address, ip.source_port)),
        v1::Addresses::Tcp6(ip) => Some(source(ip.source_address, ip.source_port)),
        v1::Addresses::Unknown => None,
    }
}

fn source_of_v2(addresses: &v2::Addresses) -> Option<SocketAddr> {
    match addresses {
        v2::Addresses::IPv4(ip) => Some(source(ip.source_address, ip.source_port)),
        v2::Addresses::IPv6(ip) => Some(source(ip.source_address, ip.source_port)),
        v2::Addresses::Unix(_) | v2::Addresses::Unspecified => None,
    }
}

fn source(address: impl Into<IpAddr>, port: u16) -> SocketAddr {
    SocketAddr::new(address.into(), port)
}

fn broken(problem: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

/// How version 2 begins.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The bytes of version 2 up to its length, which is in the last two.
const FIXED: usize = 16;

/// The longest line of version 1, its end included.
const MAX_LINE: usize = 107;

/// The most bytes of addresses and extensions in version 2 that are read: those with a client's
/// certificate are a few hundred.
const MAX_BINARY: usize = 4096;

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncWriteExt as _, net::TcpListener};

    use super::*;

    /// Reads a header that comes in these pieces; returns the address and what is left to read.
    async fn read(pieces: &[&[u8]]) -> io::Result<(Option<SocketAddr>, Vec<u8>)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut proxy = TcpStream::connect(listener.local_addr()?).await?;
        proxy.set_nodelay(true)?;
        let (mut stream, _) = listener.accept().await?;
        let sending = async {
            for piece in pieces {
                // The server may have had enough.
                let _ = proxy.write_all(piece).await;
                tokio::task::yield_now().await;
            }
            let _ = proxy.shutdown().await;
        };
        let (client, ()) = tokio::join!(read_header(&mut stream), sending);
        let client = client?;
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await?;
        Ok((client, rest))
    }

    fn version_2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let mut header = SIGNATURE.to_vec();
        header.extend_from_slice(&[command, family]);
        header.extend_from_slice(&u16::try_from(rest.len()).unwrap().to_be_bytes());
        header.extend_from_slice(rest);
        header
    }

    #[tokio::test]
    async fn a_line_tells_the_client_and_what_is_behind_it_is_left() {
        for (header, expected) in [
            (
                "PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n",
                Some("192.0.2.1:4711"),
            ),
            (
                "PROXY TCP6 2001:db8::1 ::1 4711 80\r\n",
                Some("[2001:db8::1]:4711"),
            ),
            ("PROXY UNKNOWN\r\n", None),
        ] {
            let whole = format!("{header}GET / HTTP/1.1\r\n");
            let bytes: Vec<&[u8]> = whole.as_bytes().chunks(1).collect();
            for pieces in [&[whole.as_bytes()][..], &bytes] {
                let (client, rest) = read(pieces).await.unwrap();

                assert_eq!(client, expected.map(|address| address.parse().unwrap()));
                assert_eq!(rest, b"GET / HTTP/1.1\r\n");
            }
        }
    }

    #[tokio::test]
    async fn the_binary_header_does_so_too_with_extensions_or_without() {
        let v4 = [192, 0, 2, 1, 10, 0, 0, 1, 0x12, 0x67, 0, 80];
        let extended = [&v4[..], &[4, 0, 2, 7, 7]].concat();
        for (header, expected) in [
            (version_2(0x21, 0x11, &v4), Some("192.0.2.1:4711")),
            (version_2(0x21, 0x11, &extended), Some("192.0.2.1:4711")),
            // Its own health check.
            (version_2(0x20, 0x00, &[]), None),
        ] {
            let (client, rest) = read(&[&header, b"GET"]).await.unwrap();

            assert_eq!(client, expected.map(|address| address.parse().unwrap()));
            assert_eq!(rest, b"GET");
        }
    }

    #[tokio::test]
    async fn anything_else_is_refused_before_much_of_it_is_read() {
        let long = format!("PROXY TCP4 {}\r\n", "1".repeat(200));
        let huge = version_2(0x21, 0x11, &[0; MAX_BINARY + 1]);
        for header in [
            &b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..],
            b"PROXY TCP4 192.0.2.1 10.0.0.1 4711\r\n",
            b"PROXY TCP4 nobody 10.0.0.1 4711 80\r\n",
            b"PROXY TCP4 192.0.2.1",
            b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\n",
            b"PROXY UNKNOWN ::1 x 1 \n",
            b"PRO",
            long.as_bytes(),
            &huge,
            &version_2(0x31, 0x11, &[0; 12]),
            &version_2(0x21, 0x11, &[0; 3]),
        ] {
            assert!(read(&[header]).await.is_err(), "{header:?}");
        }
    }
}
