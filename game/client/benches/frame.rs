//! What a frame of the window costs, and how soon a press is seen.
//!
//! `cargo bench -p keyboardia --bench frame -- --json FILE`
//!
//! The real app in a real session: a host in this process, ten players with moving cursors, sixteen tracks and sixteen
//! scenes full of clips, every track playing. Only screen and graphics adapter are missing, see `keyboardia::harness`:
//! what is measured is the processor time of a frame – every system, egui, and the preparation of the picture – on one
//! thread, at sixty frames a second.
//!
//! With `--adapter`, the machine's own graphics adapter draws every frame into a picture, and how long a frame takes until
//! it is drawn is measured, too.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use clap::Parser;
use cpu_time::ThreadTime;
use keyboardia::{
    Cli,
    harness::{Adapter, Harness},
};
use keyboardia_player::{Output, Player, PlayerOptions};
use keyboardia_server::{Host, HostConfig};
use keyboardia_session::{
    Beats, Cell, Clip, Column, Command, Edit, Manifest, SceneId, SessionState, TrackId,
    limits::{SCENES_MAX, SEATS_MAX, TRACKS_MAX},
};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

const FRAME: Duration = Duration::from_micros(16_667);
const WARM_UP_FRAMES: usize = 180;
const FRAMES: usize = 900;
const PRESSES: usize = 40;
/// Frames after which a press that was not seen is not seen at all.
const PRESS_FRAMES_MAX: usize = 30;
const PATIENCE: Duration = Duration::from_mins(1);

/// What one frame took.
struct Frame {
    /// Of the processor.
    processor: Duration,
    /// Until it was drawn.
    drawn: Duration,
}

/// A window and nine others in a session.
struct Jam {
    window: Harness,
    others: Vec<Player>,
    adapter: Adapter,
    frame: usize,
    next: Instant,
    _host: Host,
}

impl Jam {
    fn begin(adapter: Adapter) -> Self {
        let host = Host::start(HostConfig::loopback()).expect("a host");
        let code = host.create_session().expect("a session").to_string();
        let address = host.http_addr().to_string();
        let cli = Cli::parse_from(["keyboardia", "--silent", "--name", "Ada", "--join", &address, &code]);
        let window = Harness::open(cli, adapter).expect("a window");
        let join = |_| {
            Player::join(PlayerOptions {
                host: address.clone(),
                code: Some(code.clone()),
                output: Output::Silent,
                ..PlayerOptions::default()
            })
        };
        let others = (1..SEATS_MAX).map(join).collect();
        Self { window, others, adapter, frame: 0, next: Instant::now(), _host: host }
    }

    /// A frame at its time, with everybody's cursor a little further.
    fn frame(&mut self) -> Frame {
        std::thread::sleep(self.next.saturating_duration_since(Instant::now()));
        self.next = (self.next + FRAME).max(Instant::now());
        self.frame += 1;
        if let Some(state) = self.window.session() {
            for (index, player) in self.others.iter().enumerate() {
                let at = self.frame / 6 + index * 5;
                let (tracks, scenes) = (state.tracks(), state.scenes());
                let cell = Cell::new(tracks[at % tracks.len()].id, scenes[at / 2 % scenes.len()].id);
                player.set_cursor(Some(cell));
            }
        }
        let (begin, at) = (ThreadTime::now(), Instant::now());
        self.window.frame();
        let processor = begin.elapsed();
        if self.adapter == Adapter::Machine {
            self.window.drawn().expect("a frame that is drawn");
        }
        Frame { processor, drawn: at.elapsed() }
    }

    fn until(&mut self, what: &str, is_so: impl Fn(&SessionState) -> bool) {
        let begin = Instant::now();
        while !self.window.session().is_some_and(|state| is_so(&state)) {
            assert!(begin.elapsed() < PATIENCE, "waited in vain for {what}");
            self.frame();
        }
    }

    /// Asks for something and waits until the session has it.
    fn ask(&mut self, what: &str, command: Command, is_so: impl Fn(&SessionState) -> bool) {
        self.window.command(command);
        self.until(what, is_so);
    }

    /// Fills the grid: every slot of sixteen tracks and sixteen scenes.
    fn fill(&mut self) {
        self.until("ten players", |state| state.players().iter().filter(|player| player.present).count() == SEATS_MAX);
        let scenes = self.window.session().expect("a session").scenes().len();
        for count in scenes..SCENES_MAX {
            let add = Edit::AddScene { at: count as u8, row: None };
            self.ask("a scene", Command::Edit(add), move |state| state.scenes().len() > count);
        }
        let state = self.window.session().expect("a session");
        let manifest = Manifest::builtin().expect("the manifest");
        let mut sounds = manifest.sounds.iter().cycle();
        let old: Vec<TrackId> = state.tracks().iter().map(|track| track.id).collect();
        let mut column = |index: usize| {
            let template = &state.tracks()[index % state.tracks().len()];
            let mut column = Column::empty(template.name.as_str(), template.colour);
            for scene in state.scenes() {
                let clip = sounds.next().map(Clip::of).expect("a sound");
                column.clips.push((scene.id, Clip { looped: true, ..clip })).expect("room for a clip");
            }
            Some(Box::new(column))
        };
        for (index, track) in old.iter().copied().enumerate() {
            let count = self.window.session().expect("a session").tracks().len();
            let add = Edit::AddTrack { at: count as u8, column: column(index) };
            self.ask("a track", Command::Edit(add), |state| state.tracks().len() > count);
            let remove = Command::Edit(Edit::RemoveTrack(track));
            self.ask("one track less", remove, |state| state.track(track).is_none());
        }
        for count in old.len()..TRACKS_MAX {
            let add = Edit::AddTrack { at: count as u8, column: column(count) };
            self.ask("a track", Command::Edit(add), |state| state.tracks().len() > count);
        }
    }

