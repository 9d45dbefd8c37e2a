//! The formats of an audio line: which payload type means what, in their descriptions and in ours.

use sdp_types::{Media, RtpMap};

use super::Codec;

/// Most payload types that are looked at in one media line.
const FORMATS_MAX: usize = 64;
/// Payload types that mean what `a=rtpmap` says (RFC 3551 section 6).
const DYNAMIC: std::ops::RangeInclusive<u8> = 96..=127;
/// RTP's clock of everything but Opus, in Hz.
const CLOCK_HZ: u32 = 8000;
/// RTP's clock of Opus (RFC 7587 section 4.1).
const OPUS_CLOCK_HZ: u32 = 48_000;
/// Events that we understand: the sixteen digits (RFC 4733 section 3.2).
const DTMF_EVENTS: &str = "0-15";
/// What we ask for of Opus (RFC 7587 section 6.1): as much as our own coder makes, no wider than we listen, and the copies
/// from which a lost packet is recovered.
const OPUS: &str =
    "maxplaybackrate=16000;sprop-maxcapturerate=16000;maxaveragebitrate=40000;useinbandfec=1";

/// What a payload type means, as far as we know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Audio(Codec),
    /// telephone-event (RFC 4733).
    Dtmf {
        clock_hz: u32,
    },
}

/// The formats of a line that we know, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Formats(Vec<(u8, Format)>);

impl Codec {
    /// RTP's clock: that of G.722 is half of its sample rate (RFC 3551 section 4.5.2).
    pub(super) fn clock_hz(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 => CLOCK_HZ,
            Self::Opus => OPUS_CLOCK_HZ,
        }
    }
}

impl Format {
    /// What `a=rtpmap` says of it.
    pub(super) fn mapping(self) -> String {
        match self {
            Self::Audio(Codec::Opus) => "opus/48000/2".into(),
            Self::Audio(codec) => format!("{}/{CLOCK_HZ}", codec.name()),
            Self::Dtmf { clock_hz } => format!("telephone-event/{clock_hz}"),
        }
    }

    /// What `a=fmtp` says of it.
    pub(super) fn parameters(self) -> Option<&'static str> {
        match self {
            Self::Audio(Codec::Opus) => Some(OPUS),
            Self::Audio(Codec::Pcmu | Codec::Pcma | Codec::G722) => None,
            Self::Dtmf { .. } => Some(DTMF_EVENTS),
        }
    }

    /// The payload type that our own descriptions give it where nobody has given it another.
    fn usual_number(self) -> u8 {
        match self {
            Self::Audio(codec) => codec.usual_payload_type(),
            Self::Dtmf { clock_hz: CLOCK_HZ } => 101,
            Self::Dtmf { .. } => 110,
        }
    }

    /// What a payload type means without `a=rtpmap` (RFC 3551 table 4).
    fn fixed(number: u8) -> Option<Self> {
        Codec::ALL
            .into_iter()
            .filter(|codec| *codec != Codec::Opus)
            .find(|codec| codec.usual_payload_type() == number)
            .map(Self::Audio)
    }

    fn mapped(map: &RtpMap) -> Option<Self> {
        let name = map.encoding_name.trim();
        if name.eq_ignore_ascii_case(Codec::Opus.name()) {
            let channels = matches!(map.encoding_params.as_deref(), None | Some("2"));
            let is_opus = channels && map.clock_rate == OPUS_CLOCK_HZ;
            return is_opus.then_some(Self::Audio(Codec::Opus));
        }
        if !matches!(map.encoding_params.as_deref(), None | Some("1")) {
            return None;
        }
        let clock_hz = map.clock_rate;
        if name.eq_ignore_ascii_case("telephone-event") {
            let is_ours = matches!(clock_hz, CLOCK_HZ | OPUS_CLOCK_HZ);
            return is_ours.then_some(Self::Dtmf { clock_hz });
        }
        let codec = Codec::from_name(name)?;
        (clock_hz == CLOCK_HZ).then_some(Self::Audio(codec))
    }
}

