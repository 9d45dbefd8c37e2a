//! Sound files to mono at 8 kHz: `file → container → codec → mean of the channels → 8 kHz`.
//!
//! Sound is resampled as it is decoded, so a long file at a high rate never stands in memory at
//! that rate. The files come from the station's own disk, yet every size has a limit.

use std::fs::File;
use std::io::Cursor;
use std::path::Path;

use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;

use super::{AssetProblem, FILE_BYTES_MAX, PROMPT_SECONDS_MAX};
use crate::media::resample::ToTelephone;

const SAMPLES_MAX: usize = PROMPT_SECONDS_MAX * 8000;
/// A file that is mostly broken is not played as a few good moments.
const BROKEN_PACKETS_MAX: usize = 16;

pub(super) fn read_file(path: &Path) -> Result<Vec<f32>, AssetProblem> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(AssetProblem::TooLarge(bytes));
    }
    let mut hint = Hint::new();
    if let Some(extension) = path.extension().and_then(|extension| extension.to_str()) {
        hint.with_extension(extension);
    }
    read(Box::new(file), &hint)
}

pub(super) fn read_bytes(bytes: &'static [u8]) -> Result<Vec<f32>, AssetProblem> {
    read(Box::new(Cursor::new(bytes)), &Hint::new())
}

fn read(source: Box<dyn MediaSource>, hint: &Hint) -> Result<Vec<f32>, AssetProblem> {
    let stream = MediaSourceStream::new(source, Default::default());
    let mut format = symphonia::default::get_probe()
        .probe(
            hint,
            stream,
            FormatOptions::default(),
            MetadataOptions::default(),
        )
        .map_err(unplayable)?;
    let track = format
        .default_track(TrackType::Audio)
        .ok_or(AssetProblem::Empty)?;
    let track_id = track.id;
    let parameters = track.codec_params.as_ref().and_then(|codec| codec.audio());
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(
            parameters.ok_or(AssetProblem::Empty)?,
            &AudioDecoderOptions::default(),
        )
        .map_err(unplayable)?;

    let mut sound = Sound::default();
    let mut broken_packets = 0;
    while let Some(packet) = format.next_packet().map_err(unplayable)? {
        if packet.track_id != track_id {
            continue;
        }
        match decoder.decode(&packet) {
            Ok(decoded) => sound.push(&decoded)?,
            Err(error) if broken_packets >= BROKEN_PACKETS_MAX => return Err(unplayable(error)),
            Err(_) => broken_packets += 1,
        }
    }
    sound.finish()
}

fn unplayable(error: Error) -> AssetProblem {
    AssetProblem::Unplayable(error.to_string())
}

/// The sound so far, at 8 kHz mono.
#[derive(Default)]
struct Sound {
    resampler: Option<(u32, ToTelephone)>,
    interleaved: Vec<f32>,
    mono: Vec<f32>,
    samples: Vec<f32>,
}

impl Sound {
    fn push(&mut self, decoded: &GenericAudioBufferRef<'_>) -> Result<(), AssetProblem> {
        let (rate_hz, channels) = (decoded.spec().rate(), decoded.num_planes().max(1));
        decoded.copy_to_vec_interleaved(&mut self.interleaved);
        self.mono.clear();
        let frames = self.interleaved.chunks_exact(channels);
        self.mono
            .extend(frames.map(|frame| frame.iter().sum::<f32>() / channels as f32));

        if self
            .resampler
            .as_ref()
            .is_some_and(|(current_hz, _)| *current_hz != rate_hz)
        {
            return Err(AssetProblem::Unplayable(
                "its sample rate changes midway".to_owned(),
            ));
        }
        if self.resampler.is_none() {
            let fresh = ToTelephone::new(rate_hz).ok_or(AssetProblem::SampleRate(rate_hz))?;
            self.resampler = Some((rate_hz, fresh));
        }
        if let Some((_, resampler)) = &mut self.resampler {
            resampler.process(&self.mono, &mut self.samples);
        }
        if self.samples.len() > SAMPLES_MAX {
            Err(AssetProblem::TooLong)
        } else {
            Ok(())
        }
    }

    fn finish(mut self) -> Result<Vec<f32>, AssetProblem> {
        if let Some((_, resampler)) = &mut self.resampler {
            resampler.finish(&mut self.samples);
        }
        if self.samples.is_empty() {
            Err(AssetProblem::Empty)
        } else {
            Ok(self.samples)
        }
    }
}
