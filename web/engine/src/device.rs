//! When a frame of the AudioWorklet leaves the speaker, by the worker's clock.
//!
//! Two things are known. When the worklet has *rendered* a frame: its thread says so by its own clock, late by however
//! busy the machine is, but never early, so the earliest of late is the true one. And how much later a frame is *heard*:
//! the page reads pairs of a frame at the speaker and its time; a page that stalls reads some of them wrongly, so the
//! middle of many counts. Without any, what the browser says of its latency has to do. A sound that was not rendered in
//! time stumbles: all that follows is late from then on, and just as much later at the speaker.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Stretch of time within which the least late report is looked for, microseconds: clocks drift apart.
const STRETCH_US: f64 = 2_000_000.0;
/// Reports in a row, half a second of them, that are all later than this, microseconds, are those of a sound that has
/// stumbled.
const STUMBLE_REPORTS: usize = 24;
const STUMBLE_US: f64 = 3_000.0;
/// A report is not later than this, microseconds; more is a clock that stood still, or another one.
const LATE_US_MAX: f64 = 500_000.0;
/// Readings of the speaker that are kept.
const READINGS_KEPT: usize = 31;
/// Time from rendering to the speaker that is believed, microseconds.
const DELAY_US: std::ops::RangeInclusive<f64> = 0.0..=2_000_000.0;
/// Change of that time that is taken up at once, microseconds; a smaller one is followed slowly.
const STEP_US: f64 = 4_000.0;
/// Share of a smaller change that each reading makes up for.
const FOLLOW: f64 = 0.05;

/// Where frames are, by the worker's clock: a straight line.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Way {
    /// A frame.
    pub frame: u64,
    /// When it leaves the speaker, the worker's clock, nanoseconds.
    pub local_ns: i64,
    /// From one frame to the next, nanoseconds.
    pub frame_ns: f64,
}

impl Way {
    /// When `frame` leaves the speaker, the worker's clock, nanoseconds.
    pub fn at(&self, frame: u64) -> i64 {
        let frames = frame.wrapping_sub(self.frame) as i64;
        self.local_ns.saturating_add((frames as f64 * self.frame_ns).round() as i64)
    }
}

/// What the page reads of the speaker.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// The frame at the speaker.
    pub frame: f64,
    /// When it was there, the worker's clock, microseconds.
    pub local_us: f64,
    /// What the browser says of the time to the speaker beyond rendering, microseconds; 0 where it says nothing.
    pub latency_us: f64,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Device {
    sample_rate: f64,
    /// Least lateness (time less frames) within the running stretch and the one before, microseconds.
    least: [Option<f64>; 2],
    since_us: f64,
    /// Lateness of the latest reports, at most [`STUMBLE_REPORTS`].
    latest: VecDeque<f64>,
    /// The last frame that was rendered, as far as is known.
    frame: u64,
    delays: VecDeque<f64>,
    delay_us: Option<f64>,
    claimed_us: f64,
}

impl Device {
    /// A device of so many frames a second.
    pub fn new(sample_rate: f64) -> Self {
        Self {
            sample_rate: sample_rate.max(1.0),
            least: [None; 2],
            since_us: 0.0,
            latest: VecDeque::with_capacity(STUMBLE_REPORTS),
            frame: 0,
            delays: VecDeque::with_capacity(READINGS_KEPT),
            delay_us: None,
            claimed_us: 0.0,
        }
    }

    fn frames_us(&self, frame: f64) -> f64 {
        frame * 1e6 / self.sample_rate
    }

    /// All before `frame` has been rendered at `local_us`, the worker's clock, or earlier.
    pub fn rendered(&mut self, frame: u64, local_us: f64) {
        let lateness = local_us - self.frames_us(frame as f64);
        if frame < self.frame || self.least().is_some_and(|least| (lateness - least).abs() > LATE_US_MAX) {
            // The sound stood still, or began anew.
            self.least = [None; 2];
            self.latest.clear();
            self.delays.clear();
            self.delay_us = None;
        }
        self.frame = frame;
        if self.latest.len() == STUMBLE_REPORTS {
            self.latest.pop_front();
        }
        self.latest.push_back(lateness);
        if local_us - self.since_us > STRETCH_US {
            self.least = [None, self.least[0]];
            self.since_us = local_us;
        }
        self.least[0] = Some(self.least[0].map_or(lateness, |least| least.min(lateness)));
        let of_late = self.latest.iter().copied().fold(f64::INFINITY, f64::min);
        if self.latest.len() == STUMBLE_REPORTS && self.least().is_some_and(|least| of_late - least > STUMBLE_US) {
            self.least = [Some(of_late), None];
            self.since_us = local_us;
        }
    }

    fn least(&self) -> Option<f64> {
        self.least.into_iter().flatten().reduce(f64::min)
    }

    /// The page has read the speaker.
    pub fn read(&mut self, reading: Reading) {
        self.claimed_us = if DELAY_US.contains(&reading.latency_us) { reading.latency_us } else { 0.0 };
        let Some(least) = self.least() else { return };
        let delay = reading.local_us - self.frames_us(reading.frame) - least;
        if reading.frame <= 0.0 || !DELAY_US.contains(&delay) {
            return;
        }
        if self.delays.len() == READINGS_KEPT {
            self.delays.pop_front();
        }
        self.delays.push_back(delay);
        let mut sorted = Vec::with_capacity(READINGS_KEPT);
        for delay in &self.delays {
            sorted.insert(sorted.partition_point(|other| other < delay), *delay);
        }
        let middle = sorted[sorted.len() / 2];
        let followed = self.delay_us.filter(|delay| (middle - delay).abs() < STEP_US);
        self.delay_us = Some(followed.map_or(middle, |delay| delay + FOLLOW * (middle - delay)));
    }

