//! Connections of SIP over TCP and TLS: who has one, what is sent on it, when it is let go.
//!
//! ```text
//! accept ─┐            ┌─ connection: a task each ─ FlowEvent ─> actor
//! dial ───┴─> Flows ───┤
//! actor ─ send ────────┴─ outbox, bounded
//! ```

mod accept;
mod connection;
mod dial;
mod seats;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, net::SocketAddr, rc::Rc, time::Instant};

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::sync::mpsc;

use crate::{
    actors::metrics::TransportMetrics,
    sip::{FlowId, NextHop, Source, Transport, TxnKey},
};

pub(super) use accept::{Accepted, accept};
pub(super) use connection::{Ended, Patience};
use connection::{Standing, Task, Wire};
pub(super) use dial::{Dialler, resolve};
pub(super) use seats::SeatLimits;
use seats::{Seat, Seats};

/// Messages that wait for a slow peer before its connection is given up.
const OUTBOX: usize = 256;
/// Messages of all connections that wait for the actor; then connections are read no further.
const EVENTS: usize = 256;
/// A ping (RFC 5626 section 3.5.1): keeps a quiet connection open at the far end and at whatever is in between. Twilio takes a
/// single CRLF amiss and closes after two minutes without either.
const PING: Bytes = Bytes::from_static(b"\r\n\r\n");

/// A connection that is up, or about to greet.
pub(super) struct Connection {
    wire: Wire,
    transport: Transport,
    peer: SocketAddr,
    local: SocketAddr,
}

/// What a connection brings.
pub(super) enum FlowEvent {
    /// One whole message.
    Message {
        /// Where it came from.
        source: Source,
        /// Its octets.
        bytes: Bytes,
    },
    /// The connection is gone.
    Closed {
        /// Which.
        source: Source,
        /// Why.
        ended: Ended,
    },
}

struct Flow {
    source: Source,
    seat: Seat,
    standing: Rc<Standing>,
    outbox: mpsc::Sender<Bytes>,
    /// Where it was dialled to, if it was: later requests to the same hop use it (RFC 5923).
    hop: Option<NextHop>,
}

/// The open connections.
pub(super) struct Flows {
    open: HashMap<FlowId, Flow>,
    seats: Seats,
    /// The connections that calls need.
    calls: HashMap<TxnKey, FlowId>,
    last: u64,
    patience: Patience,
    events: (mpsc::Sender<FlowEvent>, Option<mpsc::Receiver<FlowEvent>>),
    metrics: TransportMetrics,
}

impl Flows {
    /// None is open yet.
    pub(super) fn new(limits: SeatLimits, patience: Patience, metrics: TransportMetrics) -> Self {
        let (tell, hear) = mpsc::channel(EVENTS);
        Self {
            open: HashMap::new(),
            seats: Seats::new(limits),
            calls: HashMap::new(),
            last: 0,
            patience,
            events: (tell, Some(hear)),
            metrics,
        }
    }

    /// What all connections bring, for the one who asks first.
    pub(super) fn events(&mut self) -> impl Stream<Item = FlowEvent> + use<> {
        stream::unfold(self.events.1.take(), |hear| async move {
            let mut hear = hear?;
            let event = hear.recv().await?;
            Some((event, Some(hear)))
        })
    }

