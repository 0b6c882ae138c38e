//! Recordings become samples: exactly the beats that were played, below their peak, without a click, the same every time.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use ebur128::{EbuR128, Mode};
use keyboardia_audio::{
    limits::TAKE_PEAK_MAX_DBTP,
    take::{Finished, LoopCut, Settings, Shape, Take, TakeError, finish},
};
use keyboardia_session::{Beats, sample::check_wav};
use keyboardia_tests::{
    measure::{click, onset},
    rig::{Rig, TEMPOS, bpm, launch, playing, score, track},
    soundfiles::Random,
};
use std::f64::consts::TAU;

/// What a musician plays: a soft burst on every beat, each a little different. At `beat`, a fraction.
fn played(beat: f64, seconds_per_beat: f64) -> f64 {
    let into = beat.rem_euclid(1.0) * seconds_per_beat;
    let envelope = (into / 0.004).min(1.0).powi(2) * (-into / 0.04).exp();
    0.4 * envelope * (TAU * (300.0 + 40.0 * beat.floor().rem_euclid(4.0)) * into).sin()
}

/// A recording at this rate that was begun `lead` beats before beat zero, for so many beats.
fn recording(rate: u32, tempo: f64, lead: f64, beats: f64) -> Take {
    let beats_per_frame = tempo / 60.0 / f64::from(rate);
    let frames = (beats / beats_per_frame) as usize;
    let at = |frame: usize| played(frame as f64 * beats_per_frame - lead, 60.0 / tempo) as f32;
    Take::new(rate, vec![(0..frames).map(at).collect()]).unwrap()
}

/// The sound of a finished sample, channel by channel.
fn sound(finished: &Finished) -> Vec<Vec<f32>> {
    let samples: Vec<f32> = finished.info.samples(&finished.wav).map(|x| f32::from(x) / 32_768.0).collect();
    let count = usize::from(finished.info.channels);
    (0..count).map(|side| samples.iter().skip(side).step_by(count).copied().collect()).collect()
}

fn noise(seed: u64, frames: usize, amplitude: f32) -> Vec<f32> {
    let mut random = Random(seed);
    (0..frames).map(|_| (random.below(2_000_001) as f32 / 1e6 - 1.0) * amplitude).collect()
}

/// True peak of a sound at 48 kHz, dBTP.
fn peak_dbtp(channels: &[Vec<f32>]) -> f64 {
    let mut meter = EbuR128::new(channels.len() as u32, 48_000, Mode::TRUE_PEAK).unwrap();
    let planes: Vec<&[f32]> = channels.iter().map(Vec::as_slice).collect();
    meter.add_frames_planar_f32(&planes).unwrap();
    let peak = (0..channels.len() as u32).map(|channel| meter.true_peak(channel).unwrap()).fold(0.0, f64::max);
    20.0 * peak.log10()
}

#[test]
fn a_loop_take_is_exactly_the_beats_that_were_played_at_every_rate_and_tempo() {
    for rate in [44_100, 48_000, 96_000] {
        for tempo in TEMPOS {
            let lead = 5.37;
            let take = recording(rate, tempo, lead, 16.0);
            let cut = LoopCut {
                frame: lead * 60.0 / tempo * f64::from(rate),
                beat: Beats::ZERO,
                tempo: bpm(tempo),
                start: Beats::whole(4),
                length: Beats::whole(4),
            };
            let finished = finish(&take, &Settings::new(Shape::Loop(cut), 9)).unwrap();
            let frames = (4.0 * 60.0 / tempo * 48_000.0).round();
            assert_eq!(f64::from(finished.info.frames), frames, "{rate} Hz, {tempo} BPM");
            let found = &sound(&finished)[0];
            let want: Vec<f64> =
                (0..found.len()).map(|i| played(4.0 + 4.0 * i as f64 / frames, 60.0 / tempo)).collect();
            let product = |a: &dyn Fn(usize) -> f64, b: &dyn Fn(usize) -> f64| -> f64 {
                // The seam runs into what came before the loop.
                (0..found.len() - 480).map(|i| a(i) * b(i)).sum()
            };
            let (found_at, want_at) = (|i: usize| f64::from(found[i]), |i: usize| want[i]);
            let gain = product(&found_at, &want_at) / product(&want_at, &want_at);
            let off = (0..found.len() - 480).map(|i| (f64::from(found[i]) / gain - want[i]).abs()).fold(0.0, f64::max);
            assert!(off < 1e-3, "{rate} Hz, {tempo} BPM: off by {off}");
        }
    }
}

