//! The sound's last metre: a cpal stream, or silence that keeps time.
//!
//! The renderer is lent to the stream and comes back when the stream is dropped, so a lost device costs nothing but
//! its sound. While there is none, the engine is driven by the clock and heard by nobody.

use crate::{
    shared::Shared,
    stamps::StampClock,
    view::{Hearing, Output},
};
use cpal::{
    BufferSize, Device, FromSample, SampleFormat, SizedSample, Stream, StreamConfig, SupportedBufferSize,
    traits::{DeviceTrait, HostTrait, StreamTrait},
};
use keyboardia_audio::{Nanos, Renderer};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Frames that a device is asked to take at once, where it lets us choose; twice as many where that was too few, up to the
/// largest number.
const CALLBACK_FRAMES: u32 = 512;
const CALLBACK_FRAMES_MAX: u32 = 2_048;
/// Underruns within [`UNDERRUNS_WITHIN`] that show that it was.
const UNDERRUNS_MAX: u32 = 4;
const UNDERRUNS_WITHIN: Duration = Duration::from_secs(10);
/// Samples of the largest callback; what is longer is rendered in pieces.
const SCRATCH_SAMPLES: usize = 16 * 1_024;
/// Frames that silence takes at once.
const SILENT_FRAMES: usize = 256;
/// Delay that silence makes up for block by block; later still, it begins anew. Nanoseconds.
const SILENCE_LATE_NS_MAX: i64 = 1_000_000_000;
/// How often a missing device is looked for.
const RETRY: Duration = Duration::from_secs(5);
/// A device that has asked for nothing for so long is lost. Some stand still for seconds while they are opened.
const SILENT_FOR: Duration = Duration::from_secs(4);
/// Errors in a row after which a device is given time to recover between them, and how much.
const ERRORS_IN_ROW: u32 = 8;
const RECOVERY: Duration = Duration::from_millis(5);
/// What a device says of its latency is not believed for so many callbacks after it was opened, or stumbled: its buffers
/// are filling.
const SETTLING: u32 = 16;
/// How long the end of the sound is waited for; a driver may hang.
const END_PATIENCE: Duration = Duration::from_secs(3);
/// How often a playing device is looked after.
const WATCH: Duration = Duration::from_millis(20);
/// Latency that a device may claim, nanoseconds; more is not believed.
const LATENCY_NS_MAX: i64 = 2_000_000_000;

/// What a player reads who has no sound card.
const NO_DEVICE: &str = "No sound device was found; the game goes on silently.";

