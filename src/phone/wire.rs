//! What carries a phone's SIP messages: UDP, or one connection by TCP or TLS, opened before the first of them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;

use crate::sip::{Framer, Transport};

/// The largest UDP payload over IPv4.
const DATAGRAM_MAX: usize = 65_507;
const READ: usize = 8 * 1024;
/// How long a far end may take to take a connection.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// How a phone reaches the far end.
#[derive(Debug, Clone)]
pub(super) enum Way {
    /// Datagrams.
    Udp,
    /// A connection.
    Tcp,
    /// A connection over TLS, to somebody with a certificate for this name.
    Tls(Arc<ClientConfig>, String),
}

impl Way {
    pub(super) fn transport(&self) -> Transport {
        match self {
            Self::Udp => Transport::Udp,
            Self::Tcp => Transport::Tcp,
            Self::Tls(..) => Transport::Tls,
        }
    }

    /// Opens the socket, or the connection; TLS waits for [`Plug::into_wire`].
    pub(super) fn open(&self, bind: std::net::IpAddr, far_end: SocketAddr) -> io::Result<Plug> {
        match self {
            Self::Udp => Ok(Plug::Udp(std::net::UdpSocket::bind((bind, 0))?)),
            Self::Tcp | Self::Tls(..) => {
                let domain = socket2::Domain::for_address(far_end);
                let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
                socket.bind(&SocketAddr::new(bind, 0).into())?;
                socket.connect_timeout(&far_end.into(), CONNECT_MAX)?;
                Ok(Plug::Tcp(socket.into()))
            }
        }
    }
}

/// A socket that no runtime has yet.
pub(super) enum Plug {
    Udp(std::net::UdpSocket),
    Tcp(std::net::TcpStream),
}

impl Plug {
    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Udp(socket) => socket.local_addr(),
            Self::Tcp(stream) => stream.local_addr(),
        }
    }

    /// Puts it on the runtime of the thread, and greets where the way is TLS.
    pub(super) async fn into_wire(self, way: Way) -> io::Result<Wire> {
        match self {
            Self::Udp(socket) => {
                socket.set_nonblocking(true)?;
                Ok(Wire::Udp(
                    UdpSocket::from_std(socket)?,
                    vec![0; DATAGRAM_MAX],
                ))
            }
            Self::Tcp(stream) => {
                stream.set_nonblocking(true)?;
                let stream = TcpStream::from_std(stream)?;
                let Way::Tls(config, name) = way else {
                    return Ok(Wire::stream(Box::new(stream)));
                };
                let name = ServerName::try_from(name).map_err(io::Error::other)?;
                let greeting = TlsConnector::from(config).connect(name, stream);
                let stream = tokio::time::timeout(CONNECT_MAX, greeting).await??;
                Ok(Wire::stream(Box::new(stream)))
            }
        }
    }
}

/// A stream of either kind.
pub(super) trait Octets: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Octets for S {}

/// A phone's signalling at work.
pub(super) enum Wire {
    Udp(UdpSocket, Vec<u8>),
    Stream {
        stream: Box<dyn Octets>,
        framer: Framer,
        buffer: Vec<u8>,
        is_over: bool,
    },
}

impl Wire {
    fn stream(stream: Box<dyn Octets>) -> Self {
        Self::Stream {
            stream,
            framer: Framer::new(),
            buffer: vec![0; READ],
            is_over: false,
        }
    }

    /// The next message; never, once the connection is gone. May be given up and asked again.
    pub(super) async fn recv(&mut self) -> Bytes {
        match self {
            Self::Udp(socket, buffer) => loop {
                // An ICMP error of an earlier send is not the end of the socket.
                if let Ok((len, _)) = socket.recv_from(buffer).await {
                    return Bytes::copy_from_slice(buffer.get(..len).unwrap_or_default());
                }
            },
            Self::Stream {
                stream,
                framer,
                buffer,
                is_over,
            } => loop {
                match framer.next_message() {
                    Ok(Some(message)) => return message,
                    Ok(None) if !*is_over => {}
                    Ok(None) | Err(_) => std::future::pending().await,
                }
                match stream.read(buffer).await {
                    Ok(len) if len > 0 => framer.push(buffer.get(..len).unwrap_or_default()),
                    Ok(_) | Err(_) => *is_over = true,
                }
            },
        }
    }

    /// Sends one message; what cannot be sent is lost, as on any line.
    pub(super) async fn send(&mut self, message: &[u8], far_end: SocketAddr) {
        match self {
            Self::Udp(socket, _) => {
                let _ = socket.send_to(message, far_end).await;
            }
            Self::Stream { stream, .. } => {
                if stream.write_all(message).await.is_ok() {
                    let _ = stream.flush().await;
                }
            }
        }
    }
}
