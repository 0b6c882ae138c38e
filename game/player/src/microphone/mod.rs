//! The microphone: opened when a recording starts, released when the recording lets go of it.
//!
//! What it hears goes through two bounded rings to the recorder, samples through one, the times of their blocks through the
//! other. Who holds the device allocates and locks nothing meanwhile, and the recorder never waits. Natively that is a
//! thread, see `device`; in a browser it is the page.

#[cfg(not(target_arch = "wasm32"))]
mod device;

#[cfg(not(target_arch = "wasm32"))]
pub use device::inputs;

use keyboardia_audio::Nanos;
use rtrb::{Consumer, Producer, RingBuffer};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    mpsc::{Receiver, SyncSender, TryRecvError, sync_channel},
};

/// Channels that are recorded; of a device with more, the first ones.
const CHANNELS_MAX: usize = 2;
/// Sound that may wait for the recorder, seconds.
const RING_SECONDS: usize = 2;
/// Blocks that may wait for the recorder.
const STAMPS_WAITING_MAX: usize = 4_096;
/// How long an opening may take, nanoseconds; some systems ask the player first.
const OPENING_NS_MAX: i64 = 30_000_000_000;

/// What a player reads whose microphone does not open.
const NO_ANSWER: &str = "The microphone does not answer; everything else works.";

/// When a block of frames was captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) frames: u32,
    /// When its first frame was captured, the player's clock, as well as the device can tell.
    pub(crate) at: Nanos,
}

/// What the device, its thread and the recording tell each other.
#[derive(Debug, Default)]
struct Hold {
    /// The recording has let go.
    released: AtomicBool,
    /// The device is gone.
    gone: AtomicBool,
    callbacks: AtomicU32,
    /// Times that sound was lost on its way.
    gaps: AtomicU32,
}

/// The recording's end of an open microphone.
pub(crate) struct Line {
    pub(crate) rate_hz: u32,
    /// One or two.
    pub(crate) channels: usize,
    /// Interleaved.
    pub(crate) samples: Consumer<f32>,
    pub(crate) stamps: Consumer<Stamp>,
}

/// The device's end.
pub struct Pen {
    /// Channels of the device, at least 1.
    channels: usize,
    samples: Producer<f32>,
    stamps: Producer<Stamp>,
    hold: Arc<Hold>,
}

impl Pen {
    /// Hands a block on, captured from `at` on. `number`: what a sample is as a share of full scale.
    pub fn write<T: Copy>(&mut self, block: &[T], at: Nanos, number: impl Fn(T) -> f32) {
        self.hold.callbacks.fetch_add(1, Relaxed);
        let frames = block.len() / self.channels;
        if frames == 0 {
            return;
        }
        let kept = self.channels.min(CHANNELS_MAX);
        let Ok(room) = self.samples.write_chunk_uninit(frames * kept) else { return self.lose() };
        if self.stamps.is_full() {
            return self.lose();
        }
        let samples = block.chunks_exact(self.channels).flat_map(|frame| &frame[..kept]);
        room.fill_from_iter(samples.map(|sample| {
            let value = number(*sample);
            if value.is_finite() { value } else { 0.0 }
        }));
        // There is room: that was looked at, and nobody else writes.
        let _ = self.stamps.push(Stamp { frames: u32::try_from(frames).unwrap_or(u32::MAX), at });
    }

    /// Some sound was lost on its way.
    pub fn lose(&self) {
        self.hold.gaps.fetch_add(1, Relaxed);
    }

    /// The device is gone.
    pub fn vanish(&self) {
        self.hold.gone.store(true, Relaxed);
    }

    /// Whether the recording has let go.
    pub fn is_released(&self) -> bool {
        self.hold.released.load(Relaxed)
    }
}

/// The two ends of a microphone of this rate and so many channels.
fn line(rate_hz: u32, channels: usize, hold: &Arc<Hold>) -> (Pen, Line) {
    let (channels, kept) = (channels.max(1), channels.clamp(1, CHANNELS_MAX));
    let (samples, heard) = RingBuffer::new(rate_hz as usize * kept * RING_SECONDS);
    let (stamps, stamped) = RingBuffer::new(STAMPS_WAITING_MAX);
    let pen = Pen { channels, samples, stamps, hold: hold.clone() };
    (pen, Line { rate_hz, channels: kept, samples: heard, stamps: stamped })
}

/// A microphone that is being opened, or is open. Dropping it releases it.
pub struct Microphone {
    opening: Receiver<Result<Line, String>>,
    line: Option<Line>,
    hold: Arc<Hold>,
    since: Nanos,
}

