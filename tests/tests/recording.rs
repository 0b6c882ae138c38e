//! A player's own sounds through a real microphone: the room's own sound, taken up again by the room's one device.

#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_audio::{Ears, Nanos};
use keyboardia_player::{
    Output, Player, PlayerOptions,
    microphone::{self, Microphone},
    recorder::{InSession, Outcome, Recorder},
    recording::{LoopLength, RecordingStage, TakeRequest, TakeShape},
    shared::Shared,
};
use keyboardia_session::{Beats, Cell, Command, Gain, Name, SceneId, Tempo, TrackId};
use keyboardia_tests::{
    bots::{agree, bot, ready, seat, state},
    process::{HostProcess, PATIENCE, Running, wait_for, window},
    singer::{Singer, offs},
    stage::{self, Room, Screen},
};
use serde_json::{Value, json};
use std::{
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How far a tick may be from its count after calibration, seconds: a busy machine delays real sound.
const OFF_S_MAX: f64 = 0.005;
/// Slots of the starter groove that are empty.
const EMPTY: Cell = Cell::new(TrackId(7), SceneId(7));
const OTHER: Cell = Cell::new(TrackId(6), SceneId(7));
/// Time between two turns of the recorder.
const TURN: Duration = Duration::from_millis(1);
/// How long the clocks are compared.
const COMPARED: Duration = Duration::from_secs(3);

/// Runs one of the tests below inside a room with a sound system of its own.
fn run_inside(test: &str) {
    let room = Room::open();
    let mut inside = std::process::Command::new(std::env::current_exe().expect("a test is a program"));
    inside.args(["--exact", test, "--ignored", "--nocapture"]);
    let inside = room.invite(&mut inside).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (status, out, err) = Running::start(inside).finish(2 * PATIENCE);
    assert!(status.success() && out.contains("1 passed"), "{out}\n{err}");
    println!("{out}");
}

/// A recorder beside a player who hears the metronome.
struct Desk {
    player: Player,
    recorder: Recorder,
    shared: Arc<Shared>,
    /// Session time less the recorder's clock, nanoseconds.
    offset_ns: i64,
    _host: HostProcess,
}

impl Desk {
    fn new(bpm: f64) -> Self {
        let host = HostProcess::start();
        let player = Player::join(PlayerOptions {
            host: host.http.clone(),
            code: Some(host.code.clone()),
            output: Output::Default,
            ..PlayerOptions::default()
        });
        ready(&player);
        assert!(player.command(Command::SetTempo(Tempo::from_bpm(bpm).unwrap())));
        assert!(player.command(Command::SetPlaying(true)));
        player.set_metronome(Some(Gain::UNITY));
        wait_for("beats", || state(&player).transport().last().playing.then_some(()));
        let began = Instant::now();
        let clock = move || Nanos(began.elapsed().as_nanos() as i64);
        let shared = Arc::new(Shared::new(String::new(), Box::new(clock)));
        // A picture is some milliseconds old; the newest of many is nearly true.
        let mut offset_ns = i64::MIN;
        while began.elapsed() < COMPARED {
            let view = player.view();
            let now = view.session.as_ref().and_then(|session| session.now);
            let ahead = now.map(|now| Nanos::from_micros(now).0 - clock().0);
            offset_ns = offset_ns.max(ahead.unwrap_or(i64::MIN));
        }
        Self { player, recorder: Recorder::default(), shared, offset_ns, _host: host }
    }

    fn turn(&mut self) {
        let state = state(&self.player);
        let session = InSession { offset_ns: self.offset_ns, transport: state.transport(), meters: state.meters() };
        self.recorder.turn(self.shared.local_nanos(), Some(session));
        std::thread::sleep(TURN);
    }

    fn start(&mut self, shape: TakeShape, input_nudge_us: i32) {
        let microphone = Microphone::open(None, &self.shared);
        self.recorder.start(TakeRequest { shape, device: None, input_nudge_us }, microphone);
    }

    /// Turns until the recording is over; what it came to.
    fn outcome(&mut self) -> Outcome {
        let begun = Instant::now();
        while self.recorder.is_busy() {
            assert!(begun.elapsed() < PATIENCE, "{:?}", self.recorder.view());
            self.turn();
        }
        self.recorder.take_outcome().unwrap_or_else(|| panic!("{:?}", self.recorder.view()))
    }

    fn stage(&mut self) -> RecordingStage {
        self.recorder.view().expect("something to be seen").stage
    }
}

/// Programs that have the microphone open.
fn listeners() -> usize {
    let asked = std::process::Command::new("pactl").args(["list", "short", "source-outputs"]).output();
    String::from_utf8_lossy(&asked.expect("pactl starts").stdout).lines().count()
}

#[test]
fn ticks_of_the_metronome_are_recorded_on_their_counts_once_the_microphone_is_calibrated() {
    run_inside("inside_a_room_with_a_metronome");
}

#[test]
#[ignore = "needs a sound device; started by the test above"]
fn inside_a_room_with_a_metronome() {
    let bpm = 133.0;
    let mut desk = Desk::new(bpm);
    assert!(!microphone::inputs().is_empty());
    assert_eq!(listeners(), 0, "the microphone is closed until a recording starts");
    desk.start(TakeShape::Loopback, 0);
    let Outcome::Loopback(loopback) = desk.outcome() else { panic!("a loopback") };
    let nudge_us = loopback.nudge_us().unwrap();
    println!("nudge: {nudge_us} µs");
    desk.start(TakeShape::Loop(LoopLength::Bars(2)), nudge_us);
    wait_for("the recording", || {
        desk.turn();
        matches!(desk.stage(), RecordingStage::Recording { .. }).then_some(())
    });
    assert_eq!(listeners(), 1);
    let Outcome::Take(recorded) = desk.outcome() else { panic!("a take") };
    wait_for("the microphone to be released", || (listeners() == 0).then_some(()));
    let made = recorded.finish(1).unwrap();
    assert_eq!(made.looped, Some(Beats::whole(8)));
    let offs = offs(&made.finished.wav, 8, bpm);
    println!("off: {offs:?} s");
    assert!(offs.iter().all(|off| off.abs() < OFF_S_MAX), "after a nudge of {nudge_us} µs: {offs:?} s");
}

#[test]
fn a_microphone_that_is_lost_in_a_take_is_told_and_one_that_is_missing_too() {
    run_inside("inside_a_room_whose_microphone_is_lost");
}

#[test]
#[ignore = "needs a sound device; started by the test above"]
fn inside_a_room_whose_microphone_is_lost() {
    let mut desk = Desk::new(120.0);
    desk.start(TakeShape::OneShot, 0);
    wait_for("the recording", || {
        desk.turn();
        matches!(desk.stage(), RecordingStage::Recording { .. }).then_some(())
    });
    stage::take_device_away();
    let why = wait_for("a sentence", || {
        desk.turn();
        match desk.stage() {
            RecordingStage::Failed(why) => Some(why),
            _ => None,
        }
    });
    assert!(why.contains("The microphone is gone"), "{why}");
    let request = TakeRequest { shape: TakeShape::OneShot, device: None, input_nudge_us: 0 };
    desk.recorder.start(request, Microphone::open(Some("no such microphone".into()), &desk.shared));
    let why = wait_for("a sentence", || {
        desk.turn();
        match desk.stage() {
            RecordingStage::Failed(why) => Some(why),
            _ => None,
        }
    });
    assert_eq!(why, "The microphone no such microphone is not there; choose another one.");
}

#[test]
fn what_one_records_is_seen_by_all_while_it_lasts_and_heard_by_all_on_the_beat() {
    run_inside("inside_a_room_with_two_singers");
}

#[test]
#[ignore = "needs a sound device; started by the test above"]
fn inside_a_room_with_two_singers() {
    let bpm = 120.0;
    let host = HostProcess::start();
    let [mut ada, mut ben] = [0, 1].map(|_| Singer::join(&host.http, &host.code));
    ready(&ada.player);
    ready(&ben.player);
    assert!(ada.player.command(Command::SetTempo(Tempo::from_bpm(bpm).unwrap())));
    assert!(ada.player.command(Command::SetPlaying(true)));
    ben.calibrate();
    ada.calibrate();
    ada.player.set_metronome(Some(Gain::UNITY));
    let cleo = bot(&host.http, Some(&host.code));
    ready(&cleo);
    let records =
        || cleo.view().session.as_ref().and_then(|view| view.peers[usize::from(seat(&ada.player).0)].pointer.records);
    // The microphone hears the metronome.
    ada.sing(1, EMPTY, false);
    wait_for("the red pulse", || (records() == Some(EMPTY)).then_some(()));
    let clip = ada.clip(EMPTY);
    wait_for("the end of the pulse", || records().is_none().then_some(()));
    assert_eq!((clip.length, clip.looped, clip.name.as_str()), (Beats::whole(4), true, "Voice"));
    let first = offs(&ada.file(&clip), 4, bpm);
    println!("nudge {} µs, off: {first:?} s", ada.nudge_us);
    assert!(first.iter().all(|off| off.abs() < OFF_S_MAX), "{first:?}");
    // It goes on by itself, and somebody else records it from the room.
    let launched = || {
        let view = cleo.view();
        let view = view.session.as_ref().expect("a session");
        let playing = view.state.track(EMPTY.track).and_then(|track| track.playing_at(view.beat()));
        playing.is_some_and(|playing| playing.scene == EMPTY.scene)
    };
    wait_for("a launch", || launched().then_some(()));
    ada.player.set_ears(Ears { master: Some(Gain::SILENCE), ..Ears::default() });
    ben.sing(1, OTHER, false);
    let heard = ben.clip(OTHER);
    let second = offs(&ben.file(&heard), 4, bpm);
    println!("nudge {} µs, off: {second:?} s", ben.nudge_us);
    assert!(second.iter().all(|off| off.abs() < OFF_S_MAX), "{second:?}");
    agree(&[&ada.player, &ben.player, &cleo]);
}

#[test]
fn a_take_that_waits_is_its_players_own_until_it_is_kept() {
    run_inside("inside_a_room_with_a_tray");
}

#[test]
#[ignore = "needs a sound device; started by the test above"]
fn inside_a_room_with_a_tray() {
    let host = HostProcess::start();
    let ada = Singer::join(&host.http, &host.code);
    let ben = bot(&host.http, Some(&host.code));
    ready(&ada.player);
    ready(&ben);
    let take = || wait_for("a take", || ada.player.view().take.clone());
    let record = || {
        ada.record(TakeShape::OneShot, EMPTY, true);
        wait_for("a second of it", || {
            let view = ada.player.view();
            view.recording.as_ref().is_some_and(|(_, seen)| seen.seconds >= 1.0).then_some(())
        });
        ada.player.stop_recording();
    };
    assert!(ada.player.press(TrackId(0), SceneId(0)), "so that there is something to hear");
    wait_for("beats", || state(&ada.player).transport().last().playing.then_some(()));
    record();
    let first = take();
    assert!((0.1..1.6).contains(&first.seconds) && first.looped.is_none() && !first.wave.is_empty(), "{first:?}");
    ada.player.preview(first.sound.clone(), keyboardia_audio::PreviewStart::Now);
    wait_for("a preview", || (ada.player.view().previewing.as_ref() == Some(&first.sound)).then_some(()));
    // Once more: the first one is gone.
    record();
    let second = wait_for("another take", || take_other(&ada, &first.sound));
    assert!(state(&ben).clip(EMPTY).is_none());
    ada.player.keep_take(Name::sanitised("Aaah"));
    let kept = wait_for("a clip", || state(&ben).clip(EMPTY).cloned());
    assert_eq!((kept.sound, kept.name.as_str()), (second.sound, "Aaah"));
    assert_eq!(ada.player.view().take, None);
    // What is thrown away was never there.
    record();
    take();
    ada.player.drop_take();
    wait_for("an empty tray", || ada.player.view().take.is_none().then_some(()));
    assert_eq!(state(&ben).clip(EMPTY).map(|clip| clip.name.as_str().to_owned()), Some("Aaah".to_owned()));
}

/// The take that waits, if it is another one than this.
fn take_other(singer: &Singer, than: &keyboardia_session::SoundId) -> Option<keyboardia_player::TakeView> {
    singer.player.view().take.clone().filter(|take| take.sound != *than)
}

#[test]
fn the_recorder_of_the_window_counts_in_records_lets_hear_and_puts_onto_the_grid() {
    let (room, screen, dir) = (Room::open(), Screen::open(1280, 800), TempDir::new().unwrap());
    stage::file(&dir, "settings.json", r#"{"name":"Ada","hints_seen":{"press":true,"together":true,"more":true}}"#);
    let script = stage::file(&dir, "script", WINDOW);
    let mut command = window(&screen.display, dir.path());
    let command = room.invite(&mut command).args(["--port", "0", "--script"]).arg(script);
    let (status, said, errors) = Running::start(command).finish(4 * PATIENCE);
    assert!(status.success(), "{status}: {errors}");
    let state: Value = serde_json::from_str(said.lines().rfind(|line| line.starts_with('{')).unwrap()).unwrap();
    let clip = &state["session"]["tracks"][7]["clips"][7];
    assert_eq!(
        [&clip["name"], &clip["beats"], &clip["looped"]],
        [&json!("Ada 1"), &json!(4.0), &json!(true)],
        "{clip}"
    );
    assert_eq!(clip["sound"].as_str().map(str::len), Some(64), "{clip}");
}

/// Records a loop from the window, listens to it, and puts it onto the grid; then one that is thrown away.
const WINDOW: &str = r#"wait joined
wait loaded
press 0 0
wait playing 0 0
menu 7 7
wait seen "Record…"
press "Record…"
wait seen "4 beats"
wait frames 5
press "4 beats"
press "I hear it first"
wait frames 3
press "record"
wait seen "keep the take"
wait frames 5
press "listen to the take"
wait seen "silence the take"
press "keep the take"
wait filled 7 7
wait playing 7 7
press "record"
wait seen "throw the take away"
wait frames 5
press "throw the take away"
wait unseen "keep the take"
key esc
wait unseen "record"
print state
quit
"#;
