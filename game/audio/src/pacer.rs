//! From what a device asks for to blocks within which nothing changes.
//!
//! A device asks for frames and says when they leave the speaker. The pacer smooths that by its map, adds the way to
//! session time, cuts the frames into blocks where a timeline ends, and steers the clock of beats through each. It renders
//! nothing: whoever does is called for each block, and so is whoever only wants to know what would be heard.

use crate::{
    controller::{BeatLine, Block, Steering, TransportPlan},
    limiter,
    limits::BLOCK_FRAMES_MAX,
    time_map::{Nanos, TimeMap},
};
use keyboardia_session::Beats;
use std::{ops::Range, sync::Arc};

/// How session time is had from the player's own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClockOffset {
    /// Session time less the player's, nanoseconds.
    pub offset_ns: i64,
    /// Counts the jumps of the offset; the sound jumps with it instead of hurrying after it.
    pub jumps: u32,
}

/// What lies between the mix and the speaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mastering {
    /// The limiter.
    Limited,
    /// Headroom, and nothing else.
    #[cfg(feature = "takes")]
    Bare,
}

impl Mastering {
    /// Frames by which it delays.
    fn latency_frames(self, sample_rate: u32) -> usize {
        match self {
            Self::Limited => limiter::latency_frames(sample_rate),
            #[cfg(feature = "takes")]
            Self::Bare => 0,
        }
    }
}

/// A clock that counts beats, from zero and never backwards.
pub trait BeatClock {
    /// What it shows once all blocks so far are rendered, nano-beats.
    fn time(&self) -> i64;
    /// It advances by so many nano-beats within the block that comes next.
    fn advance(&mut self, nano_beats: i64, block: Block);
}

/// Frames on one straight line of beats.
#[derive(Debug, Clone, PartialEq)]
pub struct Stretch {
    /// Which of those that the device has asked for.
    pub frames: Range<usize>,
    /// The beat of the first of them.
    pub begin: Beats,
    /// From one frame to the next by the player's clock, nanoseconds.
    pub frame_ns: f64,
}

/// See the module.
pub struct Pacer<C> {
    map: TimeMap,
    steering: Steering,
    clock: C,
    line: Arc<BeatLine>,
    sample_rate: u32,
    mastering: Mastering,
    /// Jumps, of session time and of the way to the speaker, that the sound has followed.
    followed: u32,
}

impl<C: BeatClock> Pacer<C> {
    /// Paces this clock, and says on the line what it shows.
    pub fn new(sample_rate: u32, clock: C, line: Arc<BeatLine>) -> Self {
        let (map, steering) = (TimeMap::new(sample_rate), Steering::default());
        Self { map, steering, clock, line, sample_rate, mastering: Mastering::Limited, followed: 0 }
    }

    /// The same for another end of the mix.
    #[must_use]
    pub(crate) fn with_mastering(self, mastering: Mastering) -> Self {
        Self { mastering, ..self }
    }

    /// The rate at which frames are made, Hz.
    pub fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// Another device, or the same one opened anew: what was learned of the way to the speaker is forgotten.
    pub fn set_device(&mut self, sample_rate: u32) {
        self.map.reset(sample_rate);
        self.sample_rate = sample_rate;
    }

    /// As [`Steering::follow`].
    pub fn follow(&mut self, plan: TransportPlan) {
        self.steering.follow(plan);
    }

    /// As [`Steering::phase_error_ns`].
    pub fn phase_error_ns(&self) -> i64 {
        self.steering.phase_error_ns()
    }

    /// What the clock shows in beats of the session.
    pub fn line(&self) -> &BeatLine {
        &self.line
    }

    /// The beat up to which everything is rendered.
    pub fn rendered_until(&self) -> Beats {
        self.line.beat_of(self.clock.time())
    }

    /// A device asks for `frames` frames, the first of which leaves the speaker at `local`, it says, by the player's own
    /// clock. `render` makes each stretch of them, in order.
    pub fn run(
        &mut self,
        frames: usize,
        local: Nanos,
        offset: ClockOffset,
        mut render: impl FnMut(Stretch, &BeatLine),
    ) {
        let at = Nanos(self.map.advance(frames, local).0.saturating_add(offset.offset_ns));
        // Who jumps is of no interest, but that somebody did.
        let jumps = offset.jumps.wrapping_add(self.map.steps());
        if std::mem::replace(&mut self.followed, jumps) != jumps {
            self.steering.jump();
        }
        let frame_ns = self.map.frame_ns();
        // What goes into the limiter now leaves it later.
        let delay = self.mastering.latency_frames(self.sample_rate);
        let mut done = 0;
        while done < frames {
            let time = Nanos(at.0.saturating_add(((done + delay) as f64 * frame_ns).round() as i64));
            let most = (frames - done).min(BLOCK_FRAMES_MAX);
            let count = self.steering.frames_until_change(time, most, frame_ns);
            let block = Block { time, frames: count, frame_ns, sample_rate: self.sample_rate };
            let clock = self.clock.time();
            let advance = self.steering.steer(&self.line, block, clock);
            self.clock.advance(advance, block);
            render(Stretch { frames: done..done + count, begin: self.line.beat_of(clock), frame_ns }, &self.line);
            done += count;
        }
    }
}
