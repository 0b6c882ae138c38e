//! A screen without a screen and a sound card without a sound card: Xvfb and a `PulseAudio` null sink, private to a test.

use crate::process::{Running, wait_for, window};
use serde_json::Value;
use std::{
    fs::{self, File},
    io::{BufRead, BufReader, BufWriter, Read},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};
use tempfile::TempDir;

/// Sample rate of the null sink and of recordings, Hz.
pub const RATE: u32 = 48_000;

/// Time for a whole script on a machine without a graphics card.
const SCRIPT_LIMIT: Duration = Duration::from_mins(4);

/// What makes a room's one sound device.
const DEVICE: [&str; 5] = ["module-null-sink", "sink_name=room", "rate=48000", "format=float32le", "channels=2"];

/// A virtual screen.
pub struct Screen {
    _server: Running,
    /// Its name, for `DISPLAY`.
    pub display: String,
}

impl Screen {
    /// Opens a screen of so many pixels.
    pub fn open(width: u32, height: u32) -> Self {
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", &format!("{width}x{height}x24"), "-nolisten", "tcp"]);
        let mut server = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::null()));
        let mut number = String::new();
        let out = server.stdout().expect("a piped output");
        BufReader::new(out).read_line(&mut number).expect("Xvfb says its number");
        Self { _server: server, display: format!(":{}", number.trim()) }
    }
}

/// A room with a sound system: whatever plays in it can be recorded.
pub struct Room {
    _daemon: Running,
    dir: TempDir,
    server: String,
}

/// A recording under way: the room's sound as mono frames.
pub struct Recording {
    recorder: Running,
    frames: Arc<Mutex<Vec<f32>>>,
}

impl Default for Room {
    fn default() -> Self {
        Self::open()
    }
}

impl Room {
    /// Starts the sound system.
    pub fn open() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let socket = dir.path().join("pulse.sock");
        let script = dir.path().join("room.pa");
        let lines = format!(
            "load-module module-native-protocol-unix auth-anonymous=1 socket={}\n\
             load-module {}\n\
             set-default-sink room\n",
            socket.display(),
            DEVICE.join(" ")
        );
        fs::write(&script, lines).expect("a script");
        // ALSA's default device, which the game opens, leads to the sound system.
        fs::write(dir.path().join(".asoundrc"), "pcm.!default { type pulse }\nctl.!default { type pulse }\n")
            .expect("a configuration");
        let mut command = Command::new("pulseaudio");
        command
            .args(["-n", "--exit-idle-time=-1", "--daemonize=no", "--use-pid-file=no", "--disallow-exit", "-F"])
            .arg(&script)
            .env("HOME", dir.path())
            .env("XDG_RUNTIME_DIR", dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let daemon = Running::start(&mut command);
        wait_for("the sound system", || UnixStream::connect(&socket).ok());
        Self { _daemon: daemon, server: format!("unix:{}", socket.display()), dir }
    }

    /// Lets a program play in the room.
    pub fn invite<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("HOME", self.dir.path()).env("PULSE_SERVER", &self.server).env("XDG_RUNTIME_DIR", self.dir.path())
    }

    /// Gives browsers a microphone that hears the room: they do not take the room's own sound for one.
    pub fn plug_in_microphone(&self) {
        let told = [
            &["load-module", "module-remap-source", "master=room.monitor", "source_name=microphone"][..],
            &["set-default-source", "microphone"],
        ];
        for words in told {
            let mut command = Command::new("pactl");
            let told = self.invite(command.args(words).stdout(Stdio::null())).status().expect("pactl starts");
            assert!(told.success(), "{words:?}: {told}");
        }
    }

    /// Begins to record.
    pub fn record(&self) -> Recording {
        let mut command = Command::new("parec");
        command
            .args(["-d", "room.monitor", "--raw", "--format=float32le", "--channels=1", "--latency-msec=20"])
            .arg(format!("--rate={RATE}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut recorder = Running::start(self.invite(&mut command));
        let mut out = recorder.stdout().expect("a piped output");
        let frames = Arc::new(Mutex::new(Vec::new()));
        let kept = frames.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 4_096];
            let mut rest = Vec::new();
            while let Ok(count @ 1..) = out.read(&mut bytes) {
                rest.extend_from_slice(&bytes[..count]);
                let whole = rest.len() / 4 * 4;
                let values = rest[..whole].chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
                kept.lock().expect("a recording").extend(values);
                rest.drain(..whole);
            }
        });
        let recording = Recording { recorder, frames };
        wait_for("the first recorded frame", || (!recording.so_far().is_empty()).then_some(()));
        recording
    }
}

/// Takes the sound device out of the room that this program has been invited to.
pub fn take_device_away() {
    command_room(&["unload-module", DEVICE[0]]);
}

/// Brings it back.
pub fn bring_device_back() {
    command_room(&[&["load-module"][..], &DEVICE].concat());
    command_room(&["set-default-sink", "room"]);
}

fn command_room(words: &[&str]) {
    let done = Command::new("pactl").args(words).stdout(Stdio::null()).status().expect("pactl starts");
    assert!(done.success(), "the sound system refuses {words:?}");
}

impl Recording {
    /// What was recorded so far.
    pub fn so_far(&self) -> Vec<f32> {
        self.frames.lock().expect("a recording").clone()
    }

    /// How many frames were recorded so far.
    pub fn frames(&self) -> usize {
        self.frames.lock().expect("a recording").len()
    }

