//! The UDP socket of SIP.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
};

use socket2::{Domain, Protocol, Socket, Type};

/// Room for a burst of INVITEs while the one reader is busy, in octets.
const BUFFER: usize = 1 << 20;

/// Binds, not blocking, with buffers large enough for a burst of calls.
///
/// # Errors
/// Whatever the system says, `AddrInUse` above all.
pub fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    socket.set_nonblocking(true)?;
    // The system may grant less; a smaller buffer is no reason not to start.
    let _ = socket.set_recv_buffer_size(BUFFER);
    let _ = socket.set_send_buffer_size(BUFFER);
    socket.bind(&address.into())?;
    Ok(socket.into())
}
