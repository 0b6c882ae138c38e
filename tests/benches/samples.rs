//! Players' own sounds, measured: how fast files are read and bars bounced, what bad files do, how much memory a grid of
//! long sounds takes; and, in a room with a loudspeaker and a microphone, how far from its beat a take lies and how soon
//! somebody else can play it.
//!
//! `cargo bench -p keyboardia-tests --bench samples -- --json FILE`

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_audio::{
    Ear, Ears, Sample,
    bounce::{Bounce, BounceSettings, Part},
    import::import,
};
use keyboardia_player::{Player, recording::TakeShape};
use keyboardia_session::{Beats, Cell, Command, Gain, Manifest, SceneId, SoundId, TrackId};
use keyboardia_tests::{
    bots::{bot, ready, state},
    measure::percentile,
    page_singer,
    process::{HostProcess, PATIENCE, Running, wait_for},
    report::Report,
    rig::{bpm, playing, score, track_of, voice},
    singer::{Singer, offs},
    soundfiles::{MP3_FRAMES, RATE, Verdict, bad, flac, judge, library, mp3, ogg, tones, wav16},
    stage::Room,
};
use kira::Frame;
use std::{
    collections::BTreeMap,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

/// Length of the files that are read, seconds.
const SECONDS: usize = 10;
/// How often each is read.
const ROUNDS: usize = 15;
/// Tracks that play while bars are bounced: a full grid.
const TRACKS: usize = 16;
/// Beats that are bounced.
const BEATS: i64 = 64;
/// Tempo of what is recorded.
const BPM: f64 = 120.0;
/// Takes, and one-shots, that are recorded.
const TAKES: usize = 4;
const SHOTS: usize = 20;
/// The slot that is recorded for.
const OWN: Cell = Cell::new(TrackId(7), SceneId(7));
/// What this program is told inside the room.
const INSIDE: &str = "--inside-a-room";
/// Sounds that do not fit into memory together, and how long each is, seconds.
const LONG_SOUNDS: u8 = 22;
const LONG_SOUND_S: usize = 60;
/// Seeds of the bad files.
const SEEDS: std::ops::Range<u64> = 1..5;

/// Milliseconds for a second of audio, the median; the slowest kind of file counts.
fn decode_ms_per_second() -> f64 {
    let sound = tones(2, SECONDS * RATE as usize);
    let files = [
        ("WAV", wav16(&sound, RATE)),
        ("Ogg", ogg(&sound, RATE)),
        ("FLAC", flac(&sound, RATE)),
        ("MP3", mp3(SECONDS * RATE as usize / MP3_FRAMES, 24)),
    ];
    let median = |(name, file): (&str, Vec<u8>)| {
        let mut times: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let file = file.clone();
                let begin = Instant::now();
                let take = import(file).unwrap();
                begin.elapsed().as_secs_f64() * 1e3 / take.seconds()
            })
            .collect();
        let median = percentile(&mut times, 0.5);
        println!("  {name}: {median:.3} ms for a second");
        median
    };
    files.into_iter().map(median).fold(0.0, f64::max)
}

/// Loops of the library, for every track one.
fn loops() -> BTreeMap<SoundId, (Arc<Sample>, f64)> {
    let manifest = Manifest::parse(&library("manifest.json")).unwrap();
    let loops = manifest.sounds.iter().filter(|sound| sound.looped).take(TRACKS);
    loops
        .map(|sound| {
            let take = import(library(&format!("{}.ogg", sound.id))).unwrap();
            let (left, right) = (&take.channels()[0], take.channels().last().unwrap());
            let frames = left.iter().zip(right).map(|(left, right)| Frame::new(*left, *right)).collect();
            (sound.id.clone(), (Arc::new(Sample::new(frames).unwrap()), sound.beats))
        })
        .collect()
}

