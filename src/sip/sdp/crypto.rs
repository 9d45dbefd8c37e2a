//! Keys of SRTP in session descriptions: `a=crypto` (RFC 4568), and whether a stream is to be encrypted.
//!
//! ```text
//! offer   RTP/SAVP, or RTP/AVP with a=crypto -> the best line that we take -> answer with its tag and our key
//! ours    RTP/SAVP (required), RTP/AVP with a=crypto (preferred) -> their line with our tag
//! ```
//!
//! A line is passed over when its suite is not ours, it has more than one key, or it asks for what we
//! do not do. Lifetimes are read and not counted: a key serves for 2^48 packets, as RFC 3711 allows.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sdp_types::Media;

use super::SdpError;

/// Most `a=crypto` lines that are looked at in one media line.
const LINES_MAX: usize = 16;
/// Octets of master key and master salt.
const KEY_LEN: usize = 30;
/// Longest identifier of a master key, in octets.
const MKI_LEN_MAX: u8 = 4;
/// Most packets that a key may serve for (RFC 3711 section 9.2).
const LIFETIME_BITS: u32 = 48;
/// The tag of our own offers.
const OUR_TAG: u32 = 1;

/// The crypto suites that we speak (RFC 4568 section 6.2), the better one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suite {
    /// `AES_CM_128_HMAC_SHA1_80`
    AesCm128HmacSha1_80,
    /// `AES_CM_128_HMAC_SHA1_32`
    AesCm128HmacSha1_32,
}

impl Suite {
    const ALL: [Self; 2] = [Self::AesCm128HmacSha1_80, Self::AesCm128HmacSha1_32];

    /// Its name in `a=crypto`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
        }
    }
}

/// Master key and master salt, one after the other. Never printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SrtpKey([u8; KEY_LEN]);

impl SrtpKey {
    /// The first 30 octets of something random.
    #[must_use]
    pub fn new(random: &[u8; 32]) -> Self {
        let mut key = [0; KEY_LEN];
        for (octet, random) in key.iter_mut().zip(random) {
            *octet = *random;
        }
        Self(key)
    }

    /// The master key.
    #[must_use]
    pub fn key(&self) -> [u8; 16] {
        let [key @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _] = self.0;
        key
    }

    /// The master salt.
    #[must_use]
    pub fn salt(&self) -> [u8; 14] {
        let [_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, salt @ ..] = self.0;
        salt
    }
}

impl fmt::Debug for SrtpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SrtpKey")
    }
}

/// Whether calls are encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SrtpRule {
    /// Never; an offer of nothing else is refused.
    Off,
    /// When the far end offers it; our own offers are plain.
    #[default]
    Offered,
    /// The same, and our own offers leave it to the far end.
    Preferred,
    /// Always; what is plain is refused.
    Required,
}

impl SrtpRule {
    /// The rule called `off`, `offered`, `preferred` or `required`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "off" => Some(Self::Off),
            "offered" => Some(Self::Offered),
            "preferred" => Some(Self::Preferred),
            "required" => Some(Self::Required),
            _ => None,
        }
    }
}

/// Our side of a stream's encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalSrtp {
    /// Whether it is to be encrypted.
    pub rule: SrtpRule,
    /// Our key, should a new one be needed; `None` where keys must not travel: the signalling is not encrypted.
    pub key: Option<SrtpKey>,
    /// What was agreed before in this session: our key stays while theirs does.
    pub former: Option<Srtp>,
}

impl LocalSrtp {
    /// Plain RTP and nothing else.
    pub const OFF: Self = Self {
        rule: SrtpRule::Off,
        key: None,
        former: None,
    };
}

/// What both sides agreed upon about encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Srtp {
    /// Cipher and tag of both directions.
    pub suite: Suite,
    /// The number of the `a=crypto` line.
    pub tag: u32,
    /// Key of what we send.
    pub ours: SrtpKey,
    /// Key of what they send.
    pub theirs: SrtpKey,
    /// The identifier of their key and its length in octets, which they put into each packet.
    pub their_mki: Option<(u32, u8)>,
}

/// Our `a=crypto` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    tag: u32,
    suite: Suite,
    key: SrtpKey,
}

impl Line {
    /// The line that repeats what was agreed.
    pub(super) fn of(agreed: &Srtp) -> Self {
        Self {
            tag: agreed.tag,
            suite: agreed.suite,
            key: agreed.ours,
        }
    }

    /// The line of a new offer of ours, where the rule wants one.
    pub(super) fn offered(local: &LocalSrtp) -> Option<Self> {
        match local.rule {
            SrtpRule::Off | SrtpRule::Offered => None,
            SrtpRule::Preferred | SrtpRule::Required => Some(Self {
                tag: OUR_TAG,
                suite: Suite::AesCm128HmacSha1_80,
                key: local.key?,
            }),
        }
    }

    /// The value of the attribute (RFC 4568 section 9.1).
    pub(super) fn value(&self) -> String {
        let (suite, key) = (self.suite.name(), STANDARD.encode(self.key.0));
        format!("{} {suite} inline:{key}", self.tag)
    }
}

