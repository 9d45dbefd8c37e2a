//! Offers, answers and candidates: the listener answers what the server offers, the caller offers.

use std::collections::HashMap;
use std::time::Instant;

use livekit_protocol as proto;
use proto::signal_request::Message as Said;

use super::room::TRACKS_MAX;
use super::{Link, LinkRole, LinkTrouble};
use crate::rtc::{Mid, media_sections, sending_only};

/// The longest trickled candidate that is read, in bytes.
const CANDIDATE_LEN_MAX: usize = 2048;

impl Link {
    /// The server offers what we are to hear.
    pub(super) fn handle_offer(&mut self, now: Instant, offer: proto::SessionDescription) {
        let Some(transport) = &mut self.transport else {
            return;
        };
        transport.must_connect(now, &self.config.timings);
        if !transport.knows_far_end(&offer.sdp) {
            self.rejoin(
                now,
                LinkTrouble::Signalling("the session moved to another server".into()),
            );
            return;
        }
        let Some(peer) = &mut transport.peer else {
            transport.early_offer = Some(offer);
            return;
        };
        match peer.accept_offer(now, &sending_only(&offer.sdp)) {
            Ok(sdp) => {
                transport.negotiated = true;
                self.room.set_lines(lines(&offer));
                let answer = proto::SessionDescription {
                    r#type: "answer".to_owned(),
                    sdp,
                    id: offer.id,
                    ..Default::default()
                };
                self.send(Said::Answer(answer.clone()));
                self.last_exchange = Some((offer, answer));
                self.finish_resume();
            }
            Err(error) => self.rejoin(now, LinkTrouble::Signalling(error.to_string())),
        }
    }

    /// The server answers what we offered.
    pub(super) fn handle_answer(&mut self, now: Instant, answer: &proto::SessionDescription) {
        let Some(transport) = &mut self.transport else {
            return;
        };
        if !transport.knows_far_end(&answer.sdp) {
            self.rejoin(
                now,
                LinkTrouble::Signalling("the session moved to another server".into()),
            );
            return;
        }
        let Some(peer) = &mut transport.peer else {
            return;
        };
        match self.publication.answered(now, peer, answer) {
            Ok(true) => {
                transport.negotiated = true;
                self.finish_resume();
            }
            Ok(false) => {}
            Err(error) => self.rejoin(now, LinkTrouble::Signalling(error.to_string())),
        }
    }

    /// The server tells where it may be reached.
    pub(super) fn handle_trickle(&mut self, now: Instant, trickle: &proto::TrickleRequest) {
        #[derive(serde::Deserialize)]
        struct Init {
            candidate: String,
        }
        let ours = match self.config.role {
            LinkRole::Listener => proto::SignalTarget::Subscriber,
            LinkRole::Caller => proto::SignalTarget::Publisher,
        };
        if trickle.target() != ours || trickle.candidate_init.len() > CANDIDATE_LEN_MAX {
            return;
        }
        if let Ok(Init { candidate }) = serde_json::from_str(&trickle.candidate_init)
            && let Some(transport) = &mut self.transport
        {
            transport.add_candidate(now, candidate);
        }
    }

    /// Offers to look for a path anew, after a resume.
    pub(super) fn offer_restart(&mut self, now: Instant) {
        let Some(peer) = self.transport.as_mut().and_then(|t| t.peer.as_mut()) else {
            return;
        };
        match self.publication.offer_restart(now, peer) {
            Ok(Some(offer)) => self.send(Said::Offer(offer)),
            Ok(None) => {}
            Err(error) => self.rejoin(now, LinkTrouble::Signalling(error.to_string())),
        }
    }

    pub(super) fn offer_track(&mut self, now: Instant) {
        let Some(peer) = self.transport.as_mut().and_then(|t| t.peer.as_mut()) else {
            return;
        };
        match self.publication.offer_track(now, peer) {
            Ok(Some(offer)) => self.send(Said::Offer(offer)),
            Ok(None) => {}
            Err(error) => self.rejoin(now, LinkTrouble::Signalling(error.to_string())),
        }
    }
}

/// Which track is on which m-line: told by the server, or, by older ones, written in the offer.
fn lines(offer: &proto::SessionDescription) -> HashMap<String, Mid> {
    let sections = media_sections(&offer.sdp);
    let sending = sections
        .iter()
        .filter(|section| section.kind == "audio" && section.sends);
    let named = sending.filter_map(|section| {
        let told = offer.mid_to_track_id.get(section.mid).map(String::as_str);
        let written = section.track_id.filter(|id| id.starts_with("TR_"));
        let track_sid = if offer.mid_to_track_id.is_empty() {
            written
        } else {
            told
        }?;
        Some((track_sid.to_owned(), Mid::from(section.mid)))
    });
    named.take(TRACKS_MAX).collect()
}
