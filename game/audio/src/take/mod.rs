//! From what a microphone heard, or a file held, to a sample that everybody can be given.
//!
//! ```text
//! Take ─→ offset away ─→ one channel or two ─→ cut: silence trimmed, or exactly so many beats ─→ 48 kHz
//!      ─→ edges faded, or seam closed ─→ loudness, below −1 dBTP ─→ 16 bits, dithered ─→ WAV
//! ```
//!
//! Everything is a function of what goes in; the dither's seed goes in, too. Start reading at [`finish`].

mod cut;
mod dc;
mod edges;
mod loudness;
mod resample;
mod trim;
mod width;

pub use cut::LoopCut;
pub use loudness::Loudness;

use crate::{
    decode::SAMPLE_RATE,
    limits::{TAKE_LUFS, TAKE_LUFS_RANGE, TAKE_RATE_MAX_HZ, TAKE_RATE_MIN_HZ, TAKE_SECONDS_MAX, TAKE_SILENT_PEAK},
    wav::{Depth, WavSink},
};
use keyboardia_session::{
    limits::{SAMPLE_FRAMES_MAX, SAMPLE_FRAMES_MIN, SAMPLE_RATE_HZ},
    sample::{BadSample, SampleHash, SampleInfo, check_wav},
};
use resample::{Beyond, Stretch, resample};
use std::io::Cursor;
use thiserror::Error;

/// Why a recording does not become a sample. Each reads as a sentence for the player.
#[derive(Debug, Error)]
pub enum TakeError {
    /// There are no frames.
    #[error("There is nothing in the recording.")]
    Empty,
    /// Neither mono nor stereo, or channels of different lengths.
    #[error("The recording has {0} channels; it can have one or two of the same length.")]
    Channels(usize),
    /// A rate outside [`TAKE_RATE_MIN_HZ`] to [`TAKE_RATE_MAX_HZ`].
    #[error("The recording has {0} samples a second; it can have {TAKE_RATE_MIN_HZ} to {TAKE_RATE_MAX_HZ}.")]
    Rate(u32),
    /// More than [`TAKE_SECONDS_MAX`].
    #[error("The recording is too long: it lasts more than {TAKE_SECONDS_MAX} seconds.")]
    Endless,
    /// A sample that is no number.
    #[error("The sound is damaged: some of its samples are no numbers.")]
    NotFinite,
    /// Nothing in it is louder than [`TAKE_SILENT_PEAK`].
    #[error("Nothing is to be heard in the recording.")]
    Silent,
    /// The loop is not where the recording is.
    #[error("The recording does not hold all of the loop.")]
    NotRecorded,
    /// The loop is shorter than a sample may be.
    #[error("The loop is too short: it lasts less than a tenth of a second.")]
    TooShort,
    /// The sound is longer than a sample may be.
    #[error("The sound is too long: it lasts more than {} seconds.", SAMPLE_FRAMES_MAX / SAMPLE_RATE_HZ)]
    TooLong,
    /// A loudness outside [`TAKE_LUFS_RANGE`].
    #[error("A sound cannot be brought to {0} LUFS.")]
    Target(f64),
    /// The resampler refused.
    #[error("The recording cannot be brought to {SAMPLE_RATE} samples a second.")]
    Resample,
    /// The meter refused.
    #[error("The loudness of the recording cannot be measured.")]
    Meter(#[from] ebur128::Error),
    /// The file could not be written.
    #[error("The sound cannot be written as a WAV file.")]
    Write(#[from] hound::Error),
    /// What was written is no sample.
    #[error(transparent)]
    Sample(#[from] BadSample),
}

/// What was recorded or imported: one or two channels of finite samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Take {
    rate_hz: u32,
    channels: Vec<Vec<f32>>,
}

impl Take {
    /// A take of these channels.
    ///
    /// # Errors
    /// [`TakeError`] if it is no recording within the bounds.
    pub fn new(rate_hz: u32, channels: Vec<Vec<f32>>) -> Result<Self, TakeError> {
        let frames = channels.first().map_or(0, Vec::len);
        if !(1..=2).contains(&channels.len()) || channels.iter().any(|channel| channel.len() != frames) {
            return Err(TakeError::Channels(channels.len()));
        }
        if !(TAKE_RATE_MIN_HZ..=TAKE_RATE_MAX_HZ).contains(&rate_hz) {
            return Err(TakeError::Rate(rate_hz));
        }
        if frames == 0 {
            return Err(TakeError::Empty);
        }
        if frames as u64 > u64::from(TAKE_SECONDS_MAX) * u64::from(rate_hz) {
            return Err(TakeError::Endless);
        }
        if channels.iter().flatten().any(|x| !x.is_finite()) {
            return Err(TakeError::NotFinite);
        }
        Ok(Self { rate_hz, channels })
    }

    /// Frames a second, Hz.
    pub fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// One or two channels of the same length.
    pub fn channels(&self) -> &[Vec<f32>] {
        &self.channels
    }

    /// Samples of each channel, at least 1.
    pub fn frames(&self) -> usize {
        self.channels.first().map_or(0, Vec::len)
    }

    /// How long it lasts, seconds.
    pub fn seconds(&self) -> f64 {
        self.frames() as f64 / f64::from(self.rate_hz)
    }
}

/// What a take is to become.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// A sound that is played once: without the silence around it.
    OneShot,
    /// A loop that was played in time: exactly its beats.
    Loop(LoopCut),
    /// A loop from its first frame to its last.
    WholeLoop,
}

/// How a take is finished.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// What it becomes.
    pub shape: Shape,
    /// How loud it is to be, LUFS; [`TAKE_LUFS`] is what the library has.
    pub target_lufs: f64,
    /// What the dither is made from.
    pub seed: u64,
}

