//! The microphone: opened on a thread of its own when a recording starts, released when the recording lets go of it.
//!
//! What it hears goes through two bounded rings to the player's thread, samples through one, the times of their blocks
//! through the other. The device's callback allocates and locks nothing, and the player's thread never waits.

use crate::{shared::Shared, stamps::StampClock};
use cpal::{
    BufferSize, Device, FromSample, I24, SampleFormat, SizedSample, Stream, StreamConfig, SupportedBufferSize, U24,
    traits::{DeviceTrait, HostTrait, StreamTrait},
};
use keyboardia_audio::{
    Nanos,
    limits::{TAKE_RATE_MAX_HZ, TAKE_RATE_MIN_HZ},
};
use rtrb::{Consumer, Producer, RingBuffer};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, TryRecvError, sync_channel},
    },
    time::{Duration, Instant},
};

/// Frames that a device is asked to give at once, where it lets us choose.
const CALLBACK_FRAMES: u32 = 512;
/// Channels that are recorded; of a device with more, the first ones.
const CHANNELS_MAX: usize = 2;
/// Sound that may wait for the player's thread, seconds.
const RING_SECONDS: usize = 2;
/// Blocks that may wait for the player's thread.
const STAMPS_WAITING_MAX: usize = 4_096;
/// How often an open microphone is looked after.
const WATCH: Duration = Duration::from_millis(10);
/// A microphone that has given nothing for so long is lost.
const SILENT_FOR: Duration = Duration::from_secs(4);
/// How long a microphone that is busy is tried again: the recording before this one may just be letting go of it.
const BUSY_FOR: Duration = Duration::from_millis(500);
/// How long an opening may take; some systems ask the player first.
const OPENING_MAX: Duration = Duration::from_secs(30);
/// Latency that a device may claim, nanoseconds; more is not believed.
const LATENCY_NS_MAX: i64 = 2_000_000_000;

/// What a player reads who has no microphone.
const NO_DEVICE: &str = "No microphone was found; everything else works.";
/// What a player reads whose microphone does not open.
const NO_ANSWER: &str = "The microphone does not answer; everything else works.";

