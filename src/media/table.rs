//! All legs and rooms of one thread: who hears whom, one frame after the other.
//!
//! ```text
//! phase 0   browsers decode ─┐
//!           seated legs: drain, conceal, level ─┴→ each room: sum, hold feed → seated legs: send
//!           and the first of the others ┐
//! phase 1-3 the others beyond ──────────┴ drain, count → hold feed, music, prompt → send
//! ```
//!
//! Whom nobody hears is drained in every fourth frame only. A few legs are served all at once, many in four parts.
//!
//! Commands change what a leg is to hear; the next frame fades from the old to the new. Every
//! leg sends exactly one packet per frame, whatever happens to it. Nothing here allocates, locks
//! or waits between two commands.

mod chain;
mod event;
mod io;
mod listen;
mod settings;
mod spec;
mod tick;
mod turns;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use rtrb::{Consumer, Producer};
use slotmap::{SlotMap, new_key_type};
use thiserror::Error;

use super::asset::Assets;
use super::browser::{BrowserCounts, BrowserVoice};
use super::codec::Codec;
use super::dsp::Meter;
use super::feed::Player;
use super::leg::Leg;
use super::mix::RoomMix;
use super::music::Music;
use super::opus::{OpusError, OpusPacket};
use super::ramp::Ramp;
use super::stats::LegReport;
use super::stream::StreamSpec;
use super::voice::{Tap, Voice};

pub use chain::{GAIN_DB_MAX, ProgramReading};
pub(super) use event::EventQueue;
pub use event::{MediaEvent, VoiceKey};
pub use io::{Datagram, MediaIo};
pub(super) use listen::Sounding;
pub use settings::MediaSettings;
pub use spec::{LegChange, LegSpec, Place};

new_key_type! {
    /// One phone call's media.
    pub struct LegKey;
    /// One room's mix.
    pub struct RoomKey;
    /// One browser in a room.
    pub struct SourceKey;
}

/// Ticks in a frame: legs are spread over them.
pub const PHASES: u8 = 4;
/// Legs that a phase takes before the next one is begun: to serve them in one go costs less than to wake once more.
const PHASE_FULL: usize = 64;

/// Why a command came to nothing.
#[derive(Debug, Error)]
pub enum MediaError {
    /// The leg is not, or no longer, in the table.
    #[error("no such leg")]
    NoLeg,
    /// The room is not, or no longer, in the table.
    #[error("no such room")]
    NoRoom,
    /// An Opus coder cannot be built.
    #[error(transparent)]
    Opus(#[from] OpusError),
}

/// The media of all calls and rooms of one thread.
#[derive(Debug)]
pub struct MediaTable {
    assets: Arc<Assets>,
    settings: MediaSettings,
    legs: SlotMap<LegKey, Leg>,
    rooms: SlotMap<RoomKey, Room>,
    sources: SlotMap<SourceKey, Source>,
    /// Legs by the tick that serves them.
    phases: [Vec<LegKey>; PHASES as usize],
    /// Legs that have been seated and move to phase 0 with the next frame.
    seating: Vec<LegKey>,
    phase_full: usize,
    /// Who reports next; those who are gone are found out when it is their turn.
    turns: VecDeque<LegKey>,
    /// Frames so far: the common cursor of all music.
    beat: u64,
    /// The hold music as callers at 16 kHz hear it.
    music: Music,
    ticked_at: Option<Instant>,
    /// Whether there are packets for browsers.
    is_tapped: bool,
    events: EventQueue,
}

#[derive(Debug)]
struct Room {
    mix: RoomMix,
    /// The frame before which the room goes; until then its legs fade out of it.
    gone_at: Option<u64>,
}

struct Source {
    room: RoomKey,
    voice: BrowserVoice,
    gain: Ramp,
    muted: bool,
    leaving: bool,
    /// Callers go down while it speaks.
    leads: bool,
    meter: Meter,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("room", &self.room)
            .finish_non_exhaustive()
    }
}

impl MediaTable {
    /// An empty table.
    #[must_use]
    pub fn new(assets: Arc<Assets>, settings: MediaSettings) -> Self {
        Self {
            assets,
            settings,
            legs: SlotMap::with_key(),
            rooms: SlotMap::with_key(),
            sources: SlotMap::with_key(),
            phases: Default::default(),
            seating: Vec::new(),
            turns: VecDeque::new(),
            phase_full: PHASE_FULL,
            beat: 0,
            music: Music::new(),
            ticked_at: None,
            is_tapped: false,
            events: EventQueue::new(),
        }
    }

    /// Adds a call. It hears silence until it is placed.
    pub fn add_leg(&mut self, now: Instant, spec: LegSpec) -> LegKey {
        let leg = Leg::new(now, spec, self.next_phase());
        self.insert(leg)
    }

    /// Adds a call that comes as a Media Stream. It hears silence until it is placed.
    pub fn add_stream(&mut self, now: Instant, spec: StreamSpec) -> LegKey {
        let leg = Leg::of_stream(now, spec, self.next_phase());
        self.insert(leg)
    }

