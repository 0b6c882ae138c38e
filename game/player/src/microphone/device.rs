//! The microphone of this machine: a device that is held by a thread of its own.

use super::{Hold, Line, Microphone, Pen, line};
use crate::{shared::Shared, stamps::StampClock};
use cpal::{
    BufferSize, Device, FromSample, I24, SampleFormat, SizedSample, Stream, StreamConfig, SupportedBufferSize, U24,
    traits::{DeviceTrait, HostTrait, StreamTrait},
};
use keyboardia_audio::{
    Nanos,
    limits::{TAKE_RATE_MAX_HZ, TAKE_RATE_MIN_HZ},
};
use std::{
    sync::{Arc, atomic::Ordering::Relaxed, mpsc::SyncSender},
    time::{Duration, Instant},
};

/// Frames that a device is asked to give at once, where it lets us choose.
const CALLBACK_FRAMES: u32 = 512;
/// How often an open microphone is looked after.
const WATCH: Duration = Duration::from_millis(10);
/// A microphone that has given nothing for so long is lost.
const SILENT_FOR: Duration = Duration::from_secs(4);
/// How long a microphone that is busy is tried again: the recording before this one may just be letting go of it.
const BUSY_FOR: Duration = Duration::from_millis(500);
/// Latency that a device may claim, nanoseconds; more is not believed.
const LATENCY_NS_MAX: i64 = 2_000_000_000;

/// What a player reads who has no microphone.
const NO_DEVICE: &str = "No microphone was found; everything else works.";

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

impl Microphone {
    /// Begins to open the microphone of this name, or the default one.
    pub fn open(device: Option<String>, shared: &Arc<Shared>) -> Self {
        let (opening, microphone) = Self::begin(shared.local_nanos());
        let (told, shared) = (opening.clone(), shared.clone());
        let thread = move || run(device.as_deref(), &shared, &opening.hold, &opening.opened);
        if let Err(error) = std::thread::Builder::new().name("microphone".into()).spawn(thread) {
            told.refuse(format!("This machine cannot start another thread: {error}."));
        }
        microphone
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
        pen.write(block, Nanos(now.0.saturating_sub(ago)), T::to_sample);
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
    fn a_microphone_that_is_not_there_is_told_as_a_sentence() {
        let shared = Arc::new(Shared::new(String::new(), Box::new(Nanos::default)));
        let mut microphone = Microphone::open(Some("no such microphone".into()), &shared);
        let why = loop {
            match microphone.line(Nanos::default()) {
                Ok(line) => assert!(line.is_none()),
                Err(why) => break why,
            }
            std::thread::sleep(WATCH);
        };
        assert_eq!(why, "The microphone no such microphone is not there; choose another one.");
    }
}
