//! A screen without a screen and a sound card without a sound card: Xvfb and a `PulseAudio` null sink, private to a test.

use crate::process::{Running, wait_for};
use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};
use tempfile::TempDir;

/// Sample rate of the null sink and of recordings, Hz.
pub const RATE: u32 = 48_000;

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
             load-module module-null-sink sink_name=room rate={RATE} format=float32le channels=2\n\
             set-default-sink room\n",
            socket.display()
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

impl Recording {
    /// What was recorded so far.
    pub fn so_far(&self) -> Vec<f32> {
        self.frames.lock().expect("a recording").clone()
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
pub struct Picture {
    width: usize,
    channels: usize,
    bytes: Vec<u8>,
}

impl Picture {
    /// Reads a PNG file of 8 bits per channel.
    pub fn read(path: &Path) -> Self {
        let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut reader = png::Decoder::new(BufReader::new(file)).read_info().expect("a PNG");
        let mut bytes = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut bytes).expect("a picture");
        assert_eq!(info.bit_depth, png::BitDepth::Eight);
        Self { width: info.width as usize, channels: info.color_type.samples(), bytes }
    }

    /// Mean brightness (0 … 255) of a rectangle: left, top, width, height, pixels.
    pub fn brightness(&self, [x, y, width, height]: [usize; 4]) -> f64 {
        let mut sum = 0.0;
        for row in y..y + height {
            for column in x..x + width {
                let at = (row * self.width + column) * self.channels;
                sum += self.bytes[at..at + 3].iter().map(|value| f64::from(*value)).sum::<f64>() / 3.0;
            }
        }
        sum / (width * height) as f64
    }
}

/// A file in a test's own directory, written.
pub fn file(dir: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = dir.path().join(name);
    fs::write(&path, text).expect("a file");
    path
}
