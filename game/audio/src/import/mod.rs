//! Files that players bring become takes: WAV, Ogg Vorbis, MP3 and FLAC, told apart by what is in them.
//!
//! Nothing that a file claims is believed before it is there: what it says of itself is held against the bounds before
//! anything is decoded, and what comes out while it is. A file that is damaged, cut off, too long or something else gives
//! a sentence.

mod vorbis;

use crate::{
    limits::{IMPORT_BAD_PACKETS_MAX, IMPORT_BYTES_MAX, TAKE_RATE_MAX_HZ, TAKE_RATE_MIN_HZ, TAKE_SECONDS_MAX},
    take::{Take, TakeError},
};
use std::{fmt, io::Cursor};
use symphonia::{
    core::{
        audio::Channels,
        codecs::audio::{AudioDecoder, AudioDecoderOptions},
        errors::Error,
        formats::{FormatOptions, FormatReader, Track, TrackType},
        io::{MediaSource, MediaSourceStream, MediaSourceStreamOptions, ReadOnlySource},
        packet::Packet,
    },
    default::formats::{FlacReader, MpaReader, OggReader, WavReader},
};
use thiserror::Error;
use vorbis::BadHead;

/// Bytes of the head of a tag in front of a file.
const ID3_HEAD_BYTES: usize = 10;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// RIFF WAVE.
    Wav,
    /// Vorbis in Ogg.
    Ogg,
    /// MPEG audio, layer 3.
    Mp3,
    /// FLAC.
    Flac,
}

impl Kind {
    /// What a file begins like.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Some(Self::Wav),
            [b'O', b'g', b'g', b'S', ..] => Some(Self::Ogg),
            [b'f', b'L', b'a', b'C', ..] => Some(Self::Flac),
            // Eleven bits of synchronisation, and two that say layer 3.
            [0xff, second, ..] if second & 0xe6 == 0xe2 => Some(Self::Mp3),
            _ => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wav => "WAV",
            Self::Ogg => "Ogg Vorbis",
            Self::Mp3 => "MP3",
            Self::Flac => "FLAC",
        })
    }
}

