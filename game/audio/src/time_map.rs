//! From callback timestamps to a smooth line between frames and the player's clock.
//!
//! A sound card takes frames at an almost perfect rate, but says so in jittery timestamps: callbacks come late, and what
//! a device says of its latency jumps. The map is a delay-locked loop of second order: it believes its own prediction,
//! corrected a little by each measurement. It begins as a straight line through all measurements so far (a correction of
//! 1/n), and ends as a loop so slow that only the drift of a crystal moves it. A measurement far from what is usual
//! counts no more than a usual one, and one that is absurd counts not at all, until several in a row agree that the way
//! to the speaker has truly changed: then the map begins anew.

use serde::{Deserialize, Serialize};

/// Session time in nanoseconds; fine enough for fractions of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
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

/// Bandwidth of the loop in the end, Hz: slower than the jitter of any callback, faster than any crystal drifts.
const BANDWIDTH_HZ: f64 = 0.03;
/// Bandwidth times age while the loop is young: what makes it a least-squares line (Hz · s).
const YOUNG: f64 = 0.42;
/// Multiple of the usual error beyond which a measurement counts no more than that.
const UNUSUAL: f64 = 3.0;
/// Usual errors are never thought smaller than this, nanoseconds.
const USUAL_NS_MIN: f64 = 50e3;
/// Measurements over which the usual error is averaged.
const USUAL_OVER: f64 = 64.0;
/// A measurement further from the prediction than this is not believed, nanoseconds.
const ABSURD_NS: f64 = 30e6;
/// Measurements in a row that must be absurd, and agree with each other this well, to be believed instead.
const ABSURD_MAX: u32 = 4;
const AGREE_NS: f64 = 10e6;
/// Measurements in a row that must be off to one side by this much, nanoseconds, to be a step of the way to the speaker:
/// an underrun, or another buffer. The map takes their middle at once; a loop this slow would take half a minute.
const STEP_MAX: usize = 16;
const STEP_NS: f64 = 1.5e6;
/// Measurements after which a new map is good enough to be put right by: it began with the error of a single one.
const YOUNG_MEASUREMENTS: usize = 16;
/// Time without any measurement after which the map begins anew at once, nanoseconds: the machine was asleep.
const GAP_NS: f64 = 500e6;
/// Largest deviation of a sound card from its nominal rate, as a share.
const DRIFT_MAX: f64 = 1e-3;

/// See the module.
#[derive(Debug, Clone)]
pub struct TimeMap {
    sample_rate: u32,
    /// Predicted time of the next frame, and the fraction of a nanosecond beside it.
    next: Option<(Nanos, f64)>,
    /// Correction of the nominal rate, nanoseconds per frame.
    drift: f64,
    /// Seconds of sound since the map began.
    age_s: f64,
    /// How far measurements usually are from the prediction, nanoseconds.
    usual_ns: f64,
    /// Absurd measurements in a row, and how far off the last one was, nanoseconds.
    absurd: (u32, f64),
    /// Errors to one side, nanoseconds.
    side: [f64; STEP_MAX],
    on_side: usize,
    /// Measurements since the map began, as far as they are counted.
    measurements: usize,
    /// Counts how often the map began anew, took a step or came of age.
    steps: u32,
}

impl TimeMap {
    /// A map that knows nothing yet.
    pub fn new(sample_rate: u32) -> Self {
        Self {
            sample_rate: sample_rate.max(1),
            next: None,
            drift: 0.0,
            age_s: 0.0,
            usual_ns: ABSURD_NS,
            absurd: (0, 0.0),
            side: [0.0; STEP_MAX],
            on_side: 0,
            measurements: 0,
            steps: 0,
        }
    }

    /// Nanoseconds from one frame to the next.
    pub fn frame_ns(&self) -> f64 {
        1e9 / f64::from(self.sample_rate) + self.drift
    }

    /// `frames` frames begin at `measured`, says the device. Returns when they begin, says the map.
    pub fn advance(&mut self, frames: usize, measured: Nanos) -> Nanos {
        let nominal = frames as f64 * 1e9 / f64::from(self.sample_rate);
        let (next, fraction) = self.next.unwrap_or((measured, 0.0));
        let error = (measured.0.wrapping_sub(next.0)) as f64 - fraction;
        if error.abs() > ABSURD_NS && self.is_to_be_believed(error) {
            *self = Self { steps: self.steps + 1, ..Self::new(self.sample_rate) };
            self.age_s = nominal * 1e-9;
            self.next = Some(later(measured, 0.0, nominal));
            return measured;
        }
        if self.measurements < YOUNG_MEASUREMENTS {
            self.measurements += 1;
            self.steps += u32::from(self.measurements == YOUNG_MEASUREMENTS);
        }
        if let Some(step) = self.step(error) {
            let anew = later(next, fraction, step);
            let length = frames as f64 * self.frame_ns();
            self.next = Some(later(anew.0, anew.1, length));
            return anew.0;
        }
        let believed = if error.abs() > ABSURD_NS { 0.0 } else { self.usual(error) };
        self.age_s += nominal * 1e-9;
        // Coefficients of a critically damped loop for this block's length.
        let bandwidth = (YOUNG / self.age_s.max(1e-6)).max(BANDWIDTH_HZ);
        let omega = std::f64::consts::TAU * bandwidth * nominal * 1e-9;
        let correction = (std::f64::consts::SQRT_2 * omega).min(1.0) * believed;
        if frames > 0 {
            self.drift += (omega * omega).min(0.25) * believed / frames as f64;
            let most = DRIFT_MAX * 1e9 / f64::from(self.sample_rate);
            self.drift = self.drift.clamp(-most, most);
        }
        let length = frames as f64 * self.frame_ns();
        self.next = Some(later(next, fraction, length + correction));
        next
    }

