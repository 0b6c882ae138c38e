//! Players' own sounds: how they are named, and what they may be.
//!
//! A sample is a WAV file of 16-bit PCM at 48 kHz, mono or stereo, from a tenth of a second to a good minute. It is named
//! by the SHA-256 of all its bytes, so that the same sound has the same name everywhere. Whoever takes one from somebody
//! else checks both: [`check_wav`] reads a header that may lie, and believes nothing that the bytes do not bear out.

use crate::{
    api::{from_hex, to_hex},
    limits::{SAMPLE_BYTES_MAX, SAMPLE_FRAMES_MAX, SAMPLE_FRAMES_MIN, SAMPLE_RATE_HZ},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};
use std::{fmt, time::Duration};
use thiserror::Error;

/// How long a sample may be kept by whoever has fetched it: its name says what it is, so it never changes.
pub const CACHE: &str = "private, immutable, max-age=31536000";
/// Bytes of a hash.
pub const SAMPLE_HASH_BYTES: usize = 32;
/// Bytes of a sample of one channel.
const SAMPLE_BYTES: u16 = 2;
/// Format tag of PCM.
const PCM: u16 = 1;
/// Bytes of a format chunk that says what PCM needs, and of one that adds the length of an extension.
const FORMAT_BYTES: [usize; 2] = [16, 18];

/// SHA-256 of a sample's file: its name. Written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleHash([u8; SAMPLE_HASH_BYTES]);

impl SampleHash {
    /// The name of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Reads 64 lower-case hexadecimal digits; `None` if they are none, so that each sample has one name only.
    pub fn parse(text: &str) -> Option<Self> {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        from_hex(text, SAMPLE_HASH_BYTES)?.try_into().ok().map(Self)
    }
}

impl fmt::Display for SampleHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for SampleHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SampleHash({self})")
    }
}

impl Serialize for SampleHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SampleHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = SampleHash;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} lower-case hexadecimal digits", 2 * SAMPLE_HASH_BYTES)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<SampleHash, E> {
                SampleHash::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Other("another text"), &self))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

/// What a sample is, once it has been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleInfo {
    /// Channels: 1 or 2.
    pub channels: u8,
    /// Samples of each channel, [`SAMPLE_FRAMES_MIN`] to [`SAMPLE_FRAMES_MAX`].
    pub frames: u32,
    /// Bytes of the file before the sound.
    sound_at: usize,
}

impl SampleInfo {
    /// How long it sounds.
    pub fn duration(self) -> Duration {
        Duration::from_micros(u64::from(self.frames) * 1_000_000 / u64::from(SAMPLE_RATE_HZ))
    }

    /// The sound of the file that was checked, channels interleaved; nothing of another file that is shorter.
    pub fn samples(self, file: &[u8]) -> impl Iterator<Item = i16> {
        let length = self.frames as usize * usize::from(self.channels) * usize::from(SAMPLE_BYTES);
        let sound = file.get(self.sound_at..).and_then(|sound| sound.get(..length)).unwrap_or_default();
        sound.chunks_exact(2).map(|bytes| i16::from_le_bytes([bytes[0], bytes[1]]))
    }
}

/// Why a file cannot be a sample. Each reads as a sentence for the player.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BadSample {
    /// More bytes than the longest sample needs.
    #[error("The sound is larger than {SAMPLE_BYTES_MAX} bytes.")]
    TooLarge,
    /// Not a WAV file at all.
    #[error("The file is not a WAV file.")]
    NotWav,
    /// The file is shorter or longer than its header says, or a part of it is.
    #[error("The WAV file is damaged: it is not as long as it says.")]
    Damaged,
    /// There is no format, no sound, or more than one of either.
    #[error("The WAV file is damaged: it needs one format and one sound after it.")]
    Disordered,
    /// Not 16-bit PCM.
    #[error("The sound is not 16-bit PCM.")]
    NotPcm,
    /// Neither mono nor stereo.
    #[error("The sound has {0} channels; it can have one or two.")]
    Channels(u16),
    /// Another sample rate.
    #[error("The sound has {0} samples a second; it needs {SAMPLE_RATE_HZ}.")]
    Rate(u32),
    /// Shorter than anybody would hear.
    #[error("The sound is too short: it lasts less than a tenth of a second.")]
    TooShort,
    /// Longer than a sample may be.
    #[error("The sound is too long: it lasts more than {} seconds.", SAMPLE_FRAMES_MAX / SAMPLE_RATE_HZ)]
    TooLong,
}

