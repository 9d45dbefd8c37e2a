//! One participant's stay in one room on a LiveKit server, through losses; without a socket or a
//! clock.
//!
//! ```text
//! Listener: browser → server → datagram → Peer → LinkEvent::TrackAudio → the mix
//! Caller:   the mix → send_audio → Peer → LinkOutput::Transmit → server → browsers
//! ```
//!
//! After every call, drain [`Link::poll_output`]; then wait for input or for
//! [`Link::poll_timeout`]. A link never gives up: it ends by [`Link::close`], or when somebody
//! removes it from its room.
//!
//! What it does about a loss:
//!
//! | lost | done |
//! | --- | --- |
//! | signalling | resume within the session; audio goes on meanwhile |
//! | media | resume, which looks for a new path; not back in time: leave and join anew |
//! | both, or the server forgot us | join anew with new sockets |
//!
//! It speaks the `/rtc` signalling (v0, protocol 16) with one peer connection per link: the
//! server's subscriber connection for a listener, the publisher connection for a caller. What is
//! absent: TURN, ICE over TCP, video, data messages, end-to-end encryption.

mod backoff;
mod config;
mod event;
mod join;
mod leave;
mod media;
mod negotiate;
mod publication;
mod resume;
mod room;
mod signal;
#[cfg(test)]
mod tests;
mod tracks;
mod transport;

use std::collections::{BTreeMap, VecDeque};
use std::mem::Discriminant;
use std::time::Instant;

use livekit_protocol as proto;
use proto::request_response::{Reason, Request};
use proto::signal_request::Message as Said;
use proto::signal_response::Message;

pub use config::{LinkConfig, LinkRole, LinkTimings, NODE_ATTRIBUTE};
pub use event::{
    LeaveAction, LinkEvent, LinkOutput, LinkTrouble, RemoteTrack, SignalFailure, TransportId,
};

use self::backoff::Backoff;
use self::publication::Publication;
use self::room::Room;
use self::signal::{Signal, Way};
use self::transport::Transport;

/// One participant's stay in one room.
#[derive(Debug)]
pub struct Link {
    config: LinkConfig,
    backoff: Backoff,
    signal: Signal,
    /// The media of this generation; none while we are not in the room.
    transport: Option<Transport>,
    /// Generations so far.
    transports: u64,
    /// What a caller publishes.
    publication: Publication,
    /// What a listener sees.
    room: Room,
    /// The last offer and answer of a listener: a resume has to name them.
    last_exchange: Option<(proto::SessionDescription, proto::SessionDescription)>,
    /// The next update tells of everybody who is there.
    full_update_due: bool,
    /// Why it is not up, as far as we know.
    trouble: Option<LinkTrouble>,
    told: Told,
    up_since: Option<Instant>,
    /// How often in a row media did not connect.
    connects_failed: u32,
    /// How often in a row something came in and media did not connect.
    stuck: u32,
    /// Media did connect once: what keeps it from doing so now may pass, so there is no long wait.
    has_connected: bool,
    relay_forced: bool,
    /// When lost media was last resumed.
    media_resumed_at: Option<Instant>,
    outputs: VecDeque<LinkOutput>,
}

/// What was last told about being up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Up,
    Down(Discriminant<LinkTrouble>),
}

impl Link {
    /// A link that asks to join at once.
    pub fn new(now: Instant, config: LinkConfig) -> Self {
        let mut link = Self {
            backoff: Backoff::new(config.seed),
            signal: Signal::Closed,
            transport: None,
            transports: 0,
            publication: Publication::new(),
            room: Room::new(config.node.clone()),
            last_exchange: None,
            full_update_due: false,
            trouble: None,
            told: Told::Nothing,
            up_since: None,
            connects_failed: 0,
            stuck: 0,
            has_connected: false,
            relay_forced: false,
            media_resumed_at: None,
            outputs: VecDeque::new(),
            config,
        };
        link.go(now, Way::Join);
        link
    }

