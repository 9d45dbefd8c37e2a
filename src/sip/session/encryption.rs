//! The keys of one call's audio: whether it has any, and which.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::sip::Transport;
use crate::sip::sdp::{LocalSrtp, Srtp, SrtpKey, SrtpRule};

/// How a call's audio is encrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct CallSrtp {
    /// Whether it is.
    pub rule: SrtpRule,
    /// Keys are neither given nor taken but over TLS.
    pub needs_tls: bool,
    /// Random, for this call alone: our keys are made of it.
    pub secret: [u8; 32],
}

impl CallSrtp {
    /// Plain RTP and nothing else.
    pub const OFF: Self = Self {
        rule: SrtpRule::Off,
        needs_tls: false,
        secret: [0; 32],
    };

    /// Our side of the call's description number `version` over `transport`.
    pub(in crate::sip) fn local(
        &self,
        transport: Transport,
        version: u64,
        former: Option<Srtp>,
    ) -> LocalSrtp {
        let may_travel = transport == Transport::Tls || !self.needs_tls;
        let key = may_travel && self.rule != SrtpRule::Off;
        LocalSrtp {
            rule: self.rule,
            key: key.then(|| self.key(version)),
            former,
        }
    }

    fn key(&self, version: u64) -> SrtpKey {
        // Zeros fill the key up to a block (RFC 2104 section 2).
        let mut block = [0; 64];
        for (octet, secret) in block.iter_mut().zip(self.secret) {
            *octet = secret;
        }
        let mut mac = <Hmac<Sha256> as Mac>::new(&block.into());
        mac.update(b"SRTP master key");
        mac.update(&version.to_be_bytes());
        SrtpKey::new(&mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for CallSrtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallSrtp")
            .field("rule", &self.rule)
            .field("needs_tls", &self.needs_tls)
            .finish_non_exhaustive()
    }
}
