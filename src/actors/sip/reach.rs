//! From a hop to a flow: the connection that is open already, a new one, or the UDP socket.
//!
//! ```text
//! NextHop ── TCP, TLS ─> dialled before? ── yes ──────────> Source
//!    │                        └── no ─> Dialler::connect ─> Source
//!    └── UDP ─> address ──────────────────────────────────> Source
//! ```
//! A request whose connection is gone is asked again over another one, once, at the route edge of its dialog.

use std::{future::ready, io};

use actix::{ActorFutureExt as _, AsyncContext as _, Context, WrapFuture as _};

use crate::{
    actors::{
        message::{InDialog, SendRequest},
        sip::{SipActor, UDP, flows},
    },
    sip::{EndpointEvent, NextHop, Source, Transport, TxnKey},
};

impl SipActor {
    /// Finds or makes the flow to `hop` and hands it to `then`, on this actor. Bounded in time.
    pub(super) fn reach(
        &mut self,
        hop: NextHop,
        ctx: &mut Context<Self>,
        then: impl FnOnce(&mut Self, io::Result<Source>, &mut Context<Self>) + 'static,
    ) {
        // A route edge is often an address; what its certificate says, the trunk knows.
        let ip = hop.host.parse().ok();
        let name = ip.and_then(|ip| self.gate.tls_name(ip)).map(str::to_owned);
        self.reach_as(hop, name, ctx, then);
    }

    /// The same, where the name in the hop's certificate is known.
    pub(super) fn reach_as(
        &mut self,
        hop: NextHop,
        name: Option<String>,
        ctx: &mut Context<Self>,
        then: impl FnOnce(&mut Self, io::Result<Source>, &mut Context<Self>) + 'static,
    ) {
        if hop.transport == Transport::Udp {
            let found = async move { flows::resolve(&hop.host, hop.port).await };
            let found = found.into_actor(self).map(move |found, sip, ctx| {
                let source = found.and_then(|all| sip.by_udp(&all));
                then(sip, source, ctx);
            });
            ctx.spawn(found);
            return;
        }
        if let Some(open) = self.flows.dialled(&hop) {
            let open = ready(open).into_actor(self);
            ctx.spawn(open.map(move |open, sip, ctx| then(sip, Ok(open), ctx)));
            return;
        }
        let connecting = self.dialler.clone().connect(hop.clone(), name);
        let connecting = connecting.into_actor(self);
        ctx.spawn(connecting.map(move |connected, sip, ctx| {
            let source = connected.map(|connection| {
                let source = sip.flows.adopt(connection, hop);
                sip.endpoint.flow_opened(source.flow, source.transport);
                source
            });
            then(sip, source, ctx);
        }));
    }

    /// The connection of a request of ours is gone.
    pub(super) fn flow_lost(&mut self, txn: TxnKey, ctx: &mut Context<Self>) {
        let Some(lost) = self.pending.remove(&txn) else {
            return;
        };
        let hop = lost.request.next_hop.clone().filter(|_| !lost.again);
        let Some(hop) = hop else {
            return self.unreachable(txn, &lost.request);
        };
        let request = lost.request;
        self.reach(hop, ctx, move |sip, reached, ctx| match reached {
            Ok(peer) => {
                sip.send_request(SendRequest { peer, ..request }, true);
                sip.settle(ctx);
            }
            Err(error) => {
                let hop = request.next_hop.as_ref();
                let (host, transport) =
                    hop.map_or(("", ""), |hop| (hop.host.as_str(), hop.transport.token()));
                tracing::warn!(host, transport, %error, "cannot connect to the trunk again");
                sip.unreachable(txn, &request);
            }
        });
    }

    /// The call is told as if nobody had answered, which is what happened.
    fn unreachable(&self, txn: TxnKey, request: &SendRequest) {
        if let Some(call) = self.dialogs.get(&request.dialog) {
            let method = request.outgoing.request.method;
            call.do_send(InDialog(EndpointEvent::TimedOut { txn, method }));
        }
    }

    fn by_udp(&self, found: &[std::net::SocketAddr]) -> io::Result<Source> {
        let bound = self.udp_local;
        let fits = |to: &&std::net::SocketAddr| bound.is_ipv6() || to.is_ipv4();
        let to = *found
            .iter()
            .find(fits)
            .ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?;
        Ok(Source {
            flow: UDP,
            transport: Transport::Udp,
            local: self.gate.local_address(bound, to),
            from: to,
        })
    }
}
