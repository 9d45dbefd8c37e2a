//! Connections that we open: to the route edge of a dialog whose own is gone, or to a trunk.

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use rustls::pki_types::ServerName;
use tokio::{
    net::{TcpSocket, TcpStream, lookup_host},
    task::spawn_blocking,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{
    actors::sip::flows::{Connection, connection::Wire},
    net::{address::unmapped, tcp, tls::TlsClient},
    sip::{NextHop, Transport},
};

/// For the name, the connection and the handshake together.
const CONNECT_MAX: Duration = Duration::from_secs(4);

/// How connections are opened.
#[derive(Clone, Debug)]
pub(in crate::actors::sip) struct Dialler {
    /// Whom we trust.
    pub tls: TlsClient,
    /// The address to connect from; unspecified: whichever the routes say.
    pub bind: IpAddr,
}

/// The addresses of a host, IPv6 without brackets.
///
/// # Errors
/// There are none.
pub(in crate::actors::sip) async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip.to_canonical(), port)]);
    }
    let found: Vec<SocketAddr> = lookup_host((host, port)).await?.map(unmapped).collect();
    if found.is_empty() {
        return Err(io::Error::new(
            ErrorKind::NotFound,
            "the name has no address",
        ));
    }
    Ok(found)
}

impl Dialler {
    /// Connects to `hop` over its transport, which must be a stream. `name` is the one its certificate must have, where that
    /// is not the hop's own: a route edge is often an address.
    ///
    /// # Errors
    /// Nobody is there, in time; or the certificate is not theirs.
    pub(in crate::actors::sip) async fn connect(
        self,
        hop: NextHop,
        name: Option<String>,
    ) -> io::Result<Connection> {
        timeout(CONNECT_MAX, self.connect_at_leisure(hop, name)).await?
    }

    async fn connect_at_leisure(
        self,
        hop: NextHop,
        name: Option<String>,
    ) -> io::Result<Connection> {
        let mut failed = io::Error::from(ErrorKind::NotFound);
        for address in resolve(&hop.host, hop.port).await? {
            match self.tcp(address).await {
                Ok(stream) => return self.secure(stream, &hop, name.as_deref()).await,
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    async fn tcp(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let socket = if to.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        if !self.bind.is_unspecified() && self.bind.is_ipv4() == to.is_ipv4() {
            socket.bind(SocketAddr::new(self.bind, 0))?;
        }
        socket.connect(to).await
    }

    async fn secure(
        &self,
        stream: TcpStream,
        hop: &NextHop,
        name: Option<&str>,
    ) -> io::Result<Connection> {
        tcp::prepare(&stream);
        let (peer, local) = (stream.peer_addr()?, stream.local_addr()?);
        let wire = if hop.transport == Transport::Tls {
            let name = ServerName::try_from(name.unwrap_or(&hop.host).to_owned())
                .map_err(|error| io::Error::new(ErrorKind::InvalidInput, error))?;
            let tls = self.tls.clone();
            // The first time it reads files.
            let config = spawn_blocking(move || tls.config()).await?;
            let connector = TlsConnector::from(config.map_err(io::Error::other)?);
            Wire::Secured(Box::new(connector.connect(name, stream).await?))
        } else {
            Wire::Plain(stream)
        };
        Ok(Connection {
            wire,
            transport: hop.transport,
            peer: unmapped(peer),
            local: unmapped(local),
        })
    }
}
