//! From callback timestamps to a smooth line between frames and session time.
//!
//! A sound card takes frames at an almost perfect rate, but says so in jittery timestamps. The map is a delay-locked
//! loop of second order: it believes its own prediction, corrected a little by each measurement. Far off, it starts
//! anew.

/// Session time in nanoseconds; fine enough for fractions of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Nanos(pub i64);

impl Nanos {
    /// From session time.
    pub fn from_micros(time: keyboardia_session::Micros) -> Self {
        Self(i64::try_from(time.0).unwrap_or(i64::MAX / 1_000).saturating_mul(1_000))
    }

    /// The session time that this lies in.
    pub fn micros(self) -> keyboardia_session::Micros {
        keyboardia_session::Micros(u64::try_from(self.0.div_euclid(1_000)).unwrap_or(0))
    }
}

/// Bandwidth of the loop, Hz: slower than the jitter of any callback, faster than any crystal drifts.
const BANDWIDTH_HZ: f64 = 0.15;
/// A measurement further from the prediction than this starts the map anew, nanoseconds.
const RESET_NS: f64 = 30e6;

/// See the module.
#[derive(Debug, Clone)]
pub struct TimeMap {
    sample_rate: u32,
    /// Predicted time of the next frame, and the fraction of a nanosecond beside it.
    next: Option<(Nanos, f64)>,
    /// Correction of the nominal rate, nanoseconds per frame.
    drift: f64,
}

impl TimeMap {
    /// A map that knows nothing yet.
    pub fn new(sample_rate: u32) -> Self {
        Self { sample_rate: sample_rate.max(1), next: None, drift: 0.0 }
    }

    /// Nanoseconds from one frame to the next.
    pub fn frame_ns(&self) -> f64 {
        1e9 / f64::from(self.sample_rate) + self.drift
    }

    /// `frames` frames begin at `measured`, says the device. Returns when they begin, says the map.
    pub fn advance(&mut self, frames: usize, measured: Nanos) -> Nanos {
        let (next, fraction) = self.next.unwrap_or((measured, 0.0));
        let error = (measured.0.wrapping_sub(next.0)) as f64 - fraction;
        let nominal = frames as f64 * 1e9 / f64::from(self.sample_rate);
        if error.abs() > RESET_NS {
            self.drift = 0.0;
            self.next = Some(later(measured, 0.0, nominal));
            return measured;
        }
        // Coefficients of a critically damped loop for this block's length.
        let omega = std::f64::consts::TAU * BANDWIDTH_HZ * nominal * 1e-9;
        let correction = (std::f64::consts::SQRT_2 * omega).min(1.0) * error;
        if frames > 0 {
            self.drift += (omega * omega).min(1.0) * error / frames as f64;
        }
        let length = frames as f64 * self.frame_ns();
        self.next = Some(later(next, fraction, length + correction));
        next
    }

    /// Forgets everything: another device, or another rate.
    pub fn reset(&mut self, sample_rate: u32) {
        *self = Self::new(sample_rate);
    }
}

fn later(time: Nanos, fraction: f64, by: f64) -> (Nanos, f64) {
    let whole = (fraction + by).floor();
    (Nanos(time.0.saturating_add(whole as i64)), fraction + by - whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Deterministic jitter, −1 … 1.
    fn jitter(i: u64) -> f64 {
        let mixed = (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    #[test]
    fn exact_timestamps_are_kept_to_the_nanosecond() {
        let mut map = TimeMap::new(44_100);
        for block in 0..100_000_i64 {
            let exact = Nanos((i128::from(block) * 128 * 1_000_000_000 / 44_100) as i64);
            let said = map.advance(128, exact);
            assert!((said.0 - exact.0).abs() <= 2, "block {block}: {said:?} instead of {exact:?}");
        }
    }

    #[test]
    fn jitter_is_smoothed_and_drift_is_followed() {
        let mut map = TimeMap::new(48_000);
        let frame = 1e9 / 48_000.0 * 1.000_1;
        let mut worst = 0.0_f64;
        for block in 0..20_000_u64 {
            let exact = block as f64 * 480.0 * frame;
            let said = map.advance(480, Nanos((exact + jitter(block) * 3e6) as i64));
            if block > 1_000 {
                worst = worst.max((said.0 as f64 - exact).abs());
            }
        }
        assert!(worst < 0.5e6, "3 ms of jitter leaves {worst} ns");
    }

    #[test]
    fn far_off_it_starts_anew() {
        let mut map = TimeMap::new(48_000);
        map.advance(128, Nanos(0));
        assert_eq!(map.advance(128, Nanos(1_000_000_000)), Nanos(1_000_000_000));
    }
}
