//! Sound files as players bring them, good and bad: made here, by encoders where there are any, so that no test needs a
//! file from elsewhere.
//!
//! [`good`] are files of every kind; [`bad`] are the same cut off, with flipped bits, mislabelled, and with claims that
//! their bytes do not bear out. [`judge`] says what became of one.

use flacenc::{component::BitRepr, error::Verify};
use hound::{SampleFormat, WavSpec, WavWriter};
use keyboardia_audio::{
    import::import,
    limits::{IMPORT_BYTES_MAX, TAKE_SECONDS_MAX},
    take::Take,
};
use std::{
    fs,
    io::Cursor,
    num::{NonZeroU8, NonZeroU32},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    time::{Duration, Instant},
};
use vorbis_rs::{VorbisBitrateManagementStrategy, VorbisEncoderBuilder};

/// Frames a second of the files.
pub const RATE: u32 = 48_000;
/// Frames of the good ones that are not MP3.
pub const FRAMES: usize = 24_000;
/// Frames of an MP3 packet.
pub const MP3_FRAMES: usize = 1_152;
/// Packets of the good MP3 file.
const MP3_PACKETS: usize = 21;
/// Parts at whose ends files are cut off.
const CUTS: usize = 10;
/// Files with flipped bits, of each good one: anywhere, and in its head.
const FLIPPED: usize = 24;
/// Bytes of a file's head.
const HEAD_BYTES: usize = 80;
/// What a file may take at most, whatever it says: far more than any here needs.
const TIME_MAX: Duration = Duration::from_secs(5);
/// Memory that a file may take at most, bytes: its own, and of what is in it what a take may have.
const BYTES_MAX: u64 = IMPORT_BYTES_MAX as u64 + 2 * 4 * TAKE_SECONDS_MAX as u64 * RATE as u64 * 2;

/// A file that is somehow wrong.
#[derive(Debug, Clone)]
pub struct BadFile {
    /// What is wrong with it.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// What became of a file.
#[derive(Debug)]
pub enum Verdict {
    /// It was read.
    Sound(Take),
    /// It was refused with a sentence for the player.
    Sentence(String),
    /// It did what no file may do.
    Harm(String),
}

/// Numbers that look random, the same for the same seed (xorshift).
#[derive(Debug, Clone, Copy)]
pub struct Random(pub u64);

impl Random {
    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound.max(1)
    }
}

/// Half a second of two tones, one for each side.
pub fn tones(channels: usize, frames: usize) -> Vec<Vec<f32>> {
    let tone = |hz: f64| move |i: usize| (0.4 * (std::f64::consts::TAU * hz * i as f64 / f64::from(RATE)).sin()) as f32;
    [440.0, 665.0].into_iter().take(channels).map(|hz| (0..frames).map(tone(hz)).collect()).collect()
}

fn interleaved(channels: &[Vec<f32>]) -> impl Iterator<Item = f32> {
    (0..channels[0].len()).flat_map(move |frame| channels.iter().map(move |channel| channel[frame]))
}

/// A WAV file of 8, 16, 24 or 32 bits, or of floats.
pub fn wav(channels: &[Vec<f32>], sample_rate: u32, bits_per_sample: u16, sample_format: SampleFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let spec = WavSpec { channels: channels.len() as u16, sample_rate, bits_per_sample, sample_format };
    let mut writer = WavWriter::new(&mut file, spec).unwrap();
    for x in interleaved(channels) {
        if sample_format == SampleFormat::Float {
            writer.write_sample(x).unwrap();
        } else {
            let full = (1_i64 << (bits_per_sample - 1)) as f64;
            writer.write_sample((f64::from(x) * full).round().clamp(-full, full - 1.0) as i32).unwrap();
        }
    }
    writer.finalize().unwrap();
    file.into_inner()
}

/// A WAV file of 16 bits.
pub fn wav16(channels: &[Vec<f32>], sample_rate: u32) -> Vec<u8> {
    wav(channels, sample_rate, 16, SampleFormat::Int)
}

/// An Ogg Vorbis file.
pub fn ogg(channels: &[Vec<f32>], sample_rate: u32) -> Vec<u8> {
    let count = NonZeroU8::new(channels.len() as u8).unwrap();
    let mut encoder =
        VorbisEncoderBuilder::new_with_serial(NonZeroU32::new(sample_rate).unwrap(), count, Vec::new(), 1)
            .bitrate_management_strategy(VorbisBitrateManagementStrategy::QualityVbr { target_quality: 0.5 })
            .build()
            .unwrap();
    for start in (0..channels[0].len()).step_by(4_096) {
        let end = (start + 4_096).min(channels[0].len());
        encoder.encode_audio_block(channels.iter().map(|channel| &channel[start..end]).collect::<Vec<_>>()).unwrap();
    }
    encoder.finish().unwrap()
}

