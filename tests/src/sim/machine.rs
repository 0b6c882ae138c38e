//! A player's machine: a clock that runs a little wrong, and a sound card that runs wrong in its own way.

use super::{Time, micros, scenario::Machine};
use crate::world::Dice;
use keyboardia_audio::Nanos;
use keyboardia_session::Micros;

/// A clock of the player's own: any offset, its own rate, coarse steps.
#[derive(Debug, Clone, Copy)]
pub(super) struct LocalClock {
    started: Time,
    base_ns: i64,
    rate: f64,
    grain_ns: i64,
}

impl LocalClock {
    pub(super) fn new(machine: &Machine, now: Time, dice: &mut Dice) -> Self {
        let rate = 1.0 + dice.between(-machine.clock_ppm, machine.clock_ppm) * 1e-6;
        let grain_ns = machine.clock_grain_us as i64 * 1_000;
        Self { started: now, base_ns: dice.below(1 << 50) as i64, rate, grain_ns }
    }

    /// It stands still for so long, all at once; less than nothing: it leaps forward.
    pub(super) fn lose(&mut self, time: Time) {
        self.base_ns -= (time as f64 * self.rate) as i64;
    }

    pub(super) fn nanos(&self, now: Time) -> Nanos {
        let exact = self.base_ns + ((now - self.started) as f64 * self.rate) as i64;
        // Production reads nanoseconds where the clock has them.
        let grain = if self.grain_ns <= 1_000 { 1 } else { self.grain_ns };
        Nanos(exact / grain * grain)
    }

    pub(super) fn micros(&self, now: Time) -> Micros {
        let exact = self.base_ns + ((now - self.started) as f64 * self.rate) as i64;
        Micros((exact / self.grain_ns * self.grain_ns / 1_000) as u64)
    }
}

/// Frames of one callback, as sound cards have them.
const CALLBACKS: [usize; 3] = [441, 512, 1_024];
/// Nominal rates, Hz.
pub(super) const RATES: [u32; 2] = [48_000, 44_100];
/// From a callback to its first frame's leaving the speaker, beside two buffers, microseconds.
const LATENCY_US: std::ops::Range<f64> = 1_000.0..10_000.0;

/// A sound card: frames leave the speaker at an even rate, and are asked for some time before.
#[derive(Debug)]
pub(super) struct SoundCard {
    pub(super) sample_rate: u32,
    /// Frames of one callback.
    pub(super) frames: usize,
    /// Nanoseconds from one frame to the next, truly.
    pub(super) frame_ns: f64,
    /// When frame zero leaves the speaker.
    first: f64,
    /// From the moment when a callback should come to its first frame's leaving the speaker, nanoseconds.
    latency_ns: f64,
    /// The next callback's first frame.
    pub(super) next: u64,
    noise_ns: f64,
    late_ns: f64,
}

impl SoundCard {
    /// Any sound card.
    pub(super) fn new(machine: &Machine, now: Time, dice: &mut Dice) -> Self {
        let sample_rate = RATES[dice.below(2) as usize];
        Self::of_rate(sample_rate, machine, now, dice)
    }

    /// Any sound card of this rate.
    pub(super) fn of_rate(sample_rate: u32, machine: &Machine, now: Time, dice: &mut Dice) -> Self {
        let frames = CALLBACKS[dice.below(3) as usize];
        let ppm = dice.between(-machine.card_ppm, machine.card_ppm);
        let frame_ns = 1e9 / f64::from(sample_rate) / (1.0 + ppm * 1e-6);
        let latency_ns = frame_ns * frames as f64 * 2.0 + dice.between(LATENCY_US.start, LATENCY_US.end) * 1e3;
        Self {
            sample_rate,
            frames,
            frame_ns,
            first: now as f64 + latency_ns + dice.between(0.0, 10e6),
            latency_ns,
            next: 0,
            noise_ns: machine.latency_noise_us * 1e3,
            late_ns: machine.callback_late_us * 1e3,
        }
    }

    /// Asks for so many frames at once from now on, and as much earlier as that takes.
    pub(super) fn set_buffer(&mut self, frames: usize) {
        self.latency_ns += self.frame_ns * (frames as f64 - self.frames as f64) * 2.0;
        self.frames = frames;
    }

    /// Whether the next callback may come now.
    pub(super) fn is_due(&self, now: Time) -> bool {
        // Times are cut to whole nanoseconds.
        now as f64 + 1.0 >= self.leaves(self.next) - self.latency_ns
    }

    /// When the next callback comes; never before `now`, and never so late that the card runs dry.
    pub(super) fn next_callback(&self, now: Time, dice: &mut Dice) -> Time {
        let lateness = dice.wait(self.late_ns).min(self.latency_ns / 2.0);
        ((self.leaves(self.next) - self.latency_ns + lateness) as Time).max(now)
    }

    /// When a frame leaves the speaker, truly.
    pub(super) fn leaves(&self, frame: u64) -> f64 {
        self.first + frame as f64 * self.frame_ns
    }

    /// The frame that leaves the speaker now, truly.
    pub(super) fn leaving(&self, now: Time) -> f64 {
        (now as f64 - self.first) / self.frame_ns
    }

    /// Time until the next callback's first frame leaves the speaker, as the card says, nanoseconds.
    pub(super) fn says_ahead(&self, now: Time, dice: &mut Dice) -> i64 {
        let noise = dice.between(-self.noise_ns, self.noise_ns);
        ((self.leaves(self.next) - now as f64 + noise) as i64).max(0)
    }

    /// From rendering a callback to the moment when its last frame leaves the speaker, microseconds.
    pub(super) fn latency_us(&self) -> u32 {
        ((self.latency_ns + self.frame_ns * self.frames as f64) / 1e3) as u32
    }

    /// The card runs dry for a while: what is yet to come leaves that much later.
    pub(super) fn run_dry(&mut self, gap_us: f64) {
        self.first += micros(gap_us) as f64;
    }
}
