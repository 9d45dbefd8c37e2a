//! The call's SRTP: what the trunk wants of it, and what was agreed.

use std::{net::IpAddr, sync::Arc};

use crate::{
    actors::{call::FarEnd, random},
    domain::CallId,
    media::{
        latch::Sources,
        srtp::{MasterKey, Mki, SrtpKeys, Suite},
    },
    sip::{
        CallSrtp, Transport,
        sdp::{self, Negotiated, SrtpKey},
        trunk::TrunkMedia,
    },
};

fn master(key: &SrtpKey) -> MasterKey {
    MasterKey {
        key: key.key(),
        salt: key.salt(),
    }
}

/// What was agreed, in the words of the media.
pub(super) fn keys(agreed: &Negotiated) -> Option<SrtpKeys> {
    let srtp = agreed.srtp?;
    Some(SrtpKeys {
        suite: match srtp.suite {
            sdp::Suite::AesCm128HmacSha1_80 => Suite::AesCm128HmacSha1_80,
            sdp::Suite::AesCm128HmacSha1_32 => Suite::AesCm128HmacSha1_32,
        },
        ours: master(&srtp.ours),
        theirs: master(&srtp.theirs),
        their_mki: match srtp.their_mki {
            Some((value, len)) => Mki::new(value, len)?,
            None => Mki::default(),
        },
    })
}

/// What the trunk wants, with a secret of this call's own.
pub(super) fn of_call(trunk: &TrunkMedia) -> CallSrtp {
    CallSrtp {
        rule: trunk.srtp,
        needs_tls: trunk.srtp_needs_tls,
        secret: random::secret(),
    }
}

/// Where the audio may come from when it does not come from the address in the SDP.
pub(super) fn sources(far_end: &FarEnd, signalled: IpAddr) -> Sources {
    match far_end {
        FarEnd::Nobody | FarEnd::Dialled | FarEnd::Stream(_) => Sources::of(signalled),
        FarEnd::Sip(sip) => Sources {
            ranges: Arc::clone(&sip.media.sources),
            ..Sources::of(sip.session.peer().from.ip())
        },
    }
}

/// Says how the audio travels, where it is encrypted.
pub(super) fn log(call: CallId, far_end: &FarEnd, agreed: &Negotiated) {
    let (Some(srtp), FarEnd::Sip(sip)) = (&agreed.srtp, far_end) else {
        return;
    };
    let suite = srtp.suite.name();
    if sip.session.peer().transport == Transport::Tls {
        tracing::info!(call.id = %call, rtp.srtp = suite, "audio is encrypted");
    } else {
        tracing::warn!(
            call.id = %call,
            rtp.srtp = suite,
            "audio is encrypted, but its keys came without TLS: whoever reads the signalling can hear it"
        );
    }
}
