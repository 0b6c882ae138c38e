//! What a microphone has given so far: the tape, the shape that is shown of it, and when its next frame is due.

use crate::{
    recorded::{Mark, Tape},
    recording::Waveform,
};
use keyboardia_audio::{Nanos, time_map::TimeMap};

/// What is kept of the sound before a loop begins, seconds: the end of the loop runs into it, and its times help.
const PRE_ROLL_S: f64 = 1.0;
/// What a waveform is drawn for at first where the length is not known, seconds; it is coarsened as the take grows.
const UNKNOWN_WAVE_SECONDS: f64 = 8.0;

/// What has been heard so far.
pub(super) struct Capture {
    pub(super) tape: Tape,
    map: TimeMap,
    /// When the next frame is captured, at the ear.
    pub(super) end: Nanos,
    pub(super) gaps: u32,
    wave: Waveform,
    /// Frame of the tape that the waveform and the length count from.
    pub(super) from: Option<u64>,
    /// Frames from there on that are the sound, if that is known.
    most: Option<u64>,
}

impl Capture {
    pub(super) fn new(rate_hz: u32, channels: usize, gaps: u32) -> Self {
        Self {
            tape: Tape::new(rate_hz, channels),
            map: TimeMap::new(rate_hz),
            end: Nanos::default(),
            gaps,
            wave: Waveform::new(0),
            from: None,
            most: None,
        }
    }

    /// Takes a block; returns its peak.
    pub(super) fn take(&mut self, at: Nanos, frames: u32, one: &[f32], two: &[f32]) -> f32 {
        let begin = self.map.advance(frames as usize, at);
        self.end = Nanos(begin.0.saturating_add((f64::from(frames) * self.map.frame_ns()) as i64));
        let from = self.tape.samples.len();
        self.tape.marks.push(Mark { frame: self.tape.frames(), at });
        self.tape.samples.extend_from_slice(one);
        self.tape.samples.extend_from_slice(two);
        if self.from.is_some() {
            self.draw(from);
        }
        one.iter().chain(two).fold(0.0, |peak, sample| peak.max(sample.abs()))
    }

    /// Appends the samples from here on to the waveform, as far as they are the sound.
    fn draw(&mut self, from: usize) {
        let most = self.most.map_or(usize::MAX, |most| most.saturating_sub(self.wave.frames()) as usize);
        for frame in self.tape.samples[from..].chunks_exact(self.tape.channels).take(most) {
            self.wave.push(frame.iter().fold(0.0, |peak, sample| peak.max(sample.abs())));
        }
    }

    /// The sound begins at this frame of the tape, and lasts so long, if that is known.
    pub(super) fn begin(&mut self, frame: u64, seconds: Option<f64>) {
        let frames = |seconds: f64| (seconds * f64::from(self.tape.rate_hz)) as u64;
        self.wave = Waveform::new(frames(seconds.unwrap_or(UNKNOWN_WAVE_SECONDS)));
        (self.from, self.most) = (Some(frame), seconds.map(frames));
        self.draw((frame as usize * self.tape.channels).min(self.tape.samples.len()));
    }

    /// Forgets what is long before a beginning that is still to come; not in every turn, for the rest is moved.
    pub(super) fn keep_before_start(&mut self) {
        if self.seconds() > 2.0 * PRE_ROLL_S {
            self.tape.keep_last((PRE_ROLL_S * f64::from(self.tape.rate_hz)) as u64);
        }
    }

    pub(super) fn seconds(&self) -> f64 {
        self.tape.frames() as f64 / f64::from(self.tape.rate_hz)
    }

    pub(super) fn recorded_s(&self) -> f32 {
        let frames = self.from.map_or(0, |from| self.tape.frames().saturating_sub(from));
        let frames = self.most.map_or(frames, |most| frames.min(most));
        frames as f32 / self.tape.rate_hz as f32
    }

    /// The sound's shape so far.
    pub(super) fn peaks(&self) -> Vec<u8> {
        self.wave.peaks()
    }
}
