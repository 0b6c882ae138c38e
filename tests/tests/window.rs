//! The real window on a virtual screen, playing into a virtual sound card.

#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_player::{Connection, Output, Player, PlayerOptions};
use keyboardia_session::{Cell, Name, Profile, SceneId, TrackId};
use keyboardia_tests::{
    measure::{onset, rms},
    process::{HostProcess, Running, program, wait_for, window},
    stage::{Picture, RATE, Room, Screen, file},
};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};
use tempfile::TempDir;

/// Time for a whole script on a machine without a graphics card.
const SCRIPT_LIMIT: Duration = Duration::from_mins(3);
/// The starter groove: a four-on-the-floor loop on the first track, 112 BPM.
const FOUR_ON_THE_FLOOR: usize = 2;
const BEAT_FRAMES: f64 = 60.0 / 112.0 * RATE as f64;
/// Beats that are listened to, and how many have a kick where it belongs: a busy machine that draws the window by itself
/// delays the sound of one or two. At another tempo, or of another clip, two would be there by chance.
const BEATS: usize = 8;
const KICKS_MIN: usize = 6;

fn game(screen: &Screen, dir: &Path) -> Command {
    window(&screen.display, dir)
}

fn bot(host: &str, code: &str) -> Player {
    bot_called(None, host, code)
}

fn bot_called(name: Option<&str>, host: &str, code: &str) -> Player {
    let profile = Profile { name: name.map(Name::sanitised), ..Profile::default() };
    let (host, code) = (host.to_owned(), Some(code.to_owned()));
    Player::join(PlayerOptions { host, code, profile, output: Output::Silent, ..PlayerOptions::default() })
}

/// The lines that a window prints, as they come.
fn lines(process: &mut Running) -> impl Iterator<Item = String> {
    BufReader::new(process.stdout().expect("a piped output")).lines().map_while(Result::ok)
}

/// Ends a recording's low frequencies only: what is left is the kick drum.
fn low_pass(sound: &[f32]) -> Vec<f32> {
    let share = 1.0 - (-std::f32::consts::TAU * 120.0 / RATE as f32).exp();
    let mut level = 0.0;
    sound
        .iter()
        .map(|x| {
            level += share * (x - level);
            level
        })
        .collect()
}