/// Checks that a whole file is a sample. Chunks that say neither format nor sound are passed over.
///
/// # Errors
/// [`BadSample`]: the first thing that is wrong.
pub fn check_wav(bytes: &[u8]) -> Result<SampleInfo, BadSample> {
    if bytes.len() > SAMPLE_BYTES_MAX {
        return Err(BadSample::TooLarge);
    }
    let (kind, body) = chunk_head(bytes).ok_or(BadSample::NotWav)?;
    let rest = &bytes[8..];
    if kind != *b"RIFF" || !rest.starts_with(b"WAVE") {
        return Err(BadSample::NotWav);
    }
    if body != rest.len() {
        return Err(BadSample::Damaged);
    }
    let (mut rest, mut channels, mut data) = (&rest[4..], None, None);
    // Each round takes at least the eight bytes of a head.
    while !rest.is_empty() {
        let (kind, length) = chunk_head(rest).ok_or(BadSample::Damaged)?;
        let padded = length.saturating_add(length % 2).saturating_add(8);
        let chunk = rest.get(8..).and_then(|body| body.get(..length)).ok_or(BadSample::Damaged)?;
        let sound_at = bytes.len() - rest.len() + 8;
        rest = rest.get(padded..).ok_or(BadSample::Damaged)?;
        match &kind {
            b"fmt " if channels.is_none() => channels = Some(check_format(chunk)?),
            b"data" if channels.is_some() && data.is_none() => data = Some((sound_at, chunk.len())),
            b"fmt " | b"data" => return Err(BadSample::Disordered),
            _ => {}
        }
    }
    let (channels, (sound_at, length)) = channels.zip(data).ok_or(BadSample::Disordered)?;
    let frame_bytes = usize::from(channels) * usize::from(SAMPLE_BYTES);
    if !length.is_multiple_of(frame_bytes) {
        return Err(BadSample::Damaged);
    }
    // A file is shorter than 4 GiB.
    let frames = (length / frame_bytes) as u32;
    if frames < SAMPLE_FRAMES_MIN {
        return Err(BadSample::TooShort);
    }
    if frames > SAMPLE_FRAMES_MAX {
        return Err(BadSample::TooLong);
    }
    Ok(SampleInfo { channels, frames, sound_at })
}

/// What a chunk calls itself, and how many bytes it claims to have.
fn chunk_head(bytes: &[u8]) -> Option<([u8; 4], usize)> {
    let (kind, rest) = bytes.split_first_chunk::<4>()?;
    let (length, _) = rest.split_first_chunk::<4>()?;
    Some((*kind, u32::from_le_bytes(*length) as usize))
}