/// What a media line of an offer comes to; `None` is plain RTP.
///
/// # Errors
/// Why it cannot be answered under our rule.
pub(super) fn answering(
    media: &Media,
    is_secure: bool,
    local: &LocalSrtp,
) -> Result<Option<Srtp>, SdpError> {
    let is_required = local.rule == SrtpRule::Required;
    if local.rule == SrtpRule::Off {
        return if is_secure {
            Err(SdpError::Profile("RTP/SAVP".to_owned()))
        } else {
            Ok(None)
        };
    }
    let Some(best) = offers(media).min_by_key(|offer| offer.suite) else {
        return match (is_secure, is_required) {
            (true, _) => Err(SdpError::Keys),
            (false, true) => Err(SdpError::Unencrypted),
            (false, false) => Ok(None),
        };
    };
    let Some(new) = local.key else {
        return if is_secure || is_required {
            Err(SdpError::KeysInClear)
        } else {
            Ok(None)
        };
    };
    let kept = local
        .former
        .filter(|former| (former.suite, former.theirs) == (best.suite, best.key));
    let ours = kept.map_or(new, |former| former.ours);
    best.agreed(ours).map(Some)
}

/// What the answer to our offer comes to; `ours` is the line that we offered.
///
/// # Errors
/// It is encrypted where we offered plain RTP, or not where we demanded it.
pub(super) fn answered(
    media: &Media,
    is_secure: bool,
    ours: Option<&Line>,
    is_required: bool,
) -> Result<Option<Srtp>, SdpError> {
    let Some(ours) = ours else {
        return if is_secure {
            Err(SdpError::Profile("RTP/SAVP".to_owned()))
        } else {
            Ok(None)
        };
    };
    let fits = |offer: &Offer| (offer.tag, offer.suite) == (ours.tag, ours.suite);
    match offers(media).find(fits) {
        Some(answer) => answer.agreed(ours.key).map(Some),
        None if is_secure => Err(SdpError::Keys),
        None if is_required => Err(SdpError::Unencrypted),
        None => Ok(None),
    }
}

/// An `a=crypto` line that we can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Offer {
    tag: u32,
    suite: Suite,
    key: SrtpKey,
    mki: Option<(u32, u8)>,
}

impl Offer {
    /// One key both ways would have both sides encrypt with the same keystream.
    fn agreed(self, ours: SrtpKey) -> Result<Srtp, SdpError> {
        if self.key == ours {
            return Err(SdpError::Keys);
        }
        Ok(Srtp {
            suite: self.suite,
            tag: self.tag,
            ours,
            theirs: self.key,
            their_mki: self.mki,
        })
    }

    /// Reads the value of an attribute; `None` when it is malformed or not for us.
    fn read(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let tag = number(words.next()?).filter(|tag| *tag < 1_000_000_000)?;
        let suite = words.next()?;
        let suite = Suite::ALL
            .into_iter()
            .find(|known| suite.eq_ignore_ascii_case(known.name()))?;
        let (method, info) = words.next()?.split_once(':')?;
        if !method.eq_ignore_ascii_case("inline") || !words.all(can_ignore) {
            return None;
        }
        let mut parts = info.split('|');
        let key = STANDARD.decode(parts.next()?).ok()?;
        let key = SrtpKey(key.try_into().ok()?);
        let mut mki = None;
        let mut further = parts.next();
        if let Some(life) = further.filter(|part| !part.contains(':')) {
            is_lifetime(life).then_some(())?;
            further = parts.next();
        }
        if let Some(identifier) = further {
            mki = Some(read_mki(identifier)?);
        }
        parts.next().is_none().then_some(Self {
            tag: u32::try_from(tag).ok()?,
            suite,
            key,
            mki,
        })
    }
}

fn offers(media: &Media) -> impl Iterator<Item = Offer> {
    media
        .attributes
        .iter()
        .filter(|attribute| attribute.attribute.eq_ignore_ascii_case("crypto"))
        .take(LINES_MAX)
        .filter_map(|attribute| Offer::read(attribute.value.as_deref()?))
}

/// Session parameters (RFC 4568 section 6.3) that change nothing for us. What asks for less protection, for
/// forward error correction or for something unknown makes the line useless, unless it says that it may be
/// ignored by a dash.
fn can_ignore(parameter: &str) -> bool {
    match parameter.split_once('=') {
        _ if parameter.starts_with('-') => true,
        Some((name, value)) if name.eq_ignore_ascii_case("WSH") => number(value).is_some(),
        Some((name, value)) if name.eq_ignore_ascii_case("KDR") => number(value) == Some(0),
        Some(_) | None => false,
    }
}

/// `2^n` or a number, from 1 to 2^48.
fn is_lifetime(text: &str) -> bool {
    match text.strip_prefix("2^") {
        Some(power) => number(power).is_some_and(|power| power <= u64::from(LIFETIME_BITS)),
        None => number(text).is_some_and(|life| (1..=1 << LIFETIME_BITS).contains(&life)),
    }
}

/// `value:length`.
fn read_mki(text: &str) -> Option<(u32, u8)> {
    let (value, len) = text.split_once(':')?;
    let value = u32::try_from(number(value)?).ok()?;
    let len = u8::try_from(number(len)?).ok()?;
    let fits = (1..=MKI_LEN_MAX).contains(&len) && u64::from(value) >> (8 * u32::from(len)) == 0;
    fits.then_some((value, len))
}

/// Digits and nothing else.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

#[cfg(test)]
#[path = "crypto_tests.rs"]
mod tests;