/// A FLAC file of 16 bits.
pub fn flac(channels: &[Vec<f32>], sample_rate: u32) -> Vec<u8> {
    let samples: Vec<i32> = interleaved(channels).map(|x| (f64::from(x) * 32_767.0).round() as i32).collect();
    let config = flacenc::config::Encoder::default().into_verified().map_err(|(_, error)| error).unwrap();
    let source = flacenc::source::MemSource::from_samples(&samples, channels.len(), 16, sample_rate as usize);
    let stream = flacenc::encode_with_fixed_block_size(&config, source, config.block_size).unwrap();
    let mut sink = flacenc::bitsink::ByteSink::new();
    stream.write(&mut sink).unwrap();
    let mut file = sink.as_slice().to_vec();
    // The encoder counts the last block, which may be shorter, among the shortest. FLAC does not.
    file.copy_within(10..12, 8);
    file
}

/// An MP3 file (MPEG 1, layer 3, 128 kbit/s, 48 kHz, mono) of so many packets of [`MP3_FRAMES`], in each half of which
/// one line of the spectrum sounds: number `line`, an even one, which is at (`line` + ½) · 41.7 Hz.
pub fn mp3(packets: usize, line: u16) -> Vec<u8> {
    const PACKET_BYTES: usize = 384;
    let pairs = u32::from(line / 2);
    let mut bits = Bits::default();
    // Where the main data begins, private bits, and which scale factors are shared: none.
    bits.push(0, 9 + 5 + 4);
    for _ in 0..2 {
        // Lengths in bits and in pairs of lines, loudness (210 is full scale), no scale factors, no window switching.
        bits.push(pairs + 3, 12);
        bits.push(pairs + 1, 9);
        bits.push(204, 8);
        bits.push(0, 4 + 1);
        // Table 1 for all three regions.
        bits.push(1 << 10 | 1 << 5 | 1, 15);
        bits.push(0, 4 + 3 + 3);
    }
    for _ in 0..2 {
        // A pair of two silent lines is `1`, one of which the first sounds `01` and its sign.
        for _ in 0..pairs {
            bits.push(1, 1);
        }
        bits.push(0b010, 3);
    }
    let mut packet = vec![0xff, 0xfb, 0x94, 0xc0];
    packet.extend(bits.bytes());
    packet.resize(PACKET_BYTES, 0);
    packet.repeat(packets)
}

/// Bits, the first of each byte the highest.
#[derive(Debug, Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn push(&mut self, value: u32, count: u32) {
        self.0.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
    }

    fn bytes(&self) -> impl Iterator<Item = u8> {
        let byte = |bits: &[bool]| (0..8).fold(0, |byte, bit| byte << 1 | u8::from(bits.get(bit) == Some(&true)));
        self.0.chunks(8).map(byte)
    }
}

