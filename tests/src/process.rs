//! The real programs as processes: found, started, spoken to, and ended when the test ends.

use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// How long a test waits for something that should happen soon.
pub const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(5);

/// A program of this workspace, built beside the test: `cargo build --release --workspace --bins` makes it.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test is a program");
    let dir = test.parent().and_then(Path::parent).expect("tests lie in target/PROFILE/deps");
    let path = dir.join(name).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(
        path.is_file(),
        "{} is missing: build it first with `cargo build --release --workspace --bins`",
        path.display()
    );
    path
}

/// The real window on this screen, with its pictures and its home in `dir`, its output to be read.
pub fn window(display: &str, dir: &Path) -> Command {
    let mut command = Command::new(program("keyboardia"));
    command
        .env("DISPLAY", display)
        .env_remove("WAYLAND_DISPLAY")
        .env("HOME", dir)
        .env("KEYBOARDIA_CONFIG", dir.join("settings.json"))
        .args(["--shots", &dir.display().to_string()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Waits until `condition` gives something.
///
/// # Panics
/// When it does not within [`PATIENCE`].
pub fn wait_for<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    wait_at_most(PATIENCE, condition).unwrap_or_else(|| panic!("waited {PATIENCE:?} in vain for {what}"))
}

/// Waits until `condition` gives something, or `limit` is over.
pub fn wait_at_most<T>(limit: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let begin = Instant::now();
    loop {
        if let Some(found) = condition() {
            return Some(found);
        }
        if begin.elapsed() > limit {
            return None;
        }
        std::thread::sleep(POLL);
    }
}

/// A process that is ended with the test.
pub struct Running {
    child: Child,
}

impl Running {
    /// Starts a process.
    pub fn start(command: &mut Command) -> Self {
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        Self { child }
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Its standard output, if it was piped and not taken yet.
    pub fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Its standard input, if it was piped and not taken yet.
    pub fn stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Waits for its end; gives its status and what it wrote to piped outputs.
    pub fn finish(mut self, limit: Duration) -> (ExitStatus, String, String) {
        let (out, err) = (self.child.stdout.take(), self.child.stderr.take());
        let read = |pipe: Option<Box<dyn Read + Send>>| {
            std::thread::spawn(move || {
                let mut text = String::new();
                // Output that is not text is no output.
                let _ = pipe.map(|mut pipe| pipe.read_to_string(&mut text));
                text
            })
        };
        let out = read(out.map(|pipe| Box::new(pipe) as Box<dyn Read + Send>));
        let err = read(err.map(|pipe| Box::new(pipe) as Box<dyn Read + Send>));
        let status = wait_at_most(limit, || self.child.try_wait().expect("a child can be asked"));
        let status = status.unwrap_or_else(|| {
            let _ = self.child.kill();
            self.child.wait().expect("a killed child ends")
        });
        (status, out.join().unwrap_or_default(), err.join().unwrap_or_default())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A headless host in a process of its own, on free ports of this machine.
pub struct HostProcess {
    /// The process.
    pub process: Running,
    /// Address of its HTTP interface.
    pub http: String,
    /// Code of its first session.
    pub code: String,
    /// Where the game and the time are.
    udp: [String; 2],
}

impl HostProcess {
    /// Starts a host with one session.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a host with one session that it keeps in `dir`.
    pub fn keeping(dir: &Path) -> Self {
        Self::with(&["--data", &dir.display().to_string()])
    }

    /// Starts a host with one session and these arguments.
    pub fn with(arguments: &[&str]) -> Self {
        Self::at("127.0.0.1", arguments)
    }

    /// Starts a host with one session at this address of the machine, and with these arguments.
    pub fn at(ip: &str, arguments: &[&str]) -> Self {
        let (process, said) = host(&[&["--bind", ip, "--port", "0", "--create"], arguments].concat());
        let text = |key: &str| said[key].as_str().unwrap_or_else(|| panic!("{key} in {said}")).to_owned();
        Self { process, http: text("http"), code: text("code"), udp: [text("udp"), text("time")] }
    }

    /// Where its own UDP ports are: the game's, and the time's.
    pub fn udp(&self) -> [SocketAddr; 2] {
        self.udp.each_ref().map(|address| address.parse().expect("an address"))
    }

    /// Kills the host, as a crash would, and starts it again where it was, with what it keeps in `dir`.
    #[must_use]
    pub fn crash(self, dir: &Path) -> Self {
        self.crash_only().start(&["--data", &dir.display().to_string()])
    }

    /// Kills the host, as a crash would.
    pub fn crash_only(self) -> Crashed {
        let Self { process, http, code, udp } = self;
        drop(process);
        Crashed { http, code, udp }
    }
}

/// Where a host was that has been killed.
pub struct Crashed {
    http: String,
    code: String,
    udp: [String; 2],
}

impl Crashed {
    /// Starts a host there, with these arguments.
    #[must_use]
    pub fn start(self, arguments: &[&str]) -> HostProcess {
        let Self { http, code, udp } = self;
        let [game, time] = &udp;
        let (process, _) = host(&[&["--http", &http, "--udp", game, "--time", time], arguments].concat());
        HostProcess { process, http, code, udp }
    }
}

/// A host, and what it says of itself.
fn host(arguments: &[&str]) -> (Running, Value) {
    let mut command = Command::new(program("keyboardia-server"));
    command.args(arguments).arg("--json");
    let mut process = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::null()));
    let mut line = String::new();
    let out = process.stdout().expect("a piped output");
    BufReader::new(out).read_line(&mut line).expect("the host says where it is");
    let said = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
    (process, said)
}