/// Whoever opens a microphone: opens it once, or says why not.
#[derive(Clone)]
pub struct Opening {
    opened: SyncSender<Result<Line, String>>,
    hold: Arc<Hold>,
}

impl Opening {
    /// It is open, at this rate and with so many channels; of more than two, the first ones are recorded.
    pub fn open(&self, rate_hz: u32, channels: usize) -> Pen {
        let (pen, line) = line(rate_hz, channels, &self.hold);
        // There is room for one; whoever waited may have let go.
        let _ = self.opened.try_send(Ok(line));
        pen
    }

    /// It does not open; why, as a sentence.
    pub fn refuse(&self, why: String) {
        let _ = self.opened.try_send(Err(why));
    }

    /// Whether the recording has let go.
    pub fn is_released(&self) -> bool {
        self.hold.released.load(Relaxed)
    }
}

impl Microphone {
    /// A microphone that somebody is about to open at this moment of the player's clock.
    pub fn begin(now: Nanos) -> (Opening, Self) {
        let hold = Arc::new(Hold::default());
        let (opened, opening) = sync_channel(1);
        (Opening { opened, hold: hold.clone() }, Self { opening, line: None, hold, since: now })
    }

    /// A microphone that a test speaks into.
    #[cfg(test)]
    pub(crate) fn scripted(rate_hz: u32, channels: usize) -> (Pen, Self) {
        let (opening, microphone) = Self::begin(Nanos::default());
        (opening.open(rate_hz, channels), microphone)
    }

    /// A microphone that does not open, for this reason.
    #[cfg(test)]
    pub(crate) fn refused(why: &str) -> Self {
        let (opening, microphone) = Self::begin(Nanos::default());
        opening.refuse(why.to_owned());
        microphone
    }

    /// What it has heard; `None` while it is being opened. Never waits.
    ///
    /// # Errors
    /// Why it does not hear, or not any more, as a sentence.
    pub(crate) fn line(&mut self, now: Nanos) -> Result<Option<&mut Line>, String> {
        if self.line.is_none() {
            match self.opening.try_recv() {
                Ok(opened) => self.line = Some(opened?),
                Err(TryRecvError::Empty) if now.0.saturating_sub(self.since.0) < OPENING_NS_MAX => {}
                Err(_) => return Err(NO_ANSWER.to_owned()),
            }
        }
        Ok(self.line.as_mut())
    }

    /// Whether the device is gone; what it has heard before can still be read.
    pub(crate) fn is_gone(&self) -> bool {
        self.hold.gone.load(Relaxed)
    }

    /// How often sound was lost on its way.
    pub(crate) fn gaps(&self) -> u32 {
        self.hold.gaps.load(Relaxed)
    }
}

impl Drop for Microphone {
    fn drop(&mut self) {
        self.hold.released.store(true, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_format_becomes_one_or_two_channels_of_numbers() {
        let (mut pen, mut microphone) = Microphone::scripted(48_000, 1);
        pen.write(&[i16::MIN, 0, i16::MAX], Nanos(5), |sample| f32::from(sample) / 32_768.0);
        let line = microphone.line(Nanos(0)).unwrap().unwrap();
        let samples: Vec<f32> = std::iter::from_fn(|| line.samples.pop().ok()).collect();
        assert_eq!((samples.len(), samples[0], samples[1], line.channels), (3, -1.0, 0.0, 1));
        assert_eq!(line.stamps.pop().ok(), Some(Stamp { frames: 3, at: Nanos(5) }));

        let (mut pen, mut microphone) = Microphone::scripted(48_000, 4);
        pen.write(&[0.1_f32, f32::NAN, 9.0, 9.0, 0.3, 0.4, 9.0, 9.0], Nanos(0), |sample| sample);
        let line = microphone.line(Nanos(0)).unwrap().unwrap();
        let samples: Vec<f32> = std::iter::from_fn(|| line.samples.pop().ok()).collect();
        assert_eq!(samples, [0.1, 0.0, 0.3, 0.4], "the first two of four");
    }

    #[test]
    fn what_nobody_takes_is_lost_and_counted_and_the_device_is_let_go() {
        let (mut pen, microphone) = Microphone::scripted(8_000, 1);
        for _ in 0..RING_SECONDS {
            pen.write(&vec![0.5_f32; 8_000], Nanos(0), |sample| sample);
        }
        assert_eq!(microphone.gaps(), 0);
        pen.write(&[0.5_f32], Nanos(0), |sample| sample);
        assert_eq!(microphone.gaps(), 1);
        assert!(!pen.is_released());
        drop(microphone);
        assert!(pen.is_released());
    }
}
