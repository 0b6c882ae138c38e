//! What a player asks of a recording, and what it sees of one. Portable: nothing here knows a device.

use keyboardia_session::{
    Beats,
    limits::{SAMPLE_FRAMES_MAX, SAMPLE_FRAMES_MIN, SAMPLE_RATE_HZ},
};
use serde::{Deserialize, Serialize};

/// Peaks of the waveform that is shown.
pub const WAVE_PEAKS_MAX: usize = 128;
/// Numbers of bars that a loop can be asked for.
pub const LOOP_BARS: [u8; 4] = [1, 2, 4, 8];
/// Numbers of beats that a loop can be asked for.
pub const LOOP_BEATS: [u8; 3] = [1, 2, 4];
/// Shortest recording, seconds.
pub const RECORDING_SECONDS_MIN: f64 = SAMPLE_FRAMES_MIN as f64 / SAMPLE_RATE_HZ as f64;
/// Longest recording, seconds.
pub const RECORDING_SECONDS_MAX: f64 = SAMPLE_FRAMES_MAX as f64 / SAMPLE_RATE_HZ as f64;
/// Level from which on the player is warned, linear: the device can give no more.
pub const CLIP_LEVEL: f32 = 0.999;
/// Largest correction of what a microphone says of its latency, either way, microseconds.
pub const INPUT_NUDGE_US_MAX: i32 = 500_000;

/// How long a loop is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LoopLength {
    /// One of [`LOOP_BARS`].
    Bars(u8),
    /// One of [`LOOP_BEATS`].
    Beats(u8),
    /// Until it is stopped, rounded to whole bars.
    Free,
}

/// What is to be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TakeShape {
    /// A loop in time with what the player hears.
    Loop(LoopLength),
    /// A sound from the press to the release.
    OneShot,
    /// Two bars of the metronome, to find out how late the microphone is.
    Loopback,
}

/// What a player asks of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeRequest {
    /// What is to be recorded.
    pub shape: TakeShape,
    /// Name of the microphone; the system's default one when `None`.
    pub device: Option<String>,
    /// Correction of what the microphone says of its latency: positive where it is later, microseconds. At most
    /// [`INPUT_NUDGE_US_MAX`] either way.
    pub input_nudge_us: i32,
}

/// How far a recording is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordingStage {
    /// The microphone is being opened; a player may be asked to allow it.
    Opening,
    /// The bar before the recording has not begun.
    Waiting {
        /// The beat at which the recording begins.
        begins: Beats,
    },
    /// The bar before the recording.
    CountIn {
        /// The beat at which the recording begins.
        begins: Beats,
    },
    /// It records.
    Recording {
        /// The beat at which it began; `None` for a one-shot.
        since: Option<Beats>,
        /// How long it is to be, if that is known.
        beats: Option<Beats>,
    },
    /// All of it is recorded.
    Done,
    /// It came to nothing; why, as a sentence.
    Failed(String),
}

/// What a player sees of its recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordingView {
    /// How far it is.
    pub stage: RecordingStage,
    /// The microphone's peak since the last look, linear.
    pub level: f32,
    /// Whether something in it was as loud as the device can tell.
    pub clipped: bool,
    /// The recording's shape so far, at most [`WAVE_PEAKS_MAX`] peaks, 255 being full scale.
    pub wave: Vec<u8>,
    /// How much is recorded, seconds.
    pub seconds: f32,
}

impl Default for RecordingView {
    /// That of a recording of which nothing is known yet.
    fn default() -> Self {
        Self { stage: RecordingStage::Opening, level: 0.0, clipped: false, wave: Vec::new(), seconds: 0.0 }
    }
}

impl RecordingView {
    /// Whether the player needs to hear the counts of the bar: before a loop begins.
    pub fn is_counted(&self) -> bool {
        matches!(self.stage, RecordingStage::Opening | RecordingStage::Waiting { .. } | RecordingStage::CountIn { .. })
    }
}

/// A shape of a sound that grows: never more than [`WAVE_PEAKS_MAX`] peaks, each of the same number of frames.
#[derive(Debug, Clone)]
pub struct Waveform {
    peaks: Vec<f32>,
    frames_per_peak: u64,
    frames: u64,
}

impl Waveform {
    /// Nothing yet, with so many frames expected; more may come.
    pub fn new(expected_frames: u64) -> Self {
        let frames_per_peak = expected_frames.div_ceil(WAVE_PEAKS_MAX as u64).max(1);
        Self { peaks: Vec::with_capacity(WAVE_PEAKS_MAX), frames_per_peak, frames: 0 }
    }

    /// Appends a frame of this peak, linear.
    pub fn push(&mut self, peak: f32) {
        if self.frames.is_multiple_of(self.frames_per_peak) {
            if self.peaks.len() == WAVE_PEAKS_MAX {
                self.halve();
            }
            if self.frames.is_multiple_of(self.frames_per_peak) {
                self.peaks.push(0.0);
            }
        }
        self.frames += 1;
        if let Some(last) = self.peaks.last_mut() {
            *last = last.max(peak);
        }
    }

    /// Makes each two peaks one.
    fn halve(&mut self) {
        self.peaks = self.peaks.chunks(2).map(|pair| pair.iter().copied().fold(0.0, f32::max)).collect();
        self.peaks.reserve_exact(WAVE_PEAKS_MAX - self.peaks.len());
        self.frames_per_peak *= 2;
    }

    /// Frames so far.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// The peaks so far, 255 being full scale.
    pub fn peaks(&self) -> Vec<u8> {
        self.peaks.iter().map(|peak| (peak.clamp(0.0, 1.0) * 255.0).round() as u8).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waveform_never_has_more_peaks_than_its_bound_and_loses_none() {
        for expected in [0, 1_000, 100_000] {
            let mut wave = Waveform::new(expected);
            for frame in 0..100_000 {
                wave.push(if frame == 40_000 { 1.0 } else { 0.1 });
                assert!(wave.peaks.len() <= WAVE_PEAKS_MAX);
            }
            let peaks = wave.peaks();
            let loud = peaks.iter().position(|peak| *peak == 255).expect("the loud frame");
            assert!(peaks.iter().skip(loud + 1).all(|peak| *peak < 255), "one frame is in one peak");
            let place = loud as f64 / (100_000.0 / wave.frames_per_peak as f64);
            assert!((place - 0.4).abs() < 0.02, "{expected}: {place}");
        }
    }
}