/// A file of the sound library.
pub fn library(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/sounds");
    fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A good file of every kind, with its name.
pub fn good() -> Vec<(&'static str, Vec<u8>)> {
    let (mono, stereo) = (tones(1, FRAMES), tones(2, FRAMES));
    vec![
        ("8-bit WAV", wav(&mono, RATE, 8, SampleFormat::Int)),
        ("16-bit WAV", wav16(&stereo, RATE)),
        ("24-bit WAV", wav(&stereo, RATE, 24, SampleFormat::Int)),
        ("32-bit WAV", wav(&mono, RATE, 32, SampleFormat::Int)),
        ("float WAV", wav(&stereo, RATE, 32, SampleFormat::Float)),
        ("Ogg Vorbis", ogg(&stereo, RATE)),
        ("FLAC", flac(&stereo, RATE)),
        ("MP3", mp3(MP3_PACKETS, 24)),
    ]
}

/// Files that are wrong in every way we know of; flipped bits are chosen by the seed.
pub fn bad(seed: u64) -> Vec<BadFile> {
    let mut random = Random(seed.max(1));
    let mut files = Vec::new();
    let mut add = |name: String, bytes: Vec<u8>| files.push(BadFile { name, bytes });
    let good = good();
    for (name, bytes) in &good {
        for tenth in 0..CUTS {
            add(format!("{name}, {tenth} tenths of it"), bytes[..bytes.len() * tenth / CUTS].to_vec());
        }
        add(format!("{name}, all but a byte"), bytes[..bytes.len() - 1].to_vec());
        for (place, within) in [("anywhere", bytes.len()), ("in its head", HEAD_BYTES)] {
            for number in 0..FLIPPED {
                let mut flipped = bytes.clone();
                for _ in 0..=number / 4 {
                    flipped[random.below(within)] ^= 1 << random.below(8);
                }
                if number % 2 == 1 {
                    flipped = summed(flipped);
                }
                add(format!("{name}, bits flipped {place}, seed {seed}, number {number}"), flipped);
            }
        }
        let noise: Vec<u8> = (0..bytes.len()).map(|_| random.below(256) as u8).collect();
        add(format!("{name}, its head before noise"), [&bytes[..HEAD_BYTES], &noise].concat());
        for (other, body) in &good {
            if other != name {
                add(format!("{name} by its first bytes, {other} after them"), [&bytes[..12], &body[12..]].concat());
            }
        }
    }
    files.extend(claims());
    files.extend(bombs());
    for (name, bytes) in [
        ("nothing", &b""[..]),
        ("one byte", b"R"),
        ("a text", b"This is no sound at all, whatever its name says.\n"),
        ("a picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01"),
        ("an archive", b"PK\x03\x04\x14\0\0\0\x08\0"),
        ("an Ogg file of Opus", b"OggS\0\x02\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01\x08OpusHead"),
    ] {
        files.push(BadFile { name: name.to_owned(), bytes: bytes.to_vec() });
    }
    files
}

/// The same bytes; if they are an Ogg file, with sums that are right, so that what is wrong is not passed over unread.
fn summed(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut at = 0;
    while bytes.get(at..at + 4) == Some(b"OggS") && bytes.len() > at + 27 {
        let segments = usize::from(bytes[at + 26]);
        let Some(lengths) = bytes.get(at + 27..at + 27 + segments) else { break };
        let end = at + 27 + segments + lengths.iter().map(|length| usize::from(*length)).sum::<usize>();
        let Some(page) = bytes.get_mut(at..end) else { break };
        page[22..26].fill(0);
        let sum = page.iter().fold(0_u32, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte) << 24, |sum, _| sum << 1 ^ if sum >> 31 == 1 { 0x04c1_1db7 } else { 0 })
        });
        page[22..26].copy_from_slice(&sum.to_le_bytes());
        at = end;
    }
    bytes
}

/// Files that claim what their bytes do not bear out.
fn claims() -> Vec<BadFile> {
    let with = |bytes: &[u8], at: usize, claim: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes[at..at + claim.len()].copy_from_slice(claim);
        bytes
    };
    let wav = wav16(&tones(2, FRAMES), RATE);
    let flac = flac(&tones(2, FRAMES), RATE);
    let ogg = ogg(&tones(2, FRAMES), RATE);
    let mp3 = mp3(MP3_PACKETS, 24);
    let huge = u32::MAX.to_le_bytes();
    let ogg_with = |at: usize, claim: &[u8]| summed(with(&ogg, at, claim));
    let vorbis = |what: u8| ogg.windows(7).position(|w| w == [what, b'v', b'o', b'r', b'b', b'i', b's']).unwrap();
    let nearly_huge = (u32::MAX - 8).to_le_bytes();
    let mut files = vec![
        ("a WAV file that says it is huge", with(&wav, 4, &nearly_huge)),
        ("a WAV file that says it is tiny", with(&wav, 4, &[4, 0, 0, 0])),
        ("a WAV file whose sound is huge", with(&with(&wav, 4, &huge), 40, &nearly_huge)),
        ("a WAV file whose format is huge", with(&wav, 16, &nearly_huge)),
        ("a WAV file of 65 535 channels", with(&wav, 22, &[0xff, 0xff])),
        ("a WAV file of no channels", with(&wav, 22, &[0, 0])),
        ("a WAV file of 4 GHz", with(&wav, 24, &huge)),
        ("a WAV file of no rate", with(&wav, 24, &[0; 4])),
        ("a WAV file of no bits", with(&wav, 34, &[0, 0])),
        ("a WAV file of 65 535 bits", with(&wav, 34, &[0xff, 0xff])),
        ("a WAV file of frames without bytes", with(&wav, 32, &[0, 0])),
        ("a FLAC file of 2³⁶ frames", with(&flac, 18, &[0x0b, 0xb8, 0x02, 0xff, 0xff, 0xff, 0xff, 0xff])),
        ("a FLAC file of eight channels", with(&flac, 20, &[0x0e])),
        ("a FLAC file of no rate", with(&flac, 18, &[0, 0, 0x02])),
        ("a FLAC file of another sound by its sum", with(&flac, 26, &[0x55; 16])),
        ("a FLAC file whose first part is huge", with(&flac, 5, &[0xff, 0xff, 0xff])),
        ("an Ogg file of 255 channels", ogg_with(vorbis(1) + 11, &[0xff])),
        ("an Ogg file of 4 GHz", ogg_with(vorbis(1) + 12, &huge)),
        ("an Ogg file of huge blocks", ogg_with(vorbis(1) + 28, &[0xff])),
        ("an Ogg file with a huge comment", ogg_with(vorbis(3) + 7, &huge)),
        ("an Ogg file with 256 code books", ogg_with(vorbis(5) + 7, &[0xff])),
        ("an MP3 file behind a huge tag", [&b"ID3\x04\0\0\x7f\x7f\x7f\x7f"[..], &mp3].concat()),
        ("an MP3 file whose data lie before it", with(&mp3, 4, &[0xff])),
        ("an MP3 file of more lines than there are", with(&mp3, 6, &[0xff; 8])),
    ];
    let mut picture = flac[..4].to_vec();
    picture.extend([0x06, 0xff, 0xff, 0xff]);
    picture.extend([0, 0, 0, 3, 0xff, 0xff, 0xff, 0xff]);
    files.push(("a FLAC file with a huge picture", [&picture[..], &flac[4..]].concat()));
    files.into_iter().map(|(name, bytes)| BadFile { name: name.to_owned(), bytes }).collect()
}