    /// Counts a measurement that is absurd. Believed is one that comes after others of its kind, or after a long time
    /// without any.
    fn is_to_be_believed(&mut self, error: f64) -> bool {
        let (count, last) = self.absurd;
        let count = if count > 0 && (error - last).abs() < AGREE_NS { count + 1 } else { 1 };
        self.absurd = (count, error);
        count >= ABSURD_MAX || error > GAP_NS
    }

    /// The step that the way to the speaker has taken, once enough measurements say so, nanoseconds.
    fn step(&mut self, error: f64) -> Option<f64> {
        let goes_on = self.on_side == 0 || self.side[0].signum() == error.signum();
        if error.abs() < STEP_NS || error.abs() > ABSURD_NS || !goes_on {
            self.on_side = 0;
            return None;
        }
        self.side[self.on_side] = error;
        self.on_side += 1;
        if self.on_side < STEP_MAX {
            return None;
        }
        self.on_side = 0;
        self.steps += 1;
        let mut errors = self.side;
        errors.sort_unstable_by(f64::total_cmp);
        Some(errors[STEP_MAX / 2])
    }

    /// Counts how often the map began anew, took a step or came of age: the sound must jump with it.
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// Bounds an error by what is usual, and learns what is.
    fn usual(&mut self, error: f64) -> f64 {
        self.absurd = (0, 0.0);
        let most = UNUSUAL * self.usual_ns.max(USUAL_NS_MIN);
        let bounded = error.clamp(-most, most);
        self.usual_ns += (bounded.abs() - self.usual_ns) / USUAL_OVER;
        bounded
    }

    /// Forgets everything: another device, or another rate.
    pub fn reset(&mut self, sample_rate: u32) {
        *self = Self { steps: self.steps + 1, ..Self::new(sample_rate) };
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

    /// Runs a map over blocks of 480 frames of a card that is 100 ppm slow, timestamps off by `off(block)` nanoseconds;
    /// gives the error after each block, nanoseconds.
    fn errors(map: &mut TimeMap, blocks: u64, off: impl Fn(u64) -> f64) -> Vec<f64> {
        let frame = 1e9 / 48_000.0 * 1.000_1;
        let run = (0..blocks).map(|block| {
            let exact = block as f64 * 480.0 * frame;
            map.advance(480, Nanos((exact + off(block)) as i64)).0 as f64 - exact
        });
        run.collect()
    }

    fn worst(errors: &[f64]) -> f64 {
        errors.iter().fold(0.0, |worst, error| worst.max(error.abs()))
    }

    #[test]
    fn jitter_is_smoothed_and_drift_is_followed() {
        let errors = errors(&mut TimeMap::new(48_000), 20_000, |block| jitter(block) * 3e6);
        assert!(worst(&errors[200..]) < 1.0e6, "3 ms of jitter leave {} ns after 2 s", worst(&errors[200..]));
        assert!(worst(&errors[2_000..]) < 0.3e6, "3 ms of jitter leave {} ns", worst(&errors[2_000..]));
    }

    #[test]
    fn a_single_absurd_timestamp_moves_nothing_and_a_late_one_little() {
        for late in [12e6, 45e6, -45e6, 400e6] {
            let off = |block| if block == 3_000 { late } else { jitter(block) * 0.1e6 };
            let errors = errors(&mut TimeMap::new(48_000), 4_000, off);
            assert!(worst(&errors[1_000..]) < 0.2e6, "{late}: {}", worst(&errors[1_000..]));
        }
    }

    #[test]
    fn a_way_to_the_speaker_that_has_truly_changed_is_believed_after_a_few_callbacks() {
        let off = |block| jitter(block) * 0.1e6 + if block < 2_000 { 0.0 } else { 60e6 };
        let errors = errors(&mut TimeMap::new(48_000), 3_000, off);
        assert!(worst(&errors[1_000..2_000]) < 0.2e6);
        let after: Vec<f64> = errors[2_000 + ABSURD_MAX as usize..].iter().map(|error| error - 60e6).collect();
        assert!(worst(&after) < 0.3e6, "{}", worst(&after));
    }

    #[test]
    fn a_step_of_the_way_is_taken_at_once_and_drift_is_kept() {
        let off = |block| jitter(block) * 0.3e6 + if block < 2_000 { 0.0 } else { 8e6 };
        let errors = errors(&mut TimeMap::new(48_000), 3_000, off);
        let after: Vec<f64> = errors[2_000 + STEP_MAX + 1..].iter().map(|error| error - 8e6).collect();
        assert!(worst(&after) < 0.5e6, "{}", worst(&after));
    }

    #[test]
    fn after_sleep_it_starts_anew_at_once() {
        let mut map = TimeMap::new(48_000);
        map.advance(128, Nanos(0));
        assert_eq!(map.advance(128, Nanos(1_000_000_000)), Nanos(1_000_000_000));
    }
}
