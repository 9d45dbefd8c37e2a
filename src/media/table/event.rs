//! What the table has to tell: rare things, ten meters a second at most per voice.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::{LegKey, SourceKey};
use crate::media::dsp::Level;
use crate::media::quality::LineQuality;

/// Events kept for a slow reader; a second of 400 meters.
const EVENTS_MAX: usize = 4096;

/// Somebody who is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VoiceKey {
    /// A phone caller.
    Leg(LegKey),
    /// A browser.
    Source(SourceKey),
}

/// Something that happened in the media.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MediaEvent {
    /// Nothing was received for too long; said once per silence.
    RtpTimeout {
        /// The silent leg.
        leg: LegKey,
    },
    /// The leg listens to, and answers, this address from now on.
    Latched {
        /// The leg.
        leg: LegKey,
        /// Where its packets come from.
        from: SocketAddr,
    },
    /// The caller pressed a key.
    Dtmf {
        /// The leg.
        leg: LegKey,
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        digit: char,
    },
    /// An announcement has been played to its end.
    PromptEnded {
        /// The leg that heard it.
        leg: LegKey,
    },
    /// The far end has said good-bye by RTCP; said once, and no reason to hang up.
    FarEndLeft {
        /// The leg.
        leg: LegKey,
    },
    /// What a line is like: when that changes, and every few seconds.
    Line {
        /// The leg.
        leg: LegKey,
        /// What it is like.
        quality: LineQuality,
    },
    /// The level of a voice as the room hears it, over the last 100 ms.
    Level {
        /// Whose.
        of: VoiceKey,
        /// How loud.
        level: Level,
    },
}

/// Events between two polls; a full queue drops the newest and counts.
#[derive(Debug)]
pub(in crate::media) struct EventQueue {
    events: VecDeque<MediaEvent>,
    dropped: u64,
}

impl EventQueue {
    pub(super) fn new() -> Self {
        Self {
            events: VecDeque::with_capacity(EVENTS_MAX),
            dropped: 0,
        }
    }

    pub(in crate::media) fn push(&mut self, event: MediaEvent) {
        if self.events.len() < EVENTS_MAX {
            self.events.push_back(event);
        } else {
            self.dropped += 1;
        }
    }

    pub(super) fn pop(&mut self) -> Option<MediaEvent> {
        self.events.pop_front()
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}