    /// The speaker may be another one: the next reading alone says when frames leave it.
    pub fn forget_speaker(&mut self) {
        self.delays.clear();
    }

    /// Time from rendering to the speaker, microseconds.
    pub fn latency_us(&self) -> f64 {
        self.delay_us.unwrap_or(self.claimed_us)
    }

    /// Where frames are; `None` before anything was rendered.
    pub fn way(&self) -> Option<Way> {
        let at_us = self.least()? + self.frames_us(self.frame as f64) + self.latency_us();
        Some(Way { frame: self.frame, local_ns: (at_us * 1e3).round() as i64, frame_ns: 1e9 / self.sample_rate })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: f64 = 48_000.0;

    /// Plays for some seconds: messages every 1,024 frames, late by up to 12 ms; readings five times a second, every
    /// third one of a page that had stalled, and wrong by up to 300 ms. Rendering began at 1 s, 30 ms before the speaker.
    fn played(seconds: u32, drift: f64) -> (Device, f64) {
        let mut device = Device::new(RATE);
        let blocks = (f64::from(seconds) * RATE / 1_024.0) as u64;
        let mut worst = 0.0_f64;
        for block in 0..blocks {
            let frame = block * 1_024;
            let rendered_us = 1e6 + frame as f64 / RATE * 1e6 * (1.0 + drift);
            let late_us = if block % 5 == 0 { 0.0 } else { (block * 7_919 % 12_000) as f64 };
            device.rendered(frame, rendered_us + late_us);
            if block % 9 == 0 {
                let wrong_us = if block % 27 == 0 { (block * 104_729 % 300_000) as f64 } else { 0.0 };
                let reading =
                    Reading { frame: frame as f64, local_us: rendered_us + 30e3 + wrong_us, latency_us: 25e3 };
                device.read(reading);
            }
            if block > 200 {
                let off = device.way().map_or(f64::MAX, |way| way.at(frame) as f64 / 1e3 - rendered_us - 30e3);
                worst = worst.max(off.abs());
            }
        }
        (device, worst)
    }

    #[test]
    fn late_messages_and_wrong_readings_do_not_move_the_line() {
        let (_, worst) = played(60, 0.0);
        assert!(worst < 5.0, "{worst} µs");
    }

    #[test]
    fn a_crystal_that_drifts_is_followed() {
        let (_, worst) = played(300, 50e-6);
        assert!(worst < 300.0, "{worst} µs");
    }

    #[test]
    fn without_readings_what_the_browser_says_has_to_do() {
        let mut device = Device::new(RATE);
        assert_eq!(device.way(), None);
        device.rendered(48_000, 3e6);
        assert_eq!(device.way().map(|way| way.at(48_000)), Some(3_000_000_000));
        device.read(Reading { frame: 0.0, local_us: 0.0, latency_us: 20e3 });
        assert_eq!(device.way().map(|way| way.at(96_000)), Some(4_020_000_000));
    }

    #[test]
    fn a_sound_that_stumbles_is_followed_within_a_second_and_not_twice() {
        let (mut device, _) = played(10, 0.0);
        let mut worst = 0.0_f64;
        // A device has asked in vain for 1,024 frames: from then on all is later by as much.
        let lost_us = 1_024.0 / RATE * 1e6;
        for block in 1..=400_u64 {
            let frame = 10 * 48_000 + block * 1_024;
            let rendered_us = 1e6 + frame as f64 / RATE * 1e6 + lost_us;
            device.rendered(frame, rendered_us + (block * 7_919 % 2_000) as f64);
            if block % 9 == 0 {
                device.read(Reading { frame: frame as f64, local_us: rendered_us + 30e3, latency_us: 25e3 });
            }
            if block > 48 {
                let off = device.way().map_or(f64::MAX, |way| way.at(frame) as f64 / 1e3 - rendered_us - 30e3);
                worst = worst.max(off.abs());
            }
        }
        assert!(worst < 500.0, "{worst} µs");
    }

    #[test]
    fn another_speaker_is_followed_by_its_first_reading() {
        let (mut device, _) = played(10, 0.0);
        device.forget_speaker();
        assert!((device.latency_us() - 30e3).abs() < 5.0, "until then the old one is the best guess");
        let frame = 10 * 48_000;
        let rendered_us = 1e6 + frame as f64 / RATE * 1e6;
        device.rendered(frame, rendered_us);
        device.read(Reading { frame: frame as f64, local_us: rendered_us + 180e3, latency_us: 170e3 });
        assert!((device.latency_us() - 180e3).abs() < 5.0, "{}", device.latency_us());
    }

    #[test]
    fn a_sound_that_stood_still_is_found_again() {
        let (mut device, _) = played(10, 0.0);
        let frame = 10 * 48_000;
        // Suspended for a minute: frames go on where they were, a minute later.
        for block in 1..=400 {
            let frame = frame + block * 1_024;
            let local = 1e6 + 60e6 + frame as f64 / RATE * 1e6;
            device.rendered(frame, local);
            device.read(Reading { frame: frame as f64, local_us: local + 40e3, latency_us: 25e3 });
        }
        let frame = frame + 400 * 1_024;
        let want = 1e6 + 60e6 + frame as f64 / RATE * 1e6 + 40e3;
        let got = device.way().map(|way| way.at(frame) as f64 / 1e3);
        assert!(got.is_some_and(|got| (got - want).abs() < 5.0), "{got:?} for {want}");
    }
}
