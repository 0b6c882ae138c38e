//! Sound files become samples.

use crate::{
    limits::{SAMPLE_FRAMES_MAX, SOUND_FILE_BYTES_MAX},
    sample::Sample,
};
use kira::Frame;
use std::io::Cursor;
use symphonia::core::{
    codecs::audio::AudioDecoderOptions,
    errors::Error,
    formats::{FormatOptions, TrackType, probe::Hint},
    io::{MediaSourceStream, MediaSourceStreamOptions},
    meta::MetadataOptions,
};
use thiserror::Error;

/// The sample rate of every sound, Hz.
pub const SAMPLE_RATE: u32 = 48_000;

/// Why a file is not a sound that can be played.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// More than [`SOUND_FILE_BYTES_MAX`].
    #[error("the file is larger than {} MB", SOUND_FILE_BYTES_MAX / 1024 / 1024)]
    TooLarge,
    /// Longer than [`SAMPLE_FRAMES_MAX`].
    #[error("the sound is longer than {} seconds", SAMPLE_FRAMES_MAX / 48_000)]
    TooLong,
    /// There is no sound in it.
    #[error("there is no sound in the file")]
    Empty,
    /// It has another sample rate than [`SAMPLE_RATE`], or none.
    #[error("the sound's sample rate is not {SAMPLE_RATE} Hz")]
    OtherRate,
    /// Neither mono nor stereo.
    #[error("the sound has {0} channels, only one or two can be played")]
    Channels(usize),
    /// Some frames are missing or too many.
    #[error("the sound has {got} frames instead of {expected}: the file is damaged")]
    OtherLength {
        /// Frames found.
        got: usize,
        /// Frames announced.
        expected: usize,
    },
    /// Not a sound file, or a damaged one.
    #[error("the file is damaged or not an Ogg Vorbis sound")]
    Damaged(#[from] Error),
}

/// Decodes an Ogg Vorbis file of [`SAMPLE_RATE`], and checks that it has the announced number of frames.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode_ogg(bytes: Vec<u8>, expected_frames: usize) -> Result<Sample, DecodeError> {
    if bytes.len() > SOUND_FILE_BYTES_MAX {
        return Err(DecodeError::TooLarge);
    }
    let source = MediaSourceStream::new(Box::new(Cursor::new(bytes)), MediaSourceStreamOptions::default());
    let mut hint = Hint::new();
    hint.with_extension("ogg");
    let probe = symphonia::default::get_probe();
    let mut format = probe.probe(&hint, source, FormatOptions::default(), MetadataOptions::default())?;
    let track = format.default_track(TrackType::Audio).ok_or(DecodeError::Empty)?;
    let track_id = track.id;
    let codec = track.codec_params.as_ref().and_then(|params| params.audio()).ok_or(DecodeError::Empty)?;
    if codec.sample_rate != Some(SAMPLE_RATE) {
        return Err(DecodeError::OtherRate);
    }
    let mut decoder = symphonia::default::get_codecs().make_audio_decoder(codec, &AudioDecoderOptions::default())?;
    let mut frames = Vec::new();
    let mut interleaved: Vec<f32> = Vec::new();
    while let Some(packet) = format.next_packet()? {
        if packet.track_id != track_id {
            continue;
        }
        let buffer = decoder.decode(&packet)?;
        let channels = buffer.spec().channels().count();
        interleaved.resize(buffer.samples_interleaved(), 0.0);
        buffer.copy_to_slice_interleaved(&mut interleaved);
        match channels {
            1 => frames.extend(interleaved.iter().map(|x| Frame::from_mono(finite(*x)))),
            2 => frames.extend(interleaved.chunks_exact(2).map(|pair| Frame::new(finite(pair[0]), finite(pair[1])))),
            other => return Err(DecodeError::Channels(other)),
        }
        if frames.len() > SAMPLE_FRAMES_MAX {
            return Err(DecodeError::TooLong);
        }
    }
    if frames.len() != expected_frames {
        return Err(DecodeError::OtherLength { got: frames.len(), expected: expected_frames });
    }
    Sample::new(frames).ok_or(DecodeError::Empty)
}

fn finite(x: f32) -> f32 {
    if x.is_finite() { x } else { 0.0 }
}