/// Names of the output devices, the default one first.
pub(crate) fn names() -> Vec<String> {
    let host = cpal::default_host();
    let default = host.default_output_device();
    let devices = default.into_iter().chain(host.output_devices().into_iter().flatten());
    let mut names: Vec<String> = Vec::new();
    for name in devices.filter_map(|device| Some(device.description().ok()?.name().to_owned())) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Starts the thread that drives the renderer until the player leaves.
///
/// # Errors
/// When the machine cannot start another thread.
pub(crate) fn start(output: Output, renderer: Renderer, shared: &Arc<Shared>) -> std::io::Result<Sound> {
    let shared = shared.clone();
    std::thread::Builder::new().name("sound".into()).spawn(move || run(output, renderer, &shared)).map(Sound)
}

/// The thread of the sound.
pub(crate) struct Sound(JoinHandle<()>);

impl Sound {
    /// Waits until the thread has ended, which it does soon after the player has begun to leave; not for longer than a
    /// driver that hangs is worth.
    pub(crate) fn end(self) {
        let begin = Instant::now();
        while !self.0.is_finished() {
            if begin.elapsed() > END_PATIENCE {
                tracing::warn!(target: "player", "the sound device does not let go");
                return;
            }
            std::thread::sleep(RECOVERY);
        }
    }
}

/// What a device is left for.
enum Next {
    /// The player leaves.
    End,
    /// The sound is to go elsewhere.
    Elsewhere(Output),
    /// The device is gone, or stands still.
    Lost,
    /// It needs larger blocks.
    Larger,
}

fn run(mut output: Output, mut renderer: Renderer, shared: &Arc<Shared>) {
    let mut silence: Option<Silence> = None;
    let mut frames = CALLBACK_FRAMES;
    loop {
        let next = if output == Output::Silent {
            shared.set_hearing(Hearing::Silent("The sound is switched off.".into()));
            Silence::go_on(&mut silence, &mut renderer, shared).keep(&mut renderer, &output, shared, None)
        } else {
            match Speaker::open(&output, frames, renderer, shared) {
                Ok(speaker) => {
                    silence = None;
                    let next = speaker.watch(&output, shared);
                    let Some(back) = speaker.close() else {
                        let why = "The sound device took the sound with it; join again to hear it.";
                        return shared.set_hearing(Hearing::Silent(why.into()));
                    };
                    renderer = back;
                    next
                }
                Err((back, why)) => {
                    renderer = *back;
                    shared.set_hearing(Hearing::Silent(why));
                    let silence = Silence::go_on(&mut silence, &mut renderer, shared);
                    silence.keep(&mut renderer, &output, shared, Some(RETRY))
                }
            }
        };
        match next {
            Next::End => return,
            Next::Elsewhere(other) => {
                (output, frames) = (other, CALLBACK_FRAMES);
                shared.set_hearing(Hearing::Starting);
            }
            Next::Lost => {}
            Next::Larger => frames = (frames * 2).min(CALLBACK_FRAMES_MAX),
        }
    }
}

/// The engine runs by the clock and is not heard. It goes on where it was after a look for a device, so that the look
/// is not noticed.
struct Silence {
    /// When its first block begins, the player's own clock.
    base: Nanos,
    sample_rate: u32,
    /// Blocks rendered so far.
    blocks: u32,
}

impl Silence {
    /// The silence that was, or a new one: the sound has been elsewhere, or has waited for too long.
    fn go_on<'a>(silence: &'a mut Option<Self>, renderer: &mut Renderer, shared: &Shared) -> &'a mut Self {
        let (now, sample_rate) = (shared.local_nanos(), renderer.sample_rate());
        let is_whole = |old: &Self| old.sample_rate == sample_rate && now.0 - old.due().0 < SILENCE_LATE_NS_MAX;
        let old = silence.take().filter(is_whole);
        silence.insert(old.unwrap_or_else(|| {
            renderer.set_device(sample_rate);
            Self { base: now, sample_rate, blocks: 0 }
        }))
    }

    fn block(&self) -> Duration {
        Duration::from_secs_f64(SILENT_FRAMES as f64 / f64::from(self.sample_rate))
    }

    /// When the next block is due, the player's own clock.
    fn due(&self) -> Nanos {
        Nanos(self.base.0.saturating_add((self.block() * self.blocks).as_nanos() as i64))
    }

    /// Lasts for some time, until the player leaves or the sound is to go elsewhere.
    fn keep(&mut self, renderer: &mut Renderer, output: &Output, shared: &Shared, limit: Option<Duration>) -> Next {
        let mut buffer = [0.0; 2 * SILENT_FRAMES];
        let begin = Instant::now();
        let length = self.block();
        while limit.is_none_or(|limit| begin.elapsed() < limit) {
            if shared.is_leaving() {
                return Next::End;
            }
            if let Some(other) = shared.take_output_other_than(output) {
                return Next::Elsewhere(other);
            }
            shared.set_latency(length.as_micros() as u32, length.as_micros() as u32);
            // A block is rendered one block before it would be heard.
            let at = Nanos(self.due().0.saturating_add(length.as_nanos() as i64));
            if let Some(clock) = shared.speaker_clock() {
                renderer.render(&mut buffer, 2, at, clock);
            }
            self.blocks += 1;
            let wait = self.due().0 - shared.local_nanos().0;
            std::thread::sleep(Duration::from_nanos(u64::try_from(wait).unwrap_or(0)));
        }
        Next::Lost
    }
}

