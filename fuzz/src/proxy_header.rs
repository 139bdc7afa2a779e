use std::net::{IpAddr, SocketAddr};

use sockeye::fuzzing;

use crate::{
    memory::{FACTOR, bounded},
    script::Script,
};

/// Checks that a header of the PROXY protocol is read to its end and no further, however it comes,
/// and tells of the address that it names.
///
/// The first byte says how much comes at a time.
pub fn proxy_header(data: &[u8]) {
    let mut script = Script::new(data);
    let ahead = usize::from(script.byte().unwrap_or_default());
    let bytes = script.rest();

    let read = bounded(bytes.len(), FACTOR, || fuzzing::proxy_header(bytes, ahead));

    let whole = fuzzing::proxy_header(bytes, usize::MAX);
    assert_eq!(whole.is_ok(), read.is_ok(), "it matters how it comes");
    let Ok((client, len)) = read else {
        return;
    };
    assert_eq!((client, len), whole.expect("it was read"));
    let header = &bytes[..len];
    assert_eq!(
        fuzzing::proxy_header(header, ahead).expect("what is behind it doesn't matter"),
        (client, len)
    );
    if bytes.starts_with(b"PROXY ") {
        assert!(len <= 107 && header.ends_with(b"\r\n"));
        assert!(!header[..len - 2].contains(&b'\n'));
        if let Some(client) = client {
            let words: Vec<_> = str::from_utf8(header)
                .expect("text")
                .trim_end()
                .split(' ')
                .collect();
            assert_eq!(words.len(), 6);
            assert_eq!(words[2].parse(), Ok(client.ip()));
            assert_eq!(words[4].parse(), Ok(client.port()));
        }
    } else {
        assert_eq!(
            len,
            16 + usize::from(u16::from_be_bytes([header[14], header[15]]))
        );
        assert!(len <= 16 + 4096);
        assert_eq!(client, named(header));
    }
}

/// The source in a header of version 2, if it speaks for a client with an address.
fn named(header: &[u8]) -> Option<SocketAddr> {
    let (address, port): (IpAddr, _) = match (header[12], header[13] >> 4) {
        (0x21, 1) => (<[u8; 4]>::try_from(&header[16..20]).ok()?.into(), 24),
        (0x21, 2) => (<[u8; 16]>::try_from(&header[16..32]).ok()?.into(), 48),
        _ => return None,
    };
    let port = u16::from_be_bytes([header[port], header[port + 1]]);
    Some(SocketAddr::new(address, port))
}