    /// Takes a connection that came in, if there is a seat for it; the reason for the counter when not.
    pub(super) fn take(
        &mut self,
        now: Instant,
        accepted: Accepted,
        trusted: bool,
    ) -> Result<Source, &'static str> {
        let seat = self.seats.take(now, accepted.peer.ip(), trusted)?;
        Ok(self.open(accepted.into(), seat, None))
    }

    /// Takes a connection that was dialled to `hop`.
    pub(super) fn adopt(&mut self, connection: Connection, hop: NextHop) -> Source {
        let seat = self.seats.take_own(connection.peer.ip());
        self.open(connection, seat, Some(hop))
    }

    /// An open connection that was dialled to `hop`.
    pub(super) fn dialled(&self, hop: &NextHop) -> Option<Source> {
        let same = |flow: &&Flow| flow.hop.as_ref() == Some(hop);
        self.open.values().find(same).map(|flow| flow.source)
    }

    /// Whether the connection is open.
    pub(super) fn has(&self, flow: FlowId) -> bool {
        self.open.contains_key(&flow)
    }

    /// Sends on a connection; one that does not take it is closed.
    pub(super) fn send(&mut self, flow: FlowId, bytes: Bytes) {
        if let Some(open) = self.open.get(&flow)
            && open.outbox.try_send(bytes).is_err()
        {
            self.close(flow, Ended::Stuck);
        }
    }

    /// A message of this connection was let in.
    pub(super) fn is_proven(&self, flow: FlowId) {
        if let Some(flow) = self.open.get(&flow) {
            flow.standing.is_proven.set(true);
        }
    }

    /// A call has come on this connection and needs it until [`Self::call_over`].
    pub(super) fn call_on(&mut self, txn: TxnKey, flow: FlowId) {
        let Some(open) = self.open.get(&flow) else {
            return;
        };
        open.standing.calls.update(|calls| calls + 1);
        self.calls.insert(txn, flow);
    }

    /// The call is over. Told of other transactions, too.
    pub(super) fn call_over(&mut self, txn: TxnKey) {
        let flow = self.calls.remove(&txn);
        if let Some(flow) = flow.and_then(|flow| self.open.get(&flow)) {
            let calls = &flow.standing.calls;
            calls.set(calls.get().saturating_sub(1));
        }
    }

    /// Pings the connections that calls need.
    pub(super) fn keep_alive(&mut self) {
        let needed = self
            .open
            .values()
            .filter(|flow| flow.standing.calls.get() > 0);
        let needed: Vec<FlowId> = needed.map(|flow| flow.source.flow).collect();
        for flow in needed {
            self.send(flow, PING);
        }
    }

    /// Lets the connection go once what waits is written. Told again of one that is gone, it does nothing.
    pub(super) fn close(&mut self, flow: FlowId, ended: Ended) {
        let Some(closed) = self.open.remove(&flow) else {
            return;
        };
        self.seats.give_back(closed.seat);
        let transport = closed.source.transport.token();
        self.metrics.open.with_label_values(&[transport]).dec();
        let reason = self.metrics.closed.with_label_values(&[ended.label()]);
        reason.inc();
        if let Ended::Handshake(why) = ended {
            self.metrics
                .handshakes_failed
                .with_label_values(&[why])
                .inc();
        }
        let peer = closed.source.from;
        tracing::debug!(%peer, transport, reason = ended.label(), "SIP connection closed");
    }

    fn open(&mut self, connection: Connection, seat: Seat, hop: Option<NextHop>) -> Source {
        self.last += 1;
        let Connection {
            wire,
            transport,
            peer,
            local,
        } = connection;
        let source = Source {
            flow: FlowId(self.last),
            transport,
            local,
            from: peer,
        };
        let (outbox, waiting) = mpsc::channel(OUTBOX);
        let standing = Rc::new(Standing::default());
        // Whom we have dialled need not prove that it speaks SIP.
        standing.is_proven.set(hop.is_some());
        let task = Task {
            source,
            is_trusted: seat.is_trusted(),
            standing: Rc::clone(&standing),
            patience: self.patience,
            events: self.events.0.clone(),
            outbox: waiting,
        };
        spawn(task, wire);
        let flow = Flow {
            source,
            seat,
            standing,
            outbox,
            hop,
        };
        self.open.insert(source.flow, flow);
        let transport = transport.token();
        self.metrics.open.with_label_values(&[transport]).inc();
        source
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a connection is a task of its own, which ends with its outbox"
)]
fn spawn(task: Task, wire: Wire) {
    actix::spawn(task.run(wire));
}
