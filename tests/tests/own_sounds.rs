//! Players' own sounds between a real host and real players: whoever brings one has it on everybody's grid.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_player::{Output, Player, PlayerOptions};
use keyboardia_session::{Beats, Cell, Command, Edit, SceneId, SoundId, TrackId, limits::SAMPLE_RATE_HZ};
use keyboardia_tests::{
    bots::{agree, bot, heard, ready, state},
    process::{HostProcess, wait_for},
    soundfiles::{Verdict, bad, good, judge, library, wav16},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A slot of the starter groove that is empty.
const EMPTY: Cell = Cell::new(TrackId(7), SceneId(7));

fn write(dir: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, bytes).expect("a file");
    path
}

/// The sound of the clip in a slot, once there is one.
fn sound_in(player: &Player, cell: Cell) -> SoundId {
    wait_for("a clip", || state(player).clip(cell).map(|clip| clip.sound.clone()))
}

/// Waits until a player has a sound in memory.
fn has(player: &Player, sound: &SoundId) {
    wait_for("an own sound", || {
        let view = player.view();
        assert_eq!(view.damaged.get(sound), None);
        (view.overviews.contains_key(sound) && !view.loading.contains(sound)).then_some(())
    });
}

/// Waits until nothing of a player's is on its way, and gives what it was told.
fn told(player: &Player) -> Vec<String> {
    wait_for("an end", || player.view().bringing.is_empty().then_some(()));
    player.view().sentences.iter().map(|(_, text)| text.clone()).collect()
}

#[test]
fn a_file_that_one_brings_is_heard_by_all_at_the_same_moment() {
    let (host, dir) = (HostProcess::start(), tempfile::tempdir().unwrap());
    let (ada, ben) = (bot(&host.http, Some(&host.code)), bot(&host.http, Some(&host.code)));
    ready(&ada);
    ready(&ben);
    // A loop of the library, at another tempo than the session's.
    let file = write(dir.path(), "Ada's groove.ogg", &library("drums-minimal.ogg"));
    ada.bring_file(file, EMPTY, false);
    let sound = sound_in(&ben, EMPTY);
    let clip = state(&ben).clip(EMPTY).cloned().unwrap();
    assert_eq!((clip.name.as_str(), clip.looped), ("Ada's groove", true));
    let author = ada.view().session.as_ref().and_then(|view| view.state.player(view.me).map(|me| me.name.clone()));
    assert_eq!(Some(clip.author), author);
    assert!(clip.length.0 % Beats::whole(4).0 == 0, "whole bars: {:?}", clip.length);
    for player in [&ada, &ben] {
        has(player, &sound);
    }
    assert_eq!(told(&ada), Vec::<String>::new());
    assert!(ada.press(EMPTY.track, EMPTY.scene));
    let [one, other] = [&ada, &ben].map(|player| heard(player, EMPTY.track));
    assert_eq!(one.start, other.start);
    let apart_ms = (one.at.0 - other.at.0).abs() as f64 / 1e6;
    assert!(apart_ms <= 1.0, "{apart_ms} ms apart");
    // Whoever comes later has it, too.
    let cleo = bot(&host.http, Some(&host.code));
    ready(&cleo);
    has(&cleo, &sound);
    agree(&[&ada, &ben, &cleo]);
}

#[test]
fn each_kind_of_file_is_taken_and_a_hit_is_no_loop() {
    let (host, dir) = (HostProcess::start(), tempfile::tempdir().unwrap());
    let ada = bot(&host.http, Some(&host.code));
    ready(&ada);
    for (kind, bytes) in good() {
        let before = state(&ada).clip(EMPTY).map(|clip| clip.sound.clone());
        ada.bring_file(write(dir.path(), kind, &bytes), EMPTY, true);
        assert_eq!(told(&ada), Vec::<String>::new(), "{kind}");
        let sound = wait_for("another clip", || {
            state(&ada).clip(EMPTY).map(|clip| clip.sound.clone()).filter(|sound| Some(sound) != before.as_ref())
        });
        has(&ada, &sound);
    }
    let second = SAMPLE_RATE_HZ as usize;
    let hit: Vec<f32> = (0..second / 2).map(|n| (-(n as f32) / 4_000.0).exp() * (n as f32 / 9.0).sin()).collect();
    ada.bring_file(write(dir.path(), "hit.wav", &wav16(&[hit], SAMPLE_RATE_HZ)), EMPTY, true);
    let clip = wait_for("the hit", || state(&ada).clip(EMPTY).filter(|clip| clip.name.as_str() == "hit").cloned());
    assert!(!clip.looped);
    let seconds = clip.length.as_f64() / state(&ada).transport().last().tempo.beats_per_second();
    assert!((0.1..=0.6).contains(&seconds), "{seconds} s at the session's tempo");
}

