//! Filters: one pole, two poles with resonance (state variable) and four poles with a saturated loop (ladder).
//!
//! All three are trapezoidal ("zero delay") designs after Zavalishin, *The Art of VA Filter Design*: their cutoff may
//! move on every frame.

use crate::{
    canvas::RATE,
    math::{tan_pi, tanh},
};

/// The pre-warped integrator gain of a cutoff in hertz.
fn warp(hz: f64) -> f64 {
    tan_pi(hz.clamp(5.0, 0.45 * RATE) / RATE)
}

/// The integrator gain of the last cutoff, because most cutoffs stay where they are.
#[derive(Debug, Clone, Copy, Default)]
struct Warped {
    hz: f64,
    gain: f64,
}

impl Warped {
    fn at(&mut self, hz: f64) -> f64 {
        if self.hz != hz {
            *self = Self { hz, gain: warp(hz) };
        }
        self.gain
    }
}

/// One pole: 6 dB an octave.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OnePole {
    state: f64,
    warped: Warped,
}

impl OnePole {
    /// What lies below the cutoff.
    pub(crate) fn low(&mut self, x: f64, hz: f64) -> f64 {
        let g = self.warped.at(hz);
        let v = (x - self.state) * g / (1.0 + g);
        let low = v + self.state;
        self.state = low + v;
        low
    }

    /// What lies above the cutoff.
    pub(crate) fn high(&mut self, x: f64, hz: f64) -> f64 {
        x - self.low(x, hz)
    }
}

/// What a two-pole filter lets through.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bands {
    /// Below the cutoff.
    pub(crate) low: f64,
    /// Around the cutoff, as loud as it came in.
    pub(crate) band: f64,
    /// Above the cutoff.
    pub(crate) high: f64,
}

/// Two poles: 12 dB an octave, with resonance.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Svf {
    first: f64,
    second: f64,
    warped: Warped,
}

impl Svf {
    /// Splits a sample at a cutoff; `q` is 0.5 (none) … 20 (ringing).
    pub(crate) fn split(&mut self, x: f64, hz: f64, q: f64) -> Bands {
        let (g, k) = (self.warped.at(hz), 1.0 / q);
        let high = (x - (k + g) * self.first - self.second) / (1.0 + g * (g + k));
        let band = g * high + self.first;
        let low = g * band + self.second;
        self.first = g * high + band;
        self.second = g * band + low;
        Bands { low, band: band * k, high }
    }
}

/// A two-pole filter for each side.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StereoSvf([Svf; 2]);

impl StereoSvf {
    /// What lies below the cutoff.
    pub(crate) fn low(&mut self, [left, right]: [f64; 2], hz: f64, q: f64) -> [f64; 2] {
        [self.0[0].split(left, hz, q).low, self.0[1].split(right, hz, q).low]
    }

    /// What lies around the cutoff.
    pub(crate) fn band(&mut self, [left, right]: [f64; 2], hz: f64, q: f64) -> [f64; 2] {
        [self.0[0].split(left, hz, q).band, self.0[1].split(right, hz, q).band]
    }

    /// What lies above the cutoff.
    pub(crate) fn high(&mut self, [left, right]: [f64; 2], hz: f64, q: f64) -> [f64; 2] {
        [self.0[0].split(left, hz, q).high, self.0[1].split(right, hz, q).high]
    }
}

/// Four poles: 24 dB an octave, with a resonance that saturates instead of exploding.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ladder {
    states: [f64; 4],
    warped: Warped,
}

impl Ladder {
    /// What lies below the cutoff; `resonance` is 0 … 4 (self-oscillation).
    pub(crate) fn low(&mut self, x: f64, hz: f64, resonance: f64) -> f64 {
        let g = self.warped.at(hz);
        let pole = g / (1.0 + g);
        // The four poles' output, were the loop open: solved for without a delay.
        let held = self.states.iter().fold(0.0, |sum, state| pole * sum + state * (1.0 - pole));
        let loop_gain = pole * pole * pole * pole;
        let fed_back = (held + loop_gain * x) / (1.0 + resonance * loop_gain);
        let mut signal = tanh(x - resonance * fed_back);
        for state in &mut self.states {
            let v = (signal - *state) * pole;
            signal = v + *state;
            *state = signal + v;
        }
        signal
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::osc::Osc;

    fn level(hz: f64, mut filter: impl FnMut(f64) -> f64) -> f64 {
        let mut osc = Osc::default();
        let power: f64 = (0..48_000).map(|_| filter(osc.sine(hz, 0.0) * 0.1)).skip(24_000).map(|y| y * y).sum();
        (power / 24_000.0).sqrt() / 0.1 * std::f64::consts::SQRT_2
    }

    #[test]
    fn a_low_pass_keeps_what_is_below_and_drops_what_is_above() {
        let mut svf = Svf::default();
        assert!((level(100.0, |x| svf.split(x, 1000.0, 0.707).low) - 1.0).abs() < 0.02);
        let mut svf = Svf::default();
        assert!(level(10_000.0, |x| svf.split(x, 1000.0, 0.707).low) < 0.02);
        let mut ladder = Ladder::default();
        assert!(level(10_000.0, |x| ladder.low(x, 1000.0, 0.0)) < 0.001);
    }

    #[test]
    fn the_filters_stay_bounded_at_full_resonance() {
        let (mut ladder, mut rng) = (Ladder::default(), crate::math::Rng::new(1));
        for n in 0..48_000 {
            let y = ladder.low(rng.noise() * 3.0, 200.0 + f64::from(n % 12_000), 4.0);
            assert!(y.abs() < 4.0, "{y} at {n}");
        }
    }
}