#[test]
fn a_loop_take_sounds_on_the_beat_and_runs_round_without_a_click() {
    let tempo = 133.0;
    let take = recording(44_100, tempo, 2.5, 12.0);
    let frame = 2.5 * 60.0 / tempo * 44_100.0;
    let length = Beats::whole(4);
    let cut = LoopCut { frame, beat: Beats::ZERO, tempo: bpm(tempo), start: Beats::ZERO, length };
    let finished = finish(&take, &Settings::new(Shape::Loop(cut), 9)).unwrap();
    let mut rig = Rig::new(48_000, 1);
    rig.add("take", sound(&finished).remove(0));
    let transport = playing(bpm(tempo));
    rig.engine.set_score(&score(&transport, vec![track(vec![launch("take", Beats::whole(4), length)])]));
    let mut out = Vec::new();
    rig.render(12 * 48_000, 441, &mut out);
    for beat in [4, 8, 12, 24] {
        let exact = rig.frame_of(&transport, Beats::whole(beat));
        // The burst begins as softly as a square: it is heard a little after its beat.
        let found = onset(&out, exact as usize - 400, 0.01).unwrap() as f64;
        assert!((0.0..60.0).contains(&(found - exact)), "beat {beat} at frame {found} instead of {exact}");
    }
    let steady = click(&out[200_000..240_000]);
    assert!(click(&out) < 2.0 * steady, "{} against {steady}", click(&out));
}

#[test]
fn a_hummed_loop_closes_without_a_click() {
    // A tone that is held all the while: wherever the loop is cut, its ends do not fit.
    let rate = 48_000;
    let hum =
        (0..rate * 8).map(|i| 0.3 * (TAU * 97.3 * f64::from(i) / f64::from(rate)).sin()).map(|x| x as f32).collect();
    let take = Take::new(rate, vec![hum]).unwrap();
    let cut =
        LoopCut { frame: 0.0, beat: Beats::ZERO, tempo: bpm(133.0), start: Beats::whole(4), length: Beats::whole(4) };
    for shape in [Shape::Loop(cut), Shape::Loop(LoopCut { start: Beats::ZERO, ..cut }), Shape::WholeLoop] {
        let finished = finish(&take, &Settings::new(shape, 9)).unwrap();
        let once = &sound(&finished)[0];
        let twice = [&once[once.len() - 4_800..], &once[..4_800]].concat();
        assert!(click(&twice) < 0.01, "{shape:?} clicks by {}", click(&twice));
    }
}

#[test]
fn whatever_goes_in_nothing_leaves_above_its_true_peak() {
    let frames = 48_000;
    let quarter = (0..frames).map(|i| if i % 4 < 2 { 1.0 } else { -1.0 }).collect::<Vec<f32>>();
    let clicks = (0..frames).map(|i| if i % 4_000 == 2_000 { 1.0 } else { 0.0 }).collect::<Vec<f32>>();
    let half = |x: &Vec<f32>| x.iter().map(|x| 0.5 * x).collect::<Vec<f32>>();
    for (name, channel) in [("noise", noise(5, frames, 1.0)), ("a quarter of the rate", quarter), ("clicks", clicks)] {
        for channels in [vec![channel.clone()], vec![half(&channel), channel.clone()]] {
            for target_lufs in [-16.0, -6.0] {
                let count = channels.len();
                let take = Take::new(48_000, channels.clone()).unwrap();
                let settings = Settings { target_lufs, ..Settings::new(Shape::OneShot, 1) };
                let finished = finish(&take, &settings).unwrap();
                let peak = peak_dbtp(&sound(&finished));
                assert!(peak <= TAKE_PEAK_MAX_DBTP, "{name}, {count} channels: {peak} dBTP");
                let lufs = finished.loudness.lufs.unwrap();
                let is_loud = (lufs - target_lufs).abs() < 0.2;
                assert!(is_loud || peak > TAKE_PEAK_MAX_DBTP - 0.2, "{name}: {lufs} LUFS, {peak} dBTP");
            }
        }
    }
}

#[test]
fn a_one_shot_begins_when_it_was_hit() {
    for rate in [44_100, 48_000, 96_000] {
        let mut channel = noise(3, 2 * rate as usize, 2e-4);
        let hit = rate as usize;
        for (i, x) in channel[hit..].iter_mut().enumerate() {
            let t = i as f64 / f64::from(rate);
            *x += (0.8 * (-t / 0.1).exp() * (TAU * 220.0 * t).cos()) as f32;
        }
        let finished = finish(&Take::new(rate, vec![channel]).unwrap(), &Settings::new(Shape::OneShot, 1)).unwrap();
        assert!(check_wav(&finished.wav).is_ok());
        let sound = &sound(&finished)[0];
        let begins = onset(sound, 0, 0.1).unwrap() as f64 / 48_000.0;
        assert!((0.004..0.006).contains(&begins), "{rate} Hz: after {begins} s");
        assert!((0.3..0.9).contains(&(sound.len() as f64 / 48_000.0)), "{rate} Hz: {} frames", sound.len());
    }
}

#[test]
fn refusals_are_sentences() {
    let take = recording(48_000, 120.0, 0.0, 4.0);
    let cut = LoopCut { frame: 0.0, beat: Beats::ZERO, tempo: bpm(120.0), start: Beats::ZERO, length: Beats::whole(8) };
    let error = finish(&take, &Settings::new(Shape::Loop(cut), 1)).unwrap_err();
    assert!(matches!(error, TakeError::NotRecorded));
    assert_eq!(error.to_string(), "The recording does not hold all of the loop.");
    let silent = Take::new(48_000, vec![vec![0.0; 48_000]; 2]).unwrap();
    let error = finish(&silent, &Settings::new(Shape::OneShot, 1)).unwrap_err();
    assert_eq!(error.to_string(), "Nothing is to be heard in the recording.");
}
