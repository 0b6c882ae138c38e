//! The stereo strip that a sound is painted on.
//!
//! A looped canvas is a ring: a voice that outlives its end goes on at its start, and an effect is run round it until
//! its echoes have settled, so the seam of a loop is no place in particular. A canvas that is not looped is a line.

use crate::math::{exp2, hertz};

/// Frames a second of everything that is rendered.
pub(crate) const RATE: f64 = 48_000.0;
/// Tempo at which all pitched sounds are in tune: that of a new session, and the origin of most sounds.
pub(crate) const HOME_BPM: f64 = 112.0;
/// An effect is warmed up over at least this many frames before its output counts.
const SETTLE_FRAMES: usize = 400_000;

/// One frame: left and right.
pub(crate) type Frame = [f64; 2];

/// A strip of stereo frames.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Canvas {
    frames: Vec<Frame>,
    looped: bool,
    tempo_bpm: f64,
}

impl Canvas {
    /// Silence of a length in beats, at home.
    #[cfg(test)]
    pub(crate) fn new(beats: f64, looped: bool) -> Self {
        Self::at(HOME_BPM, beats, looped)
    }

    /// Silence of a length in beats at a tempo of origin.
    pub(crate) fn at(tempo_bpm: f64, beats: f64, looped: bool) -> Self {
        let empty = Self { frames: Vec::new(), looped, tempo_bpm };
        Self { frames: vec![[0.0; 2]; empty.frame_at(beats) as usize], ..empty }
    }

    /// Silence of the same length and kind.
    pub(crate) fn blank(&self) -> Self {
        Self { frames: vec![[0.0; 2]; self.frames.len()], ..*self }
    }

    /// Seconds of a number of beats.
    pub(crate) fn seconds(&self, beats: f64) -> f64 {
        beats * 60.0 / self.tempo_bpm
    }

    /// The frame nearest to a beat.
    pub(crate) fn frame_at(&self, beat: f64) -> i64 {
        (self.seconds(beat) * RATE).round() as i64
    }

    /// Frequency of a MIDI note so that it is in tune at home. A session plays a sound faster or slower until its beats
    /// fit, and its pitch follows: what comes from a faster tempo is rendered higher by as much as it will sink.
    pub(crate) fn hertz(&self, note: f64) -> f64 {
        hertz(note) * (self.tempo_bpm / HOME_BPM)
    }

    /// The frames, from first to last.
    pub(crate) fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// The frames, to be changed in place.
    pub(crate) fn frames_mut(&mut self) -> &mut [Frame] {
        &mut self.frames
    }

    /// Whether it is a ring.
    pub(crate) fn looped(&self) -> bool {
        self.looped
    }

    /// Turns a frame of a slow oscillation of about `hz` that fits a whole number of times into the canvas.
    pub(crate) fn lfo(&self, hz: f64) -> f64 {
        let length = self.frames.len() as f64;
        (hz * length / RATE).round().max(1.0) / length
    }

    /// Adds a voice that starts at a beat and lasts for some seconds. The voice is asked for one frame after another
    /// and told the seconds since its start.
    pub(crate) fn play(&mut self, beat: f64, lasting: f64, mut voice: impl FnMut(f64) -> Frame) {
        let (start, length) = (self.frame_at(beat), self.frames.len() as i64);
        for n in 0..(lasting * RATE) as i64 {
            let [left, right] = voice(n as f64 / RATE);
            let position = start + n;
            let index = if self.looped { position.rem_euclid(length) } else { position };
            if let Some(frame) = usize::try_from(index).ok().and_then(|index| self.frames.get_mut(index)) {
                frame[0] += left;
                frame[1] += right;
            }
        }
    }

    /// Replaces every frame by what an effect makes of it. The effect is told the frame's index. Round a ring it runs
    /// until what it remembers of the end has reached the start.
    pub(crate) fn through(&mut self, mut effect: impl FnMut(usize, Frame) -> Frame) {
        if self.looped {
            for _ in 0..SETTLE_FRAMES.div_ceil(self.frames.len()) {
                for (index, frame) in self.frames.iter().enumerate() {
                    effect(index, *frame);
                }
            }
        }
        for (index, frame) in self.frames.iter_mut().enumerate() {
            *frame = effect(index, *frame);
        }
    }

    /// This canvas sent through an effect, as a new one.
    pub(crate) fn sent(&self, effect: impl FnMut(usize, Frame) -> Frame) -> Self {
        let mut copy = self.clone();
        copy.through(effect);
        copy
    }

    /// Adds another canvas of the same length.
    pub(crate) fn mix(&mut self, other: &Self, gain: f64) {
        for (frame, added) in self.frames.iter_mut().zip(&other.frames) {
            frame[0] += added[0] * gain;
            frame[1] += added[1] * gain;
        }
    }

    /// Multiplies every frame.
    pub(crate) fn scale(&mut self, gain: f64) {
        for frame in &mut self.frames {
            *frame = frame.map(|sample| sample * gain);
        }
    }

    /// Makes room for a kick drum on every beat: the level dips by `depth` (0 … 1) and swells back.
    pub(crate) fn pump(&mut self, depth: f64) {
        let beat_frames = self.seconds(1.0) * RATE;
        for (index, frame) in self.frames.iter_mut().enumerate() {
            let phase = (index as f64 / beat_frames).fract();
            // Down within the first hundredth of the beat, back by its second half.
            let down = (phase / 0.012).min(1.0);
            let back = exp2(-(phase - 0.012).max(0.0) * 7.0);
            let rise = 1.0 - (1.0 - phase).min(0.01) / 0.01;
            let dip = depth * (down * back * (1.0 - rise)).clamp(0.0, 1.0);
            *frame = frame.map(|sample| sample * (1.0 - dip));
        }
    }

    /// Largest magnitude of any sample.
    pub(crate) fn peak(&self) -> f64 {
        self.frames.iter().flatten().fold(0.0, |peak, sample| peak.max(sample.abs()))
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these samples are copied, not computed")]
mod tests {
    use super::*;

    #[test]
    fn a_voice_that_outlives_a_ring_goes_on_at_its_start() {
        let mut canvas = Canvas::new(4.0, true);
        canvas.play(3.999, 0.1, |_| [1.0, 0.5]);
        assert_eq!(canvas.frames()[0], [1.0, 0.5]);
        assert_eq!(canvas.frames()[50_000], [0.0, 0.0]);
    }

    #[test]
    fn a_voice_that_outlives_a_line_is_cut() {
        let mut canvas = Canvas::new(4.0, false);
        canvas.play(3.999, 0.1, |_| [1.0, 0.5]);
        assert_eq!(canvas.frames()[0], [0.0, 0.0]);
    }

    #[test]
    fn an_echo_crosses_the_seam_of_a_ring() {
        let mut canvas = Canvas::new(4.0, true);
        let last = canvas.frames().len() - 1;
        canvas.frames_mut()[last] = [1.0, 1.0];
        let mut before = [0.0; 2];
        canvas.through(|_, frame| std::mem::replace(&mut before, frame));
        assert_eq!(canvas.frames()[0], [1.0, 1.0]);
    }

    #[test]
    fn lengths_are_the_nearest_frame() {
        for (beats, frames) in [(4.0, 102_857), (8.0, 205_714), (16.0, 411_429)] {
            assert_eq!(Canvas::new(beats, true).frames().len(), frames);
        }
    }
}
