//! The Worker in the real workerd, started by wrangler, with its objects, database and bucket on this machine's disk.

use crate::{
    process::{Running, wait_at_most},
    swarm::group_core_seconds,
};
use keyboardia_visitor::client;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

/// The production Worker's configuration, and the page that it serves.
const CONFIG: &str = "web/wrangler.jsonc";
const PAGE: &str = "web/dist";
/// How long wrangler may take to start.
const START_MAX: Duration = Duration::from_mins(2);

/// A Worker that runs here. It ends with the test.
pub struct Cloud {
    process: Running,
    config: PathBuf,
    log: PathBuf,
    /// Where it answers: `host:port`.
    pub http: String,
}

impl Cloud {
    /// Starts it, with what it keeps in `dir`, and these arguments for wrangler.
    ///
    /// # Panics
    /// When it does not start: `./test cloud` installs and builds what it needs.
    pub fn start(dir: &Path, arguments: &[&str]) -> Self {
        Self::at(free_port(), root().join(CONFIG), dir, arguments)
    }

    /// Starts it in a shell: a script of this checkout that imports the production Worker and stands in its place.
    ///
    /// # Panics
    /// As above.
    pub fn start_shell(script: &str, dir: &Path, arguments: &[&str]) -> Self {
        let mut config = production();
        config["main"] = path(&root().join(script));
        config["assets"]["directory"] = path(&root().join(PAGE));
        let file = dir.join("wrangler.json");
        std::fs::write(&file, config.to_string()).expect("a configuration");
        Self::at(free_port(), file, dir, arguments)
    }

    fn at(port: u16, config: PathBuf, dir: &Path, arguments: &[&str]) -> Self {
        let (root, log) = (root(), dir.join("wrangler.log"));
        let out = std::fs::OpenOptions::new().create(true).append(true).open(&log).expect("a log");
        let err = out.try_clone().expect("a log");
        let mut command = Command::new("node");
        command
            .arg(home().join("node_modules/wrangler/bin/wrangler.js"))
            .args(["dev", "--local", "--ip", "127.0.0.1", "--port", &port.to_string(), "--inspector-port", "0"])
            .args(["--show-interactive-dev-session=false", "--log-level", "log"])
            .arg("--config")
            .arg(&config)
            .arg("--persist-to")
            .arg(dir.join("state"))
            .args(arguments)
            .env("CI", "1")
            .env("WRANGLER_SEND_METRICS", "false")
            .env("WRANGLER_LOG_PATH", dir.join("logs"))
            .current_dir(root.join("web"))
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            // Its workerd ends with it.
            .process_group(0);
        let mut process = Running::start(&mut command);
        let http = format!("127.0.0.1:{port}");
        let is_up = || {
            assert!(process.is_running(), "wrangler has ended:\n{}", said(&log));
            let healthz = client().get(format!("http://{http}/healthz")).send();
            healthz.is_ok_and(|answer| answer.status() == 200).then_some(())
        };
        assert!(wait_at_most(START_MAX, is_up).is_some(), "the Worker does not answer:\n{}", said(&log));
        Self { process, config, log, http }
    }

    /// What it has logged.
    pub fn said(&self) -> String {
        said(&self.log)
    }

    /// Seconds for which its processes have kept cores busy, by their number.
    pub fn core_seconds(&self) -> BTreeMap<u32, f64> {
        group_core_seconds(self.process.id())
    }

    /// Kills it as a crash would, with all that it had in memory, and starts it again where it was.
    #[must_use]
    pub fn crash(self, dir: &Path, arguments: &[&str]) -> Self {
        self.crash_only().start(dir, arguments)
    }

    /// Kills it as a crash would, with all that it had in memory.
    pub fn crash_only(self) -> Crashed {
        let port = self.http.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        Crashed { port, config: self.config.clone() }
    }
}

/// Where a Worker was that has been killed.
pub struct Crashed {
    port: u16,
    config: PathBuf,
}

impl Crashed {
    /// Starts it again there, with what it keeps in `dir`, and these arguments for wrangler.
    #[must_use]
    pub fn start(self, dir: &Path, arguments: &[&str]) -> Cloud {
        Cloud::at(self.port, self.config, dir, arguments)
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            // One that has ended needs no signal.
            kill_process_group(group, Signal::KILL).unwrap_or_default();
        }
    }
}

fn said(log: &Path) -> String {
    std::fs::read_to_string(log).unwrap_or_default()
}

/// The production configuration, without its comments.
fn production() -> Value {
    let text = std::fs::read_to_string(root().join(CONFIG)).expect("a configuration");
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    serde_json::from_str(&lines.join("\n")).expect("JSON, with comments on lines of their own")
}

fn path(path: &Path) -> Value {
    path.to_str().expect("a path that is text").into()
}

/// Where `./test cloud` has put wrangler.
fn home() -> PathBuf {
    let home = std::env::var_os("KEYBOARDIA_CLOUD").map(PathBuf::from);
    home.unwrap_or_else(|| {
        let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        home.join(".cache/keyboardia-cloud")
    })
}

/// The top of this checkout.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lie in the checkout").to_owned()
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}
