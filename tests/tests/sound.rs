//! The engine's promises, rendered offline: exact onsets, no drift, no clicks, same score same bytes, no allocation.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_audio::{Ear, Ears, PreviewStart};
use keyboardia_session::{Beats, Gain, Meters, Pan, Score, Switch, TimeSignature, Timeline, TrackId, Transport};
use keyboardia_tests::{
    measure::{click, onset, rms},
    rig::{Rig, START, bpm, launch, playing, score, sound, track, track_of, voice},
};

const TEMPOS: [f64; 4] = [97.3, 120.0, 133.0, 179.9];
const RATES: [u32; 2] = [44_100, 48_000];
/// Callback sizes as sound cards have them, awkward ones too.
const CALLBACKS: [usize; 4] = [64, 128, 441, 1_024];

fn sine(hz: f64, frames: usize) -> impl Iterator<Item = f32> {
    (0..frames).map(move |i| (std::f64::consts::TAU * hz * i as f64 / 48_000.0).sin() as f32)
}

/// A tone below the limiter's ceiling.
fn soft_sine(hz: f64, frames: usize) -> impl Iterator<Item = f32> {
    sine(hz, frames).map(|x| 0.5 * x)
}

/// Onset error in frames of a launch at `beat`: how long after its exact moment the first frame sounds.
fn onset_error(rate: u32, callback: usize, transport: &Transport, beat: Beats) -> f64 {
    let mut rig = Rig::new(rate, 1);
    rig.add("step", vec![0.5; 48_000]);
    let plan = score(transport, vec![track(vec![launch("step", beat, Beats::whole(4))])]);
    rig.engine.set_score(&plan);
    let exact = rig.frame_of(transport, beat);
    let mut out = Vec::new();
    rig.render(exact as usize + 2_000, callback, &mut out);
    let found = onset(&out, 0, 0.0).expect("it sounds");
    found as f64 - exact
}

#[test]
fn a_clip_starts_on_its_exact_frame_at_every_tempo_rate_and_callback_size() {
    for tempo in TEMPOS {
        for rate in RATES {
            for callback in CALLBACKS {
                for beat in [Beats::whole(1), Beats::whole(4), Beats(7_250_000_000)] {
                    let error = onset_error(rate, callback, &playing(bpm(tempo)), beat);
                    assert!((-0.01..=1.0).contains(&error), "{tempo} BPM, {rate} Hz, {callback}: {error} frames");
                }
            }
        }
    }
}

#[test]
fn a_clip_starts_on_its_exact_frame_across_tempo_changes_inside_a_chunk() {
    for rate in RATES {
        for (micros, callback) in [(777_777, 128), (1_000_003, 512), (1_234_567, 1_024)] {
            let mut transport = playing(bpm(133.0));
            for (step, tempo) in [(0, 97.3), (310_101, 179.9), (400_019, 120.0)] {
                let at = START + (micros + step);
                let anchor_beat = transport.last().beat_at(at);
                assert!(transport.schedule(Timeline {
                    anchor_time: at,
                    anchor_beat,
                    tempo: bpm(tempo),
                    playing: true
                }));
            }
            let error = onset_error(rate, callback, &transport, Beats::whole(6));
            assert!((-0.01..=1.0).contains(&error), "{rate} Hz, {callback}: {error} frames");
        }
    }
}

#[test]
fn play_starts_a_waiting_clip_on_its_exact_frame_and_stop_silences_it() {
    let mut rig = Rig::new(48_000, 1);
    rig.add("step", vec![0.5; 48_000]);
    let mut transport = Transport::stopped(START, bpm(133.0));
    let (play, stop) = (START + 333_333, START + 1_333_333);
    let line = Timeline { anchor_time: play, playing: true, ..*transport.last() };
    assert!(transport.schedule(line));
    assert!(transport.schedule(Timeline { anchor_time: stop, anchor_beat: Beats::whole(4), playing: false, ..line }));
    rig.engine.set_score(&score(&transport, vec![track(vec![launch("step", Beats::ZERO, Beats::whole(4))])]));
    let mut out = Vec::new();
    rig.render(96_000, 480, &mut out);
    let found = onset(&out, 0, 0.0).expect("it sounds") as f64;
    assert!((0.0..=1.0).contains(&(found - 0.333_333 * 48_000.0)), "began at frame {found}");
    let end = out.iter().rposition(|x| *x != 0.0).expect("it sounded") as f64;
    let faded = end - 1.333_333 * 48_000.0;
    assert!((0.0..=250.0).contains(&faded), "ended {faded} frames after the stop");
    assert!(click(&out) < 0.01, "clicks by {}", click(&out));
}

