//! Presses about how things sound: a caller's gain and noise, callers under the hosts, the loudness counted anew.

use crate::domain::{
    desk::Desk,
    effect::Effect,
    ids::{CallId, EpisodeId},
    refusal::Refusal,
    show::EpisodeStatus,
    sound::{GAIN_DB_MAX, Mixing, Sound},
    stage::Stage,
};

impl Desk {
    /// What the station has set about its sound.
    pub fn mixing(&self) -> Mixing {
        self.settings.mixing
    }

    /// How a new call sounds.
    pub(super) fn usual_sound(&self) -> Sound {
        Sound {
            gain_db: 0,
            denoise: self.settings.mixing.denoise,
        }
    }

    pub(super) fn set_gain(&mut self, id: CallId, gain_db: i8) -> Result<(), Refusal> {
        if gain_db.unsigned_abs() > GAIN_DB_MAX.unsigned_abs() {
            return Err(Refusal::Invalid(format!(
                "A caller can be turned up or down by at most {GAIN_DB_MAX} dB."
            )));
        }
        self.change_sound(id, |sound| sound.gain_db = gain_db)?;
        self.effects.push(Effect::SetGain { call: id, gain_db });
        Ok(())
    }

    pub(super) fn set_denoise(&mut self, id: CallId, denoise: bool) -> Result<(), Refusal> {
        let stage = self.change_sound(id, |sound| sound.denoise = denoise)?;
        if stage == Stage::OnAir {
            self.denoise_on_air(id, denoise);
        }
        Ok(())
    }

    /// Noise suppression costs more than all the rest of a caller, so it works for those alone who are on air.
    pub(super) fn denoise_on_air(&mut self, call: CallId, denoised: bool) {
        self.effects.push(Effect::SetDenoised { call, denoised });
    }

    /// Changes the sound of a caller who is there to be heard, now or next.
    fn change_sound(
        &mut self,
        id: CallId,
        change: impl FnOnce(&mut Sound),
    ) -> Result<Stage, Refusal> {
        let stage = self.known_call(id)?.stage;
        if !matches!(stage, Stage::OnHold | Stage::OnAir) {
            return Err(Refusal::Conflict(format!(
                "This caller is {}; their sound is changed on hold or on air.",
                stage.in_words()
            )));
        }
        if let Some(call) = self.calls.get_mut(&id) {
            change(&mut call.sound);
        }
        self.touch_call(id);
        Ok(stage)
    }

    pub(super) fn set_ducking(&mut self, id: EpisodeId, ducking: bool) -> Result<(), Refusal> {
        let is_live = self.known_episode(id)?.status == EpisodeStatus::Live;
        if self.settings.mixing.duck_db == 0 {
            return Err(Refusal::Conflict(
                "This station has no ducking: its DUCK_DB is 0.".into(),
            ));
        }
        if let Some(episode) = self.episodes.get_mut(&id) {
            episode.ducking = ducking;
        }
        self.touched.episodes.insert(id);
        if is_live {
            self.effects.push(Effect::SetDucking {
                episode: id,
                ducking,
            });
        }
        Ok(())
    }

    pub(super) fn reset_loudness(&mut self, id: EpisodeId) -> Result<(), Refusal> {
        if self.known_episode(id)?.status != EpisodeStatus::Live {
            return Err(Refusal::Conflict(
                "Loudness is measured only while the episode is on.".into(),
            ));
        }
        self.effects.push(Effect::ResetLoudness(id));
        Ok(())
    }
}
