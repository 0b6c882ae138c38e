//! The callback side: asked for frames and the time at which they leave the speaker, it renders them.

use crate::{
    controller::{BeatLine, Block, Controller, TransportPlan},
    ledger::Ledger,
    limiter,
    limits::BLOCK_FRAMES_MAX,
    time_map::{Nanos, TimeMap},
};
use kira::{
    backend::{self, Backend},
    command::CommandReader,
};
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
};

/// What the callback side tells about itself, readable at any time.
#[derive(Debug, Default)]
pub struct Status {
    phase_error_ns: AtomicI64,
    frames: AtomicU64,
    voices: AtomicU32,
}

impl Status {
    /// How far the sound was behind (positive) or ahead of the session at the last block, nanoseconds.
    pub fn phase_error_ns(&self) -> i64 {
        self.phase_error_ns.load(Relaxed)
    }

    /// Frames rendered so far.
    pub fn frames(&self) -> u64 {
        self.frames.load(Relaxed)
    }

    /// Voices that sounded at the last block.
    pub fn voices(&self) -> u32 {
        self.voices.load(Relaxed)
    }
}

/// Hands kira's renderer over instead of driving a device.
pub(crate) struct PullBackend {
    renderer: Option<backend::Renderer>,
}

impl PullBackend {
    pub(crate) fn take(&mut self) -> Option<backend::Renderer> {
        self.renderer.take()
    }
}

impl Backend for PullBackend {
    type Settings = u32;
    type Error = Infallible;

    fn setup(sample_rate: u32, _internal_buffer_size: usize) -> Result<(Self, u32), Infallible> {
        Ok((Self { renderer: None }, sample_rate))
    }

    fn start(&mut self, renderer: backend::Renderer) -> Result<(), Infallible> {
        self.renderer = Some(renderer);
        Ok(())
    }
}

/// How session time is had from the player's own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClockOffset {
    /// Session time less the player's, nanoseconds.
    pub offset_ns: i64,
    /// Counts the jumps of the offset; the sound jumps with it instead of hurrying after it.
    pub jumps: u32,
}

/// The callback side of an engine. Owned by whoever drives the device; given back when the device is lost.
pub struct Renderer {
    pub(crate) kira: backend::Renderer,
    pub(crate) controller: Controller,
    pub(crate) transport: CommandReader<TransportPlan>,
    pub(crate) line: Arc<BeatLine>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) status: Arc<Status>,
    pub(crate) map: TimeMap,
    pub(crate) sample_rate: u32,
    pub(crate) jumps: u32,
}

impl Renderer {
    /// The rate at which frames are made, Hz.
    pub fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// Another device, or the same one opened anew. Not for the callback: it allocates.
    pub fn set_device(&mut self, sample_rate: u32) {
        self.map.reset(sample_rate);
        if self.sample_rate != sample_rate {
            self.sample_rate = sample_rate;
            self.kira.on_change_sample_rate(sample_rate);
        }
    }

    /// The way to the speaker may have changed by any amount: what was learned of it is forgotten. Allocates nothing.
    pub fn forget_way(&mut self) {
        self.map.reset(self.sample_rate);
    }

    /// Fills `out` (interleaved, `channels` per frame; the first two carry sound, mono carries their mean). Its first
    /// frame leaves the speaker at `local`, says the device by the player's own clock; the map smooths that. Session
    /// time is an offset away that is not smoothed: it is an estimate already, and turns faster than a crystal.
    ///
    /// Allocates nothing, locks nothing, logs nothing.
    pub fn render(&mut self, out: &mut [f32], channels: u16, local: Nanos, clock: ClockOffset) {
        let width = usize::from(channels.max(1));
        let frames = out.len() / width;
        let at = Nanos(self.map.advance(frames, local).0.saturating_add(clock.offset_ns));
        // Who jumps is of no interest, but that somebody did.
        let jumps = clock.jumps.wrapping_add(self.map.steps());
        if std::mem::replace(&mut self.jumps, jumps) != jumps {
            self.controller.jump();
        }
        let frame_ns = self.map.frame_ns();
        // What goes into the limiter now leaves it later.
        let delay = limiter::latency_frames(self.sample_rate);
        if let Some(plan) = self.transport.read() {
            self.controller.follow(plan);
        }
        let mut done = 0;
        while done < frames {
            let time = Nanos(at.0.saturating_add(((done + delay) as f64 * frame_ns).round() as i64));
            let most = (frames - done).min(BLOCK_FRAMES_MAX);
            let count = self.controller.frames_until_change(time, most, frame_ns);
            self.controller.steer(&self.line, Block { time, frames: count, frame_ns, sample_rate: self.sample_rate });
            self.kira.on_start_processing();
            self.kira.process(&mut out[done * width..(done + count) * width], channels.max(1));
            done += count;
        }
        self.status.phase_error_ns.store(self.controller.phase_error_ns(), Relaxed);
        self.status.frames.fetch_add(frames as u64, Relaxed);
        self.status.voices.store(self.ledger.taken() as u32, Relaxed);
    }
}
