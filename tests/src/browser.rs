//! A real Chromium, driven by `tests/browser/driver.mjs`.

use crate::{
    process::{PATIENCE, Running},
    stage::Room,
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{ChildStdin, Command, Stdio},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// A page drawn in software may take so long to do what it is told.
const DEED: Duration = Duration::from_mins(3);
/// Where Debian has its Chromium.
const CHROMIUM: &str = "/usr/bin/chromium";

#[derive(Default)]
struct Answers {
    by_id: Mutex<HashMap<u64, Result<Value, String>>>,
    came: Condvar,
}

/// A browser of its own; ends with its value.
pub struct Browser {
    stdin: Mutex<ChildStdin>,
    answers: Arc<Answers>,
    last: AtomicU64,
    _driver: Running,
}

impl Browser {
    /// Starts a browser that plays in this room.
    ///
    /// # Panics
    /// When node, playwright-core or Chromium is missing; `./test` installs them.
    pub fn start(room: &Room, arguments: &[&str]) -> Self {
        Self::launch(room, arguments, false)
    }

    /// Starts a browser as people start it: its pages are the tabs of one window, and those behind are hidden and slowed
    /// down.
    ///
    /// # Panics
    /// As above.
    pub fn start_plain(room: &Room, arguments: &[&str]) -> Self {
        Self::launch(room, arguments, true)
    }

    fn launch(room: &Room, arguments: &[&str], plain: bool) -> Self {
        let mut command = Command::new("node");
        command.arg("browser/driver.mjs").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut driver = Running::start(room.invite(&mut command));
        let stdin = Mutex::new(driver.stdin().expect("a piped input"));
        let stdout = driver.stdout().expect("a piped output");
        let answers = Arc::new(Answers::default());
        let kept = answers.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let Ok(answer) = serde_json::from_str::<Value>(&line) else { continue };
                let Some(id) = answer["id"].as_u64() else { continue };
                let result = match answer["error"].as_str() {
                    Some(error) => Err(error.to_owned()),
                    None => Ok(answer["value"].clone()),
                };
                kept.by_id.lock().expect("answers").insert(id, result);
                kept.came.notify_all();
            }
        });
        let browser = Self { stdin, answers, last: AtomicU64::new(0), _driver: driver };
        browser.ask("launch", json!({ "executable": CHROMIUM, "args": arguments, "plain": plain }));
        browser
    }

    /// Asks for something; what comes of it.
    ///
    /// # Errors
    /// Why nothing does.
    pub fn try_ask(&self, deed: &str, mut what: Value) -> Result<Value, String> {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        what["id"] = id.into();
        what["do"] = deed.into();
        let said = writeln!(self.stdin.lock().expect("the driver's input"), "{what}");
        said.map_err(|error| format!("the driver is gone: {error}"))?;
        let answers = self.answers.by_id.lock().expect("answers");
        let (mut answers, _) =
            self.answers.came.wait_timeout_while(answers, DEED, |answers| !answers.contains_key(&id)).expect("answers");
        answers.remove(&id).unwrap_or_else(|| Err(format!("nothing came of it within {DEED:?}")))
    }

    fn ask(&self, deed: &str, what: Value) -> Value {
        self.try_ask(deed, what).unwrap_or_else(|error| panic!("{deed}: {error}"))
    }

    /// Opens a page with a storage of its own.
    pub fn open<'a>(&'a self, name: &'a str, url: &str, how: Value) -> Page<'a> {
        let mut what = how;
        what["page"] = name.into();
        what["url"] = url.into();
        let answer = self.ask("open", what);
        Page { browser: self, name, answer }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // A driver that is gone has taken its browser along.
        let _ = self.try_ask("end", json!({}));
    }
}

/// A page of the browser.
pub struct Page<'a> {
    browser: &'a Browser,
    name: &'a str,
    /// Status and headers of its document.
    pub answer: Value,
}

impl Page<'_> {
    fn ask(&self, deed: &str, mut what: Value) -> Value {
        what["page"] = self.name.into();
        match self.browser.try_ask(deed, what.clone()) {
            Ok(value) => value,
            Err(error) => panic!("{deed} {what}: {error}\n{}", self.heard()),
        }
    }

    /// What the page has said, what went wrong in it, and what it asked for.
    pub fn heard(&self) -> Value {
        self.browser.try_ask("heard", json!({ "page": self.name })).unwrap_or(Value::Null)
    }

    /// Clicks an element.
    pub fn press(&self, selector: &str) {
        self.ask("press", json!({ "selector": selector }));
    }

    /// Clicks a place.
    pub fn click(&self, (x, y): (f64, f64)) {
        self.ask("click", json!({ "x": x, "y": y }));
    }

    /// Puts a finger on a place for so long.
    pub fn touch(&self, (x, y): (f64, f64), lasting: Duration) {
        self.ask("touch", json!({ "x": x, "y": y, "ms": lasting.as_millis() as u64 }));
    }

    /// Puts two fingers on places, moves them together by so much, and lifts them.
    pub fn swipe(&self, from: [(f64, f64); 2], by: (f64, f64)) {
        self.ask("swipe", json!({ "from": from, "by": by }));
    }

    /// Brings its tab to the front.
    pub fn show(&self) {
        self.ask("show", json!({}));
    }

    /// What an expression of JavaScript gives.
    pub fn evaluate(&self, code: &str) -> Value {
        self.ask("evaluate", json!({ "code": code }))
    }

    /// Waits until an expression of JavaScript is true.
    pub fn wait(&self, code: &str) {
        self.ask("wait", json!({ "code": code, "ms": PATIENCE.as_millis() as u64 * 2 }));
    }

    /// Loads the page anew.
    pub fn reload(&self) {
        self.ask("reload", json!({}));
    }

    /// Takes a picture; its pixels' width, height and colours (RGBA).
    pub fn picture(&self, path: &Path) -> (u32, u32, Vec<u8>) {
        self.ask("screenshot", json!({ "path": path }));
        let file = std::fs::File::open(path).expect("a picture");
        let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().expect("a picture");
        let mut pixels = vec![0; reader.output_buffer_size().expect("a small picture")];
        let info = reader.next_frame(&mut pixels).expect("a picture");
        let pixels = match info.color_type {
            png::ColorType::Rgb => pixels.chunks_exact(3).flat_map(|rgb| [rgb[0], rgb[1], rgb[2], 255]).collect(),
            _ => pixels,
        };
        (info.width, info.height, pixels)
    }

    /// Closes the page.
    pub fn shut(self) {
        self.ask("shut", json!({}));
    }
}
