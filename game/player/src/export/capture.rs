//! Takes along what leaves the engine, live, into a file that is as long as it becomes.

use super::{CAPTURE_MINUTES_MAX, ENDING};
use crate::{
    errand::{Errand, Task},
    files,
};
use keyboardia_audio::{
    capture::{CAPTURE_CHANNELS, Capture, CaptureDesk},
    wav::{Depth, WavSink},
};
use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How often it is looked what has been played.
const LOOK: Duration = Duration::from_millis(20);
/// How often the file is made one that can be played up to there: what happens to the disk or the machine costs no more.
const SETTLE: Duration = Duration::from_secs(1);
/// How long the sound may take to begin.
const BEGIN_MAX: Duration = Duration::from_secs(5);
/// Bytes of a WAV file of 24 bits before its sound.
const HEAD_BYTES: usize = 68;
/// Said when there is nothing to be taken along.
const NO_SOUND: &str = "There is no sound to be recorded yet: try again in a moment.";

/// What lets captures begin, once there is sound.
#[derive(Default)]
pub(crate) struct Captures(Mutex<Option<CaptureDesk>>);

impl Captures {
    /// From now on the sound is taken from there.
    pub(crate) fn come_from(&self, desk: Option<CaptureDesk>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = desk;
    }

    fn begin(&self) -> Option<Capture> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut()?.begin()
    }
}

/// Takes the sound along into a file, until it is ended, for [`CAPTURE_MINUTES_MAX`] at the most. The outcome says what was
/// written.
pub(crate) fn capture(captures: Arc<Captures>, path: PathBuf) -> Errand<String> {
    let path = files::with_ending(path, ENDING);
    Errand::start("capture", move |task| {
        let mut capture = captures.begin().ok_or(NO_SOUND)?;
        let outcome = write_down(task, &mut capture, &path);
        capture.end();
        // The callback side lets go first, so that it need not free anything. It is there for as long as there is sound.
        std::thread::Builder::new()
            .name("capture-end".into())
            .spawn(move || part(&capture))
            .map(drop)
            .unwrap_or_default();
        outcome
    })
}

fn part(capture: &Capture) {
    while !capture.is_over() {
        std::thread::sleep(LOOK);
    }
}

fn write_down(task: &Task, capture: &mut Capture, path: &Path) -> Result<String, String> {
    let name = files::called(path);
    let unwritten = |error: io::Error| format!("“{name}” was not written: {error}.");
    let sample_rate = rate(task, capture).ok_or(NO_SOUND)?;
    let mut file = LongFile::begin(path, sample_rate).map_err(unwritten)?;
    let frames_max = CAPTURE_MINUTES_MAX * 60 * u64::from(sample_rate);
    let mut block = Vec::new();
    let fault = loop {
        // Asked first: what came before is then in the ring.
        let is_last = task.ends() || capture.is_over() || file.frames >= frames_max;
        block.clear();
        capture.read(&mut block);
        block.truncate(usize::try_from(2 * (frames_max - file.frames)).unwrap_or(usize::MAX));
        if let Err(error) = file.write(&block) {
            break Some(error);
        }
        task.is_done(file.frames as f64 / frames_max as f64);
        if is_last {
            break None;
        }
        std::thread::sleep(LOOK);
    };
    let (lost, seconds) = (capture.lost_frames(), file.frames as f64 / f64::from(sample_rate));
    let ended = match fault {
        None => file.finish(),
        Some(error) => Err(file.rescue(error)),
    };
    match ended {
        Ok(()) if lost == 0 => Ok(format!("Recorded {} to “{name}”.", length(seconds))),
        Ok(()) => {
            let missing_ms = lost * 1_000 / u64::from(sample_rate);
            Err(format!(
                "Recorded {} to “{name}”; the disk was too slow, and {missing_ms} ms are missing.",
                length(seconds)
            ))
        }
        Err((error, kept_s)) => {
            let kept = length(kept_s);
            Err(format!("The recording ended early: {error}. {kept} are in “{name}”."))
        }
    }
}

