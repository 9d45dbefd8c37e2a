//! Connections that come in.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures_util::{Stream, stream};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};

use crate::{
    actors::sip::flows::{Connection, connection::Wire},
    net::{address::unmapped, tcp},
    sip::Transport,
};

/// Pause after the system refused a connection: it has run out of something, and asking again at once would be in its way.
const PAUSE: Duration = Duration::from_millis(100);

/// A connection that somebody opened to us. What it is carried by is settled once it has a seat.
pub(in crate::actors::sip) struct Accepted {
    stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    /// The far end.
    pub peer: SocketAddr,
    local: SocketAddr,
}

impl From<Accepted> for Connection {
    fn from(accepted: Accepted) -> Self {
        let Accepted {
            stream,
            tls,
            peer,
            local,
        } = accepted;
        tcp::prepare(&stream);
        let (transport, wire) = match tls {
            Some(config) => (Transport::Tls, Wire::Greeting(stream, config)),
            None => (Transport::Tcp, Wire::Plain(stream)),
        };
        Self {
            wire,
            transport,
            peer,
            local,
        }
    }
}

/// Connections that come in, to speak TLS where `tls` is given; the next is taken when the last was handled.
pub(in crate::actors::sip) fn accept(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
) -> impl Stream<Item = Accepted> {
    stream::unfold((listener, tls), |(listener, tls)| async move {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    if let Ok(local) = stream.local_addr() {
                        let accepted = Accepted {
                            stream,
                            tls: tls.clone(),
                            peer: unmapped(peer),
                            local: unmapped(local),
                        };
                        return Some((accepted, (listener, tls)));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot take a SIP connection");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    })
}
