//! The addresses of a trunk, one after another: looked up, connected to, invited.

use std::{net::IpAddr, time::Duration};

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};

use super::{Dial, Stage};
use crate::{
    actors::{
        clock,
        sip::{SipActor, flows},
    },
    domain::{CallId, Cause},
    net::address,
    sip::{NextHop, Reason, Source, Transport},
};

/// Addresses of one trunk that are tried.
const WAYS_MAX: usize = 8;
/// How long an address may say nothing at all while there is another.
const SILENCE_MAX: Duration = Duration::from_secs(5);

impl SipActor {
    pub(super) fn look_up(&mut self, id: CallId, hop: NextHop, ctx: &mut Context<Self>) {
        let transport = hop.transport;
        let found = async move { flows::resolve(&hop.host, hop.port).await };
        ctx.spawn(found.into_actor(self).map(move |found, sip, ctx| {
            if let Err(error) = &found {
                tracing::warn!(call.id = %id, %error, "the trunk's host is not found");
            }
            let mut found = found.unwrap_or_default();
            // A socket of IPv4 alone reaches nobody by IPv6.
            let by_udp = transport == Transport::Udp;
            found.retain(|way| !by_udp || sip.udp_local.is_ipv6() || way.is_ipv4());
            found.truncate(WAYS_MAX);
            if let Some(dial) = sip.dials.get_mut(&id) {
                dial.ways = found.into();
                sip.next_way(id, None, ctx);
                sip.settle(ctx);
            }
        }));
    }

    /// Goes on with the next address, if there is one and nothing has been heard on the last; `failure` is what the last one came to.
    pub(super) fn next_way(
        &mut self,
        id: CallId,
        failure: Option<(Cause, Option<Reason>)>,
        ctx: &mut Context<Self>,
    ) {
        let Some(dial) = self.dials.get_mut(&id) else {
            return;
        };
        dial.failure = failure.or(dial.failure.take());
        let lost = dial.call.as_mut().map(|call| call.forget_early());
        let way = dial.ways.pop_front();
        let hop = dial.trunk.dial.as_ref().map(|dial| dial.hop());
        let dial_name = dial.trunk.tls_name.clone();
        let failure = dial.failure.clone();
        dial.stage = Stage::Connecting;
        self.forget_early(lost.unwrap_or_default());
        let (Some(way), Some(hop)) = (way, hop) else {
            let (cause, reason) = failure.unwrap_or((Cause::Unreachable, None));
            return self.fail(id, cause, reason);
        };
        let host = hop.host.clone();
        let own_name = dial_name.or_else(|| host.parse::<IpAddr>().is_err().then_some(host));
        let hop = NextHop {
            host: way.ip().to_string(),
            port: way.port(),
            ..hop
        };
        self.reach_as(hop, own_name, ctx, move |sip, reached, ctx| {
            if !sip.dials.contains_key(&id) {
                return;
            }
            match reached {
                Ok(source) => sip.invite_over(id, source, ctx),
                Err(error) => {
                    tracing::info!(call.id = %id, peer = %way, %error, "cannot connect to the trunk");
                    sip.next_way(id, Some((Cause::Unreachable, None)), ctx);
                }
            }
            sip.settle(ctx);
        });
    }

    fn invite_over(&mut self, id: CallId, source: Source, ctx: &mut Context<Self>) {
        let contact = self.endpoint.contact_on(&source);
        let Some(dial) = self.dials.get_mut(&id) else {
            return;
        };
        // Its responses, and its requests within the call, are to be read.
        self.gate.expect(clock::now(), source.from.ip());
        let local = source.local.ip();
        dial.order.media.addr = address::for_media(dial.order.public_ip, local, None);
        let way = (source, contact);
        match &mut dial.call {
            Some(call) => {
                call.reroute(way, dial.order.media.clone());
            }
            None => dial.call = Some(Self::outgoing(&dial.parties, way, &dial.order)),
        }
        self.invite(id);
        let watch = ctx.run_later(SILENCE_MAX, move |sip, ctx| sip.is_silent(id, source, ctx));
        if let Some(dial) = self.dials.get_mut(&id) {
            dial.alarms.push(watch);
        }
    }

    /// Sends the INVITE, or sends it once more in better words.
    pub(super) fn invite(&mut self, id: CallId) {
        let Some(dial) = self.dials.get_mut(&id) else {
            return;
        };
        let Some(call) = &mut dial.call else {
            return;
        };
        let (peer, invite) = (call.peer(), call.invite());
        let txn = self.endpoint.invite(clock::now(), peer, invite);
        let is_heard = matches!(dial.stage, Stage::Inviting { is_heard: true, .. });
        dial.stage = Stage::Inviting { txn, is_heard };
    }

    /// An address has said nothing for [`SILENCE_MAX`]: where there is another, that one is tried.
    fn is_silent(&mut self, id: CallId, source: Source, ctx: &mut Context<Self>) {
        let Some(dial) = self.dials.get(&id) else {
            return;
        };
        let is_same = dial.call.as_ref().is_some_and(|call| call.peer() == source);
        let Dial { stage, ways, .. } = dial;
        if let Stage::Inviting {
            txn,
            is_heard: false,
        } = *stage
            && is_same
            && !ways.is_empty()
        {
            tracing::info!(call.id = %id, peer = %source.from, "no word from the trunk; its next address is tried");
            self.endpoint.cancel(clock::now(), txn, None);
            self.next_way(id, Some((Cause::Unreachable, None)), ctx);
            self.settle(ctx);
        }
    }
}
