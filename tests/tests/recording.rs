//! A player's own sounds through a real microphone: the room's own sound, taken up again by the room's one device.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_audio::Nanos;
use keyboardia_player::{
    Output, Player, PlayerOptions, microphone,
    recorded::MadeTake,
    recorder::{InSession, Outcome, Recorder},
    recording::{LoopLength, RecordingStage, TakeRequest, TakeShape},
    shared::Shared,
};
use keyboardia_session::{Beats, Command, Gain, Tempo};
use keyboardia_tests::{
    bots::{ready, state},
    process::{HostProcess, PATIENCE, Running, wait_for},
    stage::{self, Room},
};
use std::{
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

/// How far a tick may be from its count after calibration, seconds: a busy machine delays real sound.
const OFF_S_MAX: f64 = 0.005;
/// Share of a tick's peak that is its beginning.
const ONSET_SHARE: f32 = 0.2;
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
        Self { player, recorder: Recorder::new(shared.clone()), shared, offset_ns, _host: host }
    }

    fn turn(&mut self) {
        let state = state(&self.player);
        let session = InSession { offset_ns: self.offset_ns, transport: state.transport(), meters: state.meters() };
        self.recorder.turn(self.shared.local_nanos(), Some(session));
        std::thread::sleep(TURN);
    }

    fn start(&mut self, shape: TakeShape, input_nudge_us: i32) {
        self.recorder.start(TakeRequest { shape, device: None, input_nudge_us });
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

/// How far the ticks of a loop are from their counts, seconds; the first one has no silence before it, and is left out.
fn offs(made: &MadeTake, bpm: f64) -> Vec<f64> {
    let info = made.finished.info;
    let samples: Vec<i16> = info.samples(&made.finished.wav).step_by(usize::from(info.channels)).collect();
    let samples: Vec<f32> = samples.into_iter().map(|sample| f32::from(sample) / 32_768.0).collect();
    let beats = made.looped.expect("a loop").as_f64() as usize;
    let offs = (1..beats).map(|beat| {
        let exact = beat as f64 * 60.0 / bpm * 48_000.0;
        let from = (exact - 0.1 * 48_000.0) as usize;
        let window = &samples[from..(exact + 0.1 * 48_000.0) as usize];
        let peak = window.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        let onset = window.iter().position(|sample| sample.abs() >= ONSET_SHARE * peak).expect("a peak");
        ((from + onset) as f64 - exact) / 48_000.0
    });
    offs.collect()
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
    let offs = offs(&made, bpm);
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
    desk.recorder.start(TakeRequest {
        shape: TakeShape::OneShot,
        device: Some("no such microphone".into()),
        input_nudge_us: 0,
    });
    let why = wait_for("a sentence", || {
        desk.turn();
        match desk.stage() {
            RecordingStage::Failed(why) => Some(why),
            _ => None,
        }
    });
    assert_eq!(why, "The microphone no such microphone is not there; choose another one.");
}
