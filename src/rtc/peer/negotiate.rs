//! Offer and answer (RFC 8829) on one peer connection.
//!
//! Limits: descriptions of at most [`SDP_LEN_MAX`] bytes and [`SECTIONS_MAX`] sections.

use std::time::Instant;

use str0m::change::{SdpAnswer, SdpOffer};
use str0m::channel::{ChannelConfig, Reliability};
use str0m::media::{Direction, MediaKind, Mid};

use super::{Peer, PeerError};
use crate::rtc::sdp::{Msid, media_sections};

/// The longest session description we read, in bytes.
pub(super) const SDP_LEN_MAX: usize = 256 * 1024;
/// The most m-lines a session description may have.
pub(super) const SECTIONS_MAX: usize = 160;

/// Changes to put into one offer.
#[derive(Debug, Default)]
pub struct OfferChanges {
    /// New send-only audio m-lines with the names they get.
    pub add: Vec<Msid>,
    /// M-lines of ours to send on again. Each gets a new SSRC, so that the listener's decoder
    /// starts afresh: state left from another source can make the new one ring for seconds.
    pub resume: Vec<Mid>,
    /// M-lines of ours to make inactive.
    pub pause: Vec<Mid>,
    /// Data channels to open: label and whether it is reliable and ordered.
    pub channels: Vec<(&'static str, bool)>,
    /// Look for a path anew (RFC 8445 section 9), from the same addresses of ours.
    pub ice_restart: bool,
}

/// An offer to be sent to the other side.
#[derive(Debug)]
pub struct Offer {
    /// The description.
    pub sdp: String,
    /// The m-lines made for [`OfferChanges::add`], in that order.
    pub added: Vec<Mid>,
}

impl Peer {
    /// Takes the other side's offer and gives our answer.
    ///
    /// # Errors
    /// [`PeerError::Description`] for unusable text; the others as named.
    pub fn accept_offer(&mut self, now: Instant, sdp: &str) -> Result<String, PeerError> {
        check_size(sdp)?;
        self.pending = None;
        self.mid_by_ssrc.clear();
        let answer = self.fenced(|rtc| {
            let offer = SdpOffer::from_sdp_string(sdp)?;
            Ok(rtc.sdp_api().accept_offer(offer)?.to_sdp_string())
        })?;
        self.kick(now)?;
        Ok(answer)
    }

    /// Makes an offer of these changes, or `None` when nothing has to be negotiated. An offer that
    /// is still outstanding is forgotten.
    ///
    /// # Errors
    /// As named in [`PeerError`].
    pub fn offer(
        &mut self,
        now: Instant,
        changes: OfferChanges,
    ) -> Result<Option<Offer>, PeerError> {
        let made = self.fenced(|rtc| {
            for &mid in &changes.resume {
                let mut api = rtc.direct_api();
                let ssrc = api.new_ssrc();
                api.reset_stream_tx(mid, None, ssrc, None);
            }
            let mut api = rtc.sdp_api();
            for (label, reliable) in changes.channels {
                api.add_channel_with_config(channel(label, reliable));
            }
            for mid in changes.pause {
                api.set_direction(mid, Direction::Inactive);
            }
            for mid in changes.resume {
                api.set_direction(mid, Direction::SendOnly);
            }
            if changes.ice_restart {
                api.ice_restart(true);
            }
            let added = changes
                .add
                .into_iter()
                .map(|Msid { stream, track }| {
                    let (kind, direction) = (MediaKind::Audio, Direction::SendOnly);
                    api.add_media(kind, direction, Some(stream), Some(track), None)
                })
                .collect();
            Ok(api
                .apply()
                .map(|(offer, pending)| (offer.to_sdp_string(), pending, added)))
        })?;
        self.kick(now)?;
        Ok(made.map(|(sdp, pending, added)| {
            self.pending = Some(pending);
            Offer { sdp, added }
        }))
    }

    /// Takes the answer to our outstanding offer.
    ///
    /// # Errors
    /// [`PeerError::NoOffer`], [`PeerError::Description`]; the others as named.
    pub fn accept_answer(&mut self, now: Instant, sdp: &str) -> Result<(), PeerError> {
        check_size(sdp)?;
        let pending = self.pending.take().ok_or(PeerError::NoOffer)?;
        self.fenced(|rtc| {
            let answer = SdpAnswer::from_sdp_string(sdp)?;
            rtc.sdp_api().accept_answer(pending, answer)
        })?;
        self.kick(now)
    }
}

fn check_size(sdp: &str) -> Result<(), PeerError> {
    if sdp.len() > SDP_LEN_MAX {
        return Err(PeerError::Description(format!(
            "longer than {SDP_LEN_MAX} bytes"
        )));
    }
    if media_sections(sdp).len() > SECTIONS_MAX {
        return Err(PeerError::Description(format!(
            "more than {SECTIONS_MAX} sections"
        )));
    }
    Ok(())
}

fn channel(label: &str, reliable: bool) -> ChannelConfig {
    let reliability = if reliable {
        Reliability::Reliable
    } else {
        Reliability::MaxRetransmits { retransmits: 0 }
    };
    ChannelConfig {
        label: label.to_owned(),
        ordered: reliable,
        reliability,
        ..Default::default()
    }
}
