//! What is made is kept: a session saved to a file and opened on another host is the same session, and what is played is
//! written down as it sounds.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_player::{
    Output, Player, PlayerOptions,
    errand::Errand,
    export::{BounceRequest, Bounced, CAPTURE_MINUTES_MAX},
    keep::{self, Kept},
};
use keyboardia_session::{
    Cell, ClipChange, Command, Edit, Gain, Name, Quantise, SceneChange, SceneId, SoundId, Tempo, TimeSignature, TrackId,
};
use keyboardia_tests::{
    bots::{bot, ready, state},
    measure::rms,
    process::{HostProcess, PATIENCE, Running, wait_for, window},
    soundfiles::library,
    stage::{self, Screen},
};
use std::{fs, path::Path, sync::Arc};

/// Slots of the starter groove that are empty.
const EMPTY: [Cell; 2] = [Cell::new(TrackId(7), SceneId(7)), Cell::new(TrackId(6), SceneId(7))];
/// A session that takes too much.
const SAMPLE_BYTES: &str = "100000";

fn outcome<T: Send + 'static>(errand: &Errand<T>) -> Result<T, String> {
    wait_for("an outcome", || errand.take())
}

fn opened(path: &Path) -> Result<Arc<Kept>, String> {
    outcome(&keep::open(path.to_owned()))
}

/// Somebody who opens a saved session on this host.
fn opener(host: &str, kept: Arc<Kept>) -> Player {
    let kept = Some(kept);
    Player::join(PlayerOptions { host: host.to_owned(), output: Output::Silent, kept, ..PlayerOptions::default() })
}

fn sound_in(player: &Player, cell: Cell) -> SoundId {
    wait_for("a clip", || state(player).clip(cell).map(|clip| clip.sound.clone()))
}

/// Waits until a player has a sound in memory.
fn has(player: &Player, sound: &SoundId) {
    wait_for("an own sound", || {
        let view = player.view();
        (view.overviews.contains_key(sound) && !view.loading.contains(sound)).then_some(())
    });
}

/// Everything that a file can keep is changed, and two sounds are brought.
fn perform(player: &Player, dir: &Path) -> [SoundId; 2] {
    for (index, (cell, name)) in EMPTY.into_iter().zip(["drums-minimal", "bass-acid"]).enumerate() {
        let path = dir.join(format!("Take {index}.ogg"));
        fs::write(&path, library(&format!("{name}.ogg"))).unwrap();
        player.bring_file(path, cell, false);
    }
    let sounds = EMPTY.map(|cell| sound_in(player, cell));
    wait_for("two sounds at the host", || player.view().bringing.is_empty().then_some(()));
    let (track, scene) = (TrackId(2), SceneId(1));
    let changes = [
        Command::SetTempo(Tempo::from_bpm(133.3).unwrap()),
        Command::SetSignature(TimeSignature::SevenEight),
        Command::SetQuantise(Quantise::Half),
        Command::SetGain { track, gain: Gain::from_db(-7.5).unwrap() },
        Command::SetMute { track, mute: true },
        Command::SetSolo { track: TrackId(1), solo: true },
        Command::Edit(Edit::ChangeClip {
            cell: EMPTY[0], change: ClipChange::Name(Name::sanitised("Ada’s “7/8”"))
        }),
        Command::Edit(Edit::SwapClips { a: EMPTY[1], b: Cell::new(TrackId(0), SceneId(0)) }),
        Command::Edit(Edit::ChangeScene { scene, change: SceneChange::Name(Name::sanitised("Verse")) }),
        Command::Edit(Edit::RemoveTrack(TrackId(5))),
        Command::Edit(Edit::AddTrack { at: 1, column: None }),
        Command::Edit(Edit::RemoveScene(SceneId(4))),
    ];
    for change in changes {
        assert!(player.command(change));
    }
    wait_for("the last change", || {
        let settled = player.view().session.as_ref().is_some_and(|session| session.pending.is_empty());
        (settled && state(player).scene(SceneId(4)).is_none()).then_some(())
    });
    sounds
}