    /// Launches a scene and waits until all of it plays.
    fn play(&mut self) {
        let scene = self.window.session().expect("a session").scenes()[0].id;
        let all = move |state: &SessionState| {
            state
                .tracks()
                .iter()
                .all(|track| track.clip(scene).is_some() && (track.playing.is_some() || !track.queue.is_empty()))
        };
        self.ask("a scene that plays", Command::LaunchScene { scene }, all);
    }

    /// Frames from a press of the mouse to the pad that shows it, the longest of many.
    fn press(&mut self) -> usize {
        let state = self.window.session().expect("a session");
        let pads = state.tracks().iter().cycle().zip(state.scenes()[1..].iter().cycle());
        let pads: Vec<(TrackId, SceneId)> = pads.map(|(track, scene)| (track.id, scene.id)).take(PRESSES).collect();
        let mut longest = 0;
        for (track, scene) in pads {
            self.window.point(track, scene);
            self.frame();
            assert!(!self.window.shows_pending(track, scene), "nobody has pressed it");
            self.window.button(true);
            let mut frames = 0;
            while frames < PRESS_FRAMES_MAX {
                frames += 1;
                self.frame();
                if self.window.shows_pending(track, scene) {
                    break;
                }
            }
            longest = longest.max(frames);
            self.window.button(false);
            for _ in 0..15 {
                self.frame();
            }
        }
        longest
    }
}

fn main() {
    let adapter =
        if std::env::args().any(|argument| argument == "--adapter") { Adapter::Machine } else { Adapter::Nothing };
    let mut jam = Jam::begin(adapter);
    jam.fill();
    jam.play();
    let begin = Instant::now();
    while !jam.window.has_loaded() {
        assert!(begin.elapsed() < PATIENCE, "the sounds were not loaded");
        jam.frame();
    }
    for _ in 0..WARM_UP_FRAMES {
        jam.frame();
    }
    let frames: Vec<Frame> = (0..FRAMES).map(|_| jam.frame()).collect();
    let state = jam.window.session().expect("a session");
    let playing = state.tracks().iter().filter(|track| track.is_sounding_at(Beats(i64::MAX / 2))).count();
    println!(
        "{}: {} players, {} tracks, {playing} playing, {} tiles",
        jam.window.adapter(),
        state.players().len(),
        state.tracks().len(),
        jam.window.tiles()
    );
    let sorted = |time: fn(&Frame) -> Duration| {
        let mut times: Vec<f64> = frames.iter().map(|frame| time(frame).as_secs_f64() * 1e3).collect();
        times.sort_by(f64::total_cmp);
        times
    };
    let at = |times: &[f64], share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
    let (processor, drawn) = (sorted(|frame| frame.processor), sorted(|frame| frame.drawn));
    let mut values = vec![
        ("frame_cpu_ms_p50", at(&processor, 0.50), "≤ 3"),
        ("frame_cpu_ms_p99", at(&processor, 0.99), "≤ 8"),
        ("press_to_pending_frames", jam.press() as f64, "= 1"),
    ];
    if adapter == Adapter::Machine {
        values.extend([("frame_drawn_ms_p50", at(&drawn, 0.50), ""), ("frame_drawn_ms_p99", at(&drawn, 0.99), "")]);
    }
    for (key, value, target) in &values {
        println!("{key:<36} {value:>14.4}   {target}");
    }
    write(&values);
}

/// Writes the file that `--json FILE` names on the command line, if any.
fn write(values: &[(&str, f64, &str)]) {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--json").skip(1);
    let Some(path) = arguments.next().map(PathBuf::from) else { return };
    // cargo runs benches in the package's folder; people mean the one that they called from.
    let base = std::env::var_os("PWD").map(PathBuf::from).unwrap_or_default();
    let path = if path.is_absolute() { path } else { base.join(path) };
    let object: serde_json::Map<String, serde_json::Value> =
        values.iter().map(|(key, value, _)| ((*key).to_owned(), serde_json::json!(value))).collect();
    let text = serde_json::to_string_pretty(&object).expect("numbers are JSON");
    std::fs::write(&path, text + "\n").unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
