//! What we send.

use super::derive::{Purpose, SessionKeys};
use super::index::{index, rollovers};
use super::{MasterKey, Suite, header_len, stream_of};

/// Protects the packets of one stream, which are numbered one after the other.
#[derive(Debug)]
pub struct SrtpOut {
    suite: Suite,
    keys: SessionKeys,
    last: Option<u64>,
}

impl SrtpOut {
    /// A stream whose sequence number has never rolled over.
    #[must_use]
    pub fn new(suite: Suite, master: &MasterKey) -> Self {
        Self {
            suite,
            keys: SessionKeys::derive(master, Purpose::Rtp),
            last: None,
        }
    }

    /// What follows is another stream, with an SSRC that has never been used under this key.
    pub fn begin_anew(&mut self) {
        self.last = None;
    }

    /// Encrypts the packet in the first `len` octets of `buf` and appends its tag; gives the new length.
    /// `None` when it is no RTP, `buf` has no room for the tag, or the key has served its 2^48 packets:
    /// then nothing may be sent.
    pub fn protect(&mut self, buf: &mut [u8], len: usize) -> Option<usize> {
        let sealed = len.checked_add(self.suite.tag_len())?;
        let (packet, rest) = buf.get_mut(..sealed)?.split_at_mut_checked(len)?;
        let header = header_len(packet)?;
        let (sequence, ssrc) = stream_of(packet)?;
        let index = self.next(sequence)?;
        self.keys.crypt(ssrc, index, packet.get_mut(header..)?);
        let tag = self.keys.tag(packet, &rollovers(index).to_be_bytes());
        for (octet, tag) in rest.iter_mut().zip(tag) {
            *octet = tag;
        }
        self.last = Some(index);
        Some(sealed)
    }

    /// Whether the sequence number has rolled over under this key.
    #[must_use]
    pub fn has_rolled_over(&self) -> bool {
        self.last.is_some_and(|last| rollovers(last) > 0)
    }

    /// The index of the next packet; it must be a later one, or the same keystream would be used twice.
    fn next(&self, sequence: u16) -> Option<u64> {
        let Some(last) = self.last else {
            return Some(index(0, sequence));
        };
        let same = index(rollovers(last), sequence);
        if same > last {
            return Some(same);
        }
        let rollovers = rollovers(last).checked_add(1)?;
        Some(index(rollovers, sequence))
    }

    #[cfg(test)]
    pub(super) fn at_end_of_life(mut self) -> Self {
        self.last = Some(super::index::INDEX_END - 2);
        self
    }
}