#[test]
fn a_session_that_is_saved_and_opened_on_another_host_is_saved_byte_for_byte_the_same() {
    let (host, dir) = (HostProcess::start(), tempfile::tempdir().unwrap());
    let ada = bot(&host.http, Some(&host.code));
    ready(&ada);
    let sounds = perform(&ada, dir.path());
    let [first, second] = ["first", "second"].map(|name| dir.path().join(format!("{name}.keyboardia")));
    let told = outcome(&ada.save(first.clone())).unwrap();
    assert_eq!(told, "Saved to “first.keyboardia”, with 2 sounds of your own.");
    // Whoever saves need not be who has brought the sounds, nor have them on disk.
    let ben = bot(&host.http, Some(&host.code));
    ready(&ben);
    outcome(&ben.save(dir.path().join("by Ben"))).unwrap();
    assert_eq!(fs::read(&first).unwrap(), fs::read(dir.path().join("by Ben.keyboardia")).unwrap());
    let elsewhere = HostProcess::start();
    let cleo = opener(&elsewhere.http, opened(&first).unwrap());
    let code = wait_for("a session", || cleo.view().code.clone());
    assert_ne!(code, elsewhere.code, "nobody else's session is touched");
    let dan = bot(&elsewhere.http, Some(&code));
    ready(&dan);
    for player in [&cleo, &dan] {
        for sound in &sounds {
            has(player, sound);
        }
    }
    let clip = state(&dan)
        .tracks()
        .iter()
        .find_map(|track| track.clips.iter().find(|(_, clip)| clip.sound == sounds[0]).cloned());
    let (kept, author) = (clip.unwrap().1, ada.view().session.as_ref().unwrap().state.players()[0].name.clone());
    assert_eq!((kept.name.as_str(), kept.author), ("Ada’s “7/8”", author));
    outcome(&dan.save(second.clone())).unwrap();
    assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
    assert!(fs::read_dir(dir.path()).unwrap().all(|file| !file.unwrap().path().ends_with(".part")));
}

#[test]
fn files_that_are_no_sessions_get_sentences_and_change_nothing() {
    let (host, dir) = (HostProcess::start(), tempfile::tempdir().unwrap());
    let ada = bot(&host.http, Some(&host.code));
    ready(&ada);
    perform(&ada, dir.path());
    let whole = dir.path().join("whole.keyboardia");
    outcome(&ada.save(whole.clone())).unwrap();
    let (before, bytes) = (state(&ada).hash(), fs::read(&whole).unwrap());
    let mut files: Vec<Vec<u8>> = (0..10).map(|tenth| bytes[..bytes.len() * tenth / 10].to_vec()).collect();
    let flipped = |at: usize| {
        let mut file = bytes.clone();
        file[at] ^= 0x55;
        file
    };
    // In a sound, in the score, in the method and in the lengths of the score.
    files.extend([bytes.len() / 2, 2_000, 8, 19, 23].map(flipped));
    files.push(library("drums-minimal.ogg"));
    let path = dir.path().join("bad.keyboardia");
    let refused = |path: &Path| {
        let sentence = opened(path).unwrap_err();
        assert!(sentence.ends_with('.') && sentence.starts_with('“'), "{sentence}");
        sentence
    };
    for file in &files {
        fs::write(&path, file).unwrap();
        refused(&path);
    }
    // Larger than any session, and nothing of it is read.
    let huge = fs::File::create(&path).unwrap();
    huge.set_len(keep::KEPT_BYTES_MAX + 1).unwrap();
    assert!(refused(&path).contains("larger"));
    for path in [dir.path().to_owned(), dir.path().join("not there.keyboardia")] {
        refused(&path);
    }
    assert_eq!(state(&ada).hash(), before);
    // Neither does one that cannot be written.
    let nowhere = outcome(&ada.save(dir.path().join("not/there"))).unwrap_err();
    assert!(nowhere.starts_with("“there.keyboardia” was not saved: "), "{nowhere}");
    outcome(&ada.save(whole.clone())).unwrap();
    assert_eq!(fs::read(&whole).unwrap(), bytes);
}

