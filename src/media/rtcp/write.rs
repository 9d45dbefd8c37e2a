//! Writing what goes out: one compound of a report, our name and perhaps a good-bye.

use super::read::{
    CNAME, GOODBYE, RECEIVER_REPORT, ReportBlock, SENDER_REPORT, SOURCE_DESCRIPTION, SenderInfo,
};
use super::{CNAME_LEN, LOST_RANGE};

/// Octets of the longest compound we write: SR with a block, SDES, BYE.
pub const REPORT_MAX: usize = 28 + 24 + 28 + 8;

/// One compound packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Our SSRC.
    pub ssrc: u32,
    /// About our stream, which makes it an SR; an RR without.
    pub info: Option<SenderInfo>,
    /// About the stream that we receive.
    pub block: Option<ReportBlock>,
    /// Our canonical name.
    pub cname: [u8; CNAME_LEN],
    /// We leave.
    pub is_last: bool,
}

impl Report {
    /// Writes it into `buf` and gives its length; `None` when `buf` is too small.
    pub fn write(&self, buf: &mut [u8]) -> Option<usize> {
        let mut out = Out { buf, len: 0 };
        self.write_report(&mut out)?;
        self.write_name(&mut out)?;
        if self.is_last {
            out.header(1, GOODBYE, 1)?;
            out.word(self.ssrc)?;
        }
        Some(out.len)
    }

    fn write_report(&self, out: &mut Out<'_>) -> Option<()> {
        let blocks = u8::from(self.block.is_some());
        let words = 6 * u16::from(blocks);
        match self.info {
            Some(info) => {
                out.header(blocks, SENDER_REPORT, 6 + words)?;
                out.word(self.ssrc)?;
                out.put(&info.ntp.0.to_be_bytes())?;
                out.word(info.timestamp)?;
                out.word(info.packets)?;
                out.word(info.octets)?;
            }
            None => {
                out.header(blocks, RECEIVER_REPORT, 1 + words)?;
                out.word(self.ssrc)?;
            }
        }
        let Some(block) = self.block else {
            return Some(());
        };
        let lost = block.lost.clamp(*LOST_RANGE.start(), *LOST_RANGE.end());
        out.word(block.ssrc)?;
        out.word(u32::from(block.fraction_lost) << 24 | (lost as u32 & 0xFF_FFFF))?;
        out.word(block.highest)?;
        out.word(block.jitter)?;
        out.word(block.last_sr)?;
        out.word(block.delay_since_last_sr)
    }

    /// One chunk with one item, and zeros up to the next word of 32 bits.
    fn write_name(&self, out: &mut Out<'_>) -> Option<()> {
        const ITEM: usize = 2 + CNAME_LEN;
        const PADDING: usize = 4 - ITEM % 4;
        out.header(1, SOURCE_DESCRIPTION, (1 + (ITEM + PADDING) / 4) as u16)?;
        out.word(self.ssrc)?;
        out.put(&[CNAME, CNAME_LEN as u8])?;
        out.put(&self.cname)?;
        out.put(&[0; PADDING])
    }
}

struct Out<'b> {
    buf: &'b mut [u8],
    len: usize,
}

impl Out<'_> {
    fn put(&mut self, octets: &[u8]) -> Option<()> {
        let end = self.len.checked_add(octets.len())?;
        self.buf.get_mut(self.len..end)?.copy_from_slice(octets);
        self.len = end;
        Some(())
    }

    fn word(&mut self, word: u32) -> Option<()> {
        self.put(&word.to_be_bytes())
    }

    /// `words` of 32 bits follow.
    fn header(&mut self, count: u8, kind: u8, words: u16) -> Option<()> {
        self.put(&[0x80 | count, kind])?;
        self.put(&words.to_be_bytes())
    }
}
