//! What the far end sends.

use subtle::ConstantTimeEq as _;

use super::derive::{Purpose, SessionKeys};
use super::index::{INDEX_END, Window, estimate, index, rollovers};
use super::{MasterKey, Mki, Suite, header_len, stream_of};

/// Streams (SSRCs) that are remembered; the one that was silent for longest makes room. Only who has the key
/// can make one.
const STREAMS_MAX: usize = 8;

/// Why a packet is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// No RTP, or too short for a tag.
    Malformed,
    /// It was here before, or is older than the window remembers.
    Replayed,
    /// Its tag is not that of its octets: forged, damaged, or under another key.
    Unauthentic,
}

/// Opens the packets of one RTP session.
#[derive(Debug)]
pub struct SrtpIn {
    suite: Suite,
    keys: SessionKeys,
    mki: Mki,
    /// The one that spoke last stands last.
    streams: Streams,
    /// Where the streams under the former key were: the RFC has them go on counting under a new key, many
    /// phones begin anew.
    former: Streams,
}

#[derive(Debug, Clone, Copy)]
struct Stream {
    ssrc: u32,
    window: Window,
    /// The far end may have begun to count anew, under the same key.
    may_have_restarted: bool,
}

type Streams = [Option<Stream>; STREAMS_MAX];

impl SrtpIn {
    /// A session of which nothing was received.
    #[must_use]
    pub fn new(suite: Suite, master: &MasterKey, mki: Mki) -> Self {
        Self {
            suite,
            keys: SessionKeys::derive(master, Purpose::Rtp),
            mki,
            streams: [None; STREAMS_MAX],
            former: [None; STREAMS_MAX],
        }
    }

    /// The session under another key.
    #[must_use]
    pub fn rekeyed(&self, suite: Suite, master: &MasterKey, mki: Mki) -> Self {
        Self {
            former: self.streams,
            ..Self::new(suite, master, mki)
        }
    }

    /// The signalling agreed anew upon the same key: some phones then count from zero again. Until the next
    /// packet of a stream both are believed.
    pub fn may_have_restarted(&mut self) {
        for stream in self.streams.iter_mut().flatten() {
            stream.may_have_restarted = true;
        }
    }

    /// Checks a datagram and decrypts it in its place; gives the RTP packet in it.
    ///
    /// # Errors
    /// [`Refused`]: nothing has changed.
    pub fn unprotect<'a>(&mut self, datagram: &'a mut [u8]) -> Result<&'a [u8], Refused> {
        let rest = self.suite.tag_len() + self.mki.octets().len();
        let len = datagram.len().checked_sub(rest).ok_or(Refused::Malformed)?;
        let (packet, rest) = datagram
            .split_at_mut_checked(len)
            .ok_or(Refused::Malformed)?;
        let header = header_len(packet).ok_or(Refused::Malformed)?;
        let (sequence, ssrc) = stream_of(packet).ok_or(Refused::Malformed)?;
        let tag = rest
            .strip_prefix(self.mki.octets())
            .ok_or(Refused::Unauthentic)?;
        let index = self.authenticate(packet, tag, sequence, ssrc)?;
        let payload = packet.get_mut(header..).ok_or(Refused::Malformed)?;
        self.keys.crypt(ssrc, index, payload);
        Ok(packet)
    }

    /// The packet's index, under which its tag is right; remembers it.
    fn authenticate(
        &mut self,
        packet: &[u8],
        tag: &[u8],
        sequence: u16,
        ssrc: u32,
    ) -> Result<u64, Refused> {
        let keys = &self.keys;
        let is_right = |index: &u64| {
            let expected = keys.tag(packet, &rollovers(*index).to_be_bytes());
            let expected = expected.get(..tag.len()).unwrap_or_default();
            bool::from(expected.ct_eq(tag))
        };
        let Some(stream) = stream(&mut self.streams, ssrc) else {
            // A packet that got lost at the very beginning may have been the one that rolled over.
            let highest = stream(&mut self.former, ssrc).map(|stream| stream.window.highest());
            let continued = highest.and_then(|highest| estimate(highest, sequence));
            let rolled = (sequence < 0x8000).then(|| index(1, sequence));
            let mut candidates = [Some(index(0, sequence)), continued, rolled]
                .into_iter()
                .flatten();
            let index = candidates.find(is_right).ok_or(Refused::Unauthentic)?;
            self.remember(ssrc, Window::new(index));
            return Ok(index);
        };
        let near = estimate(stream.window.highest(), sequence).filter(|index| *index < INDEX_END);
        let is_new = near.filter(|index| stream.window.is_new(*index));
        if let Some(index) = is_new.filter(is_right) {
            stream.window.take(index);
            stream.may_have_restarted = false;
            self.touch(ssrc);
            return Ok(index);
        }
        let anew = index(0, sequence);
        if stream.may_have_restarted && near != Some(anew) && is_right(&anew) {
            stream.window = Window::new(anew);
            stream.may_have_restarted = false;
            return Ok(anew);
        }
        Err(if is_new.is_some() {
            Refused::Unauthentic
        } else {
            Refused::Replayed
        })
    }

    fn remember(&mut self, ssrc: u32, window: Window) {
        self.streams.rotate_left(1);
        if let Some(last) = self.streams.last_mut() {
            *last = Some(Stream {
                ssrc,
                window,
                may_have_restarted: false,
            });
        }
    }

    /// Makes a stream the last one.
    fn touch(&mut self, ssrc: u32) {
        let is_it = |stream: &Option<Stream>| stream.is_some_and(|stream| stream.ssrc == ssrc);
        if self.streams.last().is_some_and(is_it) {
            return;
        }
        if let Some(at) = self.streams.iter().position(is_it)
            && let Some(later) = self.streams.get_mut(at..)
        {
            later.rotate_left(1);
        }
    }
}

fn stream(streams: &mut Streams, ssrc: u32) -> Option<&mut Stream> {
    streams
        .iter_mut()
        .flatten()
        .find(|stream| stream.ssrc == ssrc)
}
