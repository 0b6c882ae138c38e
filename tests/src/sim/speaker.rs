//! What leaves a player's speaker: the production time map and steering, and a record of the beats that they rendered.

use keyboardia_audio::{
    ClockOffset, Nanos,
    controller::{BeatLine, Block, Steering, TransportPlan},
    limiter,
    limits::BLOCK_FRAMES_MAX,
    time_map::TimeMap,
};
use keyboardia_session::Transport;
use std::collections::VecDeque;

/// Blocks that are remembered until they have left the speaker: more than any card's latency.
const BLOCKS_MAX: usize = 256;

/// Frames on one straight line of beats.
#[derive(Debug, Clone, Copy)]
struct Rendered {
    frame: u64,
    beat: i64,
    /// Nano-beats per frame.
    step: f64,
}

/// See the module.
pub(super) struct Speaker {
    map: TimeMap,
    steering: Steering,
    line: BeatLine,
    /// What the kira clock would show, nano-beats.
    clock: i64,
    sample_rate: u32,
    /// Jumps of the session's clock that the sound has followed.
    followed: u32,
    rendered: VecDeque<Rendered>,
}

impl Speaker {
    pub(super) fn new(sample_rate: u32) -> Self {
        let (map, steering, line) = (TimeMap::new(sample_rate), Steering::default(), BeatLine::default());
        Self { map, steering, line, clock: 0, sample_rate, followed: 0, rendered: VecDeque::new() }
    }

    pub(super) fn follow(&mut self, transport: &Transport) {
        self.steering.follow(TransportPlan::new(transport));
    }

    /// As the production renderer does: `frames` frames from `first` on, which leave the speaker at `at`, the player's
    /// clock.
    pub(super) fn render(&mut self, first: u64, frames: usize, at: Nanos, clock: ClockOffset) {
        let at = Nanos(self.map.advance(frames, at).0.saturating_add(clock.offset_ns));
        let jumps = clock.jumps.wrapping_add(self.map.steps());
        if std::mem::replace(&mut self.followed, jumps) != jumps {
            self.steering.jump();
        }
        let frame_ns = self.map.frame_ns();
        let delay = limiter::latency_frames(self.sample_rate);
        let mut done = 0;
        while done < frames {
            let time = Nanos(at.0.saturating_add(((done + delay) as f64 * frame_ns).round() as i64));
            let most = (frames - done).min(BLOCK_FRAMES_MAX);
            let count = self.steering.frames_until_change(time, most, frame_ns);
            let block = Block { time, frames: count, frame_ns, sample_rate: self.sample_rate };
            let advance = self.steering.steer(&self.line, block, self.clock);
            if self.rendered.len() == BLOCKS_MAX {
                self.rendered.pop_front();
            }
            // The limiter holds the sound back by its look-ahead.
            let frame = first + (done + delay) as u64;
            let beat = self.line.beat_of(self.clock).0;
            self.rendered.push_back(Rendered { frame, beat, step: self.line.step() });
            self.clock += advance;
            done += count;
        }
    }

    /// The beat that leaves the speaker with a frame, nano-beats; frames are asked for in ascending order.
    pub(super) fn beat_at(&mut self, frame: f64) -> Option<f64> {
        while self.rendered.get(1).is_some_and(|next| next.frame as f64 <= frame) {
            self.rendered.pop_front();
        }
        let block = self.rendered.front().filter(|block| block.frame as f64 <= frame)?;
        Some(block.beat as f64 + block.step * (frame - block.frame as f64))
    }

    /// The beat up to which everything is rendered, nano-beats; `None` before the first block.
    pub(super) fn rendered_until(&self) -> Option<i64> {
        (!self.rendered.is_empty()).then(|| self.line.beat_of(self.clock).0)
    }

    /// How far the sound is behind (positive) or ahead of the session by its own measure, nanoseconds.
    pub(super) fn phase_error_ns(&self) -> i64 {
        self.steering.phase_error_ns()
    }

    /// How often the sound jumped.
    pub(super) fn jumps(&self) -> u32 {
        self.line.jumps()
    }
}