/// Why a file is not imported. Each reads as a sentence for the player.
#[derive(Debug, Error)]
pub enum ImportError {
    /// More than [`IMPORT_BYTES_MAX`].
    #[error("The file is larger than {} MB.", IMPORT_BYTES_MAX / 1024 / 1024)]
    TooLarge,
    /// None of [`Kind`].
    #[error("The file is not a WAV, Ogg Vorbis, MP3 or FLAC sound.")]
    Unknown,
    /// It cannot be read, or not to its end.
    #[error("The {0} file is damaged.")]
    Damaged(Kind),
    /// It has fewer frames than it says.
    #[error("The {0} file is cut off: it is not as long as it says.")]
    CutOff(Kind),
    /// It holds something else than its kind usually does.
    #[error("The {0} file holds a kind of sound that cannot be read.")]
    Unsupported(Kind),
    /// Neither mono nor stereo.
    #[error("The sound has {0} channels; it can have one or two.")]
    Channels(usize),
    /// A rate outside [`TAKE_RATE_MIN_HZ`] to [`TAKE_RATE_MAX_HZ`].
    #[error("The sound has {0} samples a second; it can have {TAKE_RATE_MIN_HZ} to {TAKE_RATE_MAX_HZ}.")]
    Rate(u32),
    /// More than [`TAKE_SECONDS_MAX`].
    #[error("The sound is too long: it lasts more than {TAKE_SECONDS_MAX} seconds.")]
    TooLong,
    /// There are no frames in it.
    #[error("There is no sound in the file.")]
    Empty,
    /// What came out is no take.
    #[error(transparent)]
    Take(#[from] TakeError),
}

/// Reads a file.
///
/// # Errors
/// [`ImportError`]: why it cannot be had.
pub fn import(mut bytes: Vec<u8>) -> Result<Take, ImportError> {
    if bytes.len() > IMPORT_BYTES_MAX {
        return Err(ImportError::TooLarge);
    }
    let tag = id3_bytes(&bytes);
    if tag > bytes.len() {
        return Err(ImportError::CutOff(Kind::Mp3));
    }
    bytes.drain(..tag);
    let kind = Kind::of(&bytes).ok_or(ImportError::Unknown)?;
    if kind == Kind::Ogg {
        vorbis::check_head(&bytes).map_err(|bad| match bad {
            BadHead::Damaged => ImportError::Damaged(kind),
            BadHead::Unsupported => ImportError::Unsupported(kind),
        })?;
    }
    let mut format = open(kind, bytes).map_err(|error| sentence(kind, &error))?;
    let track = format.default_track(TrackType::Audio).ok_or(ImportError::Empty)?;
    let claims = Claims::of(kind, track)?;
    let codec = track.codec_params.as_ref().and_then(|params| params.audio()).ok_or(ImportError::Empty)?;
    let options = AudioDecoderOptions::default().verify(true);
    let decoder = symphonia::default::get_codecs().make_audio_decoder(codec, &options);
    let decoder = decoder.map_err(|error| sentence(kind, &error))?;
    let mut reading = Reading { kind, claims, decoder, bad_packets: 0, interleaved: Vec::new(), channels: Vec::new() };
    while let Some(packet) = format.next_packet().map_err(|error| sentence(kind, &error))? {
        if packet.track_id == reading.claims.track {
            reading.take(&packet)?;
        }
    }
    reading.finish()
}

/// Bytes of a tag in front of a file, by its own word.
fn id3_bytes(bytes: &[u8]) -> usize {
    match bytes {
        [b'I', b'D', b'3', _, _, flags, a, b, c, d, ..] => {
            // Seven bits of each byte count; a foot is as long as the head.
            let body = [a, b, c, d].iter().fold(0, |sum, byte| sum << 7 | usize::from(**byte & 0x7f));
            let foot = if flags & 0x10 == 0 { 0 } else { ID3_HEAD_BYTES };
            ID3_HEAD_BYTES + body + foot
        }
        _ => 0,
    }
}

fn open(kind: Kind, bytes: Vec<u8>) -> Result<Box<dyn FormatReader>, Error> {
    let cursor = Cursor::new(bytes);
    // Where an MP3 file could be sought in, its length would be guessed, and its end trimmed by that guess.
    let source: Box<dyn MediaSource> =
        if kind == Kind::Mp3 { Box::new(ReadOnlySource::new(cursor)) } else { Box::new(cursor) };
    let stream = MediaSourceStream::new(source, MediaSourceStreamOptions::default());
    let options = FormatOptions::default();
    Ok(match kind {
        Kind::Wav => Box::new(WavReader::try_new(stream, options)?),
        Kind::Ogg => Box::new(OggReader::try_new(stream, options)?),
        Kind::Mp3 => Box::new(MpaReader::try_new(stream, options)?),
        Kind::Flac => Box::new(FlacReader::try_new(stream, options)?),
    })
}

/// What is wrong with a file, as the player may read it.
fn sentence(kind: Kind, error: &Error) -> ImportError {
    match error {
        Error::Unsupported(_) | Error::ResetRequired => ImportError::Unsupported(kind),
        Error::IoError(_) => ImportError::CutOff(kind),
        _ => ImportError::Damaged(kind),
    }
}

/// What a file says of itself, within the bounds.
struct Claims {
    track: u32,
    rate_hz: u32,
    channels: usize,
    /// Frames, where it says so and can be held to it.
    frames: Option<u64>,
}

impl Claims {
    fn of(kind: Kind, track: &Track) -> Result<Self, ImportError> {
        let codec = track.codec_params.as_ref().and_then(|params| params.audio()).ok_or(ImportError::Empty)?;
        let channels = codec.channels.as_ref().map_or(0, Channels::count);
        if !(1..=2).contains(&channels) {
            return Err(ImportError::Channels(channels));
        }
        let rate_hz = codec.sample_rate.unwrap_or(0);
        if !(TAKE_RATE_MIN_HZ..=TAKE_RATE_MAX_HZ).contains(&rate_hz) {
            return Err(ImportError::Rate(rate_hz));
        }
        let claims = Self { track: track.id, rate_hz, channels, frames: track.num_frames };
        if claims.frames.is_some_and(|frames| frames > claims.frames_max()) {
            return Err(ImportError::TooLong);
        }
        // The others' lengths are read from their last page, or are somebody's guess.
        let is_exact = matches!(kind, Kind::Wav | Kind::Flac);
        Ok(Self { frames: claims.frames.filter(|_| is_exact), ..claims })
    }

