//! One connection at work: the handshake, messages in, messages out, and how long it is waited for.
//!
//! ```text
//! TCP ─> TLS handshake? ─> read ─> Framer ─> FlowEvent::Message ─> actor
//!                          write <─ outbox <────────────────────── actor
//! ```
//! A task of its own, so that one connection wakes nobody else. Whatever ends it is told once, with a reason; then the
//! socket is closed.

use std::{
    cell::Cell,
    rc::Rc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rustls::ServerConfig;
use std::sync::Arc;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
    time::{timeout, timeout_at},
};
use tokio_rustls::{TlsAcceptor, client::TlsStream};

use crate::{
    actors::{clock, sip::flows::FlowEvent},
    sip::{Framer, Source},
};

const READ: usize = 8 * 1024;
/// What is written to a peer that has gone already is given so long.
const GOOD_BYE_MAX: Duration = Duration::from_secs(1);

/// How long a connection is waited for.
#[derive(Clone, Copy, Debug)]
pub(in crate::actors::sip) struct Patience {
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For a stranger's first message that is let in.
    pub first: Duration,
    /// For a trunk's first message.
    pub first_of_trunk: Duration,
    /// For the rest of a message, from its first octet on.
    pub message: Duration,
    /// For anything at all, between messages. A connection that a call needs is waited for without end.
    pub idle: Duration,
    /// For a peer that takes nothing of what is sent.
    pub write: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(5),
            first: Duration::from_secs(10),
            first_of_trunk: Duration::from_secs(30),
            message: Duration::from_secs(10),
            // Twice Twilio's two minutes.
            idle: Duration::from_secs(240),
            write: Duration::from_secs(10),
        }
    }
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::actors::sip) enum Ended {
    /// The peer closed it, or the network did.
    ByPeer,
    /// We did.
    ByUs,
    /// The TLS handshake failed, for this reason.
    Handshake(&'static str),
    /// No message came that was let in.
    NoMessage,
    /// A message did not come in whole.
    SlowMessage,
    /// Nothing came for long.
    Idle,
    /// It cannot be cut into messages any more.
    Framing,
    /// The peer takes nothing.
    Stuck,
}

impl Ended {
    /// The label of the counter.
    pub(in crate::actors::sip) fn label(self) -> &'static str {
        match self {
            Self::ByPeer => "by-peer",
            Self::ByUs => "by-us",
            Self::Handshake(_) => "handshake",
            Self::NoMessage => "no-message",
            Self::SlowMessage => "slow-message",
            Self::Idle => "idle",
            Self::Framing => "framing",
            Self::Stuck => "stuck",
        }
    }
}

/// What carries the messages.
pub(super) enum Wire {
    /// TCP.
    Plain(TcpStream),
    /// TCP that a peer opened to speak TLS over it.
    Greeting(TcpStream, Arc<ServerConfig>),
    /// TLS that we opened.
    Secured(Box<TlsStream<TcpStream>>),
}

/// What the owner of the connections knows of one, and its task has to.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// A message of it was let in.
    pub(super) is_proven: Cell<bool>,
    /// Calls that need it.
    pub(super) calls: Cell<usize>,
}

/// A connection's task.
pub(super) struct Task {
    pub(super) source: Source,
    pub(super) is_trusted: bool,
    pub(super) standing: Rc<Standing>,
    pub(super) patience: Patience,
    pub(super) events: mpsc::Sender<FlowEvent>,
    pub(super) outbox: mpsc::Receiver<Bytes>,
}

impl Task {
    /// Carries messages until the connection ends, and tells why it did.
    pub(super) async fn run(self, wire: Wire) {
        match wire {
            Wire::Plain(tcp) => self.exchange(tcp).await,
            Wire::Secured(tls) => self.exchange(*tls).await,
            Wire::Greeting(tcp, config) => {
                let greeting = TlsAcceptor::from(config).accept(tcp);
                match timeout(self.patience.handshake, greeting).await {
                    Ok(Ok(tls)) => self.exchange(tls).await,
                    Ok(Err(error)) => self.tell(Ended::Handshake(why_failed(&error))).await,
                    Err(_) => self.tell(Ended::Handshake("timeout")).await,
                }
            }
        }
    }

    async fn exchange(self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let (read, write) = tokio::io::split(stream);
        let Self {
            source,
            is_trusted,
            standing,
            patience,
            events,
            outbox,
        } = self;
        let reading = Reader {
            source,
            is_trusted,
            standing,
            patience,
            framer: Framer::new(),
            begun: clock::now(),
            events: events.clone(),
        };
        let writing = write_all(outbox, write, patience.write);
        let (mut reading, mut writing) =
            (std::pin::pin!(reading.run(read)), std::pin::pin!(writing));
        let ended = tokio::select! {
            ended = &mut reading => ended,
            ended = &mut writing => {
                let _ = events.send(FlowEvent::Closed { source, ended }).await;
                return;
            }
        };
        // The owner hears of it first, and so lets go of the outbox; what it had answered until then still goes out.
        let _ = events.send(FlowEvent::Closed { source, ended }).await;
        let _ = timeout(GOOD_BYE_MAX, writing).await;
    }

