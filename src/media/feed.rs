//! What is heard without a mix of one's own: prompts and music from memory, and the hold feed.
//!
//! All of it is bytes that were encoded once, for everybody. `Sound` names the frame a
//! listener hears; a frame that is not the one following the last is crossed over by the leg.

use super::asset::{Assets, PromptId};
use super::g711::{EncodedFrame, Law};
use super::{FRAME_MS, NB_FRAME, NbFrame};

/// What a caller in the lobby hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Playlist {
    /// Said first, once.
    pub greeting: Option<PromptId>,
    /// Played over and over, with the place in line said now and then.
    pub music: PromptId,
}

impl Playlist {
    /// For a caller who has just come in.
    #[must_use]
    pub fn welcome() -> Self {
        Self {
            greeting: Some(PromptId::Greeting),
            ..Self::again()
        }
    }

    /// For a caller who has been greeted before.
    #[must_use]
    pub fn again() -> Self {
        Self {
            greeting: None,
            music: PromptId::HoldMusic,
        }
    }
}

/// One frame from memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sound {
    Silence,
    /// Frame `frame` of a prompt that is said once.
    Prompt {
        what: Spoken,
        frame: usize,
    },
    /// Frame `frame` of a prompt that goes round and round, the same for all who hear it.
    Music {
        what: PromptId,
        frame: usize,
    },
}

/// A prompt that is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoken {
    Named(PromptId),
    Position(u16),
}

impl Spoken {
    fn frames(self, assets: &Assets) -> usize {
        match self {
            Self::Named(id) => assets.prompt(id).frames(),
            Self::Position(place) => assets.position(place).frames(),
        }
    }

    fn frame(self, n: usize, law: Law, assets: &Assets) -> Option<&EncodedFrame> {
        match self {
            Self::Named(id) => assets.prompt(id).frame(n, law),
            Self::Position(place) => assets.position(place).frame(n, law),
        }
    }
}

impl Sound {
    /// The frame of `music` that everybody hears at this beat.
    pub(super) fn music(what: PromptId, beat: u64, assets: &Assets) -> Self {
        match assets.prompt(what).frames() as u64 {
            0 => Self::Silence,
            frames => Self::Music {
                what,
                frame: (beat % frames) as usize,
            },
        }
    }

    /// What would be heard next if nothing changed.
    pub(super) fn following(self, assets: &Assets) -> Self {
        match self {
            Self::Silence => Self::Silence,
            Self::Prompt { what, frame } if frame + 1 < what.frames(assets) => Self::Prompt {
                what,
                frame: frame + 1,
            },
            Self::Prompt { .. } => Self::Silence,
            Self::Music { what, frame } => Self::music(what, frame as u64 + 1, assets),
        }
    }

    /// The encoded frame; `None` is silence.
    pub(super) fn bytes(self, law: Law, assets: &Assets) -> Option<&EncodedFrame> {
        match self {
            Self::Silence => None,
            Self::Prompt { what, frame } => what.frame(frame, law, assets),
            Self::Music { what, frame } => assets.prompt(what).frame(frame, law),
        }
    }

    /// The frame as samples.
    pub(super) fn samples(self, assets: &Assets) -> NbFrame {
        self.bytes(Law::Mu, assets)
            .map_or([0.0; NB_FRAME], |bytes| Law::Mu.decode_frame(bytes))
    }
}

/// When the place in line is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PositionRhythm {
    /// Pause after which a place that has changed is said, in ms.
    pub changed_ms: u64,
    /// Pause after which the same place is said again, in ms.
    pub unchanged_ms: u64,
}

impl Default for PositionRhythm {
    fn default() -> Self {
        Self {
            changed_ms: 45_000,
            unchanged_ms: 90_000,
        }
    }
}

/// Plays prompts to one caller: an opening, then music (if any) with the place in line.
#[derive(Debug, Clone)]
pub(super) struct Player {
    saying: Option<(Spoken, usize)>,
    music: Option<PromptId>,
    said_position: Option<u16>,
    /// Frames since something was said.
    quiet: u64,
}

impl Player {
    pub(super) fn waiting(playlist: Playlist) -> Self {
        Self::new(playlist.greeting, Some(playlist.music))
    }

    pub(super) fn announcing(prompt: PromptId) -> Self {
        Self::new(Some(prompt), None)
    }

    /// Nothing at all, for a leg that has not been placed.
    pub(super) fn silent() -> Self {
        Self::new(None, None)
    }

    fn new(opening: Option<PromptId>, music: Option<PromptId>) -> Self {
        let saying = opening.map(|id| (Spoken::Named(id), 0));
        Self {
            saying,
            music,
            said_position: None,
            quiet: 0,
        }
    }

    /// True when the opening has been said to its end.
    pub(super) fn is_quiet(&self) -> bool {
        self.saying.is_none()
    }

    /// The sound of this frame, for a caller at this place in line.
    pub(super) fn next(
        &mut self,
        beat: u64,
        position: Option<u16>,
        rhythm: PositionRhythm,
        assets: &Assets,
    ) -> Sound {
        if let Some((what, frame)) = self.saying {
            if frame < what.frames(assets) {
                self.saying = Some((what, frame + 1));
                return Sound::Prompt { what, frame };
            }
            self.saying = None;
            self.quiet = 0;
        }
        self.quiet += 1;
        let Some(music) = self.music else {
            return Sound::Silence;
        };
        if let Some(place) = position.filter(|place| self.is_due(*place, rhythm)) {
            self.said_position = position;
            self.saying = Some((Spoken::Position(place), 1));
            return Sound::Prompt {
                what: Spoken::Position(place),
                frame: 0,
            };
        }
        Sound::music(music, beat, assets)
    }

    fn is_due(&self, place: u16, rhythm: PositionRhythm) -> bool {
        let pause_ms = match self.said_position {
            None => return true,
            Some(said) if said == place => rhythm.unchanged_ms,
            Some(_) => rhythm.changed_ms,
        };
        self.quiet > pause_ms / FRAME_MS
    }
}

/// A frame that many hear, encoded at most once in each law.
#[derive(Debug, Clone)]
pub(super) struct SharedFrame {
    pub(super) samples: NbFrame,
    mu: Option<EncodedFrame>,
    a: Option<EncodedFrame>,
}

impl SharedFrame {
    pub(super) fn new() -> Self {
        Self {
            samples: [0.0; NB_FRAME],
            mu: None,
            a: None,
        }
    }

    pub(super) fn set(&mut self, samples: NbFrame) {
        *self = Self {
            samples,
            mu: None,
            a: None,
        };
    }

    pub(super) fn bytes(&mut self, law: Law) -> &EncodedFrame {
        let encoded = match law {
            Law::Mu => &mut self.mu,
            Law::A => &mut self.a,
        };
        encoded.get_or_insert_with(|| law.encode_frame(&self.samples))
    }
}

#[cfg(test)]
mod tests;