    fn frames_max(&self) -> u64 {
        u64::from(TAKE_SECONDS_MAX) * u64::from(self.rate_hz)
    }
}

/// A file that is being decoded.
struct Reading {
    kind: Kind,
    claims: Claims,
    decoder: Box<dyn AudioDecoder>,
    bad_packets: usize,
    interleaved: Vec<f32>,
    channels: Vec<Vec<f32>>,
}

impl Reading {
    fn take(&mut self, packet: &Packet) -> Result<(), ImportError> {
        let buffer = match self.decoder.decode(packet) {
            Ok(buffer) => buffer,
            Err(Error::DecodeError(_) | Error::IoError(_))
                if self.kind == Kind::Mp3 && self.bad_packets < IMPORT_BAD_PACKETS_MAX =>
            {
                self.bad_packets += 1;
                return Ok(());
            }
            Err(Error::IoError(_)) => return Err(ImportError::Damaged(self.kind)),
            Err(error) => return Err(sentence(self.kind, &error)),
        };
        let (rate_hz, channels) = (buffer.spec().rate(), buffer.spec().channels().count());
        if channels != self.claims.channels || rate_hz != self.claims.rate_hz {
            return Err(ImportError::Damaged(self.kind));
        }
        self.interleaved.resize(buffer.samples_interleaved(), 0.0);
        buffer.copy_to_slice_interleaved(&mut self.interleaved);
        self.channels.resize(channels, Vec::new());
        for (side, channel) in self.channels.iter_mut().enumerate() {
            channel.extend(self.interleaved.iter().skip(side).step_by(channels));
        }
        if self.frames() > self.claims.frames_max() {
            return Err(ImportError::TooLong);
        }
        Ok(())
    }

    fn frames(&self) -> u64 {
        self.channels.first().map_or(0, |channel| channel.len() as u64)
    }

    fn finish(mut self) -> Result<Take, ImportError> {
        if self.claims.frames.is_some_and(|frames| frames > self.frames()) {
            return Err(ImportError::CutOff(self.kind));
        }
        if self.decoder.finalize().verify_ok == Some(false) {
            return Err(ImportError::Damaged(self.kind));
        }
        if self.frames() == 0 {
            return Err(ImportError::Empty);
        }
        Ok(Take::new(self.claims.rate_hz, self.channels)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_it_begins_like() {
        assert_eq!(Kind::of(b"RIFF\x00\x00\x00\x00WAVEfmt "), Some(Kind::Wav));
        assert_eq!(Kind::of(b"OggS\x00"), Some(Kind::Ogg));
        assert_eq!(Kind::of(b"fLaC\x00"), Some(Kind::Flac));
        assert_eq!(Kind::of(&[0xff, 0xfb, 0x90, 0x64]), Some(Kind::Mp3));
        for other in [&b""[..], b"RIFF\x00\x00\x00\x00AVI ", b"RIFF", &[0xff, 0xfd, 0, 0], &[0xff], b"PK\x03\x04"] {
            assert_eq!(Kind::of(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_tag_in_front_is_as_long_as_it_says() {
        assert_eq!(id3_bytes(b"ID3\x04\x00\x00\x00\x00\x02\x01rest"), 10 + 257);
        assert_eq!(id3_bytes(b"ID3\x04\x00\x10\x00\x00\x00\x01rest"), 10 + 1 + 10);
        assert_eq!(id3_bytes(b"ID3\x04"), 0);
        assert!(matches!(import(b"ID3\x04\x00\x00\x7f\x7f\x7f\x7frest".to_vec()), Err(ImportError::CutOff(Kind::Mp3))));
    }

    #[test]
    fn what_is_no_sound_gets_a_sentence() {
        for bytes in [&b""[..], b"hello", b"ID3\x04\x00\x00\x00\x00\x00\x00PK\x03\x04"] {
            let text = import(bytes.to_vec()).map(|_| ()).unwrap_err().to_string();
            assert_eq!(text, "The file is not a WAV, Ogg Vorbis, MP3 or FLAC sound.");
        }
        for kind in [&b"RIFF\xff\xff\xff\xffWAVE"[..], b"OggS", b"fLaC", &[0xff, 0xfb, 0x90, 0x64]] {
            let text = import(kind.to_vec()).map(|_| ()).unwrap_err().to_string();
            assert!(text.starts_with("The ") && text.ends_with('.'), "{text}");
        }
    }
}