    async fn tell(self, ended: Ended) {
        let source = self.source;
        // An owner that is gone wants to know nothing.
        let _ = self.events.send(FlowEvent::Closed { source, ended }).await;
    }
}

struct Reader {
    source: Source,
    is_trusted: bool,
    standing: Rc<Standing>,
    patience: Patience,
    framer: Framer,
    begun: Instant,
    events: mpsc::Sender<FlowEvent>,
}

impl Reader {
    async fn run(mut self, mut read: impl AsyncRead + Unpin) -> Ended {
        let mut buffer = vec![0; READ];
        let mut heard = self.begun;
        let mut message_begun: Option<Instant> = None;
        loop {
            loop {
                match self.framer.next_message() {
                    Ok(Some(bytes)) => {
                        message_begun = None;
                        let source = self.source;
                        let message = FlowEvent::Message { source, bytes };
                        if self.events.send(message).await.is_err() {
                            return Ended::ByUs;
                        }
                    }
                    Ok(None) => break,
                    Err(_) => return Ended::Framing,
                }
            }
            let now = clock::now();
            message_begun = self
                .framer
                .is_in_message()
                .then(|| message_begun.unwrap_or(now));
            let (until, ended) = self.deadline(heard, message_begun);
            if now >= until && ended != Ended::Idle {
                return ended;
            }
            match timeout_at(until.into(), read.read(&mut buffer)).await {
                Ok(Ok(len)) if len > 0 => {
                    heard = clock::now();
                    self.framer.push(buffer.get(..len).unwrap_or_default());
                }
                Ok(Ok(_) | Err(_)) => return Ended::ByPeer,
                // A first message may have been let in, or a call may have come, since the deadline was set.
                Err(_) if self.is_needed(ended) => heard = clock::now(),
                Err(_) => return ended,
            }
        }
    }

    /// Until when something must come, and what it means when it does not.
    fn deadline(&self, heard: Instant, message_begun: Option<Instant>) -> (Instant, Ended) {
        if let Some(begun) = message_begun {
            return (begun + self.patience.message, Ended::SlowMessage);
        }
        if self.standing.is_proven.get() {
            return (heard + self.patience.idle, Ended::Idle);
        }
        let first = if self.is_trusted {
            self.patience.first_of_trunk
        } else {
            self.patience.first
        };
        (self.begun + first, Ended::NoMessage)
    }

    fn is_needed(&self, ended: Ended) -> bool {
        match ended {
            Ended::NoMessage => self.standing.is_proven.get(),
            Ended::Idle => self.standing.calls.get() > 0,
            Ended::ByPeer
            | Ended::ByUs
            | Ended::Handshake(_)
            | Ended::SlowMessage
            | Ended::Framing
            | Ended::Stuck => false,
        }
    }
}

/// Writes what waits until the connection or its owner is gone.
async fn write_all(
    mut outbox: mpsc::Receiver<Bytes>,
    mut write: impl AsyncWrite + Unpin,
    mut patience: Duration,
) -> Ended {
    let mut goes_by: Option<Instant> = None;
    while let Some(bytes) = outbox.recv().await {
        // Once the owner is gone, what waits has a moment and no more, however slowly it is taken.
        if outbox.is_closed() {
            let until = *goes_by.get_or_insert_with(|| clock::now() + GOOD_BYE_MAX);
            patience = until.saturating_duration_since(clock::now());
        }
        let written = timeout(patience, async {
            write.write_all(&bytes).await?;
            write.flush().await
        });
        match written.await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Ended::ByPeer,
            Err(_) => return Ended::Stuck,
        }
    }
    // Its end is told in the peer's own words (close_notify, FIN) where it still listens.
    let _ = timeout(GOOD_BYE_MAX, write.shutdown()).await;
    Ended::ByUs
}

/// Why a handshake failed, as a label.
pub(super) fn why_failed(error: &std::io::Error) -> &'static str {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        // General: no certificate of ours fits what the peer can verify.
        Some(rustls::Error::PeerIncompatible(_) | rustls::Error::General(_)) => "nothing-in-common",
        Some(rustls::Error::NoCertificatesPresented) => "no-certificate",
        Some(rustls::Error::AlertReceived(_)) => "refused-by-peer",
        Some(rustls::Error::InvalidCertificate(_)) => "certificate",
        Some(
            rustls::Error::InvalidMessage(_)
            | rustls::Error::InappropriateMessage { .. }
            | rustls::Error::InappropriateHandshakeMessage { .. },
        ) => "not-tls",
        Some(_) => "other",
        None => "connection-lost",
    }
}