    /// The first phase that has room, or else the one with the fewest legs.
    fn next_phase(&self) -> u8 {
        let lens = (0..PHASES)
            .zip(&self.phases)
            .map(|(n, legs)| (n, legs.len()));
        let roomy = lens.clone().find(|(_, len)| *len < self.phase_full);
        let phase = roomy.or_else(|| lens.min_by_key(|(_, len)| *len));
        phase.map_or(0, |(phase, _)| phase)
    }

    /// Whether a tick of this phase has nothing to do.
    #[must_use]
    pub fn is_empty_phase(&self, phase: u8) -> bool {
        let legs = self.phases.get(usize::from(phase));
        phase != 0 && legs.is_none_or(Vec::is_empty)
    }

    /// Spreads the next legs over all phases, however few they are.
    #[cfg(test)]
    fn spread(&mut self) {
        self.phase_full = 0;
    }

    fn insert(&mut self, leg: Leg) -> LegKey {
        self.prepare(leg.codec(), None);
        let phase = leg.phase;
        let leg = self.legs.insert(leg);
        if let Some(legs) = self.phases.get_mut(usize::from(phase)) {
            legs.push(leg);
        }
        self.turns.push_back(leg);
        // Room for everybody to be seated later, when nothing may be allocated.
        let [seated, ..] = &mut self.phases;
        seated.reserve(self.legs.len().saturating_sub(seated.len()));
        self.seating
            .reserve(self.legs.len().saturating_sub(self.seating.len()));
        leg
    }

    /// Takes what a re-INVITE changed: codec, target, hold and resume.
    pub fn renegotiate(&mut self, now: Instant, leg: LegKey, change: LegChange) {
        let Some(leg) = self.legs.get_mut(leg) else {
            return;
        };
        if leg.codec().band() != change.codec.band() {
            // The voice fades out of one bus of its room and into the other.
            fade_out(leg, self.ticked_at, &mut self.rooms);
        }
        leg.renegotiate(now, change, &self.settings);
        let room = match leg.place {
            Place::Listen(room) => Some(room),
            Place::Nowhere | Place::Waiting(_) | Place::Seat(_) | Place::Announce(_) => None,
        };
        self.prepare(change.codec, room);
    }

    /// Makes what a listener of this codec needs to hear what others hear. Without memory for it the listener gets coders
    /// of its own.
    fn prepare(&mut self, codec: Codec, room: Option<RoomKey>) {
        let music = self.music.prepare(codec);
        let room = room.and_then(|room| self.rooms.get_mut(room));
        let feed = room.map_or(Ok(()), |room| room.mix.prepare(codec));
        music.and(feed).ok();
    }

    /// Removes a call. Its voice fades out of its room; its stream ends with the last packet.
    pub fn remove_leg(&mut self, key: LegKey) -> Option<LegReport> {
        let mut leg = self.legs.remove(key)?;
        if let Some(legs) = self.phases.get_mut(usize::from(leg.phase)) {
            legs.retain(|other| *other != key);
        }
        self.seating.retain(|other| *other != key);
        fade_out(&mut leg, self.ticked_at, &mut self.rooms);
        Some(leg.report())
    }

    /// What a call has received and sent so far.
    #[must_use]
    pub fn report(&self, leg: LegKey) -> Option<LegReport> {
        self.legs.get(leg).map(Leg::report)
    }

    /// Adds a room with nobody in it, in which people talk among themselves; a show is in a [live](Self::add_live_room) one.
    pub fn add_room(&mut self) -> RoomKey {
        self.rooms.insert(Room {
            mix: RoomMix::new(),
            gone_at: None,
        })
    }

    /// Removes a room. Its legs fall silent, its browsers are removed.
    pub fn remove_room(&mut self, key: RoomKey) {
        let Some(room) = self.rooms.get_mut(key) else {
            return;
        };
        room.gone_at = Some(self.beat + 2);
        for leg in self.legs.values_mut() {
            if leg.place == Place::Seat(key) || leg.place == Place::Listen(key) {
                leg.move_to(Place::Nowhere);
            }
        }
        for source in self
            .sources
            .values_mut()
            .filter(|source| source.room == key)
        {
            source.leaving = true;
        }
    }

    /// Puts a leg somewhere else; heard in the next frame. A room that is not there is nowhere.
    /// Prompts begin anew with every call of this.
    pub fn place(&mut self, key: LegKey, place: Place) {
        let place = match place {
            Place::Seat(room) | Place::Listen(room) if !self.is_open(room) => Place::Nowhere,
            Place::Nowhere
            | Place::Waiting(_)
            | Place::Seat(_)
            | Place::Listen(_)
            | Place::Announce(_) => place,
        };
        let Some(leg) = self.legs.get_mut(key) else {
            return;
        };
        match place {
            Place::Waiting(playlist) => leg.player = Player::waiting(playlist),
            Place::Announce(prompt) => leg.player = Player::announcing(prompt),
            Place::Seat(room) => {
                let codec = leg.codec();
                let voice = leg
                    .voice
                    .get_or_insert_with(|| Box::new(Voice::new(&self.settings, codec)));
                if leg.seat.is_none() {
                    voice.inbound.wake();
                }
                if leg.phase != 0 && !self.seating.contains(&key) {
                    self.seating.push(key);
                }
                if let Some(room) = self.rooms.get_mut(room) {
                    room.mix.open();
                }
            }
            Place::Nowhere | Place::Listen(_) => {}
        }
        leg.move_to(place);
        let codec = leg.codec();
        if let Place::Listen(room) = place {
            self.prepare(codec, Some(room));
        }
    }