#[test]
fn a_press_in_the_window_is_seen_and_heard_and_heard_by_a_second_player_too() {
    let (screen, room) = (Screen::open(1280, 800), Room::open());
    let dir = TempDir::new().unwrap();
    let script = file(
        &dir,
        "script",
        &format!(
            "wait joined\nwait loaded\nwait players 2\nwait seconds 1\nscreenshot idle.png\nprint layout\n\
             press 0 {FOUR_ON_THE_FLOOR}\nwait playing 0 {FOUR_ON_THE_FLOOR}\nwait beat 9\nscreenshot playing.png\n\
             print state\nstop 0\nwait stopped 0\nwait seconds 1\nquit\n"
        ),
    );
    let recording = room.record();
    let mut command = game(&screen, dir.path());
    let mut window = Running::start(room.invite(&mut command).args(["--port", "0", "--script"]).arg(script));
    let mut said = lines(&mut window);
    let invitation = said.find(|line| line.contains("--join")).expect("an invitation");
    // Where a page is packed, an address for browsers follows.
    let mut said = said.filter(|line| line.starts_with('{'));
    let words: Vec<&str> = invitation.split_whitespace().skip_while(|word| *word != "--join").collect();
    let port = words[1].rsplit(':').next().unwrap();
    let second = bot(&format!("127.0.0.1:{port}"), words[2]);

    let layout: Value = serde_json::from_str(&said.next().expect("a layout")).unwrap();
    let heard = wait_for("the second player's sound", || {
        second.take_heard().into_iter().find(|heard| heard.track == TrackId(0))
    });
    assert_eq!(heard.beat.0 / 1_000_000, heard.start.0 / 1_000_000, "from its beginning");
    let state: Value = serde_json::from_str(&said.next().expect("a state")).unwrap();
    assert_eq!(state["tracks"][0], FOUR_ON_THE_FLOOR, "{state}");
    assert_eq!(state["playing"], true);
    let theirs = second.view().session.as_ref().unwrap().state.clone();
    assert_eq!(theirs.track(TrackId(0)).unwrap().playing_at(heard.beat).map(|p| p.scene.0), Some(2));
    drop(said);
    let (status, _, errors) = window.finish(SCRIPT_LIMIT);
    assert!(status.success(), "{status}: {errors}");
    let sound = recording.stop();

    // Seen: the pad that plays is brighter than it was, its neighbour below is not.
    let pad = |scene: usize| -> [usize; 4] {
        std::array::from_fn(|side| layout["pads"][0][scene][side].as_f64().expect("a side") as usize)
    };
    let [idle, playing] = ["idle.png", "playing.png"].map(|name| Picture::read(&dir.path().join(name)));
    let gain = |scene| playing.brightness(pad(scene)) / idle.brightness(pad(scene));
    assert!(gain(FOUR_ON_THE_FLOOR) > 1.3, "the pad that plays is {} times as bright", gain(FOUR_ON_THE_FLOOR));
    assert!(gain(3) < 1.15, "the pad beside it is {} times as bright", gain(3));

    // Heard: silence, then a kick on every beat.
    let begin = onset(&sound, 0, 0.01).expect("it sounds");
    assert!(begin > RATE as usize, "it sounds only after the press");
    assert!(rms(&sound[..begin - 480]) < 1e-4, "silence before");
    let low = low_pass(&sound);
    let beats: [(f64, f64); BEATS] = std::array::from_fn(|beat| {
        let at = begin + (beat as f64 * BEAT_FRAMES) as usize;
        (rms(&low[at - 2_400..at - 240]), rms(&low[at..at + 2_400]))
    });
    let kicks = beats.iter().filter(|(before, on_it)| *on_it > 3.0 * before && *on_it > 0.01).count();
    assert!(kicks >= KICKS_MIN, "a kick on {kicks} of the beats; level before and on each: {beats:?}");
    let end = sound.len() - RATE as usize / 4;
    assert!(rms(&sound[end..]) < 1e-3, "silence after the stop");
}

#[test]
fn a_window_joins_a_host_elsewhere_by_address_and_code() {
    let (screen, host) = (Screen::open(1280, 800), HostProcess::start());
    let dir = TempDir::new().unwrap();
    let script = file(&dir, "script", "wait joined\nwait players 2\nwait playing 1 1\nprint state\nquit\n");
    let mut command = game(&screen, dir.path());
    let mut window =
        Running::start(command.args(["--silent", "--join", &host.http, &host.code, "--script"]).arg(script));
    let ada = bot(&host.http, &host.code);
    wait_for("two players", || {
        ada.view().session.as_ref().filter(|session| session.state.players().len() == 2).map(|_| ())
    });
    assert!(ada.press(TrackId(1), SceneId(1)));
    let state: Value = serde_json::from_str(&lines(&mut window).next().expect("a state")).unwrap();
    assert_eq!(state["tracks"][1], 1);
    let (status, _, errors) = window.finish(SCRIPT_LIMIT);
    assert!(status.success(), "{status}: {errors}");
    assert_eq!(ada.view().connection, Connection::Connected);
}

#[test]
fn the_others_see_where_a_finger_is_and_that_it_was_lifted() {
    let (screen, host) = (Screen::open(1280, 800), HostProcess::start());
    let dir = TempDir::new().unwrap();
    let script = ["wait joined\nwait players 2\n", &"hold 2 3\nkey esc\n".repeat(20), "quit\n"].concat();
    let script = file(&dir, "script", &script);
    let mut command = game(&screen, dir.path());
    command.args(["--silent", "--join", &host.http, &host.code, "--script"]).arg(script);
    let ada = bot(&host.http, &host.code);
    let window = Running::start(&mut command);
    let cursors = || {
        let view = ada.view();
        let session = view.session.as_ref()?;
        Some(session.peers.iter().filter_map(|peer| peer.pointer.at).collect::<Vec<_>>())
    };
    let cell = Cell::new(TrackId(2), SceneId(3));
    wait_for("a finger", || cursors().filter(|cursors| *cursors == [cell]));
    wait_for("no finger", || cursors().filter(Vec::is_empty));
    let (status, _, errors) = window.finish(SCRIPT_LIMIT);
    assert!(status.success(), "{status}: {errors}");
}