/// The rate of the sound, once there is some.
fn rate(task: &Task, capture: &Capture) -> Option<u32> {
    let begin = Instant::now();
    loop {
        if let Some(rate) = capture.sample_rate() {
            return Some(rate);
        }
        if task.ends() || capture.is_over() || begin.elapsed() > BEGIN_MAX {
            return None;
        }
        std::thread::sleep(LOOK);
    }
}

/// Minutes and seconds.
fn length(seconds: f64) -> String {
    let whole = seconds as u64;
    if whole < 60 { format!("{seconds:.1} s") } else { format!("{}:{:02} min", whole / 60, whole % 60) }
}

/// A WAV file that grows, and can be played up to where it was settled last.
struct LongFile {
    sink: WavSink<BufWriter<File>>,
    path: PathBuf,
    sample_rate: u32,
    frames: u64,
    settled: Settled,
    settled_at: Instant,
}

/// A file as it was when it could be played last.
#[derive(Clone, Default)]
struct Settled {
    /// What says how long it is.
    head: Vec<u8>,
    bytes: u64,
    frames: u64,
}

impl LongFile {
    fn begin(path: &Path, sample_rate: u32) -> io::Result<Self> {
        let file = BufWriter::new(File::create(path)?);
        let sink = WavSink::new(file, CAPTURE_CHANNELS, sample_rate, Depth::Bits24).map_err(io::Error::other)?;
        let settled_at = Instant::now();
        Ok(Self { sink, path: path.to_owned(), sample_rate, frames: 0, settled: Settled::default(), settled_at })
    }

    fn write(&mut self, block: &[f32]) -> io::Result<()> {
        self.sink.write(block).map_err(fault)?;
        self.frames += (block.len() / usize::from(CAPTURE_CHANNELS)) as u64;
        if self.settled_at.elapsed() > SETTLE {
            self.sink.flush().map_err(fault)?;
            self.settled = Settled::of(&self.path, self.frames)?;
            self.settled_at = Instant::now();
        }
        Ok(())
    }

    /// Ends the file; else what went wrong, and how much of it is there, seconds.
    fn finish(self) -> Result<(), (io::Error, f64)> {
        let kept = self.kept();
        self.sink.finish().map_err(|error| (fault(error), kept()))
    }

    /// The disk does not take more: what was settled stays. How much that is, seconds.
    fn rescue(self, error: io::Error) -> (io::Error, f64) {
        let kept = self.kept();
        // Dropping it tries to write on, in vain.
        drop(self.sink);
        (error, kept())
    }

    /// Lets the file be what it was when it was settled last; returns how long it is then, seconds.
    fn kept(&self) -> impl FnOnce() -> f64 + use<> {
        let (path, settled, rate) = (self.path.clone(), self.settled.clone(), self.sample_rate);
        move || {
            // Where that cannot be done, players pass over what follows.
            settled.restore(&path).unwrap_or_default();
            settled.frames as f64 / f64::from(rate)
        }
    }
}

impl Settled {
    fn of(path: &Path, frames: u64) -> io::Result<Self> {
        let mut head = vec![0; HEAD_BYTES];
        let mut file = File::open(path)?;
        file.read_exact(&mut head)?;
        Ok(Self { head, bytes: file.metadata()?.len(), frames })
    }

    fn restore(&self, path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(path)?;
        file.set_len(self.bytes)?;
        file.write_all(&self.head)
    }
}

/// What a disk says, by way of the WAV writer.
fn fault(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::other(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_settled_before_the_disk_was_full_can_be_played() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("long.wav");
        let mut file = LongFile::begin(&path, 48_000).unwrap();
        file.settled_at -= 2 * SETTLE;
        file.write(&vec![0.25; 9_600]).unwrap();
        file.write(&vec![0.5; 9_600]).unwrap();
        let (_, kept_s) = file.rescue(io::ErrorKind::StorageFull.into());
        assert_eq!(kept_s, 0.1);
        let read = hound::WavReader::open(&path).unwrap();
        assert_eq!((read.duration(), path.metadata().unwrap().len()), (4_800, HEAD_BYTES as u64 + 4_800 * 6));
    }

    #[test]
    fn lengths_read_as_people_say_them() {
        assert_eq!([3.04, 59.9, 61.0, 3_600.0].map(length), ["3.0 s", "59.9 s", "1:01 min", "60:00 min"]);
    }
}
