//! The engine's promises, rendered offline: exact onsets, no drift, no clicks, same score same bytes, no allocation.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_session::{Beats, Switch, Timeline, Transport};
use keyboardia_tests::{
    measure::{click, onset, rms},
    rig::{Rig, START, bpm, launch, playing, score, track, voice},
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
    let plan = score(&transport, vec![track(vec![launch("step", beat, Beats::whole(4))])]);
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
    rig.engine.set_score(&score(&transport, tracks));
    let mut buffer = vec![0.0; 1_024];
    let used = allocation_counter::measure(|| {
        for block in 0..200 {
            let at = rig.time_of(block * 512);
            rig.renderer.render(&mut buffer, 2, at);
        }
    });
    assert_eq!((used.count_total, used.count_current), (0, 0), "{used:?}");
}