#[test]
fn a_host_without_room_for_the_sounds_says_so_and_the_grid_is_there() {
    let (host, dir) = (HostProcess::start(), tempfile::tempdir().unwrap());
    let ada = bot(&host.http, Some(&host.code));
    ready(&ada);
    let sounds = perform(&ada, dir.path());
    let path = dir.path().join("large.keyboardia");
    outcome(&ada.save(path.clone())).unwrap();
    let small = HostProcess::with(&["--sample-bytes", SAMPLE_BYTES]);
    let cleo = opener(&small.http, opened(&path).unwrap());
    let told = wait_for("a sentence", || cleo.view().sentences.first().cloned());
    assert!(told.1.ends_with('.'), "{told:?}");
    for sound in &sounds {
        has(&cleo, sound);
    }
    assert_eq!(state(&cleo).tracks().len(), state(&ada).tracks().len());
}

/// Frames of a WAV file, left and right in turn, ±1.
fn frames(path: &Path) -> Vec<f32> {
    let mut file = hound::WavReader::open(path).unwrap();
    assert_eq!((file.spec().channels, file.spec().bits_per_sample), (2, 24));
    file.samples::<i32>().map(|x| x.unwrap() as f32 / 8_388_608.0).collect()
}

/// A player of this session, with two clips that play, and when they do.
fn playing(host: &HostProcess) -> Player {
    let ada = bot(&host.http, Some(&host.code));
    ready(&ada);
    assert!(ada.command(Command::SetTempo(Tempo::from_bpm(180.0).unwrap())));
    for track in [0, 1] {
        assert!(ada.press(TrackId(track), SceneId(0)));
    }
    wait_for("two clips that play", || {
        let view = ada.view();
        let session = view.session.as_ref()?;
        let beat = session.beat();
        let sounds = |track: u8| session.state.track(TrackId(track)).is_some_and(|track| track.is_sounding_at(beat));
        (session.is_playing() && sounds(0) && sounds(1)).then_some(())
    });
    ada
}

#[test]
fn what_plays_is_bounced_to_files_that_sound_as_it_does() {
    let (host, dir) = (HostProcess::start(), tempfile::tempdir().unwrap());
    let ada = playing(&host);
    let master = dir.path().join("master.wav");
    let what = Bounced::Master(master.clone());
    let told = outcome(&ada.bounce(BounceRequest { bars: 2, what })).unwrap();
    assert_eq!(told, "Bounced 2.7 s to “master.wav”.");
    let mix = frames(&master);
    assert_eq!(mix.len(), 2 * 128_000, "eight beats at 180 BPM");
    assert!(rms(&mix) > 0.02);
    let stems = Bounced::Stems(dir.path().to_owned());
    let told = outcome(&ada.bounce(BounceRequest { bars: 2, what: stems })).unwrap();
    assert!(told.starts_with("Bounced 2 stems"), "{told}");
    let [drums, bass] = ["01 Drums.wav", "02 Bass.wav"].map(|name| frames(&dir.path().join(name)));
    let sum: Vec<f32> = drums.iter().zip(&bass).map(|(drums, bass)| drums + bass).collect();
    assert!(rms(&drums) > 0.01 && rms(&bass) > 0.01 && sum.len() == mix.len());
    let silent = bot(&host.http, None);
    ready(&silent);
    let what = Bounced::Master(dir.path().join("nothing.wav"));
    let nothing = outcome(&silent.bounce(BounceRequest { bars: 1, what })).unwrap_err();
    assert!(nothing.starts_with("Nothing plays"), "{nothing}");
    assert!(!dir.path().join("nothing.wav").exists());
}