/// The device that an output names, and what the player calls it.
fn find(output: &Output) -> Result<(Device, String), String> {
    let name = |device: &Device| Some(device.description().ok()?.name().to_owned());
    let host = cpal::default_host();
    if let Output::Device(wanted) = output {
        // The default device need not be on the list, but is one of those that can be chosen.
        let mut devices = host.default_output_device().into_iter().chain(host.output_devices().into_iter().flatten());
        let found = devices.find(|device| name(device).as_ref() == Some(wanted));
        return found.map(|device| (device, wanted.clone())).ok_or_else(|| {
            format!("The sound device {wanted} is not there; the game goes on silently until it is back.")
        });
    }
    let device = host.default_output_device().ok_or_else(|| NO_DEVICE.to_owned())?;
    let name = name(&device).unwrap_or_else(|| "sound device".to_owned());
    Ok((device, name))
}

/// An open device that plays.
struct Speaker {
    stream: Stream,
    back: Receiver<Box<Renderer>>,
    health: Arc<Health>,
    /// Frames of a block can be more.
    can_grow: bool,
    name: String,
}

/// How a stream is doing, told by its thread.
#[derive(Debug, Default)]
struct Health {
    lost: AtomicBool,
    callbacks: AtomicU32,
    underruns: AtomicU32,
    errors_in_row: AtomicU32,
    /// Callbacks for which latencies are not believed yet.
    settling: AtomicU32,
}

impl Health {
    /// A callback begins. Returns whether what it says of the latency is to be believed.
    fn callback(&self) -> Stage {
        self.callbacks.fetch_add(1, Relaxed);
        self.errors_in_row.store(0, Relaxed);
        match self.settling.load(Relaxed) {
            0 => Stage::Settled,
            left => {
                self.settling.store(left - 1, Relaxed);
                if left == 1 { Stage::SettlesNow } else { Stage::Settling }
            }
        }
    }

    /// The stream complains.
    fn error(&self, error: &cpal::Error) {
        match error.kind() {
            cpal::ErrorKind::RealtimeDenied => return,
            cpal::ErrorKind::DeviceNotAvailable | cpal::ErrorKind::StreamInvalidated => self.lost.store(true, Relaxed),
            cpal::ErrorKind::Xrun => {
                self.underruns.fetch_add(1, Relaxed);
            }
            _ => {}
        }
        self.settling.store(SETTLING, Relaxed);
        if self.errors_in_row.fetch_add(1, Relaxed) >= ERRORS_IN_ROW {
            // Some drivers fail at once, again and again, until they have recovered.
            std::thread::sleep(RECOVERY);
        }
    }
}

/// Whether what a device says of its latency is to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Settling,
    /// For the first time since it was not.
    SettlesNow,
    Settled,
}

/// Counts underruns of late.
struct Underruns {
    seen: u32,
    since: Instant,
}

impl Underruns {
    /// Whether there were too many within a short time.
    fn are_many(&mut self, count: u32, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) > UNDERRUNS_WITHIN {
            *self = Self { seen: count, since: now };
        }
        count.wrapping_sub(self.seen) >= UNDERRUNS_MAX
    }
}

/// The renderer while it is lent to a stream; it returns when the stream drops it.
struct Lent {
    renderer: Option<Box<Renderer>>,
    home: SyncSender<Box<Renderer>>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(renderer) = self.renderer.take() {
            // There is room for one, and there is but one.
            let _ = self.home.try_send(renderer);
        }
    }
}

type OpenError = (Box<Renderer>, String);

