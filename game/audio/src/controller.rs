//! The one writer of the clock's speed: it makes the kira clock's beat follow the session's.
//!
//! A kira clock runs forwards from zero and knows nothing of negative beats, seeks or stops. The controller adds a base
//! to it (the *beat line*), sets the speed for each block so that the block ends on the beat that it should, corrects
//! what is left by at most [`NUDGE_MAX`] of the tempo, and moves the base where that would take too long (a *jump*,
//! which the decks declick). Its arithmetic is [`Steering`]'s, which needs no kira; who is steered, and when, is the
//! [`Pacer`](crate::pacer::Pacer)'s.

use crate::{
    limits::{JUMP_LEAST_S, JUMP_THRESHOLD_S, LATE_CHANGE_S, NUDGE_MAX},
    pacer::BeatClock,
    time_map::Nanos,
};
use keyboardia_session::{Beats, Timeline, Transport, limits::UPCOMING_TIMELINES_MAX};
use kira::{
    Tween,
    clock::{ClockHandle, ClockSpeed, ClockTime},
};
use std::{
    sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

const TIMELINES_MAX: usize = UPCOMING_TIMELINES_MAX + 1;
const AT_ONCE: Tween =
    Tween { start_time: kira::StartTime::Immediate, duration: Duration::ZERO, easing: kira::Easing::Linear };

/// The transport in a form that can be handed to the callback: no heap.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TransportPlan {
    lines: [Timeline; TIMELINES_MAX],
    count: usize,
}

impl TransportPlan {
    /// The plan of a transport.
    pub fn new(transport: &Transport) -> Self {
        let mut lines = [*transport.last(); TIMELINES_MAX];
        let mut count = 0;
        for (slot, line) in lines.iter_mut().zip(transport.timelines()) {
            *slot = *line;
            count += 1;
        }
        Self { lines, count }
    }

    fn line_at(&self, time: Nanos) -> &Timeline {
        let later = &self.lines[1..self.count.max(1)];
        later.iter().rev().find(|line| Nanos::from_micros(line.anchor_time) <= time).unwrap_or(&self.lines[0])
    }

    /// The first moment after `time` at which another timeline takes effect.
    pub fn next_change(&self, time: Nanos) -> Option<Nanos> {
        let later = &self.lines[1..self.count.max(1)];
        later.iter().map(|line| Nanos::from_micros(line.anchor_time)).find(|change| *change > time)
    }
}

/// The beat at a moment finer than session time: nano-beats = ns · milli-BPM / 60 000.
fn beat_at(line: &Timeline, time: Nanos) -> Beats {
    /// What this is divided by is nano-beats, if it was nanoseconds times milli-BPM.
    const PER_NANO_BEAT: i64 = 60_000;
    if !line.playing {
        return line.anchor_beat;
    }
    let nanos = time.0.saturating_sub(Nanos::from_micros(line.anchor_time).0);
    let tempo = i64::from(line.tempo.milli_bpm());
    let beats = nanos.checked_mul(tempo).map(|product| product.div_euclid(PER_NANO_BEAT));
    // Hours after the anchor the product needs more room.
    let wide = || (i128::from(nanos) * i128::from(tempo)).div_euclid(i128::from(PER_NANO_BEAT));
    let beats = beats.unwrap_or_else(|| i64::try_from(wide()).unwrap_or(0));
    Beats(line.anchor_beat.0.saturating_add(beats))
}

/// What controller and decks share; all on the callback side.
#[derive(Debug, Default)]
pub struct BeatLine {
    base: AtomicI64,
    jumps: AtomicU32,
    playing: AtomicBool,
    block_start: AtomicI64,
    frame_ns: AtomicU64,
    step: AtomicU64,
    tempo_step: AtomicU64,
}

impl BeatLine {
    /// The session's beat when the kira clock shows `time`.
    pub fn beat(&self, time: ClockTime) -> Beats {
        self.beat_of(nano(time))
    }

    /// The session's beat when the clock shows so many nano-beats.
    pub fn beat_of(&self, clock: i64) -> Beats {
        Beats(self.base.load(Relaxed).saturating_add(clock))
    }

    /// Counts the jumps; a deck that sees another number than before has been moved.
    pub fn jumps(&self) -> u32 {
        self.jumps.load(Relaxed)
    }

    /// Whether beats pass; otherwise decks are silent.
    pub fn is_playing(&self) -> bool {
        self.playing.load(Relaxed)
    }

    /// Nano-beats from one frame of this block to the next.
    pub fn step(&self) -> f64 {
        f64::from_bits(self.step.load(Relaxed))
    }

