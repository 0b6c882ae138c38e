//! Players' own sounds, measured: how fast files are read and bars bounced, and what bad files do.
//!
//! `cargo bench -p keyboardia-tests --bench samples -- --json FILE`

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_audio::{
    Sample,
    bounce::{Bounce, BounceSettings, Part},
    import::import,
};
use keyboardia_session::{Beats, Manifest, SoundId};
use keyboardia_tests::{
    measure::percentile,
    report::Report,
    rig::{bpm, playing, score, track_of, voice},
    soundfiles::{MP3_FRAMES, RATE, Verdict, bad, flac, judge, library, mp3, ogg, tones, wav16},
};
use kira::Frame;
use std::{collections::BTreeMap, sync::Arc, time::Instant};

/// Length of the files that are read, seconds.
const SECONDS: usize = 10;
/// How often each is read.
const ROUNDS: usize = 15;
/// Tracks that play while bars are bounced: a full grid.
const TRACKS: usize = 16;
/// Beats that are bounced.
const BEATS: i64 = 64;
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

fn main() {
    let mut report = Report::new();
    report.add("decode_ms_per_second_of_audio", decode_ms_per_second(), "");
    report.add("bounce_times_realtime", bounce_times_realtime(), "≥ 50");
    let (tried, survived) = bad_files();
    report.add("bad_files_tried", tried as f64, "");
    report.add("bad_files_survived", survived as f64, "all");
    report.finish();
}
