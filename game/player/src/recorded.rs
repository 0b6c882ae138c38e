//! What has been recorded, and what becomes of it: a sample, or a microphone's latency. Both take a while, and are for a
//! thread that has time.
//!
//! Device times jitter, so the frames of a recording are put on a line: the middle of what all blocks say. A long recording
//! also tells how fast the device truly runs; a short one does not, and the device is believed.

use crate::calibration::{median, nudge_us};
use keyboardia_audio::{
    Nanos,
    take::{Finished, LoopCut, Settings, Shape, Take, finish},
};
use keyboardia_session::{Beats, Timeline};

/// Blocks must span so much for the device's true rate to be told from them, seconds.
const DRIFT_SPAN_S_MIN: f64 = 8.0;
/// Largest deviation of a device from its nominal rate, as a share.
const DRIFT_MAX: f64 = 1e-3;
/// Deviation from which on it counts, as a share: less is no more than rates are rounded by.
const DRIFT_MIN: f64 = 2e-5;

/// When a frame was captured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Mark {
    /// Counted from the beginning of the recording.
    pub(crate) frame: u64,
    /// As the player heard it: time of the session at the ear, latencies subtracted.
    pub(crate) at: Nanos,
}

/// What a microphone has heard.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    pub(crate) rate_hz: u32,
    /// One or two.
    pub(crate) channels: usize,
    /// Interleaved.
    pub(crate) samples: Vec<f32>,
    /// Of the samples' blocks, in order.
    pub(crate) marks: Vec<Mark>,
}

impl Tape {
    /// Nothing yet.
    pub(crate) fn new(rate_hz: u32, channels: usize) -> Self {
        Self { rate_hz, channels: channels.max(1), ..Self::default() }
    }

    pub(crate) fn frames(&self) -> u64 {
        (self.samples.len() / self.channels.max(1)) as u64
    }

    /// Forgets the blocks that begin earlier than so many frames before the end.
    pub(crate) fn keep_last(&mut self, frames: u64) {
        let from = self.frames().saturating_sub(frames);
        let blocks = self.marks.partition_point(|mark| mark.frame < from);
        let Some(first) = self.marks.get(blocks).map(|mark| mark.frame) else { return };
        self.marks.drain(..blocks);
        self.samples.drain(..(first as usize * self.channels).min(self.samples.len()));
        for mark in &mut self.marks {
            mark.frame -= first;
        }
    }

    /// The line that the frames lie on.
    fn steady(&self) -> Steady {
        let nominal_ns = 1e9 / f64::from(self.rate_hz.max(1));
        let Some(first) = self.marks.first() else {
            return Steady { origin: Nanos::default(), frame_ns: nominal_ns };
        };
        // How late each block is, taken for one of a device that runs at its nominal rate.
        let late = |mark: &Mark| (mark.at.0 - first.at.0) as f64 - (mark.frame - first.frame) as f64 * nominal_ns;
        let drift = self.drift_ns(late).unwrap_or(0.0);
        let lates = self.marks.iter().map(|mark| late(mark) - (mark.frame - first.frame) as f64 * drift).collect();
        let frame_ns = nominal_ns + drift;
        let begin = median(lates).unwrap_or(0.0) - first.frame as f64 * frame_ns;
        Steady { origin: Nanos(first.at.0.saturating_add(begin.round() as i64)), frame_ns }
    }

    /// How much longer a frame is than the device says, nanoseconds, where that can be told: the middle of the last third
    /// against that of the first.
    fn drift_ns(&self, late: impl Fn(&Mark) -> f64) -> Option<f64> {
        let third = self.marks.len() / 3;
        let (begin, end) = (self.marks.get(..third)?, self.marks.get(self.marks.len() - third..)?);
        let middle = |marks: &[Mark]| {
            let frame = median(marks.iter().map(|mark| mark.frame as f64).collect())?;
            Some((frame, median(marks.iter().map(&late).collect())?))
        };
        let (from, to) = (middle(begin)?, middle(end)?);
        let (frames, nominal_ns) = (to.0 - from.0, 1e9 / f64::from(self.rate_hz));
        let span_s = self.marks.last()?.frame.saturating_sub(self.marks.first()?.frame) as f64 * nominal_ns * 1e-9;
        let drift = ((to.1 - from.1) / frames.max(1.0) / nominal_ns).clamp(-DRIFT_MAX, DRIFT_MAX);
        (span_s >= DRIFT_SPAN_S_MIN && drift.abs() >= DRIFT_MIN).then_some(drift * nominal_ns)
    }

    /// A take of it, at this rate.
    fn take(self, rate_hz: u32) -> Result<Take, String> {
        let side = |side: usize| self.samples.iter().skip(side).step_by(self.channels).copied().collect();
        Take::new(rate_hz, (0..self.channels).map(side).collect()).map_err(|error| error.to_string())
    }
}

/// A line from frames to the time at the ear.
struct Steady {
    /// When frame 0 was captured.
    origin: Nanos,
    frame_ns: f64,
}

impl Steady {
    /// The frame of a moment; it may lie between two, and before the first.
    fn frame_at(&self, at: Nanos) -> f64 {
        at.0.saturating_sub(self.origin.0) as f64 / self.frame_ns
    }

    /// The true rate, Hz, rounded: what a take has.
    fn rate_hz(&self) -> u32 {
        (1e9 / self.frame_ns).round() as u32
    }
}