    /// Nano-beats per frame by the tempo, also while beats rest; `None` before the first transport.
    pub fn tempo_step(&self) -> Option<f64> {
        let step = f64::from_bits(self.tempo_step.load(Relaxed));
        (step > 0.0).then_some(step)
    }

    /// When the frame `frame` of this block leaves the speaker, session time.
    pub fn speaker_time(&self, frame: usize) -> Nanos {
        let frame_ns = f64::from_bits(self.frame_ns.load(Relaxed));
        Nanos(self.block_start.load(Relaxed).saturating_add((frame as f64 * frame_ns) as i64))
    }
}

fn nano(time: ClockTime) -> i64 {
    (time.ticks as i64).saturating_mul(1_000_000_000).saturating_add((time.fraction * 1e9).round() as i64)
}

/// A run of frames within which nothing changes.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    /// When its first frame leaves the speaker.
    pub time: Nanos,
    /// Number of frames, at least 1.
    pub frames: usize,
    /// Nanoseconds from one frame to the next, by the device's real rate.
    pub frame_ns: f64,
    /// The nominal rate by which kira counts, Hz.
    pub sample_rate: u32,
}

/// The arithmetic of the controller, without the clock that it moves: the beat that each block is to end on.
#[derive(Debug, Default)]
pub struct Steering {
    plan: Option<TransportPlan>,
    phase_error_ns: i64,
    must_jump: bool,
    /// The plan has changed since the last block.
    is_new: bool,
}

impl Steering {
    /// Follows this transport from the next block on.
    pub fn follow(&mut self, plan: TransportPlan) {
        self.is_new |= self.plan.replace(plan) != Some(plan);
    }

    /// The sound goes another way to the speaker from now on: the next block is put right at once, unless it is off by less
    /// than anybody hears.
    pub fn jump(&mut self) {
        self.must_jump = true;
    }

    /// How far the sound was behind (positive) or ahead of the session at the last block, nanoseconds.
    pub fn phase_error_ns(&self) -> i64 {
        self.phase_error_ns
    }

    /// How many of `frames` frames from `time` on belong to the timeline that holds at their first.
    pub fn frames_until_change(&self, time: Nanos, frames: usize, frame_ns: f64) -> usize {
        let Some(change) = self.plan.as_ref().and_then(|plan| plan.next_change(time)) else { return frames };
        let until = ((change.0 - time.0) as f64 / frame_ns).ceil() as usize;
        until.clamp(1, frames)
    }

    /// Sets the base for the block that comes next, where the clock shows `clock` nano-beats. Returns the nano-beats by
    /// which the clock is to advance within the block.
    pub fn steer(&mut self, line: &BeatLine, block: Block, clock: i64) -> i64 {
        let advance = self.advance(line, block, clock);
        line.step.store((advance as f64 / block.frames.max(1) as f64).to_bits(), Relaxed);
        advance
    }

    fn advance(&mut self, line: &BeatLine, block: Block, clock: i64) -> i64 {
        line.block_start.store(block.time.0, Relaxed);
        line.frame_ns.store(block.frame_ns.to_bits(), Relaxed);
        let Some(plan) = &self.plan else { return 0 };
        let length_ns = block.frames as f64 * block.frame_ns;
        let end = Nanos(block.time.0.saturating_add(length_ns.round() as i64));
        let timeline = *plan.line_at(block.time);
        // Nano-beats per nanosecond; the same number as beats per second.
        let tempo = timeline.tempo.beats_per_second();
        line.tempo_step.store((tempo * block.frame_ns).to_bits(), Relaxed);
        let wanted = beat_at(&timeline, block.time);
        let behind = (wanted - line.beat_of(clock)).0;
        let was_playing = line.playing.swap(timeline.playing, Relaxed);
        if !timeline.playing {
            self.phase_error_ns = 0;
            line.base.fetch_add(behind, Relaxed);
            return 0;
        }
        let by_tempo = (length_ns * tempo) as i64;
        // The last frame interval may reach over a change, and the beat that it ends on is the one that counts; unless
        // that is a stop, which may skip to its bar line.
        let next = plan.line_at(end);
        let ideal = if next.playing { (beat_at(next, end) - wanted).0 } else { by_tempo };
        let behind_s = behind as f64 / tempo / 1e9;
        let must_jump = std::mem::take(&mut self.must_jump) && behind_s.abs() > JUMP_LEAST_S;
        // A change that was heard of too late has to be caught up with.
        let threshold_s = if std::mem::take(&mut self.is_new) { LATE_CHANGE_S } else { JUMP_THRESHOLD_S };
        if !was_playing || must_jump || behind_s.abs() > threshold_s {
            line.base.fetch_add(behind, Relaxed);
            line.jumps.fetch_add(u32::from(was_playing), Relaxed);
            self.phase_error_ns = 0;
            return ideal;
        }
        self.phase_error_ns = (behind_s * 1e9) as i64;
        let most = (NUDGE_MAX * by_tempo as f64) as i64;
        ideal + behind.clamp(-most, most)
    }
}