impl Settings {
    /// As loud as the library.
    pub fn new(shape: Shape, seed: u64) -> Self {
        Self { shape, target_lufs: TAKE_LUFS, seed }
    }
}

/// A sample, ready to be given to everybody.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// The file.
    pub wav: Vec<u8>,
    /// Its name.
    pub hash: SampleHash,
    /// What it is.
    pub info: SampleInfo,
    /// How loud it has become.
    pub loudness: Loudness,
}

/// Makes a sample of a take.
///
/// # Errors
/// [`TakeError`]: why it cannot be one.
pub fn finish(take: &Take, settings: &Settings) -> Result<Finished, TakeError> {
    let Settings { shape, target_lufs, seed } = *settings;
    if !(TAKE_LUFS_RANGE[0]..=TAKE_LUFS_RANGE[1]).contains(&target_lufs) {
        return Err(TakeError::Target(target_lufs));
    }
    let mut channels = width::narrowed(&take.channels);
    for channel in &mut channels {
        dc::remove(channel, take.rate_hz);
    }
    let mut channels = match shape {
        Shape::OneShot => one_shot(&channels, take.rate_hz)?,
        Shape::Loop(cut) => cut_loop(&channels, cut.stretch(take.frames(), take.rate_hz)?)?,
        Shape::WholeLoop => whole_loop(&channels, take.rate_hz)?,
    };
    if channels.iter().flatten().all(|x| x.abs() < TAKE_SILENT_PEAK) {
        return Err(TakeError::Silent);
    }
    let now = loudness::measure(&channels)?;
    loudness::scale(&mut channels, loudness::missing_db(now, target_lufs));
    let wav = write(&channels, seed)?;
    let info = check_wav(&wav)?;
    Ok(Finished { hash: SampleHash::of(&wav), info, loudness: loudness::measure(&channels)?, wav })
}

fn one_shot(channels: &[Vec<f32>], rate_hz: u32) -> Result<Vec<Vec<f32>>, TakeError> {
    let part = trim::loud_part(channels, rate_hz);
    let length = part.len() as f64;
    let frames = (length / f64::from(rate_hz) * f64::from(SAMPLE_RATE)).round().max(1.0);
    if frames > f64::from(SAMPLE_FRAMES_MAX) {
        return Err(TakeError::TooLong);
    }
    let start = part.start as f64;
    let stretch = Stretch { start, length, frames: frames as usize, beyond: Beyond::Silence };
    let mut channels = resample(channels, stretch)?;
    for channel in &mut channels {
        edges::fade(channel, SAMPLE_RATE);
        channel.resize(channel.len().max(SAMPLE_FRAMES_MIN as usize), 0.0);
    }
    Ok(channels)
}

fn cut_loop(channels: &[Vec<f32>], stretch: Stretch) -> Result<Vec<Vec<f32>>, TakeError> {
    // What was recorded just before the loop is what its end is to run into.
    let step = stretch.length / stretch.frames as f64;
    let recorded = (stretch.start.max(0.0) / step) as usize;
    let before = edges::seam_frames(stretch.frames, SAMPLE_RATE).min(recorded);
    let with_before = Stretch {
        start: stretch.start - before as f64 * step,
        length: stretch.length + before as f64 * step,
        frames: stretch.frames + before,
        ..stretch
    };
    let mut channels = resample(channels, with_before)?;
    for channel in &mut channels {
        let body = channel.split_off(before);
        let before = std::mem::replace(channel, body);
        edges::close_seam(channel, &before);
        edges::mend_seam(channel, SAMPLE_RATE);
    }
    Ok(channels)
}

fn whole_loop(channels: &[Vec<f32>], rate_hz: u32) -> Result<Vec<Vec<f32>>, TakeError> {
    let length = channels.first().map_or(0, Vec::len) as f64;
    let frames = cut::whole_frames(length / f64::from(rate_hz))?;
    let mut channels = resample(channels, Stretch { start: 0.0, length, frames, beyond: Beyond::OtherEnd })?;
    for channel in &mut channels {
        edges::mend_seam(channel, SAMPLE_RATE);
    }
    Ok(channels)
}

