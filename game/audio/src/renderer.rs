//! The callback side: asked for frames and the time at which they leave the speaker, it renders them.

use crate::{
    controller::{Controller, TransportPlan},
    ledger::Ledger,
    pacer::{ClockOffset, Pacer},
    time_map::Nanos,
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

/// The callback side of an engine. Owned by whoever drives the device; given back when the device is lost.
pub struct Renderer {
    pub(crate) kira: backend::Renderer,
    pub(crate) pacer: Pacer<Controller>,
    pub(crate) transport: CommandReader<TransportPlan>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) status: Arc<Status>,
    #[cfg(feature = "takes")]
    pub(crate) taps: crate::capture::Taps,
}

impl Renderer {
    /// The rate at which frames are made, Hz.
    pub fn sample_rate(&self) -> u32 {
        self.pacer.sample_rate()
    }

    /// What lets the sound be taken along while it is played; once.
    #[cfg(feature = "takes")]
    pub fn take_capture_desk(&mut self) -> Option<crate::capture::CaptureDesk> {
        self.taps.take_desk()
    }

    /// Another device, or the same one opened anew. Not for the callback: it allocates.
    pub fn set_device(&mut self, sample_rate: u32) {
        if self.sample_rate() != sample_rate {
            self.kira.on_change_sample_rate(sample_rate);
        }
        self.pacer.set_device(sample_rate);
    }

    /// The way to the speaker may have changed by any amount: what was learned of it is forgotten. Allocates nothing.
    pub fn forget_way(&mut self) {
        self.pacer.set_device(self.sample_rate());
    }

    /// Fills `out` (interleaved, `channels` per frame; the first two carry sound, mono carries their mean). Its first
    /// frame leaves the speaker at `local`, says the device by the player's own clock; the map smooths that. Session
    /// time is an offset away that is not smoothed: it is an estimate already, and turns faster than a crystal.
    ///
    /// Allocates nothing, locks nothing, logs nothing.
    pub fn render(&mut self, out: &mut [f32], channels: u16, local: Nanos, clock: ClockOffset) {
        let width = usize::from(channels.max(1));
        let frames = out.len() / width;
        if let Some(plan) = self.transport.read() {
            self.pacer.follow(plan);
        }
        let kira = &mut self.kira;
        self.pacer.run(frames, local, clock, |stretch, _| {
            kira.on_start_processing();
            kira.process(&mut out[stretch.frames.start * width..stretch.frames.end * width], channels.max(1));
        });
        #[cfg(feature = "takes")]
        self.taps.hear(out, width, self.pacer.sample_rate());
        self.status.phase_error_ns.store(self.pacer.phase_error_ns(), Relaxed);
        self.status.frames.fetch_add(frames as u64, Relaxed);
        self.status.voices.store(self.ledger.taken() as u32, Relaxed);
    }
}
