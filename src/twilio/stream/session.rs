//! A stream from its first frame to its last: what may come when, from whom, and how often.

use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::pace::Pace;
use super::read::{PAYLOAD_LEN_MAX, Start, Told, read};
use super::timeline::Timeline;
use super::{Media, StreamError};

/// Frames of audio a second in the long run, where 50 are due, and at once: a stall of 3 s.
const MEDIA_PER_SECOND: u32 = 75;
const MEDIA_BURST: u32 = 150;
/// Frames of any kind. What comes faster is no stream: a stall of 15 s, after which the line is given up, brings 750.
const FRAMES_PER_SECOND: u32 = 150;
const FRAMES_BURST: u32 = 1000;

/// Reads one stream.
#[derive(Debug)]
pub struct Session {
    stage: Stage,
    timeline: Timeline,
    media: Pace,
    frames: Pace,
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    New,
    Connected,
    /// The stream of this name has begun.
    Started(String),
    Stopped,
}

/// Something that a frame brings.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'b> {
    /// The stream begins.
    Start(Box<Start>),
    /// The caller speaks.
    Audio(Audio<'b>),
    /// The caller pressed a key.
    Key(char),
    /// The caller has heard everything before this mark of ours, or it was cleared.
    Played(u32),
    /// The call is over on Twilio's side.
    Stop,
    /// Audio beyond the rate cap.
    OverRate,
    /// Nothing for us.
    Nothing,
}

/// Audio of the caller.
#[derive(Debug, PartialEq, Eq)]
pub struct Audio<'b> {
    /// Counts Twilio's frames; wraps.
    pub chunk: u16,
    /// Where it lies, in samples at 8 kHz; wraps.
    pub timestamp: u32,
    /// Mu-law, 1 to [`PAYLOAD_LEN_MAX`] octets.
    pub payload: &'b [u8],
}

impl Session {
    /// A socket that has just been opened.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            stage: Stage::New,
            timeline: Timeline::default(),
            media: Pace::new(now, MEDIA_PER_SECOND, MEDIA_BURST),
            frames: Pace::new(now, FRAMES_PER_SECOND, FRAMES_BURST),
        }
    }

    /// Takes the next frame; audio is decoded into `payload`.
    ///
    /// # Errors
    /// [`StreamError`]: the stream cannot go on.
    pub fn receive<'b>(
        &mut self,
        now: Instant,
        text: &str,
        payload: &'b mut [u8; PAYLOAD_LEN_MAX],
    ) -> Result<Event<'b>, StreamError> {
        if !self.frames.admits(now) {
            return Err(StreamError::Flood);
        }
        match read(text)? {
            Told::Other => Ok(Event::Nothing),
            Told::Connected if self.stage == Stage::New => {
                self.stage = Stage::Connected;
                Ok(Event::Nothing)
            }
            Told::Connected => Err(StreamError::Order("connected")),
            Told::Start(start) if self.stage == Stage::Connected => {
                self.stage = Stage::Started(start.stream_sid.clone());
                Ok(Event::Start(start))
            }
            Told::Start(_) => Err(StreamError::Order("start")),
            Told::Media { stream_sid, media } => {
                self.expects("media", &stream_sid)?;
                self.hear(now, &media, payload)
            }
            Told::Dtmf { stream_sid, digit } => {
                self.expects("dtmf", &stream_sid)?;
                Ok(Event::Key(digit))
            }
            Told::Mark { stream_sid, number } => {
                self.expects("mark", &stream_sid)?;
                Ok(number.map_or(Event::Nothing, Event::Played))
            }
            Told::Stop if matches!(self.stage, Stage::Started(_)) => {
                self.stage = Stage::Stopped;
                Ok(Event::Stop)
            }
            Told::Stop => Err(StreamError::Order("stop")),
        }
    }

    fn expects(&self, event: &'static str, stream_sid: &str) -> Result<(), StreamError> {
        match &self.stage {
            Stage::Started(ours) if ours == stream_sid => Ok(()),
            Stage::Started(_) => Err(StreamError::AnotherStream),
            Stage::New | Stage::Connected | Stage::Stopped => Err(StreamError::Order(event)),
        }
    }

    fn hear<'b>(
        &mut self,
        now: Instant,
        media: &Media<'_>,
        payload: &'b mut [u8; PAYLOAD_LEN_MAX],
    ) -> Result<Event<'b>, StreamError> {
        if !media.is_inbound {
            return Ok(Event::Nothing);
        }
        let wrong = StreamError::Field("media.payload");
        let len = STANDARD
            .decode_slice(media.payload.as_bytes(), payload)
            .map_err(|_| wrong)?;
        let payload = payload.get(..len).filter(|payload| !payload.is_empty());
        let payload = payload.ok_or(wrong)?;
        let start = self.timeline.place(media.timestamp_ms, len);
        if !self.media.admits(now) {
            return Ok(Event::OverRate);
        }
        Ok(Event::Audio(Audio {
            chunk: media.chunk as u16,
            timestamp: start as u32,
            payload,
        }))
    }
}