/// Names of the input devices, the default one first.
pub fn inputs() -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in devices().filter_map(|device| name(&device)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The default device, which need not be on the list, and the list.
fn devices() -> impl Iterator<Item = Device> {
    let host = cpal::default_host();
    host.default_input_device().into_iter().chain(host.input_devices().into_iter().flatten())
}

fn name(device: &Device) -> Option<String> {
    Some(device.description().ok()?.name().to_owned())
}

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
pub(crate) struct Pen {
    /// Channels of the device, at least 1.
    channels: usize,
    samples: Producer<f32>,
    stamps: Producer<Stamp>,
    hold: Arc<Hold>,
}

impl Pen {
    /// Hands a block on, captured from `at` on.
    pub(crate) fn write<T: SizedSample>(&mut self, block: &[T], at: Nanos)
    where
        f32: FromSample<T>,
    {
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
            let value: f32 = sample.to_sample();
            if value.is_finite() { value } else { 0.0 }
        }));
        // There is room: that was looked at, and nobody else writes.
        let _ = self.stamps.push(Stamp { frames: u32::try_from(frames).unwrap_or(u32::MAX), at });
    }

    fn lose(&self) {
        self.hold.gaps.fetch_add(1, Relaxed);
    }

    /// The device is gone.
    #[cfg(test)]
    pub(crate) fn vanish(&self) {
        self.hold.gone.store(true, Relaxed);
    }

    /// Whether the recording has let go.
    #[cfg(test)]
    pub(crate) fn is_released(&self) -> bool {
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
pub(crate) struct Microphone {
    opening: Receiver<Result<Line, String>>,
    line: Option<Line>,
    hold: Arc<Hold>,
    since: Instant,
}

impl Microphone {
    /// Begins to open the microphone of this name, or the default one.
    pub(crate) fn open(device: Option<String>, shared: &Arc<Shared>) -> Self {
        let (hold, shared) = (Arc::new(Hold::default()), shared.clone());
        let (opened, opening) = sync_channel(1);
        let (held, told) = (hold.clone(), opened.clone());
        let thread = move || run(device.as_deref(), &shared, &held, &told);
        if let Err(error) = std::thread::Builder::new().name("microphone".into()).spawn(thread) {
            // There is room for one, and nothing was told yet.
            let _ = opened.try_send(Err(format!("This machine cannot start another thread: {error}.")));
        }
        Self { opening, line: None, hold, since: Instant::now() }
    }

    /// A microphone that a test speaks into.
    #[cfg(test)]
    pub(crate) fn scripted(rate_hz: u32, channels: usize) -> (Pen, Self) {
        let hold = Arc::new(Hold::default());
        let (pen, line) = line(rate_hz, channels, &hold);
        let (_, opening) = sync_channel(1);
        (pen, Self { opening, line: Some(line), hold, since: Instant::now() })
    }

    /// A microphone that does not open, for this reason.
    #[cfg(test)]
    pub(crate) fn refused(why: &str) -> Self {
        let (opened, opening) = sync_channel(1);
        opened.send(Err(why.to_owned())).expect("room for one");
        Self { opening, line: None, hold: Arc::default(), since: Instant::now() }
    }

    /// What it has heard; `None` while it is being opened. Never waits.
    ///
    /// # Errors
    /// Why it does not hear, or not any more, as a sentence.
    pub(crate) fn line(&mut self) -> Result<Option<&mut Line>, String> {
        if self.line.is_none() {
            match self.opening.try_recv() {
                Ok(opened) => self.line = Some(opened?),
                Err(TryRecvError::Empty) if self.since.elapsed() < OPENING_MAX => {}
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

/// The thread of the microphone.
fn run(device: Option<&str>, shared: &Arc<Shared>, hold: &Arc<Hold>, opened: &SyncSender<Result<Line, String>>) {
    let begun = Instant::now();
    let stream = loop {
        match open(device, shared, hold) {
            Ok((stream, line)) => {
                // There is room for one; whoever waited may have let go.
                let _ = opened.try_send(Ok(line));
                break stream;
            }
            Err(refusal) if refusal.is_busy && begun.elapsed() < BUSY_FOR => std::thread::sleep(WATCH),
            Err(refusal) => {
                let _ = opened.try_send(Err(refusal.sentence));
                return;
            }
        }
    };
    let mut alive = (0, Instant::now());
    while !hold.released.load(Relaxed) && !hold.gone.load(Relaxed) && !shared.is_leaving() {
        let callbacks = hold.callbacks.load(Relaxed);
        if alive.0 != callbacks {
            alive = (callbacks, Instant::now());
        }
        if alive.1.elapsed() > SILENT_FOR {
            hold.gone.store(true, Relaxed);
        }
        std::thread::sleep(WATCH);
    }
    drop(stream);
}

/// Why a microphone does not open.
struct Refusal {
    sentence: String,
    /// Somebody else holds it.
    is_busy: bool,
}

impl From<String> for Refusal {
    fn from(sentence: String) -> Self {
        Self { sentence, is_busy: false }
    }
}

impl From<cpal::Error> for Refusal {
    fn from(error: cpal::Error) -> Self {
        let is_busy = error.kind() == cpal::ErrorKind::DeviceBusy;
        let sentence = match error.kind() {
            cpal::ErrorKind::DeviceNotAvailable | cpal::ErrorKind::HostUnavailable => NO_DEVICE.to_owned(),
            cpal::ErrorKind::PermissionDenied => {
                "The microphone was refused to this game; allow it in the system's settings.".to_owned()
            }
            cpal::ErrorKind::DeviceBusy => "Another program holds the microphone.".to_owned(),
            _ => format!("The microphone does not open. ({error})"),
        };
        Self { sentence, is_busy }
    }
}

fn open(wanted: Option<&str>, shared: &Arc<Shared>, hold: &Arc<Hold>) -> Result<(Stream, Line), Refusal> {
    let device = match wanted {
        None => cpal::default_host().default_input_device().ok_or_else(|| NO_DEVICE.to_owned())?,
        Some(wanted) => devices()
            .find(|device| name(device).as_deref() == Some(wanted))
            .ok_or_else(|| format!("The microphone {wanted} is not there; choose another one."))?,
    };
    let supported = device.default_input_config()?;
    let buffer_size = match supported.buffer_size() {
        SupportedBufferSize::Range { min, max } => BufferSize::Fixed(CALLBACK_FRAMES.clamp(*min, (*max).max(*min))),
        SupportedBufferSize::Unknown => BufferSize::Default,
    };
    let config = StreamConfig { buffer_size, ..supported.config() };
    let rate = config.sample_rate;
    if !(TAKE_RATE_MIN_HZ..=TAKE_RATE_MAX_HZ).contains(&rate) {
        return Err(format!("The microphone gives {rate} samples a second, which this game does not record.").into());
    }
    let (pen, line) = line(rate, usize::from(config.channels), hold);
    let stream = match supported.sample_format() {
        SampleFormat::F32 => stream::<f32>(&device, config, pen, shared, hold),
        SampleFormat::F64 => stream::<f64>(&device, config, pen, shared, hold),
        SampleFormat::I8 => stream::<i8>(&device, config, pen, shared, hold),
        SampleFormat::I16 => stream::<i16>(&device, config, pen, shared, hold),
        SampleFormat::I24 => stream::<I24>(&device, config, pen, shared, hold),
        SampleFormat::I32 => stream::<i32>(&device, config, pen, shared, hold),
        SampleFormat::I64 => stream::<i64>(&device, config, pen, shared, hold),
        SampleFormat::U8 => stream::<u8>(&device, config, pen, shared, hold),
        SampleFormat::U16 => stream::<u16>(&device, config, pen, shared, hold),
        SampleFormat::U24 => stream::<U24>(&device, config, pen, shared, hold),
        SampleFormat::U32 => stream::<u32>(&device, config, pen, shared, hold),
        SampleFormat::U64 => stream::<u64>(&device, config, pen, shared, hold),
        other => Err(format!("The microphone gives {other} samples, which this game does not record.").into()),
    }?;
    Ok((stream, line))
}

fn stream<T: SizedSample>(
    device: &Device,
    config: StreamConfig,
    mut pen: Pen,
    shared: &Arc<Shared>,
    hold: &Arc<Hold>,
) -> Result<Stream, Refusal>
where
    f32: FromSample<T>,
{
    let (clock, told) = (shared.clone(), hold.clone());
    let mut stamp_clock = StampClock::default();
    let callback = move |block: &[T], info: &cpal::InputCallbackInfo| {
        let stamps = info.timestamp();
        let now = stamp_clock.local(stamps.callback, clock.local_nanos());
        let ago = stamps.callback.saturating_duration_since(stamps.capture).as_nanos();
        let ago = i64::try_from(ago).unwrap_or(0).min(LATENCY_NS_MAX);
        pen.write(block, Nanos(now.0.saturating_sub(ago)));
    };
    let failed = move |error: cpal::Error| match error.kind() {
        cpal::ErrorKind::DeviceNotAvailable | cpal::ErrorKind::StreamInvalidated => told.gone.store(true, Relaxed),
        cpal::ErrorKind::Xrun | cpal::ErrorKind::DeviceChanged => {
            told.gaps.fetch_add(1, Relaxed);
        }
        _ => {}
    };
    let stream = device.build_input_stream(config, callback, failed, None)?;
    stream.play()?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_format_becomes_one_or_two_channels_of_numbers() {
        let (mut pen, mut microphone) = Microphone::scripted(48_000, 1);
        pen.write(&[i16::MIN, 0, i16::MAX], Nanos(5));
        let line = microphone.line().unwrap().unwrap();
        let samples: Vec<f32> = std::iter::from_fn(|| line.samples.pop().ok()).collect();
        assert_eq!((samples.len(), samples[0], samples[1], line.channels), (3, -1.0, 0.0, 1));
        assert_eq!(line.stamps.pop().ok(), Some(Stamp { frames: 3, at: Nanos(5) }));

        let (mut pen, mut microphone) = Microphone::scripted(48_000, 4);
        pen.write(&[0.1_f32, f32::NAN, 9.0, 9.0, 0.3, 0.4, 9.0, 9.0], Nanos(0));
        let line = microphone.line().unwrap().unwrap();
        let samples: Vec<f32> = std::iter::from_fn(|| line.samples.pop().ok()).collect();
        assert_eq!(samples, [0.1, 0.0, 0.3, 0.4], "the first two of four");
    }

    #[test]
    fn what_nobody_takes_is_lost_and_counted_and_the_device_is_let_go() {
        let (mut pen, microphone) = Microphone::scripted(8_000, 1);
        for _ in 0..RING_SECONDS {
            pen.write(&vec![0.5_f32; 8_000], Nanos(0));
        }
        assert_eq!(microphone.gaps(), 0);
        pen.write(&[0.5_f32], Nanos(0));
        assert_eq!(microphone.gaps(), 1);
        assert!(!pen.is_released());
        drop(microphone);
        assert!(pen.is_released());
    }

    #[test]
    fn a_microphone_that_is_not_there_is_told_as_a_sentence() {
        let shared = Arc::new(Shared::new(String::new(), Box::new(Nanos::default)));
        let mut microphone = Microphone::open(Some("no such microphone".into()), &shared);
        let why = loop {
            match microphone.line() {
                Ok(line) => assert!(line.is_none()),
                Err(why) => break why,
            }
            std::thread::sleep(WATCH);
        };
        assert_eq!(why, "The microphone no such microphone is not there; choose another one.");
    }
}