/// Files of which far more comes out than goes in, and sounds that no device could play.
fn bombs() -> Vec<BadFile> {
    let silence = vec![vec![0.0; 8_000 * (TAKE_SECONDS_MAX as usize + 20)]];
    let odd = |x: f32| {
        let mut channel = tones(1, FRAMES);
        channel[0][FRAMES / 2] = x;
        wav(&channel, RATE, 32, SampleFormat::Float)
    };
    let short = |rate: u32| wav16(&[vec![0.1; 4_800]], rate);
    // The length that the file claims is left out, so that only decoding shows it.
    let mut unclaimed = flac(&silence, 8_000);
    let (last, body) = (unclaimed[21] & 0xf0, 22..26);
    unclaimed[21] = last;
    unclaimed[body].fill(0);
    let files = vec![
        ("an endless FLAC file of nothing", flac(&silence, 8_000)),
        ("an endless FLAC file that does not say so", unclaimed),
        ("an endless Ogg file of nothing", ogg(&silence, 8_000)),
        ("an endless MP3 file", mp3(TAKE_SECONDS_MAX as usize * RATE as usize / MP3_FRAMES + 100, 24)),
        ("a WAV file of six channels", wav16(&vec![vec![0.1; 4_800]; 6], RATE)),
        ("a WAV file of 7 999 Hz", short(7_999)),
        ("a WAV file of 384 kHz", short(384_000)),
        ("a WAV file of no frames", wav16(&[Vec::new()], RATE)),
        ("a WAV file with what is no number", odd(f32::NAN)),
        ("a WAV file with what is endless", odd(f32::INFINITY)),
    ];
    files.into_iter().map(|(name, bytes)| BadFile { name: name.to_owned(), bytes }).collect()
}

/// What becomes of a file that is imported. It must not panic, and stay within time and memory.
pub fn judge(bytes: &[u8]) -> Verdict {
    let mut outcome = None;
    let begin = Instant::now();
    let used = allocation_counter::measure(|| {
        outcome = Some(catch_unwind(AssertUnwindSafe(|| import(bytes.to_vec()))));
    });
    let took = begin.elapsed();
    if took > TIME_MAX {
        return Verdict::Harm(format!("takes {took:?}"));
    }
    if used.bytes_max > BYTES_MAX {
        return Verdict::Harm(format!("takes {} bytes", used.bytes_max));
    }
    match outcome {
        Some(Ok(Ok(take))) => Verdict::Sound(take),
        Some(Ok(Err(error))) => {
            let text = error.to_string();
            if text.ends_with('.') && text.starts_with(char::is_uppercase) && text.len() < 120 {
                Verdict::Sentence(text)
            } else {
                Verdict::Harm(format!("is refused with “{text}”"))
            }
        }
        _ => Verdict::Harm("panics".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_that_were_right_stay() {
        let file = ogg(&tones(2, FRAMES), RATE);
        assert_eq!(summed(file.clone()), file);
    }
}
