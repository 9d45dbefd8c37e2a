//! Reading what came in: all lengths are checked first (RFC 3550 appendix A.2), then packets are given one by one.

/// Packet types (RFC 3550 section 12.1).
pub(super) const SENDER_REPORT: u8 = 200;
pub(super) const RECEIVER_REPORT: u8 = 201;
pub(super) const SOURCE_DESCRIPTION: u8 = 202;
pub(super) const GOODBYE: u8 = 203;
/// The item of a source description that names its sender.
pub(super) const CNAME: u8 = 1;

const HEADER_LEN: usize = 4;
const SENDER_INFO_LEN: usize = 20;
const BLOCK_LEN: usize = 24;

/// What somebody says of a stream that they receive (section 6.4.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The stream.
    pub ssrc: u32,
    /// Lost since the last report, in 256ths of what was expected.
    pub fraction_lost: u8,
    /// Lost since the beginning: 24 bits with a sign, since what comes twice counts as not lost.
    pub lost: i32,
    /// Highest sequence number, continued beyond 16 bits.
    pub highest: u32,
    /// Interarrival jitter in units of the media clock.
    pub jitter: u32,
    /// The middle of the last sender report's NTP time; 0 without one.
    pub last_sr: u32,
    /// How long ago that came, in 1/65536 s.
    pub delay_since_last_sr: u32,
}

/// What a sender says of its own stream (section 6.4.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SenderInfo {
    /// When the report was sent.
    pub ntp: super::NtpTime,
    /// The same instant by the media clock.
    pub timestamp: u32,
    /// Packets since the stream began; wraps.
    pub packets: u32,
    /// Octets of payload since the stream began; wraps.
    pub octets: u32,
}

/// One packet of a compound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet<'a> {
    /// SR.
    SenderReport {
        /// Who sends it.
        ssrc: u32,
        /// About its own stream.
        info: SenderInfo,
        /// About streams it receives.
        blocks: Blocks<'a>,
    },
    /// RR.
    ReceiverReport {
        /// Who sends it.
        ssrc: u32,
        /// About streams it receives.
        blocks: Blocks<'a>,
    },
    /// SDES: the canonical name of its first chunk, where it has one.
    SourceDescription {
        /// Whose.
        ssrc: u32,
        /// UTF-8 by the RFC; any octets here.
        cname: &'a [u8],
    },
    /// BYE: the first of those who leave.
    Goodbye {
        /// Who.
        ssrc: u32,
    },
    /// What we do not read: APP, feedback, extended reports, empty packets.
    Other,
}

/// A datagram in which every length is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compound<'a> {
    octets: &'a [u8],
}

impl<'a> Compound<'a> {
    /// Checks a datagram: it is packets of version 2 to its last octet, the first of them an SR or RR, none of them
    /// shorter than what it says is in it, and only the last one padded. `None` otherwise.
    #[must_use]
    pub fn read(octets: &'a [u8]) -> Option<Self> {
        let mut rest = octets;
        while !rest.is_empty() {
            let is_first = rest.len() == octets.len();
            let (packet, after) = split(rest)?;
            let kind = *packet.get(1)?;
            if is_first && (!matches!(kind, SENDER_REPORT | RECEIVER_REPORT) || is_padded(packet)) {
                return None;
            }
            if is_padded(packet) && !after.is_empty() {
                return None;
            }
            body(packet)?;
            rest = after;
        }
        (!octets.is_empty()).then_some(Self { octets })
    }

    /// Its packets, in their order.
    pub fn packets(&self) -> impl Iterator<Item = Packet<'a>> + use<'a> {
        let mut rest = self.octets;
        std::iter::from_fn(move || {
            let (packet, after) = split(rest)?;
            rest = after;
            body(packet)
        })
    }
}

/// Report blocks, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocks<'a>(&'a [u8]);

impl Blocks<'_> {
    /// Each of them, 31 at most.
    pub fn iter(&self) -> impl Iterator<Item = ReportBlock> {
        self.0.chunks_exact(BLOCK_LEN).filter_map(block)
    }
}

/// The first packet and what follows it.
fn split(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let header = octets.get(..HEADER_LEN)?;
    if header.first()? >> 6 != 2 {
        return None;
    }
    let words = usize::from(u16::from_be_bytes(header.get(2..4)?.try_into().ok()?));
    octets.split_at_checked(HEADER_LEN + 4 * words)
}

fn is_padded(packet: &[u8]) -> bool {
    packet.first().is_some_and(|first| first & 0x20 != 0)
}

/// What is in a packet; `None` when it has not what it says.
fn body(packet: &[u8]) -> Option<Packet<'_>> {
    let (&first, &kind) = (packet.first()?, packet.get(1)?);
    let count = usize::from(first & 0x1F);
    let mut content = packet.get(HEADER_LEN..)?;
    if is_padded(packet) {
        let padding = usize::from(*content.last()?);
        if padding == 0 || !padding.is_multiple_of(4) {
            return None;
        }
        content = content.get(..content.len().checked_sub(padding)?)?;
    }
    Some(match kind {
        SENDER_REPORT => Packet::SenderReport {
            ssrc: word(content, 0)?,
            info: info(content)?,
            blocks: blocks(content, 4 + SENDER_INFO_LEN, count)?,
        },
        RECEIVER_REPORT => Packet::ReceiverReport {
            ssrc: word(content, 0)?,
            blocks: blocks(content, 4, count)?,
        },
        SOURCE_DESCRIPTION => description(content, count)?,
        GOODBYE if count > 0 => {
            content.get(..4 * count)?;
            Packet::Goodbye {
                ssrc: word(content, 0)?,
            }
        }
        _ => Packet::Other,
    })
}

fn info(content: &[u8]) -> Option<SenderInfo> {
    let seconds = u64::from(word(content, 4)?);
    Some(SenderInfo {
        ntp: super::NtpTime(seconds << 32 | u64::from(word(content, 8)?)),
        timestamp: word(content, 12)?,
        packets: word(content, 16)?,
        octets: word(content, 20)?,
    })
}

fn blocks(content: &[u8], from: usize, count: usize) -> Option<Blocks<'_>> {
    let blocks = content.get(from..)?.get(..count * BLOCK_LEN)?;
    Some(Blocks(blocks))
}

fn block(octets: &[u8]) -> Option<ReportBlock> {
    let losses = word(octets, 4)?;
    Some(ReportBlock {
        ssrc: word(octets, 0)?,
        fraction_lost: (losses >> 24) as u8,
        // Shifted up and back down, the sign of 24 bits becomes that of 32.
        lost: (losses << 8) as i32 >> 8,
        highest: word(octets, 8)?,
        jitter: word(octets, 12)?,
        last_sr: word(octets, 16)?,
        delay_since_last_sr: word(octets, 20)?,
    })
}

/// Walks the items of the first chunk (section 6.5); later chunks are a mixer's.
fn description(content: &[u8], count: usize) -> Option<Packet<'_>> {
    if count == 0 {
        return Some(Packet::Other);
    }
    let ssrc = word(content, 0)?;
    let mut rest = content.get(4..)?;
    let mut cname: &[u8] = &[];
    loop {
        let (&kind, after) = rest.split_first()?;
        if kind == 0 {
            return Some(Packet::SourceDescription { ssrc, cname });
        }
        let (&len, after) = after.split_first()?;
        let (item, after) = after.split_at_checked(usize::from(len))?;
        if kind == CNAME {
            cname = item;
        }
        rest = after;
    }
}

fn word(octets: &[u8], at: usize) -> Option<u32> {
    let octets = octets.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*octets))
}
