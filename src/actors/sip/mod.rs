//! The SIP actor: sockets on one side, the sans-IO [`Endpoint`] in the middle, calls on the other.
//!
//! ```text
//! udp / tcp / tls -> gate (who may speak) -> Endpoint -> Invited -> switchboard;  InDialog, Acked, ... -> call
//! call -> Respond, SendRequest -> Endpoint -> udp / tcp / tls
//! call -> DialOut -> dialling -> Endpoint
//! ```
//! One timer waits for the endpoint's next deadline. Datagrams wait in the kernel's buffer, streams in a bounded channel: a flood
//! is dropped or slowed down, never piled up.

mod dialling;
mod doors;
mod flows;
mod gate;
mod invited;
mod reach;
mod rungs;

use std::{
    collections::HashMap,
    net::SocketAddr,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{
    Actor, ActorContext, Addr, AsyncContext, Context, Handler, Recipient, SpawnHandle,
    StreamHandler,
};
use futures_util::{Stream, stream};
use tokio::{
    io::ReadBuf,
    net::{TcpListener, UdpSocket},
};

use crate::{
    actors::{
        clock,
        ladders::LadderBook,
        message::{DialogDown, DialogUp, InDialog, Respond, SendRequest},
        metrics::Metrics,
        switchboard::Switchboard,
    },
    domain::CallId,
    net::{
        address::{mapped, unmapped},
        tls::TlsClient,
    },
    sip::{DialogKey, Endpoint, EndpointConfig, EndpointEvent, FlowId, Transport, TxnKey},
};

use flows::{Dialler, Ended, FlowEvent, Flows, Patience, SeatLimits};
pub use gate::{Gate, GateSettings};

const UDP: FlowId = FlowId(0);
/// The largest UDP payload over IPv4.
const DATAGRAM_MAX: usize = 65_507;
/// Between two pings of a connection that a call needs: half of Twilio's two minutes.
const KEEP_ALIVE: Duration = Duration::from_secs(55);

/// SIP's sockets, bound but not yet listened to.
pub struct SipSockets {
    /// UDP.
    pub udp: std::net::UdpSocket,
    /// TCP, on the same port.
    pub tcp: std::net::TcpListener,
    /// TLS, on a port of its own, with the certificates to show.
    pub tls: Option<(std::net::TcpListener, Arc<rustls::ServerConfig>)>,
    /// The address of UDP and TCP.
    pub local: SocketAddr,
    /// Whom we trust where we connect by TLS.
    pub trust: TlsClient,
}

/// A datagram as it came in.
struct Datagram {
    from: SocketAddr,
    bytes: Vec<u8>,
}

/// A request of ours that waits for its answer, with what it takes to send it once more.
struct Pending {
    request: SendRequest,
    again: bool,
}

/// Owns SIP's sockets and the endpoint.
pub struct SipActor {
    endpoint: Endpoint,
    gate: Gate,
    sockets: Option<SipSockets>,
    udp: Option<Rc<UdpSocket>>,
    udp_local: SocketAddr,
    flows: Flows,
    dialler: Dialler,
    switchboard: Addr<Switchboard>,
    metrics: Metrics,
    dialogs: HashMap<DialogKey, Recipient<InDialog>>,
    ladders: LadderBook,
    doors: doors::Doors,
    invites: HashMap<TxnKey, Recipient<InDialog>>,
    pending: HashMap<TxnKey, Pending>,
    /// Calls that are dialled.
    dials: HashMap<CallId, dialling::Dial>,
    /// Dialogs of far ends that ring.
    early: HashMap<DialogKey, CallId>,
    wake: Option<(Instant, SpawnHandle)>,
}

impl SipActor {
    /// An actor over bound sockets.
    pub fn new(
        config: EndpointConfig,
        gate: Gate,
        sockets: SipSockets,
        switchboard: Addr<Switchboard>,
        metrics: Metrics,
        ladders: LadderBook,
    ) -> Self {
        Self {
            endpoint: Endpoint::new(config),
            gate,
            udp_local: sockets.local,
            dialler: Dialler {
                tls: sockets.trust.clone(),
                bind: sockets.local.ip(),
            },
            sockets: Some(sockets),
            udp: None,
            flows: Flows::new(
                SeatLimits::default(),
                Patience::default(),
                metrics.transports.clone(),
            ),
            switchboard,
            metrics,
            ladders,
            doors: doors::Doors::default(),
            dialogs: HashMap::new(),
            invites: HashMap::new(),
            pending: HashMap::new(),
            dials: HashMap::new(),
            early: HashMap::new(),
            wake: None,
        }
    }

    /// Puts the sockets on this thread's reactor and listens.
    fn listen(&mut self, sockets: SipSockets, ctx: &mut Context<Self>) -> std::io::Result<()> {
        let listener = TcpListener::from_std(sockets.tcp)?;
        let udp = Rc::new(UdpSocket::from_std(sockets.udp)?);
        self.udp = Some(Rc::clone(&udp));
        ctx.add_stream(datagrams(udp));
        ctx.add_stream(flows::accept(listener, None));
        if let Some((listener, config)) = sockets.tls {
            ctx.add_stream(flows::accept(
                TcpListener::from_std(listener)?,
                Some(config),
            ));
        }
        ctx.add_stream(self.flows.events());
        ctx.run_interval(KEEP_ALIVE, |sip, _| sip.flows.keep_alive());
        Ok(())
    }

    /// Does what the endpoint wants done, until it wants nothing more, and sets the timer.
    fn settle(&mut self, ctx: &mut Context<Self>) {
        while let Some(event) = self.endpoint.poll_event() {
            self.tell(event, ctx);
        }
        while let Some(out) = self.endpoint.poll_transmit() {
            self.metrics.sip_messages.with_label_values(&["out"]).inc();
            self.said(&out);
            match out.transport {
                Transport::Udp => {
                    // A full socket buffer is a lost datagram: the transaction sends it again.
                    let to = mapped(out.to, self.udp_local.is_ipv6());
                    let _ = self.udp.as_ref().map(|udp| udp.try_send_to(&out.bytes, to));
                }
                Transport::Tcp | Transport::Tls => self.flows.send(out.flow, out.bytes),
            }
        }
        self.count_turned_away();
        self.set_timer(ctx);
    }

    fn set_timer(&mut self, ctx: &mut Context<Self>) {
        let Some((due, reason)) = self.endpoint.poll_timeout() else {
            return;
        };
        if self.wake.as_ref().is_some_and(|(armed, _)| *armed <= due) {
            return;
        }
        if let Some((_, armed)) = self.wake.take() {
            ctx.cancel_future(armed);
        }
        let wait = due.saturating_duration_since(clock::now());
        tracing::trace!(?reason, wait_ms = wait.as_millis(), "SIP timer set");
        let handle = ctx.run_later(wait, |sip, ctx| {
            sip.wake = None;
            sip.endpoint.handle_timeout(clock::now());
            sip.settle(ctx);
        });
        self.wake = Some((due, handle));
    }

    fn tell(&mut self, event: EndpointEvent, ctx: &mut Context<Self>) {
        self.note(&event);
        if self.on_dial(&event, ctx) || self.in_early_dialog(&event) {
            return;
        }
        match &event {
            EndpointEvent::Invited { .. } => {
                if let EndpointEvent::Invited { txn, request } = event {
                    self.invited(txn, request);
                }
            }
            EndpointEvent::InDialog { dialog, .. }
            | EndpointEvent::Acked { dialog, .. }
            | EndpointEvent::AckTimedOut { dialog } => {
                if let Some(call) = self.dialogs.get(dialog) {
                    call.do_send(InDialog(event));
                }
            }
            EndpointEvent::Cancelled { txn, .. } => {
                if let Some(call) = self.invites.get(txn) {
                    call.do_send(InDialog(event));
                }
            }
            EndpointEvent::TimedOut { txn, .. } | EndpointEvent::Answered { txn, .. } => {
                self.call_over(*txn);
                let asked = self
                    .pending
                    .remove(txn)
                    .map(|pending| pending.request.dialog);
                let call = match &asked {
                    Some(dialog) => self.dialogs.get(dialog),
                    None => self.invites.get(txn),
                };
                if let Some(call) = call {
                    call.do_send(InDialog(event));
                }
            }
            // Of an INVITE that nobody remembers.
            EndpointEvent::Progressed { .. }
            | EndpointEvent::Accepted { .. }
            | EndpointEvent::GivenUp { .. } => {}
            EndpointEvent::FlowLost { txn } => self.flow_lost(*txn, ctx),
        }
    }

    fn send_request(&mut self, request: SendRequest, again: bool) {
        let txn = self
            .endpoint
            .request(clock::now(), request.peer, request.outgoing.clone());
        self.pending.insert(txn, Pending { request, again });
    }
}

fn datagrams(socket: Rc<UdpSocket>) -> impl Stream<Item = Datagram> {
    let mut buffer = vec![0; DATAGRAM_MAX];
    stream::poll_fn(move |cx| {
        let mut read = ReadBuf::new(&mut buffer);
        socket.poll_recv_from(cx, &mut read).map(|received| {
            // An ICMP error of an earlier send is not the end of the socket.
            let from = received.unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)));
            Some(Datagram {
                from: unmapped(from),
                bytes: read.filled().to_vec(),
            })
        })
    })
}

