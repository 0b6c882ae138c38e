//! The sound: the engine inside the AudioWorklet.
//!
//! Both of its sides are here, one call after the other on the one thread that the browser has for it: messages between
//! two blocks go to the control side, blocks to the callback side.

use crate::device::Way;
use keyboardia_audio::{
    ClockOffset, Engine, EngineError, EngineSettings, FromEngine, Nanos, PreviewRequest, Renderer, Sample, ToEngine,
    engine,
};
use keyboardia_session::{Micros, SoundId, Table, clock::ClockLine};
use kira::Frame;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Frames between two reports.
const REPORT_FRAMES: u64 = 1_024;
/// Frames that are rendered at once at most; a worklet asks for 128.
pub const BLOCK_FRAMES_MAX: usize = 1_024;
/// Channels.
pub const CHANNELS: usize = 2;

/// How session time is had from the worker's clock.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SessionClock {
    /// The estimate of the session's clock.
    pub line: ClockLine,
    /// Counts its jumps, and the changes of the nudge.
    pub jumps: u32,
    /// What the player adds to what the device says of its latency, microseconds.
    pub nudge_us: i32,
}

impl SessionClock {
    /// Session time less the worker's, at this time of the worker's.
    fn at(&self, local_ns: i64) -> ClockOffset {
        let local = Micros(u64::try_from(local_ns.div_euclid(1_000)).unwrap_or(0));
        let offset_us = self.line.offset_at(local) + f64::from(self.nudge_us);
        ClockOffset { offset_ns: (offset_us * 1e3).round() as i64, jumps: self.jumps }
    }
}

/// What the sound is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ToSound {
    /// What the engine is told.
    Engine(ToEngine),
    /// The session's clock; `None` once the session is left.
    Clock(Option<SessionClock>),
    /// When frames leave the speaker; `None` while that is not known.
    Way(Option<Way>),
}

/// A sound that arrives piece by piece, so that no block waits for all of it.
struct Arriving {
    id: SoundId,
    frames: Vec<Frame>,
    expected: usize,
}

/// See the module.
pub struct Sound {
    engine: Engine,
    renderer: Renderer,
    clock: Option<SessionClock>,
    way: Option<Way>,
    keep: Table<SoundId, ()>,
    arriving: Option<Arriving>,
    /// Number of the last preview that was heard of.
    preview: u32,
    /// It waits for its sound, which is arriving.
    waiting: Option<PreviewRequest>,
    reported: u64,
    /// Interleaved, and one side after the other.
    out: Vec<f32>,
    sides: Vec<f32>,
}

impl Sound {
    /// A sound of this many frames a second and tracks.
    ///
    /// # Errors
    /// When the engine cannot be made at that rate.
    pub fn new(sample_rate: u32, tracks: usize) -> Result<Self, EngineError> {
        let (engine, renderer) = engine(EngineSettings { sample_rate, tracks })?;
        Ok(Self {
            engine,
            renderer,
            clock: None,
            way: None,
            keep: Table::new(),
            arriving: None,
            preview: 0,
            waiting: None,
            reported: 0,
            out: vec![0.0; BLOCK_FRAMES_MAX * CHANNELS],
            sides: vec![0.0; BLOCK_FRAMES_MAX * CHANNELS],
        })
    }

    /// Takes a message of the seat. Returns whether it could be read.
    pub fn tell(&mut self, bytes: &[u8]) -> bool {
        let Ok(message) = postcard::from_bytes(bytes) else { return false };
        match message {
            ToSound::Clock(clock) => self.clock = clock,
            ToSound::Way(way) => self.way = way,
            ToSound::Engine(message) => self.tell_engine(message),
        }
        true
    }

    fn tell_engine(&mut self, message: ToEngine) {
        match message {
            ToEngine::Score(score) => self.engine.set_score(&score),
            ToEngine::Ears(ears) => self.engine.set_ears(&ears),
            ToEngine::Metronome(gain) => self.engine.set_metronome(gain),
            ToEngine::Preview(number, request) => {
                self.preview = number;
                self.waiting = None;
                match request {
                    Some(request) if !self.engine.preview(&request) => self.waiting = Some(request),
                    Some(_) => {}
                    None => self.engine.stop_preview(),
                }
            }
            // It comes by itself, see [`Sound::sample_begins`].
            ToEngine::Sample(_) => {}
            ToEngine::Keep(keep) => {
                self.keep = keep.into_iter().map(|id| (id, ())).collect();
                let keep = &self.keep;
                self.engine.tidy(|id| keep.contains_key(id));
            }
        }
    }

    /// A sound of so many frames begins to arrive. Returns whether there can be such a sound.
    pub fn sample_begins(&mut self, id: &str, frames: usize) -> bool {
        let id = SoundId::parse(id).filter(|_| (1..=keyboardia_audio::limits::SAMPLE_FRAMES_MAX).contains(&frames));
        self.arriving = id.map(|id| Arriving { id, frames: Vec::with_capacity(frames), expected: frames });
        self.arriving.is_some()
    }

    /// More of it arrives: interleaved, little-endian. Returns whether that was the last of it.
    pub fn sample_goes_on(&mut self, piece: &[u8]) -> bool {
        let Some(arriving) = &mut self.arriving else { return true };
        let sample = |bytes: &[u8]| bytes.try_into().map_or(0.0, f32::from_le_bytes);
        let frames = piece.chunks_exact(8).map(|frame| Frame::new(sample(&frame[..4]), sample(&frame[4..])));
        arriving.frames.extend(frames.take(arriving.expected - arriving.frames.len()));
        if arriving.frames.len() < arriving.expected {
            return false;
        }
        if let Some(Arriving { id, frames, .. }) = self.arriving.take()
            && let Some(sample) = Sample::new(frames)
        {
            self.engine.add_sample(id, Arc::new(sample));
            if let Some(request) = self.waiting.take() {
                self.waiting = (!self.engine.preview(&request)).then_some(request);
            }
        }
        true
    }

    /// Renders frames from `frame` on, as the browser counts them: the left ones, then the right ones. Silence until
    /// clock and way are known.
    pub fn render(&mut self, frame: u64, frames: usize) -> &[f32] {
        let frames = frames.min(BLOCK_FRAMES_MAX);
        let out = &mut self.out[..frames * CHANNELS];
        out.fill(0.0);
        if let (Some(clock), Some(way)) = (&self.clock, &self.way) {
            let at = way.at(frame);
            self.renderer.render(out, CHANNELS as u16, Nanos(at), clock.at(at));
        }
        let (left, right) = self.sides[..frames * CHANNELS].split_at_mut(frames);
        for ((frame, left), right) in out.chunks_exact(CHANNELS).zip(left).zip(right) {
            (*left, *right) = (frame[0], frame[1]);
        }
        &self.sides[..frames * CHANNELS]
    }

    /// What is to be told of the sound before `frame`, if that is due.
    pub fn report(&mut self, frame: u64) -> Option<Vec<u8>> {
        if frame.wrapping_sub(self.reported) < REPORT_FRAMES {
            return None;
        }
        self.reported = frame;
        let keep = &self.keep;
        self.engine.tidy(|id| keep.contains_key(id));
        let report = FromEngine {
            frames: frame,
            phase_error_ns: self.engine.status().phase_error_ns(),
            levels: self.engine.take_levels(),
            onsets: self.engine.take_onsets().collect(),
            preview: (self.preview, self.waiting.is_some() || self.engine.previewing().is_some()),
            voices: self.engine.status().voices(),
        };
        postcard::to_extend(&report, Vec::new()).ok()
    }
}
