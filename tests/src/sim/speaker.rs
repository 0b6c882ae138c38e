//! What leaves a player's speaker: the production pacing of the sound, and a record of the beats that it would render.

use keyboardia_audio::{
    ClockOffset, Nanos,
    controller::{BeatLine, Block, TransportPlan},
    limiter,
    pacer::{BeatClock, Pacer},
};
use keyboardia_session::Transport;
use std::{collections::VecDeque, sync::Arc};

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

/// What the kira clock would show, nano-beats.
#[derive(Debug, Default)]
struct Count(i64);

impl BeatClock for Count {
    fn time(&self) -> i64 {
        self.0
    }

    fn advance(&mut self, nano_beats: i64, _block: Block) {
        self.0 += nano_beats;
    }
}

/// See the module.
pub(super) struct Speaker {
    pacer: Pacer<Count>,
    rendered: VecDeque<Rendered>,
    /// Largest deviation from the tempo since it was asked for last, as a share.
    hurry: f64,
}

impl Speaker {
    pub(super) fn new(sample_rate: u32) -> Self {
        let pacer = Pacer::new(sample_rate, Count::default(), Arc::new(BeatLine::default()));
        Self { pacer, rendered: VecDeque::new(), hurry: 0.0 }
    }

    pub(super) fn follow(&mut self, transport: &Transport) {
        self.pacer.follow(TransportPlan::new(transport));
    }

    /// The sound goes on at another device, whose frames are counted anew.
    pub(super) fn set_device(&mut self, sample_rate: u32) {
        self.pacer.set_device(sample_rate);
        self.rendered.clear();
    }

    /// `frames` frames from `first` on leave the speaker at `at`, the player's clock; `frame_ns` apart, truly.
    pub(super) fn render(&mut self, first: u64, frames: usize, at: Nanos, clock: ClockOffset, frame_ns: f64) {
        // The limiter holds the sound back by its look-ahead.
        let first = first + limiter::latency_frames(self.pacer.sample_rate()) as u64;
        let (rendered, hurry) = (&mut self.rendered, &mut self.hurry);
        self.pacer.run(frames, at, clock, |stretch, line| {
            if rendered.len() == BLOCKS_MAX {
                rendered.pop_front();
            }
            let step = line.step();
            rendered.push_back(Rendered { frame: first + stretch.frames.start as u64, beat: stretch.begin.0, step });
            if let Some(by_tempo) = line.tempo_step().filter(|_| line.is_playing()) {
                let truly = by_tempo / stretch.frame_ns * frame_ns;
                *hurry = hurry.max((step / truly - 1.0).abs());
            }
        });
    }

    /// The largest deviation from the tempo of any block since this was asked last, as a share.
    pub(super) fn take_hurry(&mut self) -> f64 {
        std::mem::take(&mut self.hurry)
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
        (!self.rendered.is_empty()).then(|| self.pacer.rendered_until().0)
    }

    /// How far the sound is behind (positive) or ahead of the session by its own measure, nanoseconds.
    pub(super) fn phase_error_ns(&self) -> i64 {
        self.pacer.phase_error_ns()
    }

    /// How often the sound jumped.
    pub(super) fn jumps(&self) -> u32 {
        self.pacer.line().jumps()
    }
}