impl Actor for SipActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let Some(sockets) = self.sockets.take() else {
            return;
        };
        if let Err(error) = self.listen(sockets, ctx) {
            tracing::error!(%error, "cannot listen for SIP");
            return ctx.stop();
        }
        ctx.run_interval(Duration::from_secs(60), |sip, _| {
            sip.gate.forget_old_guests(clock::now())
        });
    }
}

impl StreamHandler<Datagram> for SipActor {
    fn handle(&mut self, datagram: Datagram, ctx: &mut Self::Context) {
        if datagram.bytes.is_empty() {
            return;
        }
        let now = clock::now();
        if let Err(reason) = self.gate.lets_in(now, datagram.from.ip(), &datagram.bytes) {
            self.metrics.sip_dropped.with_label_values(&[reason]).inc();
            return;
        }
        self.metrics.sip_messages.with_label_values(&["in"]).inc();
        let is_stranger = !self.gate.is_trusted(datagram.from.ip());
        self.endpoint.set_discreet(is_stranger);
        let local = self.gate.local_address(self.udp_local, datagram.from);
        self.heard_datagram(local, datagram.from, &datagram.bytes);
        self.endpoint
            .handle_datagram(now, UDP, local, datagram.from, &datagram.bytes);
        self.settle(ctx);
        self.endpoint.set_discreet(false);
    }

