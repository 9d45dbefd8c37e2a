//! One UDP socket a call, never registered with a poller: the media tick drains it. The kernel stamps each datagram's arrival
//! (SO_TIMESTAMPNS), so that waiting for the tick does not blur the jitter estimate.

use std::{
    io::{self, IoSliceMut},
    net::{IpAddr, SocketAddr, UdpSocket},
    os::fd::AsRawFd,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt,
    sockopt::ReceiveTimestampns,
};
use socket2::{Domain, Protocol, Socket, Type};

use crate::net::address::{mapped, shared, unmapped};

/// One datagram as it came in.
#[derive(Clone, Copy, Debug)]
pub struct Arrived {
    /// Octets written into the buffer.
    pub len: usize,
    /// Who sent it.
    pub from: SocketAddr,
    /// When the kernel took it in, by the wall clock; `None` when it did not say.
    pub at: Option<SystemTime>,
}

/// A call's RTP socket.
#[derive(Debug)]
pub struct RtpSocket {
    socket: UdpSocket,
    is_v6: bool,
    control: Vec<u8>,
}

impl RtpSocket {
    /// Binds `port` of `ip`; on `::` it takes both families, so that a call may change its own in mid-call.
    ///
    /// # Errors
    /// Whatever the system says, `AddrInUse` above all.
    pub fn bind(ip: IpAddr, port: u16) -> io::Result<Self> {
        let address = SocketAddr::new(ip, port);
        let socket = Socket::new(
            Domain::for_address(address),
            Type::DGRAM,
            Some(Protocol::UDP),
        )?;
        shared(&socket, ip)?;
        socket.bind(&address.into())?;
        socket.set_nonblocking(true)?;
        setsockopt(&socket, ReceiveTimestampns, &true)?;
        Ok(Self {
            socket: socket.into(),
            is_v6: ip.is_ipv6(),
            control: nix::cmsg_space!(nix::sys::time::TimeSpec),
        })
    }

    /// The next waiting datagram; `None` when there is none. Errors of an earlier send (ICMP) are passed over.
    pub fn recv(&mut self, buffer: &mut [u8]) -> Option<Arrived> {
        for _ in 0..4 {
            let mut slices = [IoSliceMut::new(buffer)];
            let received = recvmsg::<SockaddrStorage>(
                self.socket.as_raw_fd(),
                &mut slices,
                Some(&mut self.control),
                MsgFlags::MSG_DONTWAIT,
            );
            let message = match received {
                Ok(message) => message,
                Err(nix::Error::EAGAIN) => return None,
                Err(_) => continue,
            };
            let at = message
                .cmsgs()
                .ok()
                .into_iter()
                .flatten()
                .find_map(|control| {
                    if let ControlMessageOwned::ScmTimestampns(time) = control {
                        stamped(time)
                    } else {
                        None
                    }
                });
            let from = unmapped(message.address.as_ref().and_then(socket_address)?);
            return Some(Arrived {
                len: message.bytes,
                from,
                at,
            });
        }
        None
    }

    /// Sends one datagram; a full queue or an unreachable peer is the network's loss.
    pub fn send(&self, to: SocketAddr, packet: &[u8]) -> bool {
        self.socket.send_to(packet, mapped(to, self.is_v6)).is_ok()
    }
}

fn stamped(time: nix::sys::time::TimeSpec) -> Option<SystemTime> {
    let seconds = u64::try_from(time.tv_sec()).ok()?;
    let nanoseconds = u32::try_from(time.tv_nsec()).ok()?;
    UNIX_EPOCH.checked_add(Duration::new(seconds, nanoseconds))
}

fn socket_address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = storage.as_sockaddr_in() {
        return Some(SocketAddr::new(IpAddr::V4(v4.ip()), v4.port()));
    }
    storage
        .as_sockaddr_in6()
        .map(|v6| SocketAddr::new(IpAddr::V6(v6.ip()), v6.port()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn one_socket_serves_both_families() {
        let Ok(mut ours) = RtpSocket::bind(Ipv6Addr::UNSPECIFIED.into(), 0) else {
            return; // A machine without IPv6.
        };
        let port = ours.socket.local_addr().unwrap().port();
        let mut buffer = [0; 64];
        let loopback: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        for ip in loopback {
            let Ok(far) = UdpSocket::bind((ip, 0)) else {
                continue;
            };
            far.send_to(b"hello", (ip, port)).unwrap();
            let arrived = ours.recv(&mut buffer).unwrap();
            assert_eq!(arrived.from, far.local_addr().unwrap());
            assert!(ours.send(arrived.from, b"there"));
            assert_eq!(far.recv(&mut buffer).unwrap(), 5);
        }
    }

    #[test]
    fn datagrams_carry_their_sender_and_the_kernels_time() {
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let mut ours = RtpSocket::bind(ip, 0).unwrap();
        let port = ours.socket.local_addr().unwrap().port();
        let far = UdpSocket::bind((ip, 0)).unwrap();
        let mut buffer = [0; 64];
        assert!(ours.recv(&mut buffer).is_none());
        far.send_to(b"hello", (ip, port)).unwrap();
        let arrived = ours.recv(&mut buffer).unwrap();
        assert_eq!(
            (&buffer[..arrived.len], arrived.from),
            (&b"hello"[..], far.local_addr().unwrap())
        );
        assert!(arrived.at.is_some());
        assert!(ours.send(arrived.from, b"there"));
        assert_eq!(far.recv(&mut buffer).unwrap(), 5);
    }
}
