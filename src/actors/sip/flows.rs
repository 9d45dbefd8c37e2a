//! TCP connections of SIP: one reader and one writer task each, behind bounded channels.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
};

use crate::sip::{FlowId, Framer, Source, Transport};

/// Connections at most, of all peers.
const CONNECTIONS_MAX: usize = 512;
/// Connections at most of one address that is not trusted.
const STRANGERS_CONNECTIONS_MAX: usize = 4;
/// Messages that wait for a slow peer before its connection is given up.
const OUTBOX: usize = 256;
/// A peer that sends nothing, not even a keep-alive, is let go: twice Twilio's two minutes.
const IDLE_MAX: Duration = Duration::from_secs(240);
/// After a connection that could not be taken, for want of file descriptors, none is for so long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);
const CONNECT_MAX: Duration = Duration::from_secs(4);
const READ: usize = 8 * 1024;

/// A connection that is up.
pub(super) struct Connection {
    stream: TcpStream,
    /// The far end.
    pub peer: SocketAddr,
    local: SocketAddr,
}

/// A connection that somebody opened to us.
pub(super) struct Accepted(pub Connection);

/// What a connection brings.
pub(super) enum FlowEvent {
    /// One whole message.
    Message {
        /// Where it came from.
        source: Source,
        /// Its octets.
        bytes: Bytes,
    },
    /// The connection is gone, or cannot be cut into messages any more.
    Closed {
        /// Which.
        flow: FlowId,
    },
}

struct Flow {
    peer: IpAddr,
    outbox: mpsc::Sender<Bytes>,
}

/// The open connections.
#[derive(Default)]
pub(super) struct Flows {
    open: HashMap<FlowId, Flow>,
    last: u64,
}

impl Flows {
    /// Whether one more connection from `peer` is taken.
    pub(super) fn has_room(&self, peer: IpAddr, trusted: bool) -> Result<(), &'static str> {
        if self.open.len() >= CONNECTIONS_MAX {
            return Err("tcp-full");
        }
        let theirs = self.open.values().filter(|flow| flow.peer == peer).count();
        if !trusted && theirs >= STRANGERS_CONNECTIONS_MAX {
            Err("tcp-stranger")
        } else {
            Ok(())
        }
    }

    /// Numbers the connection; what it brings comes as the stream.
    pub(super) fn open(
        &mut self,
        connection: Connection,
    ) -> (Source, impl Stream<Item = FlowEvent> + use<>) {
        self.last += 1;
        let Connection {
            stream,
            peer,
            local,
        } = connection;
        let source = Source {
            flow: FlowId(self.last),
            transport: Transport::Tcp,
            local,
            from: peer,
        };
        let (outbox, waiting) = mpsc::channel::<Bytes>(OUTBOX);
        self.open.insert(
            source.flow,
            Flow {
                peer: peer.ip(),
                outbox,
            },
        );
        let (read, write) = stream.into_split();
        write_on(waiting, write);
        (source, messages(source, read))
    }

    /// Sends on a connection; one that does not take it is closed.
    pub(super) fn send(&mut self, flow: FlowId, bytes: Bytes) {
        if let Some(open) = self.open.get(&flow)
            && open.outbox.try_send(bytes).is_err()
        {
            self.open.remove(&flow);
        }
    }

    /// Lets the connection go once what waits is written.
    pub(super) fn close(&mut self, flow: FlowId) {
        self.open.remove(&flow);
    }
}

/// Connections that come in; the next is taken when the last was handled.
pub(super) fn accept(listener: TcpListener) -> impl Stream<Item = Accepted> {
    stream::unfold(listener, |listener| async move {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    if let Ok(local) = stream.local_addr() {
                        return Some((
                            Accepted(Connection {
                                stream,
                                peer,
                                local,
                            }),
                            listener,
                        ));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot take a SIP connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    })
}

/// Connects to a trunk.
pub(super) async fn connect(host: String, port: u16) -> io::Result<Connection> {
    let stream =
        tokio::time::timeout(CONNECT_MAX, TcpStream::connect((host.as_str(), port))).await??;
    Ok(Connection {
        peer: stream.peer_addr()?,
        local: stream.local_addr()?,
        stream,
    })
}

struct Reader {
    source: Source,
    read: OwnedReadHalf,
    framer: Framer,
    over: bool,
}

impl Reader {
    /// The next message, or the end.
    async fn next(&mut self) -> FlowEvent {
        let closed = FlowEvent::Closed {
            flow: self.source.flow,
        };
        loop {
            match self.framer.next_message() {
                Ok(Some(bytes)) => {
                    return FlowEvent::Message {
                        source: self.source,
                        bytes,
                    };
                }
                Ok(None) => {}
                Err(_) => return closed,
            }
            let mut buffer = [0; READ];
            match tokio::time::timeout(IDLE_MAX, self.read.read(&mut buffer)).await {
                Ok(Ok(len)) if len > 0 => self.framer.push(buffer.get(..len).unwrap_or_default()),
                Ok(Ok(_) | Err(_)) | Err(_) => return closed,
            }
        }
    }
}

/// Writes what waits until the connection or its owner is gone.
#[expect(
    clippy::disallowed_methods,
    reason = "a connection is written by a task of its own"
)]
fn write_on(mut waiting: mpsc::Receiver<Bytes>, mut write: OwnedWriteHalf) {
    actix::spawn(async move {
        while let Some(bytes) = waiting.recv().await {
            if write.write_all(&bytes).await.is_err() {
                break;
            }
        }
    });
}

fn messages(source: Source, read: OwnedReadHalf) -> impl Stream<Item = FlowEvent> {
    let reader = Reader {
        source,
        read,
        framer: Framer::new(),
        over: false,
    };
    stream::unfold(reader, |mut reader| async move {
        if reader.over {
            return None;
        }
        let event = reader.next().await;
        reader.over = matches!(event, FlowEvent::Closed { .. });
        Some((event, reader))
    })
    .boxed_local()
}
