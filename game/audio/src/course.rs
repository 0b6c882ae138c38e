//! How the frames of a block lie on the beat line.
//!
//! The kira clock shows the beat at the *end* of the block that is being rendered. Whoever plays by the beat remembers
//! where the last block ended, and so knows both ends of this one.

use crate::controller::BeatLine;
use keyboardia_session::Beats;
use kira::clock::ClockTime;

/// A block in which beats pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Passage {
    /// The beat of the first frame.
    pub begin: Beats,
    /// The beat of the first frame after the block.
    pub end: Beats,
    /// Nano-beats from one frame to the next.
    pub step: f64,
}

impl Passage {
    /// The beat of a frame of the block.
    pub fn beat(&self, frame: usize) -> Beats {
        Beats(self.begin.0.saturating_add((frame as f64 * self.step).round() as i64))
    }

    /// The first frame whose beat has reached `at`, counted from the beginning of the block; negative before it. A
    /// frame that comes up to `on_time` frames early is on its beat: rounding must not cost a whole frame.
    pub fn frame_of(&self, at: Beats, on_time: f64) -> f64 {
        ((at - self.begin).0 as f64 / self.step.max(1e-9) - on_time).ceil()
    }
}

/// What beats do in a block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Course {
    /// They rest, as before.
    Resting,
    /// They passed until now, and rest.
    Stopped,
    /// They rested until now, and pass.
    Started(Passage),
    /// They pass, but not from where the last block ended.
    Jumped(Passage),
    /// They pass, from where the last block ended.
    Going(Passage),
}

/// Watches the beat line, block by block.
#[derive(Debug)]
pub struct Follower {
    last_end: Beats,
    jumps: u32,
    was_playing: bool,
}

impl Follower {
    /// Begins to watch.
    pub fn new(line: &BeatLine) -> Self {
        Self { last_end: Beats::ZERO, jumps: line.jumps(), was_playing: false }
    }

    /// What beats do in a block of `frames` frames, at the end of which the clock shows `clock`.
    pub fn next(&mut self, line: &BeatLine, clock: ClockTime, frames: usize) -> Course {
        let end = line.beat(clock);
        let jumped = std::mem::replace(&mut self.jumps, line.jumps()) != line.jumps();
        let was_playing = std::mem::replace(&mut self.was_playing, line.is_playing());
        let last_end = std::mem::replace(&mut self.last_end, end);
        let going = was_playing && !jumped;
        if !line.is_playing() {
            return if was_playing { Course::Stopped } else { Course::Resting };
        }
        let by_tempo = Beats((line.step() * frames as f64).round() as i64);
        let begin = if going { last_end } else { end - by_tempo };
        let passage = Passage { begin, end, step: (end - begin).0 as f64 / frames.max(1) as f64 };
        match (going, was_playing) {
            (true, _) => Course::Going(passage),
            (false, true) => Course::Jumped(passage),
            (false, false) => Course::Started(passage),
        }
    }
}