#[test]
fn what_is_no_sound_gets_a_sentence_and_changes_nothing() {
    let (host, dir) = (HostProcess::start(), tempfile::tempdir().unwrap());
    let ada = bot(&host.http, Some(&host.code));
    ready(&ada);
    let before = state(&ada).hash();
    let refused = bad(1).into_iter().step_by(10).filter(|file| matches!(judge(&file.bytes), Verdict::Sentence(_)));
    let numbered = (0..).zip(refused);
    let mut paths: Vec<PathBuf> =
        numbered.map(|(number, file)| write(dir.path(), &format!("{number}.wav"), &file.bytes)).collect();
    paths.extend([dir.path().to_owned(), dir.path().join("not there.wav")]);
    assert!(paths.len() > 10);
    for path in paths {
        let count = ada.view().sentences.last().map_or(0, |(number, _)| *number);
        ada.bring_file(path.clone(), EMPTY, true);
        told(&ada);
        let view = ada.view();
        let (number, text) = view.sentences.last().expect("a sentence");
        assert_eq!(*number, count + 1, "{}", path.display());
        assert!(text.ends_with('.') && text.chars().next().is_some_and(|c| !c.is_lowercase()), "{text}");
    }
    assert_eq!(state(&ada).hash(), before);
}

#[test]
fn a_full_host_says_so_and_the_clip_goes_again() {
    let (host, dir) = (HostProcess::with(&["--sample-bytes", "1000"]), tempfile::tempdir().unwrap());
    let (ada, ben) = (bot(&host.http, Some(&host.code)), bot(&host.http, Some(&host.code)));
    ready(&ada);
    ready(&ben);
    let taken = Cell::new(TrackId(0), SceneId(0));
    ada.bring_file(write(dir.path(), "loop.ogg", &library("drums-minimal.ogg")), EMPTY, false);
    sound_in(&ben, EMPTY);
    wait_for("an empty pad", || state(&ben).clip(EMPTY).is_none().then_some(()));
    let told = told(&ada);
    assert!(told.len() == 1 && told[0].ends_with('.'), "{told:?}");
    assert!(state(&ada).clip(taken).is_some(), "nothing else has gone");
}

#[test]
fn a_sound_that_is_kept_on_disk_needs_no_host_and_one_that_nobody_has_is_waited_for() {
    let (host, dir) = (HostProcess::start(), tempfile::tempdir().unwrap());
    let join = |samples: &Path| {
        Player::join(PlayerOptions {
            host: host.http.clone(),
            code: Some(host.code.clone()),
            output: Output::Silent,
            samples: Some(samples.to_owned()),
            ..PlayerOptions::default()
        })
    };
    let (kept, other) = (dir.path().join("kept"), dir.path().join("other"));
    let ada = join(&kept);
    ready(&ada);
    ada.bring_file(write(dir.path(), "loop.ogg", &library("drums-minimal.ogg")), EMPTY, false);
    let sound = sound_in(&ada, EMPTY);
    has(&ada, &sound);
    told(&ada);
    let clip = state(&ada).clip(EMPTY).cloned().unwrap();
    // Another session, whose host has never had it.
    let elsewhere = HostProcess::start();
    let join_there = |samples: &Path| {
        let (host, code) = (elsewhere.http.clone(), Some(elsewhere.code.clone()));
        let samples = Some(samples.to_owned());
        Player::join(PlayerOptions { host, code, output: Output::Silent, samples, ..PlayerOptions::default() })
    };
    let (cleo, dan) = (join_there(&kept), join_there(&other));
    ready(&cleo);
    ready(&dan);
    assert!(cleo.command(Command::Edit(Edit::SetClip { cell: EMPTY, clip: Some(Box::new(clip)), replace: false })));
    has(&cleo, &sound);
    wait_for("a sound that is missing", || dan.view().loading.contains(&sound).then_some(()));
    assert!(dan.view().damaged.is_empty(), "it may still come");
    cleo.bring_file(dir.path().join("loop.ogg"), EMPTY, true);
    has(&dan, &sound);
    assert!(kept.join(format!("{sound}.wav")).is_file() && other.join(format!("{sound}.wav")).is_file());
}