    /// Tells a waiting leg its place in line, 1 being the next; it is said now and then.
    pub fn set_position(&mut self, leg: LegKey, position: Option<u16>) {
        if let Some(leg) = self.legs.get_mut(leg) {
            leg.position = position;
        }
    }

    /// Adds a browser to a room: its microphone comes through the ring.
    ///
    /// # Errors
    /// When there is no such room, or libopus cannot build a decoder.
    pub fn add_source(
        &mut self,
        room: RoomKey,
        packets: Consumer<OpusPacket>,
    ) -> Result<SourceKey, MediaError> {
        if !self.is_open(room) {
            return Err(MediaError::NoRoom);
        }
        if let Some(room) = self.rooms.get_mut(room) {
            room.mix.open();
        }
        Ok(self.sources.insert(Source {
            room,
            voice: BrowserVoice::new(packets)?,
            gain: Ramp::at(0.0),
            muted: false,
            leaving: false,
            leads: false,
            meter: Meter::new(),
        }))
    }

    /// Removes a browser; its voice fades out.
    pub fn remove_source(&mut self, source: SourceKey) {
        if let Some(source) = self.sources.get_mut(source) {
            source.leaving = true;
        }
    }

    /// Takes a browser's voice out of the mix, or back in.
    pub fn set_source_muted(&mut self, source: SourceKey, muted: bool) {
        if let Some(source) = self.sources.get_mut(source) {
            source.muted = muted;
        }
    }

    /// What a browser's stream has gone through so far.
    #[must_use]
    pub fn source_report(&self, source: SourceKey) -> Option<BrowserCounts> {
        self.sources.get(source).map(|source| source.voice.counts())
    }

    /// Gives a caller's voice to the browsers of `room`, for as long as the caller is seated
    /// there: what is said elsewhere never enters the ring. Replaces an earlier tap. Nothing is
    /// encoded while `heard` is false; time passes all the same.
    ///
    /// # Errors
    /// When there is no such leg, or libopus cannot build an encoder.
    pub fn tap(
        &mut self,
        leg: LegKey,
        room: RoomKey,
        packets: Producer<OpusPacket>,
        heard: Arc<AtomicBool>,
    ) -> Result<(), MediaError> {
        let leg = self.legs.get_mut(leg).ok_or(MediaError::NoLeg)?;
        leg.end_tap();
        let (how, band) = (self.settings.caller_opus, leg.codec().band());
        leg.tap = Some(Tap::new(room, packets, heard, how, band)?);
        Ok(())
    }

    /// Whether there has been anything for browsers to take from a tap since the last call.
    pub fn take_tapped(&mut self) -> bool {
        std::mem::take(&mut self.is_tapped)
    }

    /// Ends a tap, and the encoder with it.
    pub fn untap(&mut self, leg: LegKey) {
        if let Some(leg) = self.legs.get_mut(leg) {
            leg.end_tap();
        }
    }

    /// Whether a tick would do nothing: no leg, no browser's microphone, no room that is about to go.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let mut rooms = self.rooms.values();
        self.legs.is_empty() && self.sources.is_empty() && rooms.all(|room| room.gone_at.is_none())
    }

    /// Callers and browsers in a room, muted ones too, at the last frame.
    #[must_use]
    pub fn occupants(&self, room: RoomKey) -> usize {
        self.rooms.get(room).map_or(0, |room| room.mix.present())
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<MediaEvent> {
        self.events.pop()
    }

    /// Events lost because nobody polled.
    #[must_use]
    pub fn events_dropped(&self) -> u64 {
        self.events.dropped()
    }

    fn is_open(&self, room: RoomKey) -> bool {
        self.rooms
            .get(room)
            .is_some_and(|room| room.gone_at.is_none())
    }
}

/// Lets the next frame of a seated caller's voice fade out of the room.
fn fade_out(leg: &mut Leg, ticked_at: Option<Instant>, rooms: &mut SlotMap<RoomKey, Room>) {
    let gain = leg.voice_gain();
    if let (Some(room), Some(voice), Some(now)) = (leg.seat, &mut leg.voice, ticked_at)
        && let Some(room) = rooms.get_mut(room)
    {
        let frame = voice.pull(now, gain);
        Ramp::at(1.0).apply(frame.samples_mut(), 0.0);
        room.mix.add_farewell(frame);
    }
}

#[cfg(test)]
mod tests;
