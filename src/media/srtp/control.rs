//! SRTCP (RFC 3711 section 3.4): RTCP under the same master keys.
//!
//! ```text
//! header and SSRC, clear | the rest ⊕ AES-CM(SSRC, index) | E, index | (MKI) | tag of all before the MKI
//! ```
//!
//! The index is in the packet, so nothing is guessed. Tags have 80 bits whatever RTP's have (RFC 4568 section 6.2.2).

use subtle::ConstantTimeEq as _;

use super::derive::{Purpose, SessionKeys};
use super::index::Window;
use super::{MasterKey, Mki, Refused};

/// Header and SSRC of the first packet, which stay readable.
const CLEAR_LEN: usize = 8;
const INDEX_LEN: usize = 4;
const TAG_LEN: usize = 10;
/// Octets that encryption appends to a compound.
pub const RTCP_TRAILER_MAX: usize = INDEX_LEN + TAG_LEN;
/// E: this packet is encrypted.
const ENCRYPTED: u32 = 1 << 31;
/// Senders (SSRCs) that are remembered.
const SENDERS_MAX: usize = 4;

/// Protects what we report.
#[derive(Debug)]
pub struct SrtcpOut {
    keys: SessionKeys,
    next: u32,
}

impl SrtcpOut {
    /// Nothing was sent under this key yet.
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        Self {
            keys: SessionKeys::derive(master, Purpose::Rtcp),
            next: 0,
        }
    }

    /// Encrypts the compound in the first `len` octets of `buf` and appends index and tag; gives the new length.
    /// `None` when it is too short, `buf` has no room, or the key has served its 2^31 packets.
    pub fn protect(&mut self, buf: &mut [u8], len: usize) -> Option<usize> {
        let index = self.next;
        let signed = len.checked_add(INDEX_LEN)?;
        let packet = buf.get_mut(..signed.checked_add(TAG_LEN)?)?;
        if index & ENCRYPTED != 0 {
            return None;
        }
        let ssrc = sender(packet.get(..len)?)?;
        self.keys
            .crypt(ssrc, u64::from(index), packet.get_mut(CLEAR_LEN..len)?);
        let trailer = (ENCRYPTED | index).to_be_bytes();
        packet.get_mut(len..signed)?.copy_from_slice(&trailer);
        let tag = self.keys.tag(packet.get(..signed)?, &[]);
        let (tag, _) = tag.split_at_checked(TAG_LEN)?;
        packet.get_mut(signed..)?.copy_from_slice(tag);
        self.next = index + 1;
        Some(packet.len())
    }
}

/// Opens what the far end reports.
#[derive(Debug)]
pub struct SrtcpIn {
    keys: SessionKeys,
    mki: Mki,
    /// The one that reported last stands last.
    senders: [Option<(u32, Window)>; SENDERS_MAX],
}

impl SrtcpIn {
    /// Nothing was received under this key yet.
    #[must_use]
    pub fn new(master: &MasterKey, mki: Mki) -> Self {
        Self {
            keys: SessionKeys::derive(master, Purpose::Rtcp),
            mki,
            senders: [None; SENDERS_MAX],
        }
    }

    /// The signalling agreed anew upon the same key: some phones then count from zero again.
    pub fn may_have_restarted(&mut self) {
        self.senders = [None; SENDERS_MAX];
    }

    /// Checks a datagram and decrypts it in its place; gives the compound in it.
    ///
    /// # Errors
    /// [`Refused`]: nothing has changed.
    pub fn unprotect<'a>(&mut self, datagram: &'a mut [u8]) -> Result<&'a [u8], Refused> {
        let rest = self.mki.octets().len() + TAG_LEN;
        let signed = datagram.len().checked_sub(rest);
        let signed = signed.ok_or(Refused::Malformed)?;
        let len = signed.checked_sub(INDEX_LEN).ok_or(Refused::Malformed)?;
        let (packet, rest) = datagram
            .split_at_mut_checked(signed)
            .ok_or(Refused::Malformed)?;
        let compound = packet.get(..len).ok_or(Refused::Malformed)?;
        let ssrc = sender(compound).ok_or(Refused::Malformed)?;
        let trailer = packet.get(len..).and_then(|octets| octets.first_chunk());
        let trailer = u32::from_be_bytes(*trailer.ok_or(Refused::Malformed)?);
        let index = u64::from(trailer & !ENCRYPTED);
        if !self.is_new(ssrc, index) {
            return Err(Refused::Replayed);
        }
        let tag = rest
            .strip_prefix(self.mki.octets())
            .ok_or(Refused::Unauthentic)?;
        let expected = self.keys.tag(packet, &[]);
        let expected = expected.get(..TAG_LEN).unwrap_or_default();
        if !bool::from(expected.ct_eq(tag)) {
            return Err(Refused::Unauthentic);
        }
        self.remember(ssrc, index);
        let compound = packet.get_mut(..len).ok_or(Refused::Malformed)?;
        if trailer & ENCRYPTED != 0 {
            let secret = compound.get_mut(CLEAR_LEN..).ok_or(Refused::Malformed)?;
            self.keys.crypt(ssrc, index, secret);
        }
        Ok(compound)
    }

    fn is_new(&self, ssrc: u32, index: u64) -> bool {
        let known = self.senders.iter().flatten();
        known
            .filter(|(sender, _)| *sender == ssrc)
            .all(|(_, window)| window.is_new(index))
    }

    fn remember(&mut self, ssrc: u32, index: u64) {
        let is_it = |sender: &Option<(u32, Window)>| sender.is_some_and(|(it, _)| it == ssrc);
        let at = self.senders.iter().position(is_it).unwrap_or(0);
        if let Some(later) = self.senders.get_mut(at..) {
            later.rotate_left(1);
        }
        match self.senders.last_mut() {
            Some(Some((sender, window))) if *sender == ssrc => window.take(index),
            Some(last) => *last = Some((ssrc, Window::new(index))),
            None => {}
        }
    }
}

/// The SSRC of a compound's first packet.
fn sender(compound: &[u8]) -> Option<u32> {
    if compound.first()? >> 6 != 2 {
        return None;
    }
    let ssrc = compound.get(4..CLEAR_LEN)?.first_chunk()?;
    Some(u32::from_be_bytes(*ssrc))
}