#[test]
fn thirty_minutes_of_looping_leave_the_loop_where_the_beat_says() {
    for rate in RATES {
        let mut rig = Rig::new(rate, 1);
        // One impulse at the loop's beginning: where it sounds is where the loop stands.
        rig.add("tick", (0..24_000).map(|i| if i < 24 { 0.8 } else { 0.0 }));
        let transport = playing(bpm(133.0));
        let plan = score(&transport, vec![track(vec![launch("tick", Beats::ZERO, Beats::whole(1))])]);
        rig.engine.set_score(&plan);
        let last_beat = Beats::whole(133 * 30);
        let exact = rig.frame_of(&transport, last_beat);
        let mut out = Vec::new();
        let before = exact as usize - 2_000;
        while rig.frames < before as u64 {
            out.clear();
            rig.render((before as u64 - rig.frames).min(48_000) as usize, 512, &mut out);
        }
        out.clear();
        rig.render(4_000, 512, &mut out);
        let found = onset(&out, 0, 0.05).expect("it ticks") as f64 + before as f64;
        assert!((found - exact).abs() <= 2.0, "{rate} Hz: {} frames off after 30 minutes", found - exact);
    }
}

#[test]
fn a_late_joiner_hears_the_loop_in_phase() {
    let length = Beats::whole(4);
    let plan = score(&playing(bpm(97.3)), vec![track(vec![launch("tone", Beats::ZERO, length)])]);
    let render = |late: usize| {
        let mut rig = Rig::new(48_000, 1);
        rig.add("tone", sine(220.0, 96_000));
        rig.frames = late as u64;
        rig.engine.set_score(&plan);
        let mut out = Vec::new();
        rig.render(96_000 - late, 256, &mut out);
        out
    };
    let (early, late) = (render(0), render(50_003));
    // After the fade-in both are the same, up to the rounding of a beat.
    let difference =
        early[51_000..].iter().zip(&late[51_000 - 50_003..]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(difference < 1e-3, "differs by {difference}");
    assert!(click(&late) < 0.01, "clicks by {}", click(&late));
}

#[test]
fn start_swap_stop_and_jump_do_not_click_where_a_bare_cut_would() {
    let mut rig = Rig::new(48_000, 1);
    rig.add("low", sine(97.0, 96_000));
    rig.add("high", sine(211.0, 96_000));
    let at = |eighths: i64| Beats(eighths * 500_000_000 + 123_456_789);
    let next = vec![
        launch("low", at(1), Beats::whole(4)),
        launch("high", at(3), Beats::whole(4)),
        launch("low", at(4), Beats::whole(4)),
        Switch { at: at(6), voice: None },
    ];
    let mut transport = playing(bpm(120.0));
    rig.engine.set_score(&score(&transport, vec![track(next.clone())]));
    let mut out = Vec::new();
    rig.render(40_000, 333, &mut out);
    // A jump: the session turns out to be elsewhere.
    let line = *transport.last();
    assert!(transport.schedule(Timeline { anchor_beat: line.anchor_beat + Beats(333_000_000), ..line }));
    transport.settle(START);
    rig.engine.set_score(&score(&transport, vec![track(next)]));
    rig.render(56_000, 333, &mut out);
    assert!(rms(&out[20_000..30_000]) > 0.3, "it sounds");
    assert!(click(&out) < 0.01, "clicks by {}", click(&out));
    let mut cut = out.clone();
    let loudest = (20_000..30_000).max_by(|a, b| out[*a].abs().total_cmp(&out[*b].abs())).expect("frames");
    cut[loudest..].fill(0.0);
    assert!(click(&cut) > 0.1, "a bare cut would show: {}", click(&cut));
}

#[test]
fn the_same_score_makes_the_same_bytes() {
    let render = || {
        let mut rig = Rig::new(44_100, 2);
        rig.add("a", sine(97.0, 96_000));
        rig.add("b", sine(331.0, 48_000));
        let tracks = vec![
            track(vec![launch("a", Beats::whole(1), Beats::whole(4))]),
            track(vec![launch("b", Beats(250_000_000), Beats::whole(2))]),
        ];
        rig.engine.set_score(&score(&playing(bpm(133.0)), tracks));
        let mut out = Vec::new();
        rig.render(100_000, 480, &mut out);
        out.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
    };
    assert_eq!(render(), render());
}

#[test]
fn mute_volume_and_solo_are_heard_without_a_click() {
    let mut rig = Rig::new(48_000, 1);
    rig.add("tone", soft_sine(97.0, 96_000));
    let mut plan = score(&playing(bpm(120.0)), vec![track(Vec::new())]);
    plan.tracks[0].now = Some(voice("tone", Beats::ZERO, Beats::whole(4)));
    rig.engine.set_score(&plan);
    let mut out = Vec::new();
    rig.render(24_000, 128, &mut out);
    let loud = rms(&out[12_000..]);
    plan.tracks[0].gain = keyboardia_session::Gain::from_db(-12.0).expect("a gain");
    rig.engine.set_score(&plan);
    rig.render(24_000, 128, &mut out);
    let softer = rms(&out[36_000..]);
    assert!((20.0 * (softer / loud).log10() + 12.0).abs() < 0.1, "{loud} became {softer}");
    plan.tracks[0].audible = false;
    rig.engine.set_score(&plan);
    rig.render(24_000, 128, &mut out);
    assert_eq!(rms(&out[60_000..]), 0.0);
    assert!(click(&out) < 0.01, "clicks by {}", click(&out));
}

#[test]
fn a_sound_that_arrives_late_starts_in_phase() {
    let mut rig = Rig::new(48_000, 1);
    let plan = score(&playing(bpm(120.0)), vec![track(vec![launch("late", Beats::ZERO, Beats::whole(2))])]);
    rig.engine.set_score(&plan);
    let mut out = Vec::new();
    rig.render(12_000, 128, &mut out);
    assert_eq!(rms(&out), 0.0);
    rig.add("late", soft_sine(100.0, 48_000));
    rig.render(12_000, 128, &mut out);
    let onsets: Vec<_> = rig.engine.take_onsets().collect();
    assert_eq!(onsets.len(), 1);
    assert_eq!(onsets[0].1.start, Beats::ZERO);
    assert!(onsets[0].1.beat > Beats(499_000_000), "began at {:?}", onsets[0].1.beat);
    // 100 Hz from beat zero on: half a beat in, at 0.25 s, the phase is that of 25 whole cycles.
    let want: Vec<f32> = soft_sine(100.0, 24_000).skip(14_000).take(2_000).collect();
    let difference = out[14_000..16_000].iter().zip(&want).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(difference < 1e-3, "differs by {difference}");
}

#[test]
fn the_sixty_fifth_voice_fades_the_oldest_out() {
    let mut rig = Rig::new(48_000, 66);
    rig.add("step", vec![0.001; 48_000]);
    let tracks = (0..65).map(|i| track(vec![launch("step", Beats(i * 10_000_000), Beats::whole(4))])).collect();
    rig.engine.set_score(&score(&playing(bpm(120.0)), tracks));
    let mut out = Vec::new();
    rig.render(48_000, 128, &mut out);
    assert_eq!(rig.engine.status().voices(), 64);
    assert!((out[47_000] - 0.064).abs() < 1e-4, "64 voices of 0.001 sound as {}", out[47_000]);
    assert_eq!(rig.engine.take_onsets().count(), 65);
}

fn gain(db: f64) -> Gain {
    Gain::from_db(db).expect("a gain")
}

/// A tone that begins at its top, so that a bare start or end would click.
fn soft_cosine(hz: f64, frames: usize) -> impl Iterator<Item = f32> {
    (0..frames).map(move |i| (0.5 * (std::f64::consts::TAU * hz * i as f64 / 48_000.0).cos()) as f32)
}

fn difference(some: &[f32], other: &[f32]) -> f32 {
    some.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Whether a level is what it should be, to one per cent.
fn is_level(found: [f32; 2], want: [f64; 2]) -> bool {
    found.iter().zip(want).all(|(found, want)| (f64::from(*found) - want).abs() <= 0.01 * want)
}

#[test]
fn meters_show_the_peaks_of_a_known_tone_and_nothing_of_a_muted_track() {
    let mut rig = Rig::new(48_000, 3);
    rig.add("tone", soft_sine(100.0, 48_000));
    let tone = || track_of(voice("tone", Beats::ZERO, Beats::whole(2)));
    let mut plan = score(&playing(bpm(120.0)), vec![tone(), tone(), tone()]);
    plan.tracks[0].gain = gain(-6.0);
    plan.tracks[0].pan = Pan::new(50).expect("a position");
    plan.tracks[1].audible = false;
    plan.tracks[2].now = None;
    rig.engine.set_score(&plan);
    let mut out = Vec::new();
    rig.render(12_000, 128, &mut out);
    rig.engine.take_levels();
    rig.render(12_000, 333, &mut out);
    let levels = rig.engine.take_levels();
    let peak = 0.5 * 10_f64.powf(-6.0 / 20.0);
    let sides = [peak * 0.5_f64.sqrt(), peak * 1.5_f64.sqrt()];
    assert!(is_level(levels.tracks[&TrackId(0)], sides), "{levels:?} instead of {sides:?}");
    assert_eq!([levels.tracks[&TrackId(1)], levels.tracks[&TrackId(2)]], [[0.0; 2]; 2]);
    assert!(is_level(levels.master, sides), "{levels:?}");
    assert_eq!(rig.engine.take_levels().master, [0.0; 2], "a level is told once");
}

#[test]
fn the_master_meter_shows_what_leaves_the_limiter() {
    let mut rig = Rig::new(48_000, 4);
    rig.add("tone", sine(100.0, 48_000));
    let tracks = (0..4).map(|_| track_of(voice("tone", Beats::ZERO, Beats::whole(2)))).collect();
    rig.engine.set_score(&score(&playing(bpm(120.0)), tracks));
    let mut out = Vec::new();
    rig.render(24_000, 128, &mut out);
    let loudest = out.iter().map(|x| x.abs()).fold(0.0, f32::max);
    let levels = rig.engine.take_levels();
    assert_eq!(levels.master, [loudest; 2]);
    assert!(loudest < 0.97 && is_level(levels.tracks[&TrackId(3)], [1.0; 2]), "{levels:?}");
}

#[test]
fn ears_change_what_one_player_hears_and_nothing_else() {
    let tracks = || ["low", "mid", "high"].map(|name| track_of(voice(name, Beats::ZERO, Beats::whole(4)))).to_vec();
    let plan = score(&playing(bpm(120.0)), tracks());
    let rig = || {
        let mut rig = Rig::new(48_000, 3);
        for (name, hz) in [("low", 50.0), ("mid", 97.0), ("high", 151.0)] {
            rig.add(name, sine(hz, 96_000).map(|x| 0.2 * x));
        }
        rig.engine.set_score(&plan);
        rig
    };
    let (mut ada, mut ben) = (rig(), rig());
    let ear = |db, mute| Ear { gain: gain(db), mute };
    let ears = Ears {
        tracks: [(TrackId(0), ear(-12.0, false)), (TrackId(1), ear(0.0, true)), (TrackId(9), ear(6.0, false))].into(),
        master: Some(gain(-6.0)),
    };
    let (mut hers, mut his) = (Vec::new(), Vec::new());
    for step in 0..3 {
        if step == 1 {
            ada.engine.set_ears(&ears);
        }
        if step == 2 {
            ada.engine.set_ears(&Ears::default());
        }
        for (rig, out) in [(&mut ada, &mut hers), (&mut ben, &mut his)] {
            rig.render(24_000, 128, out);
        }
        let (ada, ben) = (ada.engine.take_levels(), ben.engine.take_levels());
        assert!(is_level(ben.tracks[&TrackId(1)], [0.2; 2]), "nothing changes for him: {ben:?}");
        if step == 1 {
            assert!(is_level(ada.tracks[&TrackId(2)], [0.2; 2]), "the other track is as it was: {ada:?}");
        }
    }
    assert_eq!(hers[..24_000], his[..24_000]);
    assert_eq!(hers[50_000..], his[50_000..], "and as it was before");
    // After the change: 0.2 of the high tone and a quarter of the low one, all halved.
    let want = (0.5 * 0.2_f64.powi(2) * (1.0 + 10_f64.powf(-24.0 / 20.0))).sqrt() * 10_f64.powf(-6.0 / 20.0);
    let found = rms(&hers[28_800..43_200]);
    assert!((found / want - 1.0).abs() < 0.02, "{found} instead of {want}");
    assert!(click(&hers) < 0.01, "clicks by {}", click(&hers));
}

/// A score without tracks whose bars change from 4/4 to `signature` at beat 8.
fn bars(transport: &Transport, signature: TimeSignature) -> Score {
    let mut meters = Meters::default();
    assert!(meters.schedule(signature, Beats::whole(8)));
    Score { meters, ..score(transport, Vec::new()) }
}

/// The pitch of a tone, from its zero crossings, Hz at 48 kHz.
fn pitch(tone: &[f32]) -> f64 {
    let crossings = tone.windows(2).filter(|pair| (pair[0] < 0.0) != (pair[1] < 0.0)).count();
    crossings as f64 / 2.0 / (tone.len() as f64 / 48_000.0)
}

#[test]
fn the_metronome_ticks_on_the_exact_frame_at_every_tempo_rate_and_callback_size() {
    for tempo in TEMPOS {
        for rate in RATES {
            for callback in CALLBACKS {
                let mut transport = playing(bpm(tempo));
                // A tempo change in the third bar, in the middle of a chunk.
                let at = START + 5_000_003;
                let anchor_beat = transport.last().beat_at(at);
                let line = Timeline { anchor_time: at, anchor_beat, tempo: bpm(97.3), playing: true };
                assert!(transport.schedule(line));
                let mut rig = Rig::new(rate, 1);
                rig.engine.set_score(&bars(&transport, TimeSignature::SevenEight));
                rig.engine.set_metronome(Some(Gain::UNITY));
                let mut out = Vec::new();
                rig.render(rate as usize * 9, callback, &mut out);
                // Quarters in the first two bars, eighths from there on.
                let counts = (1..8).map(Beats::whole).chain((16..27).map(|half| Beats(half * 500_000_000)));
                let mut before = 0;
                for beat in counts {
                    let exact = rig.frame_of(&transport, beat);
                    if exact > out.len() as f64 - 2_000.0 {
                        break;
                    }
                    let rings = (0.07 * f64::from(rate)) as usize;
                    let found = onset(&out, before + rings, 0.0).expect("a tick");
                    let error = found as f64 - exact;
                    assert!((-0.01..=1.0).contains(&error), "{tempo} BPM, {rate} Hz, {callback}, {beat:?}: {error}");
                    before = found;
                }
                assert!(before > rate as usize * 3, "many ticks were looked at");
            }
        }
    }
}

#[test]
fn the_metronome_tells_bars_groups_and_counts_apart_across_a_change_of_signature() {
    let transport = playing(bpm(133.0));
    let mut rig = Rig::new(48_000, 1);
    rig.engine.set_score(&bars(&transport, TimeSignature::SixEight));
    rig.engine.set_metronome(Some(Gain::UNITY));
    let mut out = Vec::new();
    rig.render(48_000 * 6, 256, &mut out);
    let (bar, group, plain) = (1_760.0, 1_320.0, 880.0);
    let expected = [
        (1.0, plain),
        (2.0, plain),
        (3.0, plain),
        (4.0, bar),
        (7.0, plain),
        (8.0, bar),
        (8.5, plain),
        (9.0, plain),
        (9.5, group),
        (10.0, plain),
        (10.5, plain),
        (11.0, bar),
    ];
    for (beat, want) in expected {
        let frame = rig.frame_of(&transport, Beats::from_f64(beat)).ceil() as usize;
        // The knock at its beginning has died away.
        let found = pitch(&out[frame + 384..frame + 1_344]);
        assert!((found / want - 1.0).abs() < 0.05, "beat {beat}: {found} Hz instead of {want}");
    }
}

#[test]
fn the_metronome_rests_with_the_transport_and_heeds_its_own_volume_only() {
    let mut rig = Rig::new(48_000, 1);
    rig.add("tone", sine(100.0, 48_000));
    let mut transport = Transport::stopped(START, bpm(133.0));
    let (play, stop) = (START + 400_000, START + 1_400_000);
    let line = Timeline { anchor_time: play, playing: true, ..*transport.last() };
    assert!(transport.schedule(line));
    assert!(transport.schedule(Timeline { anchor_time: stop, anchor_beat: Beats::whole(4), playing: false, ..line }));
    let mut muted = track_of(voice("tone", Beats::ZERO, Beats::whole(4)));
    muted.audible = false;
    rig.engine.set_score(&score(&transport, vec![muted]));
    let mut out = Vec::new();
    rig.engine.set_metronome(Some(Gain::UNITY));
    rig.render(48_000, 128, &mut out);
    rig.engine.set_metronome(Some(gain(-12.0)));
    rig.render(48_000, 128, &mut out);
    let first = onset(&out, 0, 0.0).expect("a tick") as f64;
    assert!((0.0..=1.0).contains(&(first - 0.4 * 48_000.0)), "the first count ticks, at {first}");
    assert_eq!(rms(&out[(1.41 * 48_000.0) as usize..]), 0.0, "it rests");
    let loudest = |frames: std::ops::Range<usize>| out[frames].iter().map(|x| x.abs()).fold(0.0, f32::max);
    // Counts 1 and 2 at 0.4 and 0.851 s are loud, count 3 at 1.302 s is not.
    let (loud, soft) = (loudest(40_000..45_000), loudest(62_000..67_000));
    assert!((soft / loud - 0.251).abs() < 0.01, "{loud}, then {soft}");
    rig.engine.set_metronome(None);
    out.clear();
    rig.render(4_800, 128, &mut out);
    assert_eq!(rig.engine.status().voices(), 0, "it takes nobody's place");
}

#[test]
fn a_preview_in_time_sounds_as_if_it_had_been_launched_on_the_last_bar_line() {
    for tempo in TEMPOS {
        let transport = playing(bpm(tempo));
        let render = |launched: bool| {
            let mut rig = Rig::new(48_000, 1);
            rig.add("tone", soft_sine(220.0, 96_000));
            let tracks =
                vec![track(if launched { vec![launch("tone", Beats::whole(4), Beats::whole(4))] } else { vec![] })];
            rig.engine.set_score(&score(&transport, tracks));
            let frame = rig.frame_of(&transport, Beats(5_300_000_000)) as usize;
            let mut out = Vec::new();
            rig.render(frame, 441, &mut out);
            if !launched {
                assert_eq!(rms(&out), 0.0);
                rig.preview("tone", Beats::whole(4), true, PreviewStart::InTime);
                assert_eq!(rig.engine.previewing(), Some(&sound("tone")));
            }
            rig.render(96_000, 441, &mut out);
            (out, frame)
        };
        let ((launched, frame), (previewed, _)) = (render(true), render(false));
        let halved: Vec<f32> = launched.iter().map(|x| 0.5 * x).collect();
        let settled = frame + 400;
        // A frame beside itself, this tone would differ by 0.007.
        let apart = difference(&halved[settled..], &previewed[settled..]);
        assert!(apart < 1e-3, "{tempo} BPM: differs by {apart}");
        assert!(click(&previewed) < 0.01, "clicks by {}", click(&previewed));
    }
}

#[test]
fn a_preview_of_now_begins_with_the_next_block_at_the_tempo_of_the_session() {
    for (tempo, is_playing) in [(133.0, true), (97.3, false)] {
        let mut rig = Rig::new(48_000, 1);
        // One beat of a sound whose value tells its position.
        rig.add("ramp", (0..24_000).map(|i| i as f32 / 24_000.0));
        let transport = if is_playing { playing(bpm(tempo)) } else { Transport::stopped(START, bpm(tempo)) };
        rig.engine.set_score(&score(&transport, Vec::new()));
        let mut out = Vec::new();
        rig.render(20_011, 128, &mut out);
        rig.preview("ramp", Beats::whole(1), false, PreviewStart::Now);
        rig.render(48_000, 128, &mut out);
        let begin = onset(&out, 0, 0.0).expect("it sounds");
        assert!((20_011..=20_011 + 128).contains(&begin), "began at {begin}");
        // A quarter of a beat later, a quarter of the sound has been heard.
        let quarter = begin + (0.25 * 60.0 / tempo * 48_000.0) as usize;
        assert!((out[quarter] - 0.5 * 0.25).abs() < 1e-3, "{} instead of {}", out[quarter], 0.5 * 0.25);
        let end = out.iter().rposition(|x| *x != 0.0).expect("it ends") - begin;
        let want = 60.0 / tempo * 48_000.0;
        assert!((end as f64 - want).abs() < 3.0, "lasted {end} frames instead of {want}");
        assert!(click(&out) < 0.01, "and ends without a click: {}", click(&out));
        assert_eq!(rig.engine.previewing(), None);
    }
}

#[test]
fn a_preview_ends_by_itself_when_stopped_and_when_another_begins_without_a_click() {
    let mut rig = Rig::new(48_000, 1);
    rig.add("low", soft_cosine(97.0, 96_000));
    rig.add("high", soft_cosine(151.0, 96_000));
    rig.engine.set_score(&score(&Transport::stopped(START, bpm(120.0)), Vec::new()));
    let mut out = Vec::new();
    // Sixteen wishes, faster than fades: the last one counts.
    for round in 0..16 {
        rig.preview(if round % 2 == 0 { "low" } else { "high" }, Beats::whole(4), true, PreviewStart::Now);
        rig.render(50, 50, &mut out);
        assert!(rig.engine.status().voices() <= 1);
    }
    rig.render(20_000, 128, &mut out);
    let (found, loud) = (pitch(&out[out.len() - 9_600..]), rms(&out[out.len() - 9_600..]));
    assert!((found - 151.0).abs() < 3.0 && (loud - 0.25 / 2.0_f64.sqrt()).abs() < 1e-3, "{found} Hz, {loud}");
    rig.engine.stop_preview();
    assert_eq!(rig.engine.previewing(), None);
    let stopped = out.len();
    rig.render(10_000, 128, &mut out);
    let silent = out.iter().rposition(|x| *x != 0.0).expect("it sounded") + 1 - stopped;
    assert!((200..=400).contains(&silent), "silent after {silent} frames");
    assert!(click(&out) < 0.01, "clicks by {}", click(&out));
    // Left alone, a loop ends after eight bars: sixteen seconds.
    rig.preview("low", Beats::whole(4), true, PreviewStart::Now);
    out.clear();
    rig.render(48_000 * 17, 1_024, &mut out);
    assert_eq!(rig.engine.previewing(), None);
    let end = out.iter().rposition(|x| *x != 0.0).expect("it sounded") as f64 / 48_000.0;
    assert!((end - 16.0).abs() < 0.05, "ended after {end} s");
}

#[test]
fn a_preview_in_time_finds_its_phase_when_the_transport_starts() {
    let mut rig = Rig::new(48_000, 1);
    rig.add("tone", soft_sine(220.0, 96_000));
    let mut transport = Transport::stopped(START, bpm(120.0));
    let line = Timeline { anchor_time: START + 777_777, playing: true, ..*transport.last() };
    assert!(transport.schedule(line));
    rig.engine.set_score(&score(&transport, Vec::new()));
    rig.preview("tone", Beats::whole(4), true, PreviewStart::InTime);
    let mut out = Vec::new();
    rig.render(96_000, 128, &mut out);
    assert!(rms(&out[4_800..24_000]) > 0.1, "it sounds while the transport rests");
    let want: Vec<f32> = soft_sine(220.0, 96_000).map(|x| 0.5 * x).collect();
    // The first frame at or after the start; the limiter's look-ahead is paid for by rendering ahead.
    let exact = 0.777_777 * 48_000.0_f64;
    let (frame, late) = (exact.ceil() as usize, exact.ceil() - exact);
    let slope = 0.5 * 0.5 * std::f32::consts::TAU * 220.0 / 48_000.0;
    let apart = difference(&out[frame + 400..frame + 20_000], &want[400..20_000]);
    assert!(apart <= slope * (late as f32 + 0.05), "differs by {apart}");
    assert!(click(&out) < 0.01, "clicks by {}", click(&out));
}

#[test]
fn sixty_four_voices_and_a_preview_are_sixty_four_voices() {
    let mut rig = Rig::new(48_000, 64);
    rig.add("step", vec![0.001; 48_000]);
    rig.add("heard", vec![0.2; 48_000]);
    let tracks = (0..64).map(|i| track(vec![launch("step", Beats(i * 10_000_000), Beats::whole(4))])).collect();
    rig.engine.set_score(&score(&playing(bpm(120.0)), tracks));
    let mut out = Vec::new();
    rig.render(24_000, 128, &mut out);
    assert_eq!(rig.engine.status().voices(), 64);
    for start in [PreviewStart::Now, PreviewStart::InTime] {
        rig.preview("heard", Beats::whole(4), true, start);
        for _ in 0..20 {
            rig.render(128, 128, &mut out);
            assert!(rig.engine.status().voices() <= 64);
        }
    }
    rig.render(4_800, 128, &mut out);
    let last = out[out.len() - 1];
    // Each preview has taken the place of the oldest, and gives its own back when the next one begins.
    assert!((last - 0.1 - 0.063).abs() < 1e-4, "63 voices and a preview sound as {last}");
}

#[test]
fn a_playing_clip_changes_its_volume_without_steps() {
    let mut rig = Rig::new(48_000, 1);
    rig.add("tone", soft_sine(97.0, 96_000));
    let mut plan = score(&playing(bpm(120.0)), vec![track_of(voice("tone", Beats::ZERO, Beats::whole(4)))]);
    let mut out = Vec::new();
    for (db, begin) in [(0.0, 12_000), (-12.0, 30_000), (3.0, 48_000), (0.0, 66_000)] {
        plan.tracks[0].now.as_mut().expect("a voice").gain = gain(db);
        rig.engine.set_score(&plan);
        rig.render(18_000, 128, &mut out);
        let found = 20.0 * (rms(&out[begin - 8_000..begin]) / (0.5 / 2.0_f64.sqrt())).log10();
        assert!((found - db).abs() < 0.1, "{found} dB instead of {db}");
    }
    assert!(click(&out) < 0.01, "clicks by {}", click(&out));
    assert_eq!(rig.engine.take_onsets().count(), 1, "it is the same voice all the time");
}

#[test]
fn a_clip_that_is_looped_or_not_while_it_plays_goes_on_in_phase_and_never_clicks() {
    let mut rig = Rig::new(48_000, 1);
    let tone: Vec<f32> = soft_cosine(97.0, 48_000).collect();
    rig.add("tone", tone.clone());
    // One second long.
    let mut plan = score(&playing(bpm(120.0)), vec![track_of(voice("tone", Beats::ZERO, Beats::whole(2)))]);
    let mut out = Vec::new();
    let mut play = |rig: &mut Rig, looped: bool, until: f64| {
        plan.tracks[0].now.as_mut().expect("a voice").looped = looped;
        rig.engine.set_score(&plan);
        rig.render((until * 48_000.0) as usize - out.len(), 128, &mut out);
        out.clone()
    };
    play(&mut rig, true, 0.4);
    // Not yet at its end: plays on, as the same voice.
    play(&mut rig, false, 0.5);
    play(&mut rig, true, 1.3);
    assert_eq!(rig.engine.take_onsets().count(), 1);
    // Past its end: fades out at once.
    play(&mut rig, false, 1.6);
    // Looped again: goes on where it would be.
    play(&mut rig, true, 2.2);
    assert_eq!(rig.engine.take_onsets().count(), 1);
    let out = play(&mut rig, false, 2.4);
    let phase = |from: f64, to: f64| {
        let (from, to) = ((from * 48_000.0) as usize, (to * 48_000.0) as usize);
        let want: Vec<f32> = tone.iter().copied().cycle().skip(from).take(to - from).collect();
        difference(&out[from..to], &want)
    };
    for (from, to) in [(0.1, 1.3), (1.61, 2.2)] {
        assert!(phase(from, to) < 1e-3, "{from} to {to} s: out of phase by {}", phase(from, to));
    }
    let silent = |from: f64, to: f64| rms(&out[(from * 48_000.0) as usize..(to * 48_000.0) as usize]) == 0.0;
    assert!(silent(1.31, 1.6) && silent(2.21, 2.4));
    assert!(click(&out) < 0.01, "clicks by {}", click(&out));
}

#[test]
fn a_loop_that_becomes_a_one_shot_fades_out_at_its_end() {
    let mut rig = Rig::new(48_000, 1);
    rig.add("tone", soft_cosine(97.0, 48_000));
    let mut plan = score(&playing(bpm(120.0)), vec![track_of(voice("tone", Beats::ZERO, Beats::whole(2)))]);
    rig.engine.set_score(&plan);
    let mut out = Vec::new();
    rig.render(24_000, 128, &mut out);
    plan.tracks[0].now.as_mut().expect("a voice").looped = false;
    rig.engine.set_score(&plan);
    rig.render(48_000, 128, &mut out);
    let end = out.iter().rposition(|x| *x != 0.0).expect("it sounded");
    assert!((47_900..=48_001).contains(&end), "ended at {end}");
    assert!(click(&out) < 0.01, "clicks by {}", click(&out));
}

#[test]
fn a_clip_that_is_replaced_while_it_plays_is_crossfaded_in_phase() {
    let mut rig = Rig::new(48_000, 1);
    rig.add("old", soft_cosine(97.0, 96_000));
    let new: Vec<f32> = soft_cosine(151.0, 96_000).collect();
    rig.add("new", new.clone());
    let plan = |name| score(&playing(bpm(120.0)), vec![track_of(voice(name, Beats::ZERO, Beats::whole(4)))]);
    let mut out = Vec::new();
    rig.engine.set_score(&plan("old"));
    rig.render(30_011, 128, &mut out);
    rig.engine.set_score(&plan("new"));
    rig.render(30_011, 128, &mut out);
    let settled = 30_011 + 400;
    assert!(difference(&out[settled..], &new[settled..]) < 1e-3);
    assert!(click(&out) < 0.01, "clicks by {}", click(&out));
    // Its slot is emptied: silence after a fade.
    let emptied = out.len();
    rig.engine.set_score(&score(&playing(bpm(120.0)), vec![track(Vec::new())]));
    rig.render(4_800, 128, &mut out);
    let silent = out.iter().rposition(|x| *x != 0.0).expect("it sounded") + 1 - emptied;
    assert!((200..=400).contains(&silent), "silent after {silent} frames");
    assert!(click(&out) < 0.01, "clicks by {}", click(&out));
}

#[test]
fn a_sound_that_is_not_needed_any_more_leaves_the_memory_once_nobody_plays_it() {
    let mut rig = Rig::new(48_000, 1);
    rig.add("tone", soft_sine(97.0, 96_000));
    rig.engine.set_score(&score(&playing(bpm(120.0)), vec![track_of(voice("tone", Beats::ZERO, Beats::whole(4)))]));
    let mut out = Vec::new();
    rig.render(4_800, 128, &mut out);
    rig.preview("tone", Beats::whole(4), true, PreviewStart::Now);
    // The same sound, loaded anew: the old one is still being played.
    rig.add("tone", soft_sine(97.0, 96_000));
    rig.render(4_800, 128, &mut out);
    rig.engine.tidy(|_| true);
    assert_eq!(rig.engine.samples(), 2);
    rig.engine.set_score(&score(&playing(bpm(120.0)), vec![track(Vec::new())]));
    rig.engine.stop_preview();
    rig.engine.tidy(|_| false);
    assert!(rig.engine.samples() > 0, "what fades is still played");
    rig.render(4_800, 128, &mut out);
    rig.engine.tidy(|_| false);
    assert_eq!(rig.engine.samples(), 0);
}

#[test]
fn another_device_is_in_phase_from_its_first_frame_on() {
    let mut rig = Rig::new(48_000, 1);
    let tone: Vec<f32> = soft_sine(220.0, 96_000).collect();
    rig.add("tone", tone.clone());
    rig.engine.set_score(&score(&playing(bpm(120.0)), vec![track_of(voice("tone", Beats::ZERO, Beats::whole(4)))]));
    let mut out = Vec::new();
    rig.render(24_000, 128, &mut out);
    // The other device is 15 ms slower: what a nudge of the clock would take seconds for.
    rig.renderer.set_device(48_000);
    rig.frames += 720;
    rig.render(24_000, 512, &mut out);
    let settled = 24_000 + 400;
    let apart = difference(&out[settled..], &tone[settled + 720..]);
    assert!(apart < 1e-3, "differs by {apart}");
}

#[test]
fn the_callback_allocates_nothing() {
    let mut rig = Rig::new(48_000, 16);
    rig.add("tone", sine(97.0, 96_000));
    let tracks = (0..16)
        .map(|i| {
            let next =
                (1..5).map(|k| launch("tone", Beats(k * 400_000_000 + i * 1_000_000), Beats::whole(4))).collect();
            track(next)
        })
        .collect();
    let mut transport = playing(bpm(133.0));
    let at = START + 700_001;
    let anchor_beat = transport.last().beat_at(at);
    assert!(transport.schedule(Timeline { anchor_time: at, anchor_beat, tempo: bpm(97.3), playing: true }));
    let mut plan = score(&transport, tracks);
    assert!(plan.meters.schedule(TimeSignature::SevenEight, Beats::whole(4)));
    rig.engine.set_score(&plan);
    let mut buffer = vec![0.0; 1_024];
    for quarter in 0..4 {
        // Everything that a player can do alone, on the control side; the callback side takes it without allocating.
        rig.engine.set_metronome(Some(gain(-3.0 * f64::from(quarter))));
        let ear = Ear { gain: gain(-6.0), mute: quarter % 2 == 0 };
        rig.engine.set_ears(&Ears { tracks: [(TrackId(0), ear)].into(), master: Some(gain(-1.0)) });
        rig.preview("tone", Beats::whole(4), quarter % 2 == 0, PreviewStart::InTime);
        plan.tracks[1].next[1].voice.as_mut().expect("a voice").gain = gain(-2.0 * f64::from(quarter));
        plan.tracks[2].next[1].voice.as_mut().expect("a voice").looped = quarter % 2 == 0;
        rig.engine.set_score(&plan);
        let used = allocation_counter::measure(|| {
            for block in 0..50 {
                let at = rig.time_of((u64::try_from(quarter).expect("a quarter") * 50 + block) * 512);
                rig.renderer.render(&mut buffer, 2, at);
            }
        });
        assert_eq!((used.count_total, used.count_current), (0, 0), "{used:?}");
        assert!(rig.engine.take_levels().master[0] > 0.0, "it sounds");
    }
}