/// The channels of a format.
fn check_format(chunk: &[u8]) -> Result<u8, BadSample> {
    let short = |at: usize| chunk.get(at..at + 2).map_or(0, |bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
    let long = |at: usize| u32::from(short(at)) | u32::from(short(at + 2)) << 16;
    let (tag, channels, rate) = (short(0), short(2), long(4));
    let (bytes_per_second, bytes_per_frame, bits, extension) = (long(8), short(12), short(14), short(16));
    if !FORMAT_BYTES.contains(&chunk.len()) || extension != 0 || tag != PCM || bits != 8 * SAMPLE_BYTES {
        return Err(BadSample::NotPcm);
    }
    if !(1..=2).contains(&channels) {
        return Err(BadSample::Channels(channels));
    }
    if rate != SAMPLE_RATE_HZ {
        return Err(BadSample::Rate(rate));
    }
    if bytes_per_frame != channels * SAMPLE_BYTES || bytes_per_second != rate * u32::from(bytes_per_frame) {
        return Err(BadSample::Damaged);
    }
    Ok(channels as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hound::{SampleFormat, WavSpec, WavWriter};
    use proptest::prelude::*;
    use std::io::Cursor;

    const SECOND: u32 = SAMPLE_RATE_HZ;

    fn spec(channels: u16, sample_rate: u32) -> WavSpec {
        WavSpec { channels, sample_rate, bits_per_sample: 16, sample_format: SampleFormat::Int }
    }

    fn wav(spec: WavSpec, frames: u32) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        let mut writer = WavWriter::new(&mut file, spec).unwrap();
        for number in 0..frames * u32::from(spec.channels) {
            if spec.sample_format == SampleFormat::Float {
                writer.write_sample(number as f32).unwrap();
            } else {
                writer.write_sample((number % 100) as i8).unwrap();
            }
        }
        writer.finalize().unwrap();
        file.into_inner()
    }

    /// A file of these chunks.
    fn riff(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut body = b"WAVE".to_vec();
        for (kind, bytes) in chunks {
            body.extend(*kind);
            body.extend((bytes.len() as u32).to_le_bytes());
            body.extend(*bytes);
            body.extend(vec![0; bytes.len() % 2]);
        }
        [b"RIFF", &(body.len() as u32).to_le_bytes()[..], &body].concat()
    }

    fn format() -> Vec<u8> {
        wav(spec(1, SECOND), 1)[20..36].to_vec()
    }

    #[test]
    fn a_hash_is_64_lower_case_digits_and_nothing_else() {
        let hash = SampleHash::of(b"abc");
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!((hash.to_string().as_str(), SampleHash::parse(text)), (text, Some(hash)));
        assert_eq!(SampleHash::parse(&text.to_uppercase()), None);
        assert_eq!(SampleHash::parse(&text[2..]), None);
        assert_eq!(serde_json::from_str::<SampleHash>(&serde_json::to_string(&hash).unwrap()).unwrap(), hash);
        assert!(serde_json::from_str::<SampleHash>("\"../../etc/passwd\"").is_err());
    }

    #[test]
    fn sounds_from_a_tenth_of_a_second_to_64_seconds_are_samples() {
        for (channels, frames) in [(1, SECOND / 10), (2, SECOND / 10), (1, 64 * SECOND), (2, 64 * SECOND)] {
            let bytes = wav(spec(channels, SECOND), frames);
            assert!(bytes.len() <= SAMPLE_BYTES_MAX);
            let info = check_wav(&bytes).unwrap();
            assert_eq!((u16::from(info.channels), info.frames), (channels, frames));
            let sound = (0..frames * u32::from(channels)).map(|number| (number % 100) as i16);
            assert!(info.samples(&bytes).eq(sound), "what was written");
            assert_eq!(info.samples(&bytes[1..]).count(), 0, "another file");
        }
        assert_eq!(check_wav(&wav(spec(1, SECOND), SECOND / 10 - 1)), Err(BadSample::TooShort));
        assert_eq!(check_wav(&wav(spec(1, SECOND), 64 * SECOND + 1)), Err(BadSample::TooLong));
        assert_eq!(check_wav(&wav(spec(2, SECOND), 65 * SECOND)), Err(BadSample::TooLarge));
        assert_eq!(SampleInfo { channels: 1, frames: 72_000, sound_at: 44 }.duration(), Duration::from_millis(1_500));
    }

    #[test]
    fn other_formats_are_named() {
        assert_eq!(check_wav(&wav(spec(1, 44_100), SECOND)), Err(BadSample::Rate(44_100)));
        assert_eq!(check_wav(&wav(WavSpec { bits_per_sample: 8, ..spec(1, SECOND) }, SECOND)), Err(BadSample::NotPcm));
        let float = WavSpec { bits_per_sample: 32, sample_format: SampleFormat::Float, ..spec(1, SECOND) };
        assert_eq!(check_wav(&wav(float, SECOND)), Err(BadSample::NotPcm));
        let quadraphonic = [&[1, 0, 4, 0][..], &format()[4..]].concat();
        let file = riff(&[(b"fmt ", &quadraphonic), (b"data", &[0; 9_600])]);
        assert_eq!(check_wav(&file), Err(BadSample::Channels(4)));
        for bytes in [&b""[..], b"RIFF", b"OggS\0\x02\0\0WAVE", b"RIFF\x04\0\0\0WAV_"] {
            assert_eq!(check_wav(bytes), Err(BadSample::NotWav));
        }
    }

    #[test]
    fn a_header_that_lies_is_refused() {
        let good = wav(spec(2, SECOND), SECOND);
        let with = |at: usize, value: u32| {
            let mut bytes = good.clone();
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            check_wav(&bytes)
        };
        let length = good.len() as u32;
        for claimed in [0, 4, length - 9, length, u32::MAX] {
            assert_eq!(with(4, claimed), Err(BadSample::Damaged), "the file's length");
        }
        for claimed in [length - 43, length, u32::MAX] {
            assert_eq!(with(40, claimed), Err(BadSample::Damaged), "the sound's length");
        }
        assert_eq!(with(28, 7), Err(BadSample::Damaged), "bytes a second");
        assert_eq!(check_wav(&good[..good.len() - 1]), Err(BadSample::Damaged), "cut off");
        assert_eq!(check_wav(&[&good[..], &[0]].concat()), Err(BadSample::Damaged), "something after it");
    }

    #[test]
    fn one_format_comes_before_one_sound_and_the_rest_is_passed_over() {
        let (format, sound) = (format(), vec![0; 9_600]);
        let (fmt, data, odd): ((&[u8; 4], &[u8]), (&[u8; 4], &[u8]), (&[u8; 4], &[u8])) =
            ((b"fmt ", &format), (b"data", &sound), (b"LIST", b"odd"));
        assert!(check_wav(&riff(&[odd, fmt, odd, data, odd])).is_ok());
        for chunks in [&[][..], &[fmt], &[data], &[data, fmt], &[fmt, fmt, data], &[fmt, data, data]] {
            assert_eq!(check_wav(&riff(chunks)), Err(BadSample::Disordered));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_within_the_limits_is_accepted_and_nothing_else(
            channels in 1_u16..=2, frames in 4_000_u32..6_000, rate in prop_oneof![Just(SECOND), 8_000_u32..96_000],
        ) {
            let info = check_wav(&wav(spec(channels, rate), frames));
            let is_sample = rate == SECOND && frames >= SECOND / 10;
            let found = info.ok().map(|info| (u16::from(info.channels), info.frames));
            prop_assert_eq!(found, is_sample.then_some((channels, frames)));
        }

        #[test]
        fn no_bytes_are_too_odd_to_be_judged(
            bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0_usize..60, frames in 4_790_u32..4_820,
        ) {
            let _ = check_wav(&bytes);
            let mut damaged = wav(spec(1, SECOND), frames);
            damaged.splice(at..at, bytes.iter().copied());
            if let Ok(info) = check_wav(&damaged) {
                prop_assert!(info.frames >= SECOND / 10 && damaged.len() >= info.frames as usize * 2);
            }
        }
    }
}