#[test]
fn a_bounce_that_is_given_up_leaves_nothing() {
    let (host, dir) = (HostProcess::start(), tempfile::tempdir().unwrap());
    let ada = playing(&host);
    let what = Bounced::Master(dir.path().join("long.wav"));
    let errand = ada.bounce(BounceRequest { bars: 256, what });
    wait_for("some progress", || (errand.share() > 0.0).then_some(()));
    errand.end();
    assert_eq!(outcome(&errand).unwrap_err(), "The bounce was given up; nothing was written.");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn the_live_sound_is_taken_along_until_it_is_ended_and_a_full_disk_has_a_sentence() {
    let (host, dir) = (HostProcess::start(), tempfile::tempdir().unwrap());
    let ada = playing(&host);
    let path = dir.path().join("live.wav");
    let errand = ada.capture(path.clone());
    let seconds = || f64::from(errand.share()) * CAPTURE_MINUTES_MAX as f64 * 60.0;
    wait_for("two seconds of sound", || (seconds() >= 2.0).then_some(()));
    errand.end();
    let told = outcome(&errand).unwrap();
    assert!(told.starts_with("Recorded ") && told.ends_with(" s to “live.wav”."), "{told}");
    let live = frames(&path);
    assert!((80_000..150_000).contains(&(live.len() / 2)) && rms(&live) > 0.02, "{} frames", live.len() / 2);
    #[cfg(target_os = "linux")]
    {
        let full = dir.path().join("full.wav");
        std::os::unix::fs::symlink("/dev/full", &full).unwrap();
        let errand = ada.capture(full);
        let why = wait_for("a full disk", || errand.take()).unwrap_err();
        assert!(why.starts_with("The recording ended early: ") || why.contains("was not written"), "{why}");
    }
    // Leaving ends it, and what was taken is there.
    let errand = ada.capture(dir.path().join("left.wav"));
    wait_for("some sound", || (errand.share() > 0.0).then_some(()));
    drop(ada);
    assert!(outcome(&errand).is_ok() && !frames(&dir.path().join("left.wav")).is_empty());
}

/// Exports, saves, and opens what was saved: another session, in which the tempo is the same and nothing plays.
#[cfg(target_os = "linux")]
const WINDOW: &str = r#"wait joined
wait loaded
press 0 0
wait playing 0 0
tempo 133
press "session menu"
wait seen "Export sound…"
press "Export sound…"
wait seen "Bounce the mix…"
capture "DIR/live.wav"
wait seen "Stop"
bounce 2 "DIR/mix.wav"
wait seen "Bounced 3.6 s to “mix.wav”."
capture off
save "DIR/my.keyboardia"
wait seen "Saved to “my.keyboardia”."
key esc
wait unseen "Bounce the mix…"
file "DIR/my.keyboardia"
wait seen "Save first…"
wait frames 5
press "Save first…"
wait seen "File name:"
wait unseen "Stay here"
wait frames 5
press "🚫 Cancel"
wait seen "Stay here"
wait frames 5
press "Stay here"
wait unseen "Stay here"
open "DIR/my.keyboardia"
wait seen "Opened “my”."
print state
quit
"#;

#[cfg(target_os = "linux")]
#[test]
fn a_window_exports_saves_and_opens_its_session() {
    let (screen, dir) = (Screen::open(1280, 800), tempfile::tempdir().unwrap());
    stage::file(&dir, "settings.json", r#"{"name":"Ada","hints_seen":{"press":true,"together":true,"more":true}}"#);
    let script = stage::file(&dir, "script", &WINDOW.replace("DIR", &dir.path().display().to_string()));
    let mut command = window(&screen.display, dir.path());
    let command = command.args(["--silent", "--port", "0", "--script"]).arg(script);
    let (status, said, errors) = Running::start(command).finish(2 * PATIENCE);
    assert!(status.success(), "{status}: {errors}");
    let state = said.lines().rfind(|line| line.starts_with('{')).unwrap();
    let state: serde_json::Value = serde_json::from_str(state).unwrap();
    let invitations: Vec<&str> = said.lines().filter(|line| line.contains("--join")).collect();
    assert!(invitations.len() == 2 && invitations[0] != invitations[1], "{invitations:?}");
    assert_eq!((&state["session"]["tempo"], &state["playing"]), (&133.0.into(), &false.into()), "{state}");
    assert!(rms(&frames(&dir.path().join("mix.wav"))) > 0.02 && rms(&frames(&dir.path().join("live.wav"))) > 0.02);
}