#[test]
fn a_machine_without_a_sound_card_plays_on_and_says_so() {
    let screen = Screen::open(1280, 800);
    let dir = TempDir::new().unwrap();
    let script = file(&dir, "script", "wait joined\nwait loaded\npress 0 0\nwait playing 0 0\nprint state\nquit\n");
    let mut command = game(&screen, dir.path());
    // A sound system that leads nowhere.
    command.env("PULSE_SERVER", "unix:/nonexistent").env("ALSA_CONFIG_PATH", "/nonexistent");
    let mut window = Running::start(command.args(["--port", "0", "--script"]).arg(script));
    let state = lines(&mut window).find(|line| line.starts_with('{')).expect("a state");
    let state: Value = serde_json::from_str(&state).unwrap();
    assert_eq!(state["tracks"][0], 0);
    let hearing = state["hearing"].as_str().expect("a sentence");
    assert!(hearing.contains("No sound device") && hearing.contains("silently"), "{hearing}");
    let (status, _, errors) = window.finish(SCRIPT_LIMIT);
    assert!(status.success(), "{status}: {errors}");
}

#[test]
fn without_a_display_one_sentence_says_what_to_do() {
    let dir = TempDir::new().unwrap();
    for display in [None, Some(":4242")] {
        let mut command = Command::new(program("keyboardia"));
        command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env("HOME", dir.path());
        if let Some(display) = display {
            command.env("DISPLAY", display);
        }
        let window = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let (status, _, errors) = window.finish(SCRIPT_LIMIT);
        assert_eq!(status.code(), Some(1), "{errors}");
        let sentences: Vec<&str> = errors.lines().filter(|line| line.starts_with("keyboardia:")).collect();
        assert_eq!(sentences.len(), 1, "{errors}");
        assert!(sentences[0].contains("keyboardia-server"), "{errors}");
        assert!(!errors.contains("panicked"), "{errors}");
    }
}

#[test]
fn a_window_outside_a_locked_session_says_whom_to_ask_and_comes_in_once_it_is_open() {
    let (screen, host) = (Screen::open(1280, 800), HostProcess::start());
    let dir = TempDir::new().unwrap();
    let is_locked = |player: &Player| player.view().session.as_ref().is_some_and(|view| view.state.is_locked());
    let ada = bot(&host.http, &host.code);
    wait_for("her seat", || ada.view().session.as_ref().map(|_| ()));
    ada.command(keyboardia_session::Command::SetLocked(true));
    wait_for("the lock", || is_locked(&ada).then_some(()));
    let enter = |script: &str| {
        let script = file(&dir, "script", script);
        let mut command = game(&screen, dir.path());
        command.args(["--silent", "--join", &host.http, &host.code, "--script"]).arg(script);
        Running::start(&mut command).finish(SCRIPT_LIMIT)
    };
    let (status, _, errors) = enter("wait title\nquit\n");
    assert!(status.success(), "{status}: {errors}");
    assert!(errors.contains("This session is locked: ask somebody in it to let you in."), "{errors}");
    ada.command(keyboardia_session::Command::SetLocked(false));
    wait_for("the open door", || (!is_locked(&ada)).then_some(()));
    let (status, _, errors) = enter("wait joined\nwait lock off\nwait players 2\nquit\n");
    assert!(status.success(), "{status}: {errors}");
}