fn write(channels: &[Vec<f32>], seed: u64) -> Result<Vec<u8>, TakeError> {
    let mut file = Cursor::new(Vec::new());
    let mut sink = WavSink::new(&mut file, channels.len() as u16, SAMPLE_RATE, Depth::Bits16 { seed })?;
    let frames = channels.first().map_or(0, Vec::len);
    for frame in 0..frames {
        for channel in channels {
            sink.write(&channel[frame..=frame])?;
        }
    }
    sink.finish()?;
    Ok(file.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: [u32; 4] = [8_000, 44_100, 48_000, 192_000];

    fn tone(hz: f64, rate_hz: u32, frames: usize) -> Vec<f32> {
        (0..frames).map(|i| (0.3 * (std::f64::consts::TAU * hz * i as f64 / f64::from(rate_hz)).sin()) as f32).collect()
    }

    #[test]
    fn a_take_has_bounds() {
        let of = |rate, channels| Take::new(rate, channels).map(|_| ()).map_err(|error| error.to_string());
        assert!(of(44_100, vec![vec![0.0; 10]; 2]).is_ok());
        let nothing = "There is nothing in the recording.";
        assert_eq!(of(44_100, vec![Vec::new()]), Err(nothing.to_owned()));
        for channels in [vec![], vec![vec![0.0; 10]; 3], vec![vec![0.0], vec![0.0; 2]]] {
            assert!(of(44_100, channels).is_err_and(|text| text.contains("one or two")));
        }
        for rate in [0, 7_999, 192_001, u32::MAX] {
            assert!(of(rate, vec![vec![0.0]]).is_err_and(|text| text.contains("8000 to 192000")));
        }
        assert!(of(8_000, vec![vec![0.0; 80 * 8_000 + 1]]).is_err_and(|text| text.contains("80 seconds")));
        for odd in [f32::NAN, f32::INFINITY] {
            assert!(of(44_100, vec![vec![0.0, odd]]).is_err_and(|text| text.contains("no numbers")));
        }
    }

    #[test]
    fn any_rate_and_shape_becomes_a_sample_and_the_same_take_the_same_bytes() {
        for rate in RATES {
            for shape in [Shape::OneShot, Shape::WholeLoop] {
                let take = Take::new(rate, vec![tone(440.0, rate, rate as usize), tone(441.0, rate, rate as usize)]);
                let (take, settings) = (take.unwrap(), Settings::new(shape, 7));
                let finished = finish(&take, &settings).unwrap();
                assert_eq!((finished.info.channels, finished.info.frames), (2, 48_000), "{rate} Hz, {shape:?}");
                assert_eq!(finished, finish(&take, &settings).unwrap());
                let other = finish(&take, &Settings::new(shape, 8)).unwrap();
                assert_ne!(finished.hash, other.hash, "another dither");
                assert!(finished.loudness.lufs.is_some_and(|lufs| (lufs + 16.0).abs() < 0.1), "{finished:?}");
            }
        }
    }

    #[test]
    fn a_short_hit_is_filled_up_and_a_silent_take_is_refused() {
        let mut channel = vec![0.001; 48_000];
        channel[20_000..20_400].copy_from_slice(&tone(400.0, 48_000, 400));
        let finished = finish(&Take::new(48_000, vec![channel]).unwrap(), &Settings::new(Shape::OneShot, 1)).unwrap();
        assert_eq!((finished.info.channels, finished.info.frames), (1, SAMPLE_FRAMES_MIN));
        let silent = Take::new(48_000, vec![vec![0.1; 48_000]]).unwrap();
        for shape in [Shape::OneShot, Shape::WholeLoop] {
            assert!(matches!(finish(&silent, &Settings::new(shape, 1)), Err(TakeError::Silent)), "an offset only");
        }
        let single = Take::new(48_000, vec![vec![1.0]]).unwrap();
        assert!(finish(&single, &Settings::new(Shape::OneShot, 1)).is_err());
    }

    #[test]
    fn lengths_and_levels_beyond_the_bounds_are_refused() {
        let long = Take::new(8_000, vec![tone(440.0, 8_000, 65 * 8_000)]).unwrap();
        for shape in [Shape::OneShot, Shape::WholeLoop] {
            assert!(matches!(finish(&long, &Settings::new(shape, 1)), Err(TakeError::TooLong)));
        }
        let short = Take::new(8_000, vec![tone(440.0, 8_000, 700)]).unwrap();
        assert!(matches!(finish(&short, &Settings::new(Shape::WholeLoop, 1)), Err(TakeError::TooShort)));
        for target_lufs in [f64::NAN, 0.0, -90.0] {
            let settings = Settings { target_lufs, ..Settings::new(Shape::OneShot, 1) };
            assert!(matches!(finish(&short, &settings), Err(TakeError::Target(_))));
        }
    }
}
