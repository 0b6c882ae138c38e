//! Oscillators without audible aliasing: sines, and saw and pulse waves whose steps are rounded off (polyBLEP).

use crate::{canvas::RATE, math::sine};

/// An oscillator that keeps its phase between frames.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Osc {
    phase: f64,
}

impl Osc {
    /// Starts at a phase in turns.
    pub(crate) fn at(phase: f64) -> Self {
        Self { phase }
    }

    /// Moves on by one frame and returns the phase before, 0 … 1.
    fn step(&mut self, hz: f64) -> f64 {
        let phase = self.phase;
        self.phase = (phase + hz / RATE).fract();
        phase
    }

    /// Sine wave with a phase offset in turns, which another wave may move (frequency modulation).
    pub(crate) fn sine(&mut self, hz: f64, offset: f64) -> f64 {
        sine(self.step(hz) + offset)
    }

    /// Falling saw wave, −1 … 1.
    pub(crate) fn saw(&mut self, hz: f64) -> f64 {
        let phase = self.step(hz);
        1.0 - 2.0 * phase + rounding(phase, hz / RATE)
    }

    /// Pulse wave, −1 … 1, without offset; `width` is the share of the period that it is high.
    pub(crate) fn pulse(&mut self, hz: f64, width: f64) -> f64 {
        let phase = self.step(hz);
        let level = if phase < width { 1.0 } else { -1.0 };
        let fall = (phase - width).rem_euclid(1.0);
        level + rounding(phase, hz / RATE) - rounding(fall, hz / RATE) - (2.0 * width - 1.0)
    }
}

/// What to add to an upward step of height 2 at phase 0 so that it is band-limited (Välimäki and Huovilainen 2007).
fn rounding(phase: f64, step: f64) -> f64 {
    if phase < step {
        let x = phase / step;
        -(1.0 - x) * (1.0 - x)
    } else if phase > 1.0 - step {
        let x = (phase - 1.0) / step;
        (1.0 + x) * (1.0 + x)
    } else {
        0.0
    }
}

/// Several saw waves side by side, slightly out of tune and spread from left to right.
#[derive(Debug, Clone)]
pub(crate) struct Swarm {
    saws: Vec<(Osc, f64, [f64; 2])>,
}

impl Swarm {
    /// A swarm of `count` saws, the outermost `cents` away from the note and `width` (0 … 1) away from the middle.
    pub(crate) fn new(count: usize, cents: f64, width: f64, rng: &mut crate::math::Rng) -> Self {
        let saws = (0..count)
            .map(|n| {
                let place = if count > 1 { 2.0 * n as f64 / (count - 1) as f64 - 1.0 } else { 0.0 };
                // Wider apart toward the edges; sides alternate so that neither side sounds sharp.
                let ratio = crate::math::exp2(cents / 1200.0 * place * (0.6 + 0.4 * place.abs()));
                let side = if n % 2 == 0 { 1.0 } else { -1.0 };
                (Osc::at(rng.unit()), ratio, crate::math::pan(side * width * (0.35 + 0.65 * place.abs())))
            })
            .collect();
        Self { saws }
    }

    /// The next frame at a frequency.
    pub(crate) fn next(&mut self, hz: f64) -> [f64; 2] {
        let level = 1.0 / (self.saws.len() as f64).sqrt();
        let mut sum = [0.0; 2];
        for (osc, ratio, sides) in &mut self.saws {
            let sample = osc.saw(hz * *ratio) * level;
            sum[0] += sample * sides[0];
            sum[1] += sample * sides[1];
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Share of a wave's power, by Fourier sums, that lies away from the harmonics of its note.
    fn aliased_share(wave: impl Fn(&mut Osc) -> f64) -> f64 {
        let mut osc = Osc::default();
        // 100 periods of 1,875 Hz fit into 2,560 frames, so that harmonics fall on every 100th line.
        let samples: Vec<f64> = (0..2560).map(|_| wave(&mut osc)).collect();
        let power = |line: usize| {
            let (mut re, mut im) = (0.0, 0.0);
            for (n, sample) in samples.iter().enumerate() {
                let turns = (n * line) as f64 / 2560.0;
                re += sample * sine(turns + 0.25);
                im += sample * sine(turns);
            }
            re * re + im * im
        };
        let total: f64 = (1..1280).map(power).sum();
        let harmonics: f64 = (1..=12).map(|h| power(h * 100)).sum();
        1.0 - harmonics / total
    }

    #[test]
    fn a_saw_is_nearly_free_of_aliases() {
        // An octave above the highest note of any loop; a saw with bare steps has a share of 0.05.
        let share = aliased_share(|osc| osc.saw(1875.0));
        assert!(share < 2e-3, "{share}");
    }

    #[test]
    fn a_pulse_has_no_offset() {
        let mut osc = Osc::default();
        let mean = (0..48_000).map(|_| osc.pulse(100.0, 0.2)).sum::<f64>() / 48_000.0;
        assert!(mean.abs() < 1e-3, "{mean}");
    }
}