    /// Signalling and media are both there.
    pub fn is_up(&self) -> bool {
        let media = self
            .transport
            .as_ref()
            .is_some_and(|media| media.is_live() || media.is_idle());
        self.signal == Signal::Open && media
    }

    /// The server said something.
    pub fn handle_signal(&mut self, now: Instant, message: Message) {
        if !self.signal.is_connected() {
            return;
        }
        match (self.config.role, message) {
            (_, Message::Leave(leave)) => self.handle_leave(now, &leave),
            (_, Message::Trickle(trickle)) => self.handle_trickle(now, &trickle),
            (_, Message::RoomMoved(_)) => {
                self.rejoin(
                    now,
                    LinkTrouble::Signalling("moved to another room".to_owned()),
                );
            }
            (LinkRole::Listener, Message::Offer(offer)) => self.handle_offer(now, offer),
            (LinkRole::Listener, Message::Update(update)) => {
                if std::mem::take(&mut self.full_update_due) {
                    self.room.keep_only(&update.participants);
                }
                for info in &update.participants {
                    self.room.update(info);
                }
            }
            (LinkRole::Caller, Message::Answer(answer)) => self.handle_answer(now, &answer),
            (LinkRole::Caller, Message::TrackPublished(response)) => self.published(response),
            (LinkRole::Caller, Message::Mute(mute)) => self.handle_mute(&mute),
            (LinkRole::Caller, Message::TrackUnpublished(ended))
                if self.publication.is_track(&ended.track_sid) =>
            {
                let reason = "the server ended our track".to_owned();
                self.rejoin(now, LinkTrouble::Signalling(reason));
            }
            (LinkRole::Caller, Message::RequestResponse(response))
                if response.reason() != Reason::Ok
                    && matches!(response.request, Some(Request::AddTrack(_))) =>
            {
                let reason = format!("{} {}", response.reason().as_str_name(), response.message);
                self.rejoin_later(now, LinkTrouble::Refused(reason));
            }
            _ => {}
        }
        self.settle(now);
    }

    /// Mutes or unmutes the caller's track, now and after every rejoin.
    pub fn set_muted(&mut self, now: Instant, muted: bool) {
        self.publication.muted = muted;
        self.send_mute();
        self.settle(now);
    }

    /// Changes the participant's attributes, now and after every rejoin.
    pub fn set_attributes(&mut self, now: Instant, attributes: BTreeMap<String, String>) {
        self.publication.want_attributes(attributes);
        self.send_attributes();
        self.settle(now);
    }

    /// When [`Link::handle_timeout`] is due; `None` once the link is closed.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let media = self
            .transport
            .as_ref()
            .and_then(|media| media.deadline(&self.config.timings));
        [self.signal.deadline(), media].into_iter().flatten().min()
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.handle_media_timeout(now);
        self.handle_signal_timeout(now);
        if self.signal != Signal::Closed {
            self.settle(now);
        }
    }

    /// The next thing to do, `None` when there is nothing left.
    pub fn poll_output(&mut self) -> Option<LinkOutput> {
        self.outputs.pop_front()
    }

    fn published(&mut self, response: proto::TrackPublishedResponse) {
        let muted = response.track.as_ref().is_some_and(|track| track.muted);
        self.publication.published(response);
        if muted != self.publication.muted {
            self.send_mute();
        }
    }

    fn handle_mute(&mut self, mute: &proto::MuteTrackRequest) {
        if self.publication.is_track(&mute.sid) && self.publication.muted != mute.muted {
            self.publication.muted = mute.muted;
            let muted = mute.muted;
            self.outputs
                .push_back(LinkOutput::Event(LinkEvent::Muted { muted }));
        }
    }

    fn send_mute(&mut self) {
        if let Some(request) = self.publication.mute_request() {
            self.send(Said::Mute(request));
        }
    }

    fn send_attributes(&mut self) {
        if let Some(request) = self.publication.attributes_request() {
            self.send(Said::UpdateMetadata(request));
        }
    }
}