/// The kira clock, with its one writer. See the module.
pub struct Controller {
    clock: ClockHandle,
    /// Nano-beats that the running block adds to what the clock showed before it.
    last_advance: i64,
}

impl Controller {
    /// Takes the clock over and starts it.
    pub fn new(mut clock: ClockHandle) -> Self {
        clock.set_speed(ClockSpeed::TicksPerSecond(0.0), AT_ONCE);
        clock.start();
        Self { clock, last_advance: 0 }
    }
}

impl BeatClock for Controller {
    fn time(&self) -> i64 {
        nano(self.clock.time()).saturating_add(self.last_advance)
    }

    fn advance(&mut self, nano_beats: i64, block: Block) {
        self.last_advance = nano_beats;
        let speed = nano_beats as f64 * 1e-9 * f64::from(block.sample_rate) / block.frames.max(1) as f64;
        self.clock.set_speed(ClockSpeed::TicksPerSecond(speed), AT_ONCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyboardia_session::{Micros, Tempo};

    #[test]
    fn beats_are_those_of_the_timeline_for_days() {
        let tempo = Tempo::from_milli_bpm(133_007).unwrap_or_else(|| unreachable!("a tempo"));
        let anchor_time = Micros(1_790_000_000_000_000);
        let line = Timeline { anchor_time, anchor_beat: Beats::whole(-3), tempo, playing: true };
        for hours in [-1_i64, 0, 1, 18, 19, 20, 200] {
            let time = anchor_time.offset(hours * 3_600_000_000 + 1);
            assert_eq!(beat_at(&line, Nanos::from_micros(time)), line.beat_at(time), "{hours} h");
        }
    }

    /// A block of 128 frames at 48 kHz.
    fn block(time: Nanos) -> Block {
        Block { time, frames: 128, frame_ns: 1e9 / 48_000.0, sample_rate: 48_000 }
    }

    fn playing(milli_bpm: u32) -> Transport {
        let tempo = Tempo::from_milli_bpm(milli_bpm).unwrap_or_else(|| unreachable!("a tempo"));
        let mut transport = Transport::stopped(Micros(0), tempo);
        assert!(transport.schedule(Timeline { playing: true, ..*transport.last() }));
        transport
    }

    /// Steers for so many blocks from `from_ns` on; returns the jumps that it took.
    fn steer(steering: &mut Steering, line: &BeatLine, clock: &mut i64, from_ns: i64, blocks: i64) -> u32 {
        let before = line.jumps();
        for index in 0..blocks {
            *clock += steering.steer(line, block(Nanos(from_ns + index * 128 * 1_000_000_000 / 48_000)), *clock);
        }
        line.jumps() - before
    }

    #[test]
    fn a_small_error_is_nudged_away_and_a_change_heard_of_too_late_is_jumped() {
        let (line, mut steering, mut clock) = (BeatLine::default(), Steering::default(), 0);
        let mut transport = playing(120_000);
        steering.follow(TransportPlan::new(&transport));
        assert_eq!(steer(&mut steering, &line, &mut clock, 0, 1_000), 0);
        let now_ns = 3_000_000_000;
        assert_eq!(steer(&mut steering, &line, &mut clock, now_ns + 10_000_000, 1), 1, "more than the threshold");
        assert_eq!(steer(&mut steering, &line, &mut clock, now_ns + 20_000_000, 1), 0, "10 ms are nudged");
        assert!(steering.phase_error_ns() > 5_000_000);
        steering.jump();
        assert_eq!(steer(&mut steering, &line, &mut clock, now_ns + 30_000_000, 1), 1, "another way to the speaker");
        steering.jump();
        assert_eq!(steer(&mut steering, &line, &mut clock, now_ns + 32_766_666, 1), 0, "0.1 ms are not worth a jump");
        assert_eq!(steer(&mut steering, &line, &mut clock, now_ns + 42_000_000, 1), 0);
        // The same distance, but by a tempo that others have been playing for a while.
        let at = Micros(2_900_000);
        let tempo = Tempo::from_milli_bpm(140_000).unwrap_or_else(|| unreachable!("a tempo"));
        let change = Timeline { anchor_time: at, anchor_beat: transport.beat_at(at), tempo, playing: true };
        assert!(transport.schedule(change));
        steering.follow(TransportPlan::new(&transport));
        assert_eq!(steer(&mut steering, &line, &mut clock, now_ns + 44_666_666, 1), 1);
        assert_eq!(steering.phase_error_ns(), 0);
    }
}