/// How much faster than it sounds a full grid is bounced, the median.
fn bounce_times_realtime() -> f64 {
    let loops = loops();
    assert_eq!(loops.len(), TRACKS);
    let tracks =
        loops.iter().map(|(id, (_, beats))| track_of(voice(id.as_str(), Beats::whole(-64), Beats::from_f64(*beats))));
    let score = score(&playing(bpm(133.0)), tracks.collect());
    let settings =
        BounceSettings { sample_rate: RATE, from: Beats::ZERO, length: Beats::whole(BEATS), part: Part::Master };
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            let mut bounce = Bounce::new(&score, |id| Some(loops.get(id)?.0.clone()), settings).unwrap();
            let mut loudest = 0.0_f32;
            while let Some(block) = bounce.next_block() {
                loudest = block.iter().fold(loudest, |loudest, x| loudest.max(x.abs()));
            }
            assert!(loudest > 0.5, "it sounds");
            let seconds = bounce.progress().done as f64 / f64::from(RATE);
            seconds / begin.elapsed().as_secs_f64()
        })
        .collect();
    percentile(&mut times, 0.5)
}

/// Bad files that were tried, and those that did no harm.
fn bad_files() -> (usize, usize) {
    let (mut tried, mut survived) = (0, 0);
    for file in SEEDS.flat_map(bad) {
        tried += 1;
        match judge(&file.bytes) {
            Verdict::Harm(harm) => println!("  {}: {harm}", file.name),
            Verdict::Sound(_) | Verdict::Sentence(_) => survived += 1,
        }
    }
    (tried, survived)
}

/// The most memory that sounds take while a player has more of them than fit, and launches one after the other, bytes.
fn cache_bytes_peak() -> u64 {
    let (host, dir) = (HostProcess::start(), tempfile::tempdir().unwrap());
    let ada = bot(&host.http, Some(&host.code));
    ready(&ada);
    let mut peak = 0;
    let mut look = || {
        peak = peak.max(ada.view().sound_bytes);
        peak
    };
    let cells: Vec<Cell> = (0..LONG_SOUNDS).map(|i| Cell::new(TrackId(i % 8), SceneId(i / 8))).collect();
    for (index, cell) in cells.iter().enumerate() {
        let hz = 200.0 + 20.0 * index as f64;
        let wave = |i: usize| (0.3 * (std::f64::consts::TAU * hz * i as f64 / f64::from(RATE)).sin()) as f32;
        let tone: Vec<f32> = (0..LONG_SOUND_S * RATE as usize).map(wave).collect();
        let file = dir.path().join(format!("{index}.wav"));
        std::fs::write(&file, wav16(&[tone], RATE)).unwrap();
        ada.bring_file(file, *cell, true);
        wait_for("a sound to have been brought", || {
            look();
            let is_own = state(&ada).clip(*cell).is_some_and(|clip| clip.sound.sample().is_some());
            (is_own && ada.view().bringing.is_empty()).then_some(())
        });
    }
    for cell in &cells {
        assert!(ada.press(cell.track, cell.scene));
        wait_for("a launched sound", || {
            look();
            let view = ada.view();
            let sound = &state(&ada).clip(*cell)?.sound.clone();
            let is_near = state(&ada).track(cell.track)?.playing_at(view.session.as_ref()?.beat())?.scene == cell.scene;
            (is_near && !view.loading.contains(sound)).then_some(())
        });
    }
    assert_eq!(ada.view().sentences, []);
    look()
}

/// Measures what needs a loudspeaker and a microphone, in a room of its own: this program once more.
fn in_a_room(report: &mut Report) {
    let room = Room::open();
    let mut inside = std::process::Command::new(std::env::current_exe().expect("a bench is a program"));
    let inside = room.invite(inside.arg(INSIDE)).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (status, out, err) = Running::start(inside).finish(4 * PATIENCE);
    assert!(status.success(), "{out}\n{err}");
    for line in out.lines() {
        let Some((key, value)) = line.split_once('=') else { continue };
        let target = if key == "take_alignment_ms_native" { "≤ 5" } else { "≤ 500" };
        report.add(key, value.parse().expect("a number"), target);
    }
}