/// A finished sound.
#[derive(Debug, Clone, PartialEq)]
pub struct MadeTake {
    /// The sample.
    pub finished: Finished,
    /// Its length if it is a loop; a one-shot is as long as it sounds.
    pub looped: Option<Beats>,
}

/// Which part of a recording is the sound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Part {
    /// What is not silent.
    All,
    /// So many beats from this one on.
    Beats { line: Timeline, start: Beats, length: Beats },
}

/// A recording that is over, not yet a sample.
#[derive(Debug)]
pub struct Recorded {
    pub(crate) tape: Tape,
    pub(crate) part: Part,
}

impl Recorded {
    /// The raw recording, and where in it the sound lies.
    ///
    /// # Errors
    /// Why it is no recording within the bounds, as a sentence.
    pub fn take(self) -> Result<(Take, Shape), String> {
        match self.part {
            Part::All => {
                let rate_hz = self.tape.rate_hz;
                Ok((self.tape.take(rate_hz)?, Shape::OneShot))
            }
            Part::Beats { line, start, length } => {
                let steady = self.tape.steady();
                let begin = line.time_at(start).ok_or_else(|| "There are no beats to cut the loop at.".to_owned())?;
                let frame = steady.frame_at(Nanos::from_micros(begin));
                let cut = LoopCut { frame, beat: start, tempo: line.tempo, start, length };
                Ok((self.tape.take(steady.rate_hz())?, Shape::Loop(cut)))
            }
        }
    }

    /// Makes a sample of it. Takes a while: not for the player's thread. `seed` is what the dither is made from.
    ///
    /// # Errors
    /// Why it cannot be one, as a sentence.
    pub fn finish(self, seed: u64) -> Result<MadeTake, String> {
        let looped = match self.part {
            Part::All => None,
            Part::Beats { length, .. } => Some(length),
        };
        let (take, shape) = self.take()?;
        let finished = finish(&take, &Settings::new(shape, seed)).map_err(|error| error.to_string())?;
        Ok(MadeTake { finished, looped })
    }
}

/// A recording of the metronome that is over.
#[derive(Debug)]
pub struct Loopback {
    pub(crate) tape: Tape,
    pub(crate) line: Timeline,
    /// The counts that ticked.
    pub(crate) counts: Vec<Beats>,
}

impl Loopback {
    /// The input nudge that puts recordings by this microphone right, microseconds. Takes a while: not for the player's
    /// thread.
    ///
    /// # Errors
    /// Why that cannot be told, as a sentence.
    pub fn nudge_us(self) -> Result<i32, String> {
        let steady = self.tape.steady();
        let times = self.counts.iter().filter_map(|count| self.line.time_at(*count));
        let clicks: Vec<f64> = times.map(|time| steady.frame_at(Nanos::from_micros(time))).collect();
        let frames = self.tape.samples.chunks_exact(self.tape.channels);
        let samples: Vec<f32> = frames.map(|frame| frame.iter().sum::<f32>() / self.tape.channels as f32).collect();
        nudge_us(&samples, 1e9 / steady.frame_ns, &clicks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tape whose device runs `ppm` fast and whose blocks are told up to 3 ms late or early, begun at 7 s.
    fn tape(rate_hz: u32, ppm: f64, seconds: usize) -> Tape {
        let mut tape = Tape::new(rate_hz, 1);
        let frame_ns = 1e9 / (f64::from(rate_hz) * (1.0 + ppm * 1e-6));
        for block in 0..u64::from(rate_hz) * seconds as u64 / 480 {
            let jitter = (((block * 7_919) % 61) as f64 - 30.0) * 0.1e6;
            let at = 7e9 + (block * 480) as f64 * frame_ns + jitter;
            tape.marks.push(Mark { frame: block * 480, at: Nanos(at as i64) });
            tape.samples.extend([0.0; 480]);
        }
        tape
    }

    #[test]
    fn frames_lie_on_a_line_through_jittery_times_however_fast_the_device_runs() {
        for rate in [44_100, 48_000, 96_000] {
            for (ppm, seconds) in [(0.0, 1), (0.0, 60), (100.0, 2), (100.0, 60), (-80.0, 64)] {
                let steady = tape(rate, ppm, seconds).steady();
                for share in [0.0, 0.5, 1.0] {
                    let true_frame = f64::from(rate) * seconds as f64 * share;
                    let true_ns = 7e9 + true_frame * 1e9 / (f64::from(rate) * (1.0 + ppm * 1e-6));
                    let off = (steady.frame_at(Nanos(true_ns as i64)) - true_frame) / f64::from(rate);
                    assert!(off.abs() < 0.4e-3, "{rate} Hz, {ppm} ppm, {seconds} s, at {share}: {off} s");
                }
            }
        }
    }

    #[test]
    fn a_tape_that_is_shortened_keeps_its_line() {
        let whole = tape(48_000, 0.0, 10);
        let at = Nanos(16_000_000_000);
        let before = whole.steady().frame_at(at);
        let mut short = tape(48_000, 0.0, 10);
        short.keep_last(48_000 * 3);
        assert!((48_000 * 3 - 480..=48_000 * 3).contains(&short.frames()), "{}", short.frames());
        let gone = (whole.frames() - short.frames()) as f64;
        assert!((short.steady().frame_at(at) + gone - before).abs() < 24.0, "half a millisecond");
    }
}
