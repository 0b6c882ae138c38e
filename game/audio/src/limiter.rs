//! The master's limiter: nothing leaves above the ceiling, and what is below it leaves untouched.
//!
//! Look-ahead of L frames: the gain that each frame needs is held for L frames, falls at once and rises slowly, and is
//! averaged over L frames. When a peak leaves the delay line, the average has reached its gain.

use crate::limits::{LIMITER_CEILING, LIMITER_LOOKAHEAD_S, LIMITER_RELEASE_S};
use kira::{Frame, effect::Effect, info::Info};

/// Frames by which the limiter delays.
pub fn latency_frames(sample_rate: u32) -> usize {
    (LIMITER_LOOKAHEAD_S * f64::from(sample_rate)).round() as usize
}

/// See the module.
pub struct Limiter {
    line: Vec<Slot>,
    next: usize,
    /// Frames until nothing in the line needs less than its full gain.
    loud: usize,
    released: f32,
    release: f32,
    sum: f64,
}

/// One frame in the delay line.
#[derive(Clone, Copy)]
struct Slot {
    frame: Frame,
    /// Gain that this frame needs.
    needed: f32,
    /// Gain after holding and releasing, as it went into the average.
    held: f32,
}

impl Slot {
    const SILENT: Self = Self { frame: Frame::ZERO, needed: 1.0, held: 1.0 };
}

impl Limiter {
    /// A limiter for this sample rate.
    pub fn new(sample_rate: u32) -> Self {
        let mut limiter = Self { line: Vec::new(), next: 0, loud: 0, released: 1.0, release: 0.0, sum: 0.0 };
        limiter.set_sample_rate(sample_rate);
        limiter
    }

    fn set_sample_rate(&mut self, sample_rate: u32) {
        let length = latency_frames(sample_rate).max(1);
        self.line = vec![Slot::SILENT; length];
        self.next = 0;
        self.loud = 0;
        self.released = 1.0;
        self.release = (1.0 - (-1.0 / (LIMITER_RELEASE_S * f64::from(sample_rate))).exp()) as f32;
        self.sum = length as f64;
    }

    /// Takes a frame, gives the one of [`latency_frames`] before.
    fn step(&mut self, frame: Frame) -> Frame {
        let peak = frame.left.abs().max(frame.right.abs());
        let needed = if peak > LIMITER_CEILING { LIMITER_CEILING / peak } else { 1.0 };
        let leaving = self.line[self.next];
        // The lowest gain that any frame in the line, the leaving and the coming one need.
        self.loud = if needed < 1.0 { self.line.len() + 1 } else { self.loud.saturating_sub(1) };
        let lowest = if self.loud == 0 { 1.0 } else { self.line.iter().fold(needed, |low, slot| low.min(slot.needed)) };
        let rising = self.released + (1.0 - self.released) * self.release;
        self.released = if rising > 0.999_999 { lowest } else { lowest.min(rising) };
        self.sum += f64::from(self.released) - f64::from(leaving.held);
        self.line[self.next] = Slot { frame, needed, held: self.released };
        self.next = (self.next + 1) % self.line.len();
        let gain = if self.released >= 1.0 && leaving.held >= 1.0 && self.sum > self.line.len() as f64 - 1e-6 {
            self.sum = self.line.len() as f64;
            1.0
        } else {
            (self.sum / self.line.len() as f64) as f32
        };
        Frame::new(
            (leaving.frame.left * gain).clamp(-LIMITER_CEILING, LIMITER_CEILING),
            (leaving.frame.right * gain).clamp(-LIMITER_CEILING, LIMITER_CEILING),
        )
    }
}

impl Effect for Limiter {
    fn on_change_sample_rate(&mut self, sample_rate: u32) {
        self.set_sample_rate(sample_rate);
    }

    fn process(&mut self, input: &mut [Frame], _dt: f64, _info: &Info) {
        for frame in input {
            *frame = self.step(*frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 48_000;

    fn run(input: impl Iterator<Item = f32>) -> Vec<f32> {
        let mut limiter = Limiter::new(RATE);
        input.map(|x| limiter.step(Frame::from_mono(x)).left).collect()
    }

    fn sine(amplitude: f32) -> impl Iterator<Item = f32> {
        (0..RATE).map(move |i| amplitude * (std::f32::consts::TAU * 97.3 * i as f32 / RATE as f32).sin())
    }

    #[test]
    fn quiet_sound_passes_untouched_but_later() {
        let latency = latency_frames(RATE);
        let output = run(sine(0.9));
        for (late, early) in output[latency..].iter().zip(sine(0.9)) {
            assert_eq!(late.to_bits(), early.to_bits());
        }
    }

    #[test]
    fn loud_sound_stays_below_the_ceiling_and_is_not_just_cut_off() {
        let latency = latency_frames(RATE);
        let output = run(sine(4.0));
        assert!(output.iter().all(|x| x.abs() <= LIMITER_CEILING));
        // A limiter scales; a clipper would leave long flat tops.
        let flat = output[latency..].windows(2).filter(|pair| pair[0].abs() > 0.9 && pair[0] == pair[1]).count();
        assert!(flat < 100, "{flat} flat frames");
    }

    #[test]
    fn a_single_peak_does_not_reach_through() {
        let output = run((0..24_000).map(|i| if i == 2_000 { 8.0 } else { 0.2 }));
        assert!(output.iter().all(|x| x.abs() <= LIMITER_CEILING));
        assert!((output[23_900] - 0.2).abs() < 0.01, "it lets go again: {}", output[23_900]);
    }
}
