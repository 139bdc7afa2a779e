use std::{io, net};

use socket2::{Domain, Protocol, Socket, Type};

/// Listens at an address, where so many connections may wait to be accepted.
///
/// The standard library's own has room for 128: in a rush, clients beyond that would try again
/// after a second, or three.
pub(crate) fn bind(address: net::SocketAddr, backlog: u32) -> io::Result<net::TcpListener> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    // A server that is restarted gets its port back, as with the standard library.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// As many as the system may let wait by default, or half of that.
pub(crate) const BACKLOG: u32 = 2048;
