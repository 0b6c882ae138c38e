//! Elementary functions and chance, written out so that every machine renders the same samples.
//!
//! The platform's `sin`, `exp` and `log` differ in their last bits between processors; these do not, because they use
//! only IEEE additions, multiplications and divisions.

use std::f64::consts::{LN_2, TAU};

/// The nearest whole number, for magnitudes below 2^51: where a float's step is one, adding rounds.
fn nearest(x: f64) -> f64 {
    const STEP_ONE: f64 = 6_755_399_441_055_744.0;
    (x + STEP_ONE) - STEP_ONE
}

/// Sine of an angle in turns (1 turn = 360°); error below 1e-9.
pub(crate) fn sine(turns: f64) -> f64 {
    let turns = turns - nearest(turns);
    let folded = if turns > 0.25 {
        0.5 - turns
    } else if turns < -0.25 {
        -0.5 - turns
    } else {
        turns
    };
    let x = folded * TAU;
    let xx = x * x;
    // The Taylor series up to x^13, innermost term first.
    let series = [1.0 / 156.0, 1.0 / 110.0, 1.0 / 72.0, 1.0 / 42.0, 1.0 / 20.0, 1.0 / 6.0]
        .iter()
        .fold(1.0, |sum, share| 1.0 - xx * share * sum);
    x * series
}

/// Tangent of π·`x` for 0 ≤ `x` < 0.5: the pre-warping of filters.
pub(crate) fn tan_pi(x: f64) -> f64 {
    sine(x * 0.5) / sine(x * 0.5 + 0.25)
}

/// 2 to the power of `x`; relative error below 1e-9.
pub(crate) fn exp2(x: f64) -> f64 {
    let x = x.clamp(-1000.0, 1000.0);
    let whole = nearest(x);
    let y = (x - whole) * LN_2;
    let series =
        [1.0 / 10.0, 1.0 / 9.0, 1.0 / 8.0, 1.0 / 7.0, 1.0 / 6.0, 1.0 / 5.0, 1.0 / 4.0, 1.0 / 3.0, 1.0 / 2.0, 1.0]
            .iter()
            .fold(1.0, |sum, share| 1.0 + y * share * sum);
    // A float whose exponent is `whole` and whose fraction is 1.0.
    series * f64::from_bits(((whole as i64 + 1023) as u64) << 52)
}

/// Logarithm to base 2 of a positive, normal number; error below 1e-9.
pub(crate) fn log2(x: f64) -> f64 {
    let bits = x.max(f64::MIN_POSITIVE).to_bits();
    let exponent = (bits >> 52) as i64 - 1023;
    let fraction = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
    let z = (fraction - 1.0) / (fraction + 1.0);
    let zz = z * z;
    let series = (0..10).rev().fold(0.0, |sum, n| sum * zz + 1.0 / f64::from(2 * n + 1));
    exponent as f64 + 2.0 * z * series / LN_2
}

/// e to the power of `x`.
pub(crate) fn exp(x: f64) -> f64 {
    exp2(x / LN_2)
}

/// Hyperbolic tangent: the shape of soft saturation.
pub(crate) fn tanh(x: f64) -> f64 {
    let e = exp(2.0 * x.clamp(-20.0, 20.0));
    (e - 1.0) / (e + 1.0)
}

/// Amplitude factor of a number of decibels.
pub(crate) fn gain(db: f64) -> f64 {
    exp2(db / 6.020_599_913_279_624)
}

/// Frequency in hertz of a MIDI note number; fractions are cents / 100.
pub(crate) fn hertz(note: f64) -> f64 {
    440.0 * exp2((note - 69.0) / 12.0)
}

/// Left and right factors of equal power for a position from −1 (left) to 1 (right).
pub(crate) fn pan(position: f64) -> [f64; 2] {
    let angle = (position.clamp(-1.0, 1.0) + 1.0) / 8.0;
    [sine(angle + 0.25), sine(angle)]
}

/// A repeatable sequence of chance (`SplitMix64`, Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    /// The sequence that belongs to a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Next 64 bits.
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in 0 … 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number in −1 … 1: white noise, one sample a call.
    pub(crate) fn noise(&mut self) -> f64 {
        self.unit() * 2.0 - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_functions_agree_with_the_platform() {
        for step in -4000..4000 {
            let x = f64::from(step) / 397.0;
            assert!((sine(x) - (x * TAU).sin()).abs() < 1e-8, "sine({x})");
            assert!((exp2(x) / x.exp2() - 1.0).abs() < 1e-8, "exp2({x})");
            assert!((tanh(x) - x.tanh()).abs() < 1e-8, "tanh({x})");
            let positive = x.abs() + 1e-6;
            assert!((log2(positive) - positive.log2()).abs() < 1e-8, "log2({positive})");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_chance() {
        let draw = |seed| {
            let mut rng = Rng::new(seed);
            (0..8).map(|_| rng.bits()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }
}
