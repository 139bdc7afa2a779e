use std::net::TcpStream;

use socket2::{Domain, Socket, Type};
use sockeye_guard::kit::Checked;
use tokio::net::TcpSocket;

/// Returns a socket with so little room at either end that what its client doesn't read soon stays
/// with the server.
///
/// # Errors
///
/// When the system has none.
pub fn narrow() -> Checked<TcpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_recv_buffer_size(16 * 1024)?;
    // The system's own send buffer has room for a number of segments.
    socket.set_tcp_mss(1400)?;
    socket.set_nonblocking(true)?;
    Ok(TcpSocket::from_std_stream(TcpStream::from(socket)))
}
