//! What a desk may change of the sound: a caller's gain, mute and noise suppression, and a live room's ducking and loudness.
//! Everything is heard as a ramp, never as a step.

use super::{LegKey, MediaTable, Room, RoomKey, SourceKey};
use crate::media::dsp::{Level, LoudnessReading};
use crate::media::mix::RoomMix;
use crate::media::voice::Voice;

/// The furthest that a caller can be turned up or down, in dB.
pub const GAIN_DB_MAX: f32 = 20.0;

/// What a live room's listeners get, measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProgramReading {
    /// By EBU R 128.
    pub loudness: LoudnessReading,
    /// How far callers are down under the hosts, in dB.
    pub ducked_db: f32,
}

impl MediaTable {
    /// Adds a room with nobody in it whose sound is a program: measured, and with callers who go down under the hosts.
    pub fn add_live_room(&mut self) -> RoomKey {
        self.rooms.insert(Room {
            mix: RoomMix::live(self.settings.ducking),
            gone_at: None,
        })
    }

    /// Takes a caller's voice out of every mix, or back in; the caller goes on hearing.
    pub fn set_muted(&mut self, leg: LegKey, muted: bool) {
        if let Some(leg) = self.legs.get_mut(leg) {
            leg.muted = muted;
        }
    }

    /// Turns a caller's voice up or down behind its gain control, by at most [`GAIN_DB_MAX`].
    pub fn set_gain(&mut self, leg: LegKey, db: f32) {
        if let Some(leg) = self.legs.get_mut(leg)
            && db.is_finite()
        {
            leg.gain = 10.0_f32.powf(db.clamp(-GAIN_DB_MAX, GAIN_DB_MAX) / 20.0);
        }
    }

    /// Takes the noise out of a caller's line, or leaves it. The first time allocates, here and not in the tick.
    pub fn set_denoised(&mut self, leg: LegKey, denoised: bool) {
        let Some(leg) = self.legs.get_mut(leg) else {
            return;
        };
        let codec = leg.codec();
        if denoised {
            leg.voice
                .get_or_insert_with(|| Box::new(Voice::new(&self.settings, codec)));
        }
        if let Some(voice) = &mut leg.voice {
            voice.set_denoise(denoised);
        }
    }

    /// Callers go down while this browser speaks, or do not.
    pub fn set_source_leads(&mut self, source: SourceKey, leads: bool) {
        if let Some(source) = self.sources.get_mut(source) {
            source.leads = leads;
        }
    }

    /// Lets the callers of a live room go down under its hosts, or not.
    pub fn set_ducking(&mut self, room: RoomKey, is_on: bool) {
        if let Some(room) = self.rooms.get_mut(room) {
            room.mix.set_ducking(is_on);
        }
    }

    /// Level of a live room's program (everybody in it, at full band, limited) since the last call.
    pub fn take_program_level(&mut self, room: RoomKey) -> Option<Level> {
        self.rooms.get_mut(room)?.mix.take_program_level()
    }

    /// Loudness of a live room's program; some 100 us, so a few times a second.
    #[must_use]
    pub fn program(&self, room: RoomKey) -> Option<ProgramReading> {
        self.rooms.get(room)?.mix.program()
    }

    /// Begins a live room's integrated loudness and highest peak anew.
    pub fn reset_loudness(&mut self, room: RoomKey) {
        if let Some(room) = self.rooms.get_mut(room) {
            room.mix.reset_loudness();
        }
    }
}
