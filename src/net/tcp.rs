//! TCP: listeners, and what a connection of SIP is told before it is used.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    os::fd::AsFd,
    time::Duration,
};

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use crate::net::address;

const BACKLOG: i32 = 512;
/// A peer that acknowledges nothing for so long is gone; the request on its way is then sent over another connection.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(10);
/// A silent peer is asked for a sign of life by the kernel after so long, and again each [`PROBE_INTERVAL`].
const PROBE_AFTER: Duration = Duration::from_secs(60);
const PROBE_INTERVAL: Duration = Duration::from_secs(10);

/// Binds, not blocking; a port still in TIME_WAIT from before a restart is taken over.
///
/// # Errors
/// Whatever the system says, `AddrInUse` above all.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    address::shared(&socket, address.ip())?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Makes a connection quick to send and quick to notice that the other side is gone.
pub fn prepare(connection: &impl AsFd) {
    let socket = SockRef::from(connection);
    let probes = TcpKeepalive::new()
        .with_time(PROBE_AFTER)
        .with_interval(PROBE_INTERVAL);
    // A connection without these works, only less well.
    let _ = socket.set_tcp_nodelay(true);
    let _ = socket.set_tcp_keepalive(&probes);
    let _ = socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX));
}