    fn finished(&mut self, _: &mut Self::Context) {
        tracing::error!("the SIP socket closed");
    }
}

impl StreamHandler<flows::Accepted> for SipActor {
    fn handle(&mut self, accepted: flows::Accepted, _: &mut Self::Context) {
        let (now, peer) = (clock::now(), accepted.peer.ip());
        let taken = if self.gate.is_banned(now, peer) {
            Err("banned")
        } else {
            self.flows.take(now, accepted, self.gate.is_trusted(peer))
        };
        match taken {
            Ok(source) => self.endpoint.flow_opened(source.flow, source.transport),
            Err(reason) => self.metrics.sip_dropped.with_label_values(&[reason]).inc(),
        }
    }

    fn finished(&mut self, _: &mut Self::Context) {
        tracing::error!("the SIP listener closed");
    }
}

impl StreamHandler<FlowEvent> for SipActor {
    fn handle(&mut self, event: FlowEvent, ctx: &mut Self::Context) {
        match event {
            // What waited when its connection was given up is no longer asked for.
            FlowEvent::Message { source, .. } if !self.flows.has(source.flow) => {}
            FlowEvent::Message { source, bytes } => {
                let (now, peer) = (clock::now(), source.from.ip());
                if let Err(reason) = self.gate.lets_in(now, peer, &bytes) {
                    self.metrics.sip_dropped.with_label_values(&[reason]).inc();
                    // A trunk that says too much keeps its connection, and with it its calls.
                    if !self.gate.is_trusted(peer) {
                        self.flows.close(source.flow, Ended::ByUs);
                        self.endpoint.flow_closed(source.flow);
                    }
                } else {
                    self.metrics.sip_messages.with_label_values(&["in"]).inc();
                    let is_stranger = !self.gate.is_trusted(source.from.ip());
                    self.endpoint.set_discreet(is_stranger);
                    self.flows.is_proven(source.flow);
                    self.heard(&source, &bytes);
                    self.endpoint.handle_stream_message(
                        now,
                        source.flow,
                        source.local,
                        source.from,
                        &bytes,
                    );
                }
            }
            FlowEvent::Closed { source, ended } => {
                self.flows.close(source.flow, ended);
                self.endpoint.flow_closed(source.flow);
            }
        }
        self.settle(ctx);
        self.endpoint.set_discreet(false);
    }

    fn finished(&mut self, _: &mut Self::Context) {
        tracing::error!("SIP connections are heard no more");
    }
}

impl Handler<Respond> for SipActor {
    type Result = ();

    fn handle(&mut self, Respond { txn, response }: Respond, ctx: &mut Self::Context) {
        if response.status_code.code() >= 300 {
            self.call_over(txn);
        }
        self.endpoint.respond(clock::now(), txn, response);
        self.settle(ctx);
    }
}

impl Handler<DialogUp> for SipActor {
    type Result = ();

    fn handle(&mut self, up: DialogUp, _: &mut Self::Context) {
        self.endpoint.register_dialog(up.key.clone());
        if self.endpoint.is_cancelled(up.txn) {
            // The CANCEL came before the call was here to hear of it.
            up.call.do_send(InDialog(EndpointEvent::Cancelled {
                txn: up.txn,
                reason: None,
            }));
        }
        self.handed_over(up.txn);
        self.dialogs.insert(up.key, up.call.clone());
        self.invites.insert(up.txn, up.call);
    }
}

impl Handler<DialogDown> for SipActor {
    type Result = ();

    fn handle(&mut self, down: DialogDown, ctx: &mut Self::Context) {
        self.endpoint.forget_dialog(&down.key);
        self.dialogs.remove(&down.key);
        self.invites.remove(&down.txn);
        self.call_over(down.txn);
        self.settle(ctx);
    }
}

impl Handler<SendRequest> for SipActor {
    type Result = ();

    fn handle(&mut self, request: SendRequest, ctx: &mut Self::Context) {
        self.send_request(request, false);
        self.settle(ctx);
    }
}
