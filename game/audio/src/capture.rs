//! The live sound, taken along while it is played.
//!
//! ```text
//! Renderer ─→ Tap ─→ ring (bounded, lock-free) ─→ Capture ─→ whoever writes it down
//! ```
//!
//! The callback side copies what it has rendered into a ring, and neither allocates nor frees: whoever takes the sound makes
//! the ring, and keeps it until the callback side has let go of it. What nobody has fetched in time is counted and dropped.

use crate::limits::{CAPTURE_WAITING_SAMPLES, CAPTURES_WAITING_MAX};
use rtrb::{Consumer, Producer, RingBuffer, chunks::ChunkError};
use std::sync::{
    Arc,
    atomic::{
        AtomicBool, AtomicU32, AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
};

/// Channels of a capture.
pub const CAPTURE_CHANNELS: u16 = 2;

/// What both sides know of a capture.
#[derive(Debug, Default)]
struct Told {
    /// Hz; 0 until the callback side has begun.
    sample_rate: AtomicU32,
    lost_frames: AtomicU64,
    is_over: AtomicBool,
}

/// The control side: lets captures begin.
pub struct CaptureDesk(Producer<Tap>);

impl CaptureDesk {
    /// Takes the sound along from the next block on; `None` while too many wait for a next block. One capture runs at a time:
    /// another begins when the one before has ended.
    pub fn begin(&mut self) -> Option<Capture> {
        let told = Arc::new(Told::default());
        let (samples, taken) = RingBuffer::new(CAPTURE_WAITING_SAMPLES);
        self.0.push(Tap { samples, told: told.clone() }).ok()?;
        Some(Capture { samples: taken, told })
    }
}

/// A running capture. To be dropped only when it [is over](Capture::is_over), so that the callback side frees nothing.
pub struct Capture {
    samples: Consumer<f32>,
    told: Arc<Told>,
}

impl Capture {
    /// Frames a second, Hz; `None` until the first block.
    pub fn sample_rate(&self) -> Option<u32> {
        Some(self.told.sample_rate.load(Acquire)).filter(|rate| *rate > 0)
    }

    /// Appends what has been played since, left and right in turn.
    pub fn read(&mut self, into: &mut Vec<f32>) {
        let count = self.samples.slots();
        if let Ok(chunk) = self.samples.read_chunk(count) {
            into.extend(chunk);
        }
    }

    /// Frames that were played and not fetched in time.
    pub fn lost_frames(&self) -> u64 {
        self.told.lost_frames.load(Relaxed)
    }

    /// Asks the callback side to let go, with its next block.
    pub fn end(&self) {
        self.told.is_over.store(true, Release);
    }

    /// Whether nothing more will come: it was ended, the device has another rate now, or the sound is gone.
    pub fn is_over(&self) -> bool {
        self.samples.is_abandoned()
    }
}

/// The callback side of a capture.
struct Tap {
    samples: Producer<f32>,
    told: Arc<Told>,
}

impl Tap {
    /// Copies a block. Whole frames go in, or none.
    fn put(&mut self, block: &[f32], channels: usize) {
        let frames = block.len() / channels;
        let fits = frames.min(self.samples.slots() / usize::from(CAPTURE_CHANNELS));
        let sound = block.chunks_exact(channels).take(fits);
        let both = sound.flat_map(|frame| [frame[0], frame.get(1).copied().unwrap_or(frame[0])]);
        match self.samples.write_chunk_uninit(fits * usize::from(CAPTURE_CHANNELS)) {
            Ok(chunk) => {
                chunk.fill_from_iter(both);
            }
            // There were as many a moment ago, and nobody else fills them.
            Err(ChunkError::TooFewSlots(_)) => {}
        }
        self.told.lost_frames.fetch_add((frames - fits) as u64, Relaxed);
    }
}

/// Where captures come to the callback side.
pub(crate) struct Taps {
    waiting: Consumer<Tap>,
    present: Option<Tap>,
    desk: Option<CaptureDesk>,
}

impl Taps {
    /// A place for one capture at a time.
    pub(crate) fn new() -> Self {
        let (give, waiting) = RingBuffer::new(CAPTURES_WAITING_MAX);
        Self { waiting, present: None, desk: Some(CaptureDesk(give)) }
    }

    /// What begins captures here; once.
    pub(crate) fn take_desk(&mut self) -> Option<CaptureDesk> {
        self.desk.take()
    }

    /// A block was rendered, `channels` per frame. Allocates nothing, locks nothing, frees nothing.
    pub(crate) fn hear(&mut self, block: &[f32], channels: usize, sample_rate: u32) {
        let goes_on = |tap: &Tap| !tap.told.is_over.load(Acquire) && tap.told.sample_rate.load(Relaxed) == sample_rate;
        if self.present.as_ref().is_some_and(|tap| !goes_on(tap)) {
            self.present = None;
        }
        if self.present.is_none() {
            self.present = self.waiting.pop().ok();
            if let Some(tap) = &self.present {
                tap.told.sample_rate.store(sample_rate, Release);
            }
        }
        if let Some(tap) = &mut self.present {
            tap.put(block, channels.max(1));
        }
    }
}

impl Drop for Taps {
    /// What waits for a next block waits in vain, and is to know.
    fn drop(&mut self) {
        while self.waiting.pop().is_ok() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(capture: &mut Capture) -> Vec<f32> {
        let mut samples = Vec::new();
        capture.read(&mut samples);
        samples
    }

    #[test]
    fn what_is_played_comes_whole_in_two_channels_and_ends_when_asked() {
        let mut taps = Taps::new();
        let mut desk = taps.take_desk().unwrap();
        taps.hear(&[9.0; 8], 2, 48_000);
        let mut capture = desk.begin().unwrap();
        assert_eq!((capture.sample_rate(), all(&mut capture).len()), (None, 0), "not what was before");
        taps.hear(&[0.1, 0.2, 0.3, 0.4], 2, 48_000);
        assert_eq!((capture.sample_rate(), all(&mut capture)), (Some(48_000), vec![0.1, 0.2, 0.3, 0.4]));
        taps.hear(&[0.5, 0.6], 1, 48_000);
        taps.hear(&[0.7, 0.8, 0.9, 0.9], 4, 48_000);
        assert_eq!(all(&mut capture), [0.5, 0.5, 0.6, 0.6, 0.7, 0.8]);
        capture.end();
        assert!(!capture.is_over());
        taps.hear(&[1.0, 1.0], 2, 48_000);
        assert!(capture.is_over() && all(&mut capture).is_empty() && capture.lost_frames() == 0);
    }

    #[test]
    fn another_rate_ends_it_and_so_does_the_end_of_the_sound() {
        let mut taps = Taps::new();
        let mut desk = taps.take_desk().unwrap();
        let first = desk.begin().unwrap();
        taps.hear(&[0.0; 2], 2, 48_000);
        taps.hear(&[0.0; 2], 2, 44_100);
        assert!(first.is_over());
        let second = desk.begin().unwrap();
        drop(taps);
        assert!(second.is_over());
    }

    #[test]
    fn what_nobody_fetches_is_counted_and_few_can_wait() {
        let mut taps = Taps::new();
        let mut desk = taps.take_desk().unwrap();
        assert!(taps.take_desk().is_none());
        let mut capture = desk.begin().unwrap();
        let block = vec![0.5; CAPTURE_WAITING_SAMPLES];
        taps.hear(&block, 2, 48_000);
        taps.hear(&block[..20], 2, 48_000);
        assert_eq!((capture.lost_frames(), all(&mut capture).len()), (10, CAPTURE_WAITING_SAMPLES));
        let waiting: Vec<Capture> = std::iter::from_fn(|| desk.begin()).take(CAPTURES_WAITING_MAX + 1).collect();
        assert_eq!(waiting.len(), CAPTURES_WAITING_MAX);
    }
}