#[test]
fn who_opened_the_session_locks_it_and_removes_a_player_by_hand() {
    let screen = Screen::open(1280, 800);
    let dir = TempDir::new().unwrap();
    // A question that has just come up under the hand is not answered by the same press.
    let script = "wait joined\nprint state\nwait loaded\nwait players 2\nwait seen \"Bea\"\nwait frames 3\npress \"Open\"\nwait lock on\n\
                  wait seen \"Locked\"\nwait frames 3\npress \"Bea\"\nwait seen \"Remove\"\nwait seconds 1\n\
                  press \"Remove\"\nwait seen \"Cancel\"\nwait seconds 1\npress \"Remove\"\nwait players 1\n\
                  wait unseen \"Bea\"\nwait frames 3\npress \"Locked\"\nwait lock off\nquit\n";
    let script = file(&dir, "script", script);
    let mut command = game(&screen, dir.path());
    let mut window = Running::start(command.args(["--silent", "--port", "0", "--script"]).arg(script));
    let mut said = lines(&mut window);
    let invitation = said.find(|line| line.contains("--join")).expect("an invitation");
    // Whoever comes first has opened it.
    said.find(|line| line.starts_with('{')).expect("a state");
    let words: Vec<&str> = invitation.split_whitespace().skip_while(|word| *word != "--join").collect();
    let port = words[1].rsplit(':').next().unwrap();
    let bea = bot_called(Some("Bea"), &format!("127.0.0.1:{port}"), words[2]);
    drop(said);
    let (status, _, errors) = window.finish(SCRIPT_LIMIT);
    assert!(status.success(), "{status}: {errors}");
    let Connection::Failed(why) = &bea.view().connection else { panic!("{:?}", bea.view().connection) };
    assert!(why.contains("removed"), "{why}");
}

#[test]
fn who_did_not_open_the_session_votes_on_a_player_and_takes_the_vote_back() {
    let (screen, host) = (Screen::open(1280, 800), HostProcess::start());
    let dir = TempDir::new().unwrap();
    let ada = bot_called(Some("Ada"), &host.http, &host.code);
    wait_for("her seat", || ada.view().session.as_ref().map(|_| ()));
    let bea = bot_called(Some("Bea"), &host.http, &host.code);
    wait_for("her seat", || bea.view().session.as_ref().map(|_| ()));
    let script = "wait joined\nwait loaded\nwait players 3\nwait seen \"Bea\"\nwait frames 3\npress \"Bea\"\nwait seen \"Vote to remove\"\nwait seconds 1\n\
                  press \"Vote to remove\"\nwait seen \"Cancel\"\nwait seconds 1\npress \"Vote\"\nwait seen \"1 of 2 votes\"\n\
                  wait unseen \"Cancel\"\npress \"Bea\"\nwait seen \"Take back my vote\"\nwait seconds 1\n\
                  press \"Take back my vote\"\nwait unseen \"1 of 2 votes\"\nwait players 3\nquit\n";
    let script = file(&dir, "script", script);
    let mut command = game(&screen, dir.path());
    command.args(["--silent", "--join", &host.http, &host.code, "--script"]).arg(script);
    let window = Running::start(&mut command);
    let votes = || {
        let state = ada.view().session.as_ref()?.state.clone();
        let target = state.players().iter().find(|player| player.name.as_str() == "Bea")?.seat;
        Some(state.removal_count(target).wishes)
    };
    let ((status, _, errors), seen) = thread::scope(|scope| {
        let end = scope.spawn(|| window.finish(SCRIPT_LIMIT));
        let mut seen = Vec::new();
        while !end.is_finished() {
            seen.extend(votes());
            seen.dedup();
            thread::sleep(Duration::from_millis(5));
        }
        (end.join().unwrap(), seen)
    });
    assert!(status.success(), "{status}: {errors}");
    assert_eq!(seen, [0, 1, 0], "what everybody sees of the vote");
    assert_eq!(bea.view().connection, Connection::Connected, "she stays");
}

#[test]
fn a_failure_to_join_is_shown_and_told() {
    let (screen, host) = (Screen::open(1280, 800), HostProcess::start());
    let dir = TempDir::new().unwrap();
    let script = file(&dir, "script", "wait title\nscreenshot title.png\nquit\n");
    let mut command = game(&screen, dir.path());
    command.args(["--silent", "--join", &host.http, "acorn-acorn-acorn-acorn-acorn", "--script"]).arg(script);
    let (status, _, errors) = Running::start(&mut command).finish(SCRIPT_LIMIT);
    assert!(status.success(), "{status}: {errors}");
    assert!(errors.contains("acorn-acorn-acorn-acorn-acorn"), "{errors}");
    assert!(dir.path().join("title.png").is_file());
}