impl Speaker {
    fn open(output: &Output, frames: u32, renderer: Renderer, shared: &Arc<Shared>) -> Result<Self, OpenError> {
        let mut renderer = Box::new(renderer);
        let (device, name) = match find(output) {
            Ok(found) => found,
            Err(why) => return Err((renderer, why)),
        };
        let supported = match device.default_output_config() {
            Ok(supported) => supported,
            Err(error) => return Err((renderer, open_failure(&error))),
        };
        let (buffer_size, most) = match supported.buffer_size() {
            SupportedBufferSize::Range { min, max } => {
                (BufferSize::Fixed(frames.clamp(*min, (*max).max(*min))), (*max).min(CALLBACK_FRAMES_MAX))
            }
            SupportedBufferSize::Unknown => (BufferSize::Default, 0),
        };
        let format = supported.sample_format();
        let config = StreamConfig { buffer_size, ..supported.config() };
        renderer.set_device(config.sample_rate);
        let (home, back) = sync_channel(1);
        let health = Arc::new(Health { settling: SETTLING.into(), ..Health::default() });
        let lent = Lent { renderer: Some(renderer), home };
        let opened = match format {
            SampleFormat::F32 => stream::<f32>(&device, config, lent, shared, &health),
            SampleFormat::I16 => stream::<i16>(&device, config, lent, shared, &health),
            SampleFormat::I32 => stream::<i32>(&device, config, lent, shared, &health),
            SampleFormat::U16 => stream::<u16>(&device, config, lent, shared, &health),
            SampleFormat::U8 => stream::<u8>(&device, config, lent, shared, &health),
            other => Err(format!("The sound device wants {other} samples, which this game does not make.")),
        };
        match opened {
            Ok(stream) => Ok(Self { stream, back, health, can_grow: frames < most, name }),
            // The stream that was not opened has dropped what it was lent.
            Err(why) => match back.recv() {
                Ok(renderer) => Err((renderer, why)),
                Err(_) => unreachable!("a renderer that is lent comes back"),
            },
        }
    }

    /// Looks after the device until something is to be done about it.
    fn watch(&self, output: &Output, shared: &Shared) -> Next {
        let begin = Instant::now();
        let mut underruns = Underruns { seen: 0, since: begin };
        let mut alive = (0, begin);
        while !shared.is_leaving() {
            let now = Instant::now();
            let callbacks = self.health.callbacks.load(Relaxed);
            if alive.0 != callbacks {
                alive = (callbacks, now);
            }
            if self.health.lost.load(Relaxed) || now - alive.1 > SILENT_FOR {
                let why = format!("The sound device {} is gone; the game goes on silently.", self.name);
                shared.set_hearing(Hearing::Silent(why));
                return Next::Lost;
            }
            if let Some(other) = shared.take_output_other_than(output) {
                return Next::Elsewhere(other);
            }
            if underruns.are_many(self.health.underruns.load(Relaxed), now) && self.can_grow {
                tracing::info!(target: "player", "{} underruns: larger blocks for {}", UNDERRUNS_MAX, self.name);
                return Next::Larger;
            }
            let latency_us = shared.latency_us.load(Relaxed);
            shared.set_hearing(Hearing::Playing { device: self.name.clone(), latency_us });
            std::thread::sleep(WATCH);
        }
        Next::End
    }

    /// Ends the stream and takes the renderer back.
    fn close(self) -> Option<Renderer> {
        drop(self.stream);
        self.back.recv_timeout(Duration::from_secs(2)).ok().map(|renderer| *renderer)
    }
}

/// Why a device does not play, as a sentence.
fn open_failure(error: &cpal::Error) -> String {
    match error.kind() {
        cpal::ErrorKind::DeviceNotAvailable | cpal::ErrorKind::HostUnavailable => NO_DEVICE.to_owned(),
        cpal::ErrorKind::DeviceBusy => "Another program holds the sound device; the game goes on silently.".to_owned(),
        _ => format!("The sound device does not play; the game goes on silently. ({error})"),
    }
}

