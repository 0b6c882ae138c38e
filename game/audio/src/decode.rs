//! Sound files become samples.

use crate::{
    limits::{SAMPLE_FRAMES_MAX, SOUND_FILE_BYTES_MAX},
    ogg,
    sample::Sample,
};
use keyboardia_session::sample::{BadSample, check_wav};
use kira::Frame;
use symphonia::{
    core::{
        codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions, well_known::CODEC_ID_VORBIS},
        errors::Error,
        packet::PacketRef,
        units::{Duration, Timestamp},
    },
    default::codecs::VorbisDecoder,
};
use thiserror::Error;

/// The sample rate of every sound, Hz.
pub const SAMPLE_RATE: u32 = 48_000;

/// What 16 bits are divided by to be a share of full scale.
const FULL_SCALE: f32 = 32_768.0;
/// Where the head of a Vorbis stream says its sample rate, bytes from its beginning.
const RATE_AT: usize = 12;

/// Decodes a player's own sound: a file that [`check_wav`] accepts.
///
/// # Errors
/// [`BadSample`]: why it is none.
pub fn decode_sample(file: &[u8]) -> Result<Sample, BadSample> {
    let info = check_wav(file)?;
    let mut sides = info.samples(file).map(|sample| f32::from(sample) / FULL_SCALE);
    let frames = if info.channels == 1 {
        sides.map(Frame::from_mono).collect()
    } else {
        std::iter::from_fn(|| Some(Frame::new(sides.next()?, sides.next()?))).collect()
    };
    Sample::new(frames).ok_or(BadSample::TooLong)
}

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
    let stream = ogg::read(&bytes).map_err(Error::DecodeError)?;
    let [head, _comments, setup, packets @ ..] = &stream.packets[..] else { return Err(DecodeError::Empty) };
    let mut codec = AudioCodecParameters::new();
    codec.for_codec(CODEC_ID_VORBIS).with_extra_data([&head[..], setup].concat().into());
    let mut decoder = VorbisDecoder::try_new(&codec, &AudioDecoderOptions::default())?;
    if head.get(RATE_AT..).and_then(|rate| rate.first_chunk()) != Some(&SAMPLE_RATE.to_le_bytes()) {
        return Err(DecodeError::OtherRate);
    }
    let mut frames = Vec::new();
    let mut interleaved: Vec<f32> = Vec::new();
    for packet in packets {
        let buffer = decoder.decode_ref(&PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, packet))?;
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
    // The last block is as long as any, and the stream says where it ends.
    frames.truncate(usize::try_from(stream.end).unwrap_or(usize::MAX));
    if frames.len() != expected_frames {
        return Err(DecodeError::OtherLength { got: frames.len(), expected: expected_frames });
    }
    Sample::new(frames).ok_or(DecodeError::Empty)
}

fn finite(x: f32) -> f32 {
    if x.is_finite() { x } else { 0.0 }
}