impl Formats {
    /// Those of a peer's media line.
    pub(super) fn of(media: &Media) -> Self {
        let maps: Vec<RtpMap> = values(media, "rtpmap")
            .filter_map(|value| value.trim().parse().ok())
            .collect();
        let formats = numbers(&media.fmt).filter_map(|number| {
            let map = maps.iter().find(|map| map.payload_type == number);
            Some((
                number,
                map.map_or_else(|| Format::fixed(number), Format::mapped)?,
            ))
        });
        Self(formats.collect())
    }

    /// What we offer: `prefer`, and digits if `dtmf`. What had a number in this session keeps it and no number gets another
    /// meaning (RFC 3264 section 8.3.2); `line` lists the numbers that the peer has used, known to us or not.
    pub(super) fn offered(prefer: &[Codec], dtmf: bool, before: &Self, line: &str) -> Self {
        let clocks = [CLOCK_HZ, OPUS_CLOCK_HZ]
            .into_iter()
            .filter(|clock_hz| dtmf && prefer.iter().any(|codec| codec.clock_hz() == *clock_hz));
        let digits = clocks.map(|clock_hz| Format::Dtmf { clock_hz });
        let audio = prefer.iter().map(|codec| Format::Audio(*codec));
        let mut offered: Vec<(u8, Format)> = Vec::new();
        for format in audio.chain(digits) {
            let is_taken = |number: u8| {
                let ours = offered.iter().chain(&before.0);
                ours.into_iter().any(|(taken, _)| *taken == number)
                    || numbers(line).any(|taken| taken == number)
            };
            let usual = Some(format.usual_number()).filter(|number| !is_taken(*number));
            let free = || DYNAMIC.rev().find(|number| !is_taken(*number));
            if let Some(number) = before.number(format).or(usual).or_else(free) {
                offered.push((number, format));
            }
        }
        Self(offered)
    }

    /// One codec and its digits, if there are any: an answer.
    pub(super) fn answered(codec: (u8, Codec), dtmf: Option<(u8, u32)>) -> Self {
        let (number, codec) = codec;
        let digits = dtmf.map(|(number, clock_hz)| (number, Format::Dtmf { clock_hz }));
        let audio = [(number, Format::Audio(codec))];
        Self(audio.into_iter().chain(digits).collect())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u8, Format)> {
        self.0.iter().copied()
    }

    /// The codecs, in the order of the line.
    pub(super) fn audio(&self) -> impl Iterator<Item = (u8, Codec)> {
        self.iter().filter_map(|(number, format)| match format {
            Format::Audio(codec) => Some((number, codec)),
            Format::Dtmf { .. } => None,
        })
    }

    /// Digits beside a codec: at its clock, else at another, which some phones offer beside Opus.
    pub(super) fn dtmf_beside(&self, codec: Codec) -> Option<(u8, u32)> {
        let digits = || {
            self.iter().filter_map(|(number, format)| match format {
                Format::Dtmf { clock_hz } => Some((number, clock_hz)),
                Format::Audio(_) => None,
            })
        };
        let fitting = digits().find(|(_, clock_hz)| *clock_hz == codec.clock_hz());
        fitting.or_else(|| digits().next())
    }

    fn number(&self, format: Format) -> Option<u8> {
        let found = self.iter().find(|(_, known)| *known == format);
        found.map(|(number, _)| number)
    }
}

/// What the peer takes at most, in bits per second, as `a=fmtp` of this payload type says (RFC 7587 section 6.1).
pub(super) fn bitrate_max(media: &Media, payload_type: u8) -> Option<u32> {
    let ours = values(media, "fmtp").find_map(|value| {
        let (number, parameters) = value.trim().split_once(' ')?;
        (number.parse() == Ok(payload_type)).then_some(parameters)
    })?;
    ours.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_it = name.trim().eq_ignore_ascii_case("maxaveragebitrate");
        is_it.then(|| value.trim().parse().ok()).flatten()
    })
}

fn values<'a>(media: &'a Media, name: &str) -> impl Iterator<Item = &'a str> {
    let attributes = media.attributes.iter();
    attributes
        .filter(move |attribute| attribute.attribute == name)
        .filter_map(|attribute| attribute.value.as_deref())
}

fn numbers(fmt: &str) -> impl Iterator<Item = u8> {
    let tokens = fmt.split_ascii_whitespace().take(FORMATS_MAX);
    tokens.filter_map(|token| token.parse().ok())
}