/// See [`in_a_room`].
fn inside() {
    let host = HostProcess::start();
    let mut ada = Singer::join(&host.http, &host.code);
    let ben = bot(&host.http, Some(&host.code));
    ready(&ada.player);
    ready(&ben);
    assert!(ada.player.command(Command::SetTempo(bpm(BPM))));
    assert!(ada.player.command(Command::SetPlaying(true)));
    ada.calibrate();
    ada.player.set_metronome(Some(Gain::UNITY));
    // A take that is launched would be heard by the next one.
    let mute = Ear { mute: true, ..Ear::default() };
    ada.player.set_ears(Ears { tracks: [(OWN.track, mute)].into_iter().collect(), master: None });
    let mut worst = 0.0_f64;
    let mut before = None;
    for _ in 0..TAKES {
        ada.sing(1, OWN, false);
        let clip = wait_for("another take", || {
            let clip = state(&ada.player).clip(OWN).cloned()?;
            (Some(&clip.sound) != before.as_ref()).then_some(clip)
        });
        let offs = offs(&ada.file(&clip), 4, BPM);
        worst = offs.iter().fold(worst, |worst, off| worst.max(off.abs() * 1e3));
        before = Some(clip.sound);
    }
    println!("take_alignment_ms_native={worst}");
    assert!(ada.player.press(TrackId(0), SceneId(0)), "so that there is something to record");
    let mut times: Vec<f64> = (0..SHOTS).map(|_| peer_playable_ms(&ada, &ben)).collect();
    println!("record_to_peer_playable_ms_p95={}", percentile(&mut times, 0.95));
}

/// From the release of the record button after two seconds until somebody else has the sound, milliseconds.
fn peer_playable_ms(ada: &Singer, ben: &Player) -> f64 {
    let before = state(ben).clip(OWN).map(|clip| clip.sound.clone());
    ada.record(TakeShape::OneShot, OWN, false);
    wait_for("two seconds", || {
        let view = ada.player.view();
        view.recording.as_ref().is_some_and(|(_, seen)| seen.seconds >= 2.0).then_some(())
    });
    let begin = Instant::now();
    ada.player.stop_recording();
    loop {
        let view = ben.view();
        let sound = state(ben).clip(OWN).map(|clip| clip.sound.clone());
        if sound != before && sound.is_some_and(|sound| view.overviews.contains_key(&sound)) {
            return begin.elapsed().as_secs_f64() * 1e3;
        }
        assert!(begin.elapsed() < PATIENCE, "{:?}", ada.player.view().sentences);
        std::thread::sleep(Duration::from_micros(500));
    }
}

/// The largest distance of a tick from its beat in takes that a page has recorded, milliseconds.
fn in_a_browser() -> f64 {
    let (room, host) = (Room::open(), HostProcess::start());
    let offs = page_singer::takes(&room, &host.http, &host.code, BPM, TAKES, None);
    offs.iter().fold(0.0, |worst, off| off.abs().max(worst)) * 1e3
}

fn main() {
    if std::env::args().any(|argument| argument == INSIDE) {
        return inside();
    }
    let mut report = Report::new();
    in_a_room(&mut report);
    report.add("take_alignment_ms_browser", in_a_browser(), "≤ 10");
    report.add("cache_bytes_peak", cache_bytes_peak() as f64, "≤ 536870912");
    report.add("decode_ms_per_second_of_audio", decode_ms_per_second(), "");
    report.add("bounce_times_realtime", bounce_times_realtime(), "≥ 50");
    let (tried, survived) = bad_files();
    report.add("bad_files_tried", tried as f64, "");
    report.add("bad_files_survived", survived as f64, "all");
    report.finish();
}