    /// Ends the recording.
    pub fn stop(self) -> Vec<f32> {
        let Self { recorder, frames } = self;
        drop(recorder);
        let frames = frames.lock().expect("a recording");
        frames.clone()
    }
}

/// A picture, to be looked at pixel by pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels from left to right.
    pub width: usize,
    /// Pixels from top to bottom.
    pub height: usize,
    /// Red, green and blue of each pixel, row by row.
    pixels: Vec<[u8; 3]>,
}

/// How far two pictures of the same size are apart, in steps of brightness (0 … 255).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Apart {
    /// Mean over all pixels.
    pub mean: f64,
    /// The pixel that differs most.
    pub worst: f64,
    /// Where that is: column, row.
    pub at: (usize, usize),
}

impl Picture {
    /// Reads a PNG file of 8 bits per channel.
    pub fn read(path: &Path) -> Self {
        let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut reader = png::Decoder::new(BufReader::new(file)).read_info().expect("a PNG");
        let mut bytes = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut bytes).expect("a picture");
        assert_eq!(info.bit_depth, png::BitDepth::Eight);
        let channels = info.color_type.samples();
        assert!(channels >= 3, "a picture in colour");
        let pixels = bytes.chunks_exact(channels).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        Self { width: info.width as usize, height: info.height as usize, pixels }
    }

    /// Writes it as a PNG file, as small as it gets.
    pub fn write(&self, path: &Path) {
        let file = File::create(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut encoder = png::Encoder::new(BufWriter::new(file), self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header().expect("a header");
        writer.write_image_data(self.pixels.as_flattened()).expect("a picture");
    }

    /// Mean brightness (0 … 255) of a rectangle: left, top, width, height, pixels.
    pub fn brightness(&self, [x, y, width, height]: [usize; 4]) -> f64 {
        let mut sum = 0.0;
        for row in y..y + height {
            for column in x..x + width {
                let pixel = self.pixels[row * self.width + column];
                sum += pixel.iter().map(|value| f64::from(*value)).sum::<f64>() / 3.0;
            }
        }
        sum / (width * height) as f64
    }

    /// Blackens a rectangle: left, top, width, height, pixels; what lies outside is left out.
    pub fn cover(&mut self, [x, y, width, height]: [usize; 4]) {
        for row in y..(y + height).min(self.height) {
            let (from, to) = (x.min(self.width), (x + width).min(self.width));
            self.pixels[row * self.width + from..row * self.width + to].fill([0; 3]);
        }
    }

    /// The picture with each square of so many pixels melted into one.
    #[must_use]
    pub fn shrunk(&self, side: usize) -> Self {
        let (width, height) = (self.width / side, self.height / side);
        let mut pixels = Vec::with_capacity(width * height);
        for row in 0..height {
            for column in 0..width {
                let mut sum = [0_usize; 3];
                for y in row * side..(row + 1) * side {
                    for pixel in &self.pixels[y * self.width + column * side..][..side] {
                        for (sum, value) in sum.iter_mut().zip(pixel) {
                            *sum += usize::from(*value);
                        }
                    }
                }
                pixels.push(sum.map(|sum| ((sum + side * side / 2) / (side * side)) as u8));
            }
        }
        Self { width, height, pixels }
    }

    /// How far it is from another picture of the same size.
    pub fn apart(&self, other: &Self) -> Apart {
        assert_eq!((self.width, self.height), (other.width, other.height), "pictures of the same size");
        let mut apart = Apart { mean: 0.0, worst: 0.0, at: (0, 0) };
        for (index, (one, two)) in self.pixels.iter().zip(&other.pixels).enumerate() {
            let far = one.iter().zip(two).map(|(one, two)| f64::from(one.abs_diff(*two))).sum::<f64>() / 3.0;
            apart.mean += far / self.pixels.len() as f64;
            if far > apart.worst {
                (apart.worst, apart.at) = (far, (index % self.width, index / self.width));
            }
        }
        apart
    }
}

/// Plays a script in a window with its home and its pictures in `dir`, started with these arguments; gives what it printed
/// as JSON.
///
/// # Panics
/// When the script does not come to its end.
pub fn played(screen: &Screen, dir: &TempDir, arguments: &[&str], script: &str) -> Vec<Value> {
    let script = file(dir, "script", script);
    let mut command = window(&screen.display, dir.path());
    command.arg("--silent").args(arguments).arg("--script").arg(script);
    let (status, said, errors) = Running::start(&mut command).finish(SCRIPT_LIMIT);
    assert!(status.success(), "{status}: {errors}");
    let lines = said.lines().filter(|line| line.starts_with('{'));
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
}

/// A file in a test's own directory, written.
pub fn file(dir: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = dir.path().join(name);
    fs::write(&path, text).expect("a file");
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_compared_covered_shrunk_and_written_as_they_are() {
        let pixels = (0..64_u8).map(|index| [index, 2 * index, 100]).collect();
        let picture = Picture { width: 8, height: 8, pixels };
        let mut other = picture.clone();
        other.cover([4, 4, 10, 10]);
        let apart = picture.apart(&other);
        assert!(apart.mean > 10.0 && apart.at == (7, 7), "{apart:?}");
        assert_eq!(picture.apart(&picture).worst, 0.0);
        let shrunk = picture.shrunk(4);
        assert_eq!((shrunk.width, shrunk.height, shrunk.pixels[0]), (2, 2, [14, 27, 100]));
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.png");
        picture.write(&path);
        assert_eq!(Picture::read(&path), picture);
    }
}
