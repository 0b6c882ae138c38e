//! Plucked strings: a noise that runs round a delay and loses its edge on every turn (Karplus and Strong 1983, tuned
//! by an all-pass filter after Jaffe and Smith 1983).

use crate::{
    canvas::RATE,
    filter::OnePole,
    math::{Rng, exp2},
};

/// How a string is made and plucked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pluck {
    /// Pitch, hertz.
    pub(crate) hz: f64,
    /// Seconds until it has sunk by 60 dB.
    pub(crate) seconds: f64,
    /// What each turn loses of its edge: 0.02 (steel) … 0.5 (gut under a palm).
    pub(crate) dullness: f64,
    /// Where it is plucked, as a share of its length.
    pub(crate) place: f64,
    /// Frequency above which the finger is soft, hertz.
    pub(crate) finger_hz: f64,
}

/// A string that sounds.
#[derive(Debug, Clone)]
pub(crate) struct Strung {
    ring: Vec<f64>,
    at: usize,
    loss: f64,
    dullness: f64,
    tuning: f64,
    before: f64,
    passed: [f64; 2],
}

impl Strung {
    /// Plucks a string.
    pub(crate) fn new(pluck: Pluck, seed: u64) -> Self {
        let period = RATE / pluck.hz;
        // The two-point mean delays by its second weight, the all-pass by what is left beyond whole frames.
        let whole = (period - pluck.dullness - 0.3).floor();
        let rest = period - pluck.dullness - whole;
        let length = (whole as usize).max(2);
        let (mut rng, mut finger) = (Rng::new(seed), [OnePole::default(); 2]);
        let burst: Vec<f64> = (0..length)
            .map(|_| {
                let soft = finger[0].low(rng.noise(), pluck.finger_hz);
                finger[1].low(soft, pluck.finger_hz * 1.5)
            })
            .collect();
        let back = ((pluck.place * length as f64) as usize).clamp(1, length - 1);
        let mut ring: Vec<f64> = (0..length).map(|n| burst[n] - burst[(n + length - back) % length]).collect();
        let power = (ring.iter().map(|x| x * x).sum::<f64>() / length as f64).sqrt().max(1e-9);
        for sample in &mut ring {
            *sample *= 0.35 / power;
        }
        let loss = exp2(-9.965_784 * period / RATE / pluck.seconds);
        let tuning = (1.0 - rest) / (1.0 + rest);
        Self { ring, at: 0, loss, dullness: pluck.dullness, tuning, before: 0.0, passed: [0.0; 2] }
    }

    /// The next sample.
    pub(crate) fn next(&mut self) -> f64 {
        let heard = self.ring[self.at];
        let dulled = ((1.0 - self.dullness) * heard + self.dullness * self.before) * self.loss;
        self.before = heard;
        let tuned = self.tuning * (dulled - self.passed[1]) + self.passed[0];
        self.passed = [dulled, tuned];
        self.ring[self.at] = tuned;
        self.at = if self.at + 1 < self.ring.len() { self.at + 1 } else { 0 };
        heard
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::sine;

    #[test]
    fn a_string_is_in_tune() {
        for hz in [55.0, 220.0, 523.25, 880.0] {
            let pluck = Pluck { hz, seconds: 6.0, dullness: 0.2, place: 0.2, finger_hz: 6000.0 };
            let mut string = Strung::new(pluck, 1);
            let samples: Vec<f64> = (0..48_000).map(|_| string.next()).collect();
            let power = |hz: f64| {
                let wave = |shift: f64| -> f64 {
                    samples.iter().enumerate().map(|(n, x)| x * sine(n as f64 * hz / RATE + shift)).sum()
                };
                wave(0.0) * wave(0.0) + wave(0.25) * wave(0.25)
            };
            // Within three cents: louder there than six cents to either side.
            let [flat, middle, sharp] = [-6.0, 0.0, 6.0].map(|cents| power(hz * exp2(cents / 1200.0)));
            assert!(middle > flat && middle > sharp, "{hz} Hz: {flat} {middle} {sharp}");
        }
    }
}
