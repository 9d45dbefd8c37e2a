//! Codecs: `speech → packets`, and what the switch is told of them. Another codec is another line in each `match`.

use audioroad::media::g711::Law;

/// A codec of the telephone's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    Pcmu,
    Pcma,
}

impl Codec {
    pub(crate) const ALL: [Self; 2] = [Self::Pcmu, Self::Pcma];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }

    /// Of the speech that goes in and of what is heard.
    pub(crate) fn rate_hz(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma => 8000,
        }
    }

    /// RTP's clock.
    pub(crate) fn clock_hz(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma => 8000,
        }
    }

    pub(crate) fn law(self) -> Law {
        match self {
            Self::Pcmu => Law::Mu,
            Self::Pcma => Law::A,
        }
    }

    /// Packets of 20 ms each; what is left over at the end is not sent.
    pub(crate) fn packets(self, speech: &[f32]) -> Vec<Vec<u8>> {
        let samples = self.rate_hz() as usize / 50;
        let encode = |part: &[f32]| part.iter().map(|x| self.law().encode(*x)).collect();
        speech.chunks_exact(samples).map(encode).collect()
    }

    /// What a line without faults gives: the best that can be reached.
    pub(crate) fn ceiling(self, packets: &[Vec<u8>]) -> Vec<f32> {
        let law = self.law();
        packets
            .concat()
            .iter()
            .map(|byte| law.decode(*byte))
            .collect()
    }
}