fn stream<T: SizedSample + FromSample<f32>>(
    device: &cpal::Device,
    config: StreamConfig,
    mut lent: Lent,
    shared: &Arc<Shared>,
    health: &Arc<Health>,
) -> Result<Stream, String> {
    let channels = config.channels.max(1);
    let mut scratch = vec![0.0_f32; SCRATCH_SAMPLES / usize::from(channels) * usize::from(channels)];
    let frame_ns = 1e9 / f64::from(config.sample_rate.max(1));
    let (told, health) = (health.clone(), health.clone());
    let clock = shared.clone();
    let mut stamp_clock = StampClock::default();
    // Silence begins nowhere; sound that begins in the wrong place would have to jump to the right one.
    let mut has_settled = false;
    let callback = move |out: &mut [T], info: &cpal::OutputCallbackInfo| {
        let stamps = info.timestamp();
        let now = stamp_clock.local(stamps.callback, clock.local_nanos());
        let ahead = stamps.playback.saturating_duration_since(stamps.callback).as_nanos();
        let ahead = i64::try_from(ahead).unwrap_or(0).min(LATENCY_NS_MAX);
        let block = (out.len() / usize::from(channels)) as f64 * frame_ns;
        let stage = health.callback();
        has_settled |= stage != Stage::Settling;
        match stage {
            Stage::Settled => clock.set_latency((ahead / 1_000) as u32, (block / 1e3) as u32),
            Stage::SettlesNow => lent.renderer.iter_mut().for_each(|renderer| renderer.forget_way()),
            Stage::Settling => {}
        }
        let mut done = 0;
        for piece in out.chunks_mut(scratch.len()) {
            let buffer = &mut scratch[..piece.len()];
            buffer.fill(0.0);
            let later = (done / usize::from(channels)) as f64 * frame_ns;
            let at = Nanos(now.0.saturating_add(ahead).saturating_add(later as i64));
            if let (Some(clock), Some(renderer), true) = (clock.speaker_clock(), &mut lent.renderer, has_settled) {
                renderer.render(buffer, channels, at, clock);
            }
            for (sample, value) in piece.iter_mut().zip(buffer.iter()) {
                *sample = T::from_sample(*value);
            }
            done += piece.len();
        }
    };
    let failed = move |error: cpal::Error| told.error(&error);
    let stream = device.build_output_stream(config, callback, failed, None).map_err(|error| open_failure(&error))?;
    stream.play().map_err(|error| open_failure(&error))?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_stumbles_is_not_believed_for_a_while_and_only_one_that_is_gone_is_lost() {
        let health = Health { settling: SETTLING.into(), ..Health::default() };
        let stages = |count: u32| (0..count).map(|_| health.callback()).collect::<Vec<_>>();
        let settle = [vec![Stage::Settling; SETTLING as usize - 1], vec![Stage::SettlesNow, Stage::Settled]].concat();
        assert_eq!(stages(SETTLING + 1), settle, "after it was opened");
        for (kind, settles) in [
            (cpal::ErrorKind::Xrun, true),
            (cpal::ErrorKind::BackendError, true),
            (cpal::ErrorKind::DeviceChanged, true),
            (cpal::ErrorKind::RealtimeDenied, false),
        ] {
            health.error(&kind.into());
            assert!(!health.lost.load(Relaxed), "{kind:?}");
            assert_eq!(stages(SETTLING + 1) == settle, settles, "{kind:?}");
        }
        assert_eq!(health.underruns.load(Relaxed), 1);
        health.error(&cpal::ErrorKind::DeviceNotAvailable.into());
        assert!(health.lost.load(Relaxed));
    }

    #[test]
    fn underruns_are_many_when_they_come_within_a_short_time() {
        let begin = Instant::now();
        let mut underruns = Underruns { seen: 0, since: begin };
        let at = |seconds| begin + Duration::from_secs(seconds);
        assert!(!underruns.are_many(3, at(9)));
        assert!(!underruns.are_many(6, at(11)), "the first three were long ago");
        assert!(!underruns.are_many(9, at(20)));
        assert!(underruns.are_many(10, at(21)));
    }
}
